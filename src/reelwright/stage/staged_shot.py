"""A staged shot on disk: colour, depth, mask, motion, and `camera.json`.

```
color.mkv            uint8 [F, H, W, 3], sRGB, FFV1
depth/000000.exr ... float32 [F, H, W], channel Z, metres along the view axis, inf is sky
mask.mkv             uint16 [F, H, W], prop index, 0 is ground and sky, FFV1
motion/000000.exr .. float32 [F-1, H, W, 2], motion.X right, motion.Y down, pixels
camera.json          size, frame rate, names of the props, and the camera of every frame
```

`camera.json` says its own axes and units; its `version` rises when a reader would have to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from reelwright.errors import MediaError, StageError
from reelwright.frames import ArrayFrames, Frames, open_frames

if TYPE_CHECKING:
    from reelwright.shapes import GenerationSize, ShotFrames
    from reelwright.storyboard.scene import Scene

STAGE_VERSION = 1
"""Part of a staged shot's key: rises whenever the same scene gives other pixels."""

CAMERA_JSON_VERSION = 1

COLOR, DEPTH, MASK, MOTION, CAMERA = "color.mkv", "depth", "mask.mkv", "motion", "camera.json"
_FORMAT = "reelwright-camera"
_CONVENTIONS = {
    "world": "right-handed, z up, metres",
    "camera": "x right, y down, z forward",
    "pixels": "column i, row j covers [i, i+1) x [j, j+1); x = fx X/Z + cx, y = fy Y/Z + cy",
    "depth": "Z in camera axes, metres; inf is sky",
    "motion": "pixels to the next frame, x right, y down",
    "mask": "0 is ground and sky, n is props[n - 1]",
    "world_from_camera": "4x4, row by row",
}


@dataclass(frozen=True, slots=True, eq=False)
class StagedShot:
    """Handed from the stage to keyframes, generate and quality.

    Attributes:
        color: uint8 [F, H, W, 3], sRGB.
        depth: float32 [F, H, W], metres along the view axis, inf is sky.
        mask: uint16 [F, H, W]; 0 is ground and sky, n is `props[n - 1]`.
        motion: float32 [F-1, H, W, 2], pixels right and down to the next frame, of the surface
            seen at the pixel's centre; for the sky, of the direction.
        intrinsics: Pixels, of every frame.
        world_from_camera: Camera axes are x right, y down, z forward.
        frame_rate: Frames per second.
        props: Placed names, in order of mask value from 1.
    """

    color: Frames
    depth: Frames
    mask: Frames
    motion: Frames
    intrinsics: Float64[np.ndarray, "F 3 3"]
    world_from_camera: Float64[np.ndarray, "F 4 4"]
    frame_rate: Fraction
    props: tuple[str, ...]

    @property
    def num_frames(self) -> int:
        """Frames that are staged."""
        return len(self.color)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.color.shape[2], self.color.shape[1]

    @staticmethod
    def load(folder: Path) -> StagedShot:
        """Open what `stage_shot` wrote; no frame is read yet.

        Raises:
            StageError: The folder holds no staged shot, or a damaged one.
        """
        facts = _read_camera(folder / CAMERA)
        try:
            cameras = facts["cameras"]
            intrinsics = np.array([camera["intrinsics"] for camera in cameras], np.float64)
            places = np.array([camera["world_from_camera"] for camera in cameras], np.float64)
            frame_rate, props = Fraction(facts["frame_rate"]), tuple(map(str, facts["props"]))
            width, height = (int(side) for side in facts["size"])
            color, depth, mask = (open_frames(folder / name) for name in (COLOR, DEPTH, MASK))
            motion = _open_motion(folder / MOTION, len(cameras), (width, height))
        except MediaError as error:
            raise _damaged(folder, str(error)) from error
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise _damaged(folder / CAMERA, "A part of it cannot be read.") from error
        shot = StagedShot(color, depth, mask, motion, intrinsics, places, frame_rate, props)
        _check(shot, (width, height), folder)
        return shot


