"""The files that Blender rendered, frame by frame, become a `StagedShot` on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16
from numpy.typing import NDArray

from reelwright.errors import MediaError, StageError
from reelwright.frames import FrameKind, FrameWriter
from reelwright.progress import Progress
from reelwright.stage.camera import View, surface_shift
from reelwright.stage.staged_shot import COLOR, DEPTH, MASK, MOTION

SKY_M = 1e9
"""Blender writes 1e10 where nothing is hit."""

_BEHIND_NEXT = 1e-4
_FARTHEST_MOTION = 1e6
_CHANNELS = {
    "depth": (".Depth.Z",),
    "index": (".IndexOB.X", ".Object Index.X"),  # until 4.5, since 5.0
    "next_x": (".Vector.Z",),
    "next_y": (".Vector.W",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """What Blender's own passes say of a frame, in our conventions.

    Attributes:
        depth: Metres along the view axis; inf is sky.
        mask: Prop index.
        motion: Pixels right and down to the next frame; of the sky it says nothing.
    """

    depth: Float32[np.ndarray, "H W"]
    mask: UInt16[np.ndarray, "H W"]
    motion: Float32[np.ndarray, "H W 2"]


def frame_file(folder: Path, frame: int, kind: str = "frame", suffix: str = "json") -> Path:
    """A file of a frame, as `render_stage.py` names it."""
    return folder / f"{kind}_{frame:06d}.{suffix}"


def gather(folder: Path, out: Path, views: Sequence[View], progress: Progress) -> None:
    """Write colour, depth, mask and motion of a finished folder.

    Args:
        folder: What Blender rendered.
        out: The staged shot's folder.
        views: The camera of every frame.
        progress: May cancel between two frames; shown a picture now and then.

    Raises:
        MediaError: A file cannot be read or written.
        ResourceError: The disk is full.
        StageError: A file is of another size than the shot.
    """
    size = views[0].size
    kinds = [(COLOR, FrameKind.COLOR8), (DEPTH, FrameKind.DEPTH), (MASK, FrameKind.MASK16)]
    if len(views) > 1:
        kinds.append((MOTION, FrameKind.MOTION))
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(FrameWriter(out / name, kind, size)) for name, kind in kinds
        }
        for frame, view in enumerate(views):
            progress.step(frame / len(views), f"reading frame {frame + 1} of {len(views)}")
            passes = read_passes(frame_file(folder, frame, "data", "exr"))
            color = read_color(frame_file(folder, frame, "color", "png"))
            _check_size(passes.depth.shape, color.shape[:2], size, folder)
            writers[COLOR].write(color)
            writers[DEPTH].write(passes.depth)
            writers[MASK].write(passes.mask)
            if frame + 1 < len(views):
                sky = sky_motion(view, views[frame + 1])
                still = ~np.isfinite(passes.depth)[..., None]
                moved = zoomed(passes.motion, view, views[frame + 1])
                writers[MOTION].write(np.where(still, sky, moved))
            if frame in (0, len(views) - 1):
                progress.preview(color)


def read_passes(path: Path) -> Passes:
    """Read Blender's multilayer EXR, of one part or of many.

    Raises:
        MediaError: It is missing, damaged, or lacks a pass.
    """
    import OpenEXR

    planes: dict[str, NDArray[Any]] = {}
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            for part in file.parts:
                planes.update({name: channel.pixels for name, channel in part.channels.items()})
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise MediaError(
            "What Blender rendered cannot be read.", "Stage it again.", where=str(path)
        ) from error
    found = {name: _plane(planes, endings, path) for name, endings in _CHANNELS.items()}
    depth = found["depth"].astype(np.float32)
    motion = np.stack([-found["next_x"], found["next_y"]], axis=-1).astype(np.float32)
    return Passes(
        np.where(depth >= SKY_M, np.float32(np.inf), depth),
        np.rint(found["index"]).clip(0, 65535).astype(np.uint16),
        np.ascontiguousarray(motion),
    )


def _plane(
    planes: dict[str, NDArray[Any]], endings: tuple[str, ...], path: Path
) -> NDArray[np.float32]:
    for name, plane in planes.items():
        if name.endswith(endings):
            return np.asarray(plane)
    raise MediaError(
        f'What Blender rendered has no "{endings[0][1:]}" in it.', "Stage it again.",
        where=str(path), channels=sorted(planes),
    )  # fmt: skip


def read_color(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Read Blender's picture.

    Raises:
        MediaError: It is missing or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise MediaError(
            "What Blender rendered cannot be read.", "Stage it again.", where=str(path)
        ) from error


def read_cameras(
    folder: Path, num_frames: int
) -> tuple[Float64[np.ndarray, "F 3 3"], Float64[np.ndarray, "F 4 4"], list[float]]:
    """Intrinsics, world-from-camera and lens of every frame, as Blender evaluated them.

    Raises:
        StageError: A frame is missing or damaged.
    """
    try:
        facts = [
            json.loads(frame_file(folder, frame).read_text("utf-8")) for frame in range(num_frames)
        ]
        intrinsics = np.array([each["intrinsics"] for each in facts], np.float64)
        places = np.array([each["world_from_camera"] for each in facts], np.float64)
        lenses = [float(each["lens_mm"]) for each in facts]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            "A frame's camera from Blender cannot be read.", "Stage it again.", where=str(folder)
        ) from error
    return intrinsics, places, lenses


def sky_motion(view: View, then: View) -> Float32[np.ndarray, "H W 2"]:
    """Motion of what is endlessly far, pixels; Blender's vectors say nothing of it."""
    shift = surface_shift(view, then, None)
    width, height = view.size
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    right, down, scale = (row[0] * x + row[1] * y + row[2] for row in shift)
    scale_then = np.maximum(1 + scale, _BEHIND_NEXT)
    motion = np.stack([(right - x * scale) / scale_then, (down - y * scale) / scale_then], axis=-1)
    return motion.clip(-_FARTHEST_MOTION, _FARTHEST_MOTION).astype(np.float32)


def zoomed(
    motion: Float32[np.ndarray, "H W 2"], view: View, then: View
) -> Float32[np.ndarray, "H W 2"]:
    """Motion under the next frame's lens.

    The vectors end where this frame's lens would show the next frame's world: the script holds the
    lens for their render, since Blenders differ in whether they count a change of it.
    """
    if np.array_equal(view.intrinsics, then.intrinsics):
        return motion
    height, width = motion.shape[:2]
    scale = np.divide(then.focal, view.focal)
    at = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    ends = (at + motion - view.centre) * scale + then.centre
    return np.asarray(ends - at, dtype=np.float32)


def _check_size(
    data: tuple[int, ...], color: tuple[int, ...], size: tuple[int, int], folder: Path
) -> None:
    wanted = (size[1], size[0])
    for found in (data, color):
        if tuple(found) != wanted:
            raise StageError(
                f"Blender rendered {found[1]}x{found[0]} pixels, not {size[0]}x{size[1]}.",
                "Stage it again.",
                where=str(folder),
            )
