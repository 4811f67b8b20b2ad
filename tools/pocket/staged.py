"""Clips from the product's own stage with the example film's meshes: `--source stage`.

Slower than the ray caster by ten and more; they show the model what the film is made of.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pocket.render import Clip
from tools.pocket.shapes import KINDS, sides
from tools.pocket.staging import Staging, Thing

from reelwright.assets import build_mesh, load_geometry
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.stage import Renderer
from reelwright.storyboard import CameraTrack, PlacedProp, PoseKey, Prop, Scene, ViewKey
from reelwright.storyboard.rotation import roll_from_rotation, rotation_from_euler

if TYPE_CHECKING:
    from reelwright.assets.geometry import Geometry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "lighthouse"
BUILT = ROOT / "tools" / "pocket" / "runs" / "meshes"


def stage(staging: Staging, device: str = "cpu") -> Clip:
    """Draw a clip with the stage."""
    geometries = {f"{n}": _geometry(thing) for n, thing in enumerate(staging.things)}
    renderer = Renderer(scene_of(staging), geometries, torch.device(device))
    drawn = [renderer.render(frame) for frame in range(staging.num_frames)]
    motions = [frame.motion for frame in drawn if frame.motion is not None]
    return Clip(
        np.stack([frame.color for frame in drawn]),
        np.stack([frame.depth for frame in drawn]),
        np.stack([frame.mask for frame in drawn]).astype(np.uint8),
        np.clip(np.stack(motions), -6e4, 6e4).astype(np.float16),
    )


def scene_of(staging: Staging) -> Scene:
    """The stage's scene of a staging: every frame a key."""
    rate = Fraction(staging.frame_rate).limit_denominator(1001)
    props = tuple(
        PlacedProp(str(n), n + 1, str(n), _prop(thing), _keys(thing, rate))
        for n, thing in enumerate(staging.things)
    )
    return Scene(
        shot="clip",
        frames=ShotFrames(staging.num_frames, staging.num_frames),
        frame_rate=rate,
        size=GenerationSize(staging.frame_size, staging.frame_size, "crop"),
        props=props,
        camera=_track(staging, rate),
        light=staging.light,
        ground=staging.ground,
        start_s=staging.seed % 97 + staging.from_s,
    )


def _track(staging: Staging, rate: Fraction) -> CameraTrack:
    keys = []
    for frame in range(staging.num_frames):
        pose = staging.camera(frame)
        at, ahead = pose[:3, 3], pose[:3, 2]
        keys.append(
            ViewKey(
                float(frame / rate),
                at=tuple(at.tolist()),
                look_at=tuple((at + 10 * ahead).tolist()),
                lens_mm=staging.track.keys[0].lens_mm,
                roll_deg=roll_from_rotation(pose[:3, :3]),
                ease="linear",
            )
        )
    return CameraTrack(tuple(keys), action="path", sensor_mm=staging.track.sensor_mm)


def _keys(thing: Thing, rate: Fraction) -> tuple[PoseKey, ...]:
    return tuple(
        PoseKey(
            float(frame / rate),
            at=tuple(_foot(thing, frame).tolist()),
            turn_deg=tuple(thing.turn[frame].tolist()),
            scale=(thing.scale,) * 3,
            ease="linear",
        )
        for frame in range(len(thing.path))
    )


def _foot(thing: Thing, frame: int) -> NDArray[np.float64]:
    """Where its origin is: a built-in shape's is in its foot."""
    if thing.kind not in KINDS:
        return np.asarray(thing.path[frame])
    x, y, z = (float(angle) for angle in thing.turn[frame])
    up = rotation_from_euler((x, y, z))[:, 2]
    return np.asarray(thing.path[frame] - up * sides(thing.kind, thing.size)[2])


def _prop(thing: Thing) -> Prop:
    if thing.kind not in KINDS:
        return Prop(file=f"props/{thing.kind}.glb")
    width, depth, height = (2 * side for side in sides(thing.kind, thing.size))
    red, green, blue = (round(255 * _encoded(value)) for value in thing.base)
    return Prop(
        shape=thing.kind,  # type: ignore[arg-type]
        dimensions=(width, depth, height),
        color=f"#{red:02x}{green:02x}{blue:02x}",
        roughness=thing.roughness,
        metallic=thing.metallic,
    )


def _encoded(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _geometry(thing: Thing) -> Geometry:
    if thing.kind not in KINDS:
        return _mesh(thing.kind)
    prop = _prop(thing)
    name = "-".join(str(part) for part in (thing.kind, *prop.dimensions, prop.color))
    return load_geometry(build_mesh(prop, ROOT, BUILT / name.replace("#", "")))


@lru_cache(maxsize=16)
def _mesh(name: str) -> Geometry:
    return load_geometry(build_mesh(Prop(file=f"props/{name}.glb"), EXAMPLE, BUILT / name))
