"""What throws shadows, and how finely each is drawn, settled once per shot.

Things that stand still and stand together share a map, which is drawn once. What moves has its own,
drawn each frame. A map's texels lie on a lattice that is fixed in the world for the whole shot,
however the camera or the thing moves, so the edge of a shadow cannot crawl.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from reelwright.stage.camera import View, scene_view
from reelwright.stage.cast import Actor, Cast
from reelwright.stage.selection import take, where_true
from reelwright.stage.shadow_groups import joined_boxes, stands_still

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

_MOMENTS = 33
_STILL_SIDE, _MOVING_SIDE = 3072, 1280
_TEXELS_PER_PIXEL = 1.2
_SOFTEST_TEXELS = 40.0
_MAX_GROUPS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Caster:
    """Some actors that share a shadow map.

    Attributes:
        parts: Which parts.
        still: None of them moves during the shot.
        texel_m: Side of a texel, metres.
        vertices: Numbers of their vertices.
        faces: Of their triangles, as places in `vertices`.
        triangles: Numbers of their triangles.
    """

    parts: Int64[np.ndarray, " K"]
    still: bool
    texel_m: float
    vertices: Int64[Tensor, " V"]
    faces: Int64[Tensor, "3 T"]
    triangles: Int64[Tensor, " T"]


@dataclass(frozen=True, slots=True, eq=False)
class ShadowPlan:
    """The shadow maps of a shot.

    Attributes:
        basis: Rows are two level directions and the direction to the sun, world axes.
        spread: Tangent of half the width of the sun's disc.
        casters: One a map.
    """

    basis: Float64[np.ndarray, "3 3"]
    spread: float
    casters: tuple[Caster, ...]


def plan_shadows(
    scene: Scene, cast: Cast, toward_sun: Float64[np.ndarray, " 3"], softness_deg: float
) -> ShadowPlan:
    """Settle the shadow maps of a shot.

    Args:
        scene: Its camera says how near each thing is seen.
        cast: What stands in it.
        toward_sun: Unit direction, world axes.
        softness_deg: Width of the sun's disc.
    """
    spread = math.tan(math.radians(max(softness_deg, 0.3)) / 2)
    basis = _basis(toward_sun)
    frames = np.unique(np.linspace(0, scene.frames.generated - 1, _MOMENTS).round().astype(int))
    places = [cast.places(scene, int(frame)) for frame in frames]
    eyes = [scene_view(scene, int(frame)) for frame in frames]
    groups = _grouped(cast, places[0])
    number_still = sum(still for _, still in groups)
    casters = []
    for actors, still in groups:
        parts = _shading_parts(cast, actors)
        if len(parts):
            side = _STILL_SIDE / math.sqrt(max(1, number_still / 2)) if still else _MOVING_SIDE
            texel = _texel(cast, parts, places, eyes, spread, side)
            casters.append(_caster(cast, parts, still, texel))
    return ShadowPlan(basis, spread, tuple(casters))


def bounds_along(
    cast: Cast, parts: Int64[np.ndarray, " K"], places: Float64[np.ndarray, "P 4 4"]
) -> tuple[Float64[np.ndarray, "K 3"], Float64[np.ndarray, " K"]]:
    """Balls that hold parts: middles in the world and radii, metres."""
    matrices = places[parts]
    stretch = np.linalg.norm(matrices[:, :3, :3], axis=(1, 2), ord=2)
    return matrices[:, :3, 3], cast.radii[parts] * stretch


def _basis(toward_sun: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, "3 3"]:
    aside = np.array([0.0, 1.0, 0.0]) if abs(toward_sun[2]) > 0.9 else np.array([0.0, 0.0, 1.0])
    first = np.cross(aside, toward_sun)
    first /= np.linalg.norm(first)
    return np.stack((first, np.cross(toward_sun, first), toward_sun))


def _grouped(cast: Cast, places: Float64[np.ndarray, "P 4 4"]) -> list[tuple[list[Actor], bool]]:
    """Moving actors alone, still ones joined while that wastes little of a map."""
    moving = [([actor], False) for actor in cast.actors if not stands_still(actor)]
    still = [actor for actor in cast.actors if stands_still(actor)]
    boxes = np.array([_box(cast, actor, places) for actor in still]).reshape(-1, 2, 2)
    joined = joined_boxes(boxes, max(1, _MAX_GROUPS - len(moving)))
    if len(moving) > _MAX_GROUPS:
        moving = [([actor for actors, _ in moving for actor in actors], False)]
    return [*moving, *(([still[k] for k in group], True) for group in joined)]


def _box(
    cast: Cast, actor: Actor, places: Float64[np.ndarray, "P 4 4"]
) -> Float64[np.ndarray, "2 2"]:
    """Low and high corner on the ground."""
    parts = np.arange(*actor.parts)
    if not len(parts):
        return np.zeros((2, 2))
    middles, radii = bounds_along(cast, parts, places)
    low, high = middles[:, :2] - radii[:, None], middles[:, :2] + radii[:, None]
    return np.stack((low.min(0), high.max(0)))


def _shading_parts(cast: Cast, actors: list[Actor]) -> Int64[np.ndarray, " K"]:
    """Parts that throw a shadow: not glass, and not what is shown without light (a backdrop)."""
    clear = (cast.materials.blended | cast.materials.unlit).cpu().numpy()
    parts = np.concatenate([np.arange(*actor.parts) for actor in actors])
    return np.asarray(parts[~clear[parts]], dtype=np.int64)


def _texel(
    cast: Cast,
    parts: Int64[np.ndarray, " K"],
    places: list[Float64[np.ndarray, "P 4 4"]],
    eyes: list[View],
    spread: float,
    side: float,
) -> float:
    """About a pixel where it is seen from nearest, as far as the size of a map allows."""
    finest, extent = math.inf, 0.0
    for place, eye in zip(places, eyes, strict=True):
        middles, radii = bounds_along(cast, parts, place)
        low, high = (middles - radii[:, None]).min(0), (middles + radii[:, None]).max(0)
        size = float(np.linalg.norm(high - low))
        away = float(np.linalg.norm(np.clip(eye.place, low, high) - eye.place))
        finest = min(finest, max(away, 0.05 * size) / eye.focal[0] / _TEXELS_PER_PIXEL)
        extent = max(extent, size)
    return max(finest, extent / side, extent * spread / _SOFTEST_TEXELS, 1e-6)


def _caster(cast: Cast, parts: Int64[np.ndarray, " K"], still: bool, texel_m: float) -> Caster:
    chosen = torch.zeros(len(cast.middles), dtype=torch.bool, device=cast.device)
    chosen[torch.from_numpy(parts).to(cast.device)] = True
    triangles = where_true(take(chosen, cast.face_part))
    vertices = where_true(take(chosen, cast.vertex_part))
    number = torch.zeros(cast.vertices.shape[1], dtype=torch.int64, device=cast.device)
    number[vertices] = torch.arange(vertices.shape[0], device=cast.device)
    faces = take(cast.faces, triangles)
    return Caster(
        parts, still, texel_m, vertices, take(number, faces.reshape(-1)).reshape(3, -1), triangles
    )