def _open_motion(folder: Path, num_frames: int, size: tuple[int, int]) -> Frames:
    if num_frames == 1:
        return ArrayFrames(np.zeros((0, size[1], size[0], 2), np.float32))
    return open_frames(folder)


def _check(shot: StagedShot, size: tuple[int, int], folder: Path) -> None:
    count, (width, height) = len(shot.intrinsics), size
    shapes = {
        COLOR: (shot.color.shape, (count, height, width, 3)),
        DEPTH: (shot.depth.shape, (count, height, width)),
        MASK: (shot.mask.shape, (count, height, width)),
        MOTION: (shot.motion.shape, (count - 1, height, width, 2)),
        CAMERA: (shot.intrinsics.shape[1:] + shot.world_from_camera.shape[1:], (3, 3, 4, 4)),
    }
    for name, (found, wanted) in shapes.items():
        if found != wanted:
            raise _damaged(folder / name, f"It holds {list(found)}, not {list(wanted)}.")


def _read_camera(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise StageError(
            "There is no staged shot here.", "Run `reelwright stage`.", where=str(file.parent)
        ) from error
    except ValueError as error:
        raise _damaged(file, "It is not JSON.") from error
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise _damaged(file, "It is not the camera of a staged shot.")
    if facts.get("version") != CAMERA_JSON_VERSION:
        raise StageError(
            f"This staged shot is of version {facts.get('version')}; "
            f"version {CAMERA_JSON_VERSION} is read.",
            "Stage the shot again.",
            where=str(file),
        )
    return facts


def _damaged(file: Path, why: str) -> StageError:
    return StageError(f"This staged shot is damaged. {why}", "Stage it again.", where=str(file))


def write_camera(scene: Scene, file: Path) -> None:
    """Write `camera.json` for a scene; the same scene gives the same bytes."""
    frames = range(scene.frames.generated)
    poses = [scene.camera_pose(frame) for frame in frames]
    write_cameras(
        file,
        size=scene.size,
        frames=scene.frames,
        frame_rate=scene.frame_rate,
        start_s=scene.start_s,
        sensor_mm=scene.camera.sensor_mm,
        props=[prop.name for prop in sorted(scene.props, key=lambda prop: prop.index)],
        cameras=(
            (pose.lens_mm, scene.intrinsics(frame), pose.world_from_camera)
            for frame, pose in zip(frames, poses, strict=True)
        ),
    )


def write_cameras(
    file: Path,
    *,
    size: GenerationSize,
    frames: ShotFrames,
    frame_rate: Fraction,
    start_s: float,
    sensor_mm: float,
    props: Sequence[str],
    cameras: Iterable[tuple[float, NDArray[np.float64], NDArray[np.float64]]],
) -> None:
    """Write `camera.json` from its parts.

    Args:
        file: Where to.
        size: Delivered and generated size.
        frames: Delivered and staged.
        frame_rate: Frames per second.
        start_s: Staged time at which the shot begins.
        sensor_mm: Larger side of the sensor.
        props: Placed names, in order of mask value from 1.
        cameras: Lens in millimetres, intrinsics and world-from-camera of every frame.
    """
    facts = {
        "format": _FORMAT,
        "version": CAMERA_JSON_VERSION,
        "stage_version": STAGE_VERSION,
        "conventions": _CONVENTIONS,
        "size": list(size.generated),
        "delivered": {"size": list(size.delivered), "fit": size.fit, "crop": list(size.crop_box)},
        "frame_rate": str(frame_rate),
        "frames": {"staged": frames.generated, "delivered": frames.delivered},
        "start_s": start_s,
        "sensor_mm": sensor_mm,
        "props": list(props),
    }
    head = json.dumps(facts, indent=1, ensure_ascii=False)[:-2]
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(head + ',\n "cameras": [')
        for frame, (lens_mm, intrinsics, world_from_camera) in enumerate(cameras):
            camera = {
                "frame": frame,
                "lens_mm": lens_mm,
                "intrinsics": np.asarray(intrinsics).tolist(),
                "world_from_camera": np.asarray(world_from_camera).tolist(),
            }
            out.write(("," if frame else "") + "\n  " + json.dumps(camera))
        out.write("\n ]\n}\n")
