"""What the stage knows of every pixel's centre: depth, prop and motion, without any filtering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int32, Int64
from torch import Tensor

from reelwright.stage.camera import View, surface_shift
from reelwright.stage.frame_geometry import FrameGeometry
from reelwright.stage.ground import ground_depth
from reelwright.stage.samples import PixelGrid
from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import Hits, hits, opacity
from reelwright.stage.vector import turned, unit
from reelwright.stage.visibility import NOTHING, Nearest, nearest, peeled

GROUND_YIELDS = 1e-4
"""A surface this little (relative) behind the ground is drawn before it: a rug on the floor."""

_BEHIND_NEXT = 1e-4
_FARTHEST_MOTION = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One frame, row by row.

    Attributes:
        depth: Metres along the view axis; inf is sky.
        mask: Prop index; 0 is ground and sky.
        motion: Pixels to the next frame; None for the last frame.
        normal: Of the surface, unit, camera axes, towards the eye; zero for the sky.
        solid: Nearest solid triangle, `NOTHING` for ground and sky.
        nearness: 1 / depth of solid triangles and ground, 0 for sky.
        layers: See-through triangles before that, from near to far.
    """

    depth: Float32[Tensor, " N"]
    mask: Int32[Tensor, " N"]
    motion: Float32[Tensor, "2 N"] | None
    normal: Float32[Tensor, "3 N"]
    solid: Int32[Tensor, " N"]
    nearness: Float32[Tensor, " N"]
    layers: list[Nearest]


@dataclass(frozen=True, slots=True, eq=False)
class NextFrame:
    """Where everything is one frame later.

    Attributes:
        view: The camera.
        positions: Vertices in its axes.
    """

    view: View
    positions: Float32[Tensor, "3 V"]


def find_truth(
    geometry: FrameGeometry,
    normals: Float32[Tensor, "3 V"],
    ground_height: float | None,
    following: NextFrame | None,
) -> Truth:
    """Look through every pixel's centre.

    Args:
        geometry: The frame.
        normals: Vertex normals, world axes.
        ground_height: Metres; None where there is no ground.
        following: The next frame, for motion.
    """
    view, device = geometry.view, geometry.positions.device
    grid = PixelGrid(view.size, device)
    found = nearest(geometry.solid_fragments(grid), grid.num_samples, device)
    floor = _floor(view, ground_height, device)
    behind = (1 + GROUND_YIELDS) * found.nearness < 1 / floor
    solid = torch.where(behind, torch.full_like(found.triangle, NOTHING), found.triangle)
    nearness = torch.where(behind, 1 / floor, found.nearness)
    layers = peeled(geometry.clear_fragments(grid), nearness)
    depth = floor
    mask = torch.zeros(grid.num_samples, dtype=torch.int32, device=device)
    motion = (
        None if following is None else _still_motion(view, following.view, floor, ground_height)
    )
    normal = turned(view.turn.T, _up(view, ground_height, device)).expand(3, grid.num_samples)
    normal = normal * torch.isfinite(floor)
    truth = Truth(depth, mask, motion, normal.contiguous(), solid, nearness, layers)
    _fill(truth, geometry, normals, where_true(solid != NOTHING), solid, following, grid)
    decided = torch.zeros(grid.num_samples, dtype=torch.bool, device=device)
    for layer in layers:
        index = where_true((layer.triangle != NOTHING) & ~decided)
        shown = _opaque_enough(geometry, layer, index, grid)
        _fill(truth, geometry, normals, shown, layer.triangle, following, grid)
        decided[shown] = True
    return truth


def _up(view: View, ground_height: float | None, device: torch.device) -> Tensor:
    below = ground_height is not None and view.place[2] < ground_height
    return torch.tensor([[0.0], [0.0], [-1.0 if below else 1.0]], device=device)


def _floor(view: View, ground_height: float | None, device: torch.device) -> Tensor:
    if ground_height is None:
        return torch.full((view.size[0] * view.size[1],), torch.inf, device=device)
    depth = ground_depth(view, ground_height).astype(np.float32)
    return torch.from_numpy(depth).reshape(-1).to(device)


def _still_motion(view: View, then: View, floor: Tensor, ground_height: float | None) -> Tensor:
    """Motion of sky and ground, which stand still while the camera moves."""
    motion = shifted(view, surface_shift(view, then, None), floor.device)
    if ground_height is None or ground_height == view.place[2]:
        return motion
    level = shifted(view, surface_shift(view, then, ground_height), floor.device)
    return torch.where(torch.isfinite(floor), level, motion)


def shifted(view: View, shift: Float64[np.ndarray, "3 3"], device: torch.device) -> Tensor:
    """Motion of every pixel's centre under `surface_shift`, [2, N].

    What would pass behind the next camera is sent far away, never to infinity.
    """
    width, height = view.size
    x = (torch.arange(width, device=device) + 0.5)[None].expand(height, width).reshape(-1)
    y = (torch.arange(height, device=device) + 0.5)[:, None].expand(height, width).reshape(-1)
    rows = [a * x + b * y + c for a, b, c in shift.tolist()]
    scale = (1 + rows[2]).clamp_min(_BEHIND_NEXT)
    motion = torch.stack(((rows[0] - x * rows[2]) / scale, (rows[1] - y * rows[2]) / scale))
    return motion.clamp(-_FARTHEST_MOTION, _FARTHEST_MOTION)


def _opaque_enough(
    geometry: FrameGeometry, layer: Nearest, index: Int64[Tensor, " M"], grid: PixelGrid
) -> Int64[Tensor, " K"]:
    """Those of some pixels where a see-through surface is at least half there."""
    hit = _hits(geometry, layer.triangle, index, grid)
    return take(index, where_true(opacity(geometry.cast, hit) >= 0.5))


def _hits(
    geometry: FrameGeometry, triangle: Int32[Tensor, " N"], index: Tensor, grid: PixelGrid
) -> Hits:
    return hits(
        geometry.cast,
        geometry.positions,
        take(triangle, index).long(),
        grid.places(index),
        geometry.view,
        geometry.mirrored,
    )


def _fill(
    truth: Truth,
    geometry: FrameGeometry,
    normals: Float32[Tensor, "3 V"],
    index: Int64[Tensor, " M"],
    triangle: Int32[Tensor, " N"],
    following: NextFrame | None,
    grid: PixelGrid,
) -> None:
    """Write what triangles show at some pixels, in place."""
    if not index.shape[0]:
        return
    cast = geometry.cast
    hit = _hits(geometry, triangle, index, grid)
    truth.depth[index] = hit.depth
    part = take(cast.face_part, hit.triangle)
    truth.mask[index] = take(cast.materials.mask, part).int()
    smooth = unit(turned(geometry.view.turn.T, hit.mixed(normals)))
    truth.normal[:, index] = smooth * (1 - 2 * hit.from_behind)
    if truth.motion is not None and following is not None:
        then = _from_centre(hit.mixed(following.positions), following.view)
        now = _from_centre(hit.mixed(geometry.positions), geometry.view)
        truth.motion[:, index] = then - now


def _from_centre(points: Float32[Tensor, "3 N"], view: View) -> Float32[Tensor, "2 N"]:
    """Pixels from the picture's centre, which is the same in every frame of a shot."""
    fx, fy = view.focal
    inverse = 1 / points[2].clamp_min(_BEHIND_NEXT)
    pixels = torch.stack((fx * points[0] * inverse, fy * points[1] * inverse))
    return pixels.clamp(-_FARTHEST_MOTION, _FARTHEST_MOTION)
