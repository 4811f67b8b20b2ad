"""A shadow map: how near to the sun the first surface is, over a lattice fixed in the world.

Drawn by the same scanlines as the picture, looking along the sun's rays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from reelwright.stage.cast import Cast
from reelwright.stage.projection import ScreenTriangles
from reelwright.stage.samples import PixelGrid
from reelwright.stage.scanline import Fragments, fragments
from reelwright.stage.selection import take, where_true
from reelwright.stage.shadow_plan import Caster, ShadowPlan, bounds_along
from reelwright.stage.vector import moved, on_device

_BORDER = 2


@dataclass(frozen=True, slots=True, eq=False)
class ShadowMap:
    """Heights towards the sun of the first surface that its rays meet.

    Attributes:
        height: Metres above `origin` along the sun's direction, row by row; -inf for none.
        coarse: The highest in each cell and the eight around it, row by row.
        size: Texels across and down, whole cells.
        cell: Texels to a cell's side.
        texel_m: Side of a texel.
        origin: Of the first texel's corner in the plan's basis, metres.
        top: The highest surface, metres above `origin`.
    """

    height: Float32[Tensor, " N"]
    coarse: Float32[Tensor, " M"]
    size: tuple[int, int]
    cell: int
    texel_m: float
    origin: Float64[np.ndarray, " 3"]
    top: float


def draw_shadow_map(
    cast: Cast, caster: Caster, plan: ShadowPlan, places: Float64[np.ndarray, "P 4 4"]
) -> ShadowMap:
    """Draw the map of a caster that stands at some places."""
    middles, radii = bounds_along(cast, caster.parts, places)
    along = middles @ plan.basis.T
    low, high = (along - radii[:, None]).min(0), (along + radii[:, None]).max(0)
    texel = caster.texel_m
    first = np.floor(low[:2] / texel) - _BORDER
    reach = (high[2] - low[2]) * plan.spread / texel
    cell = int(2 ** np.ceil(np.log2(np.clip(reach, 8, 64))))
    texels = np.ceil(high[:2] / texel) + _BORDER - first
    width, height = (int(-(-side // cell) * cell) for side in texels)
    origin = np.array([*(first * texel), low[2]])
    depth = max(float(high[2] - low[2]), 1e-6)
    triangles = _seen_from_sun(cast, caster, plan, places, origin, depth)
    grid = PixelGrid((width, height), cast.device)
    bits = torch.zeros(width * height, dtype=torch.int32, device=cast.device)
    for piece in _solid(cast, fragments(triangles, grid), triangles, grid):
        bits.scatter_reduce_(0, piece.sample, piece.nearness.view(torch.int32), "amax")
    nearness = bits.view(torch.float32)
    tall = torch.where(nearness > 0, (nearness - 1) * depth, torch.full_like(nearness, -torch.inf))
    most = max_pool2d(tall.reshape(1, 1, height, width), cell)
    coarse = max_pool2d(pad(most, (1, 1, 1, 1), value=-torch.inf), 3, stride=1)
    return ShadowMap(tall, coarse.reshape(-1), (width, height), cell, texel, origin, depth)


def _seen_from_sun(
    cast: Cast,
    caster: Caster,
    plan: ShadowPlan,
    places: Float64[np.ndarray, "P 4 4"],
    origin: Float64[np.ndarray, " 3"],
    depth: float,
) -> ScreenTriangles:
    """Triangles in texels; nearness is 1 at the lowest and 2 at the highest place."""
    matrices = np.zeros((len(places), 3, 4))
    matrices[:, :, :3] = plan.basis @ places[:, :3, :3]
    matrices[:, :, 3] = places[:, :3, 3] @ plan.basis.T - origin
    matrices /= np.array([caster.texel_m, caster.texel_m, depth])[None, :, None]
    rows = on_device(matrices.reshape(-1, 12).T, cast.device)
    part = take(cast.vertex_part, caster.vertices)
    points = moved(take(rows, part), take(cast.vertices, caster.vertices))
    x, y, z = (take(field, caster.faces.reshape(-1)).reshape(3, -1) for field in points)
    return ScreenTriangles(x, y, z.clamp(0, 1) + 1, caster.triangles)


def _solid(
    cast: Cast, pieces: Iterator[Fragments], triangles: ScreenTriangles, grid: PixelGrid
) -> Iterator[Fragments]:
    """Leave out what a texture cuts away."""
    if not bool(cast.materials.cut.any()):
        yield from pieces
        return
    place = torch.zeros(cast.num_triangles, dtype=torch.int64, device=cast.device)
    place[triangles.triangle] = torch.arange(triangles.triangle.shape[0], device=cast.device)
    for piece in pieces:
        part = take(cast.face_part, piece.triangle)
        cut = where_true(take(cast.materials.cut, part))
        kept = torch.ones(piece.sample.shape[0], dtype=torch.bool, device=cast.device)
        if cut.shape[0]:
            own = piece.at(cut)
            corner = triangles.at(take(place, own.triangle))
            opacity = _opacity(cast, own, corner, grid.places(own.sample))
            kept[cut] = opacity >= take(cast.materials.cutoff, take(part, cut))
        yield piece.at(where_true(kept))


def _opacity(
    cast: Cast, piece: Fragments, corner: ScreenTriangles, places: Float32[Tensor, "2 N"]
) -> Float32[Tensor, " N"]:
    from reelwright.stage.surface import Hits, opacity

    x, y = corner.x, corner.y
    dx1, dy1, dx2, dy2 = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
    area = dx1 * dy2 - dx2 * dy1
    area = torch.where(area.abs() < 1e-12, torch.full_like(area, 1e-12), area)
    px, py = places[0] - x[0], places[1] - y[0]
    none = torch.zeros_like(px)
    hit = Hits(
        piece.triangle,
        take(cast.faces, piece.triangle),
        none,
        torch.stack(((px * dy2 - py * dx2) / area, (py * dx1 - px * dy1) / area)).clamp(0, 1),
        torch.stack((dy2 / area, -dy1 / area)),
        torch.stack((-dx2 / area, dx1 / area)),
        torch.zeros((3, px.shape[0]), device=px.device),
        none,
    )
    return opacity(cast, hit)
