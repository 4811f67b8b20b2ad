"""What Blender is asked to do, as JSON: everything is worked out here, the script only obeys.

Must agree with `program/render_stage.py`. Matrices are 16 numbers, row by row, in our axes; the
script turns them into Blender's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float64

from reelwright.assets.geometry import Geometry
from reelwright.assets.mesh import Mesh
from reelwright.errors import StageError
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.stage.camera import NEAR_M
from reelwright.storyboard.color import linear_from_color

if TYPE_CHECKING:
    from reelwright.storyboard.light import Ground, Light
    from reelwright.storyboard.scene import PlacedProp, Scene

_SUN_W_M2 = 2.2
"""Of a sun of strength 1, seen by Blender's Standard view transform."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How the colour picture is drawn; depth, mask and motion do not depend on it.

    Attributes:
        engine: `cycles` needs no graphics driver; the others do.
        samples: Rays a pixel, for Cycles.
    """

    engine: Literal["cycles", "eevee", "workbench"] = "cycles"
    samples: int = 16


@dataclass(frozen=True, slots=True)
class BlendScene:
    """A shot that is staged in a `.blend` by hand.

    Attributes:
        shot: The shot's id.
        blend: The file.
        frames: How many frames the shot delivers and how many are staged.
        frame_rate: Of the film; the file's own is stretched to it.
        size: Delivered and generated size; the camera frames the delivered one.
        camera: Name of the camera; None is the scene's.
        collection: Name of what is shown; None is everything.
        frame_start: The .blend's frame that the shot begins at; None is its first.
        frame_end: Its last frame that may be used; None is its last.
    """

    shot: str
    blend: Path
    frames: ShotFrames
    frame_rate: Fraction
    size: GenerationSize
    camera: str | None = None
    collection: str | None = None
    frame_start: int | None = None
    frame_end: int | None = None


def job_of_hand(scene: BlendScene, look: Look) -> Json:
    """The job for a .blend, without its folder."""
    return {
        "kind": "hand",
        "blend": str(scene.blend.resolve()),
        "num_frames": scene.frames.generated,
        "num_delivered": scene.frames.delivered,
        "frame_rate": [scene.frame_rate.numerator, scene.frame_rate.denominator],
        "size": list(scene.size.generated),
        "framed": list(scene.size.framed),
        "camera": scene.camera,
        "collection": scene.collection,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "look": {"engine": look.engine, "samples": look.samples},
    }


def job_of_scene(
    scene: Scene,
    geometries: Mapping[str, Geometry],
    glbs: Mapping[str, Path],
    look: Look,
) -> Json:
    """The job for a storyboard's scene, without its folder.

    Args:
        scene: What is staged.
        geometries: By name of the prop in the storyboard.
        glbs: Of the same names: files from `write_named_glb`.
        look: Of the colour picture.
    """
    props = sorted(scene.props, key=lambda prop: prop.index)
    return {
        "kind": "built",
        "num_frames": scene.frames.generated,
        "frame_rate": [scene.frame_rate.numerator, scene.frame_rate.denominator],
        "size": list(scene.size.generated),
        "props": [
            _prop(scene, each, geometries[each.prop_name], glbs[each.prop_name]) for each in props
        ],
        "camera": _camera(scene),
        "light": _light(scene.light),
        "ground": _ground(scene.ground, scene),
        "look": {"engine": look.engine, "samples": look.samples},
    }


def node_name(index: int) -> str:
    """What a node of a prop's file is called in Blender."""
    return f"node_{index:05d}"


def _prop(scene: Scene, placed: PlacedProp, geometry: Geometry, glb: Path) -> Json:
    frames = range(scene.frames.generated)
    inside = np.stack([_nodes(scene, placed, geometry, frame) for frame in frames])
    numbers = sorted(set(geometry.part_nodes.tolist()))
    return {
        "name": placed.name,
        "index": placed.index,
        "glb": str(glb.resolve()),
        "poses": _track([scene.prop_pose(placed.name, frame) for frame in frames]),
        "nodes": {node_name(node): _track(list(inside[:, node])) for node in numbers},
    }


def _nodes(
    scene: Scene, placed: PlacedProp, geometry: Geometry, frame: int
) -> Float64[np.ndarray, "N 4 4"]:
    """Prop-from-node of every node at a frame."""
    played = geometry.animation(placed.animation)
    time_s = scene.scene_time_s(frame) * placed.animation_speed
    local_s = 0.0 if played is None else played.local_time_s(time_s, placed.animation_loop)
    return geometry.rig.matrices_at(played, local_s)


def _track(poses: list[Float64[np.ndarray, "4 4"]]) -> list[list[float]]:
    """A pose for every frame; one alone where nothing moves."""
    still = all(np.array_equal(pose, poses[0]) for pose in poses)
    return [np.asarray(pose).reshape(-1).tolist() for pose in (poses[:1] if still else poses)]


def _camera(scene: Scene) -> Json:
    poses = [scene.camera_pose(frame) for frame in range(scene.frames.generated)]
    lenses = [pose.lens_mm for pose in poses]
    # The sensor spans the framed picture's larger side; Blender's spans the generated width.
    width_mm = scene.camera.sensor_mm * scene.size.generated[0] / max(scene.size.framed)
    return {
        "sensor_mm": scene.camera.sensor_mm,
        "width_mm": width_mm,
        "near_m": NEAR_M,
        "lenses_mm": lenses[:1] if len(set(lenses)) == 1 else lenses,
        "poses": _track([pose.world_from_camera for pose in poses]),
    }


def _light(light: Light) -> Json:
    return {
        "sun_azimuth_deg": light.sun_azimuth_deg,
        "sun_elevation_deg": light.sun_elevation_deg,
        "sun_strength": light.sun_strength,
        "sun_w_m2": _SUN_W_M2 * light.sun_strength,
        "sun_linear": linear_from_color(light.sun_color),
        "sun_softness_deg": light.sun_softness_deg,
        "sky_top_linear": linear_from_color(light.sky_top),
        "sky_horizon_linear": linear_from_color(light.sky_horizon),
        "sky_strength": light.sky_strength,
        "haze_m": light.haze_m,
        "exposure_ev": light.exposure_ev,
    }


def _ground(ground: Ground, scene: Scene) -> Json:
    eye = scene.camera_pose(0).world_from_camera[:2, 3]
    return {
        "show": ground.show,
        "height_m": ground.height_m,
        "middle": [float(math.floor(value)) for value in eye],
        "linear": linear_from_color(ground.color),
        "linear2": linear_from_color(ground.color2),
        "pattern": ground.pattern,
        "tile_m": ground.tile_m,
        "roughness": ground.roughness,
    }


def missing_mesh(scene: Scene, meshes: Mapping[str, Mesh]) -> StageError | None:
    """The error for a placed prop that has no mesh; None where all have one."""
    missing = sorted({placed.prop_name for placed in scene.props} - set(meshes))
    if not missing:
        return None
    return StageError(
        f'The prop "{missing[0]}" has no mesh.',
        "Run the assets stage for it first.",
        where=scene.shot,
    )
