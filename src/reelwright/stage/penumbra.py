"""How much of the sun's disc a point sees: sharp where a thing touches, softer farther away.

Three steps, each for fewer points: a coarse map says where nothing at all stands in the way; a
search of the map about the point finds how far off what stands there is; and the disc's image at
that distance is averaged over the map. A tap compares with the receiving surface's own slope, so
that no surface shades itself and no shadow stands off its thing. The taps are the same for every
point: noise between pixels would shimmer.

Source: Fernando 2005, Percentage-Closer Soft Shadows; Isidoro 2006, Shadow Mapping.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from reelwright.stage.selection import take, where_true
from reelwright.stage.shadow_map import ShadowMap
from reelwright.stage.shadow_plan import ShadowPlan
from reelwright.stage.vector import turned

_SEARCH_TAPS = 16
_FILTER_TAPS, _FEW_TAPS = 24, 12
_NARROW = 5.0  # texels: a disc of this radius needs only the few
_SHARPEST = 1.25  # texels: less would show the map's steps
_STEEPEST = 8.0
_LIFT = 1.3  # texels off the surface


def _disc(count: int) -> list[tuple[float, float]]:
    """Points spread evenly over the unit disc (golden-angle spiral)."""
    turn = math.pi * (3 - math.sqrt(5))
    return [
        (math.sqrt((i + 0.5) / count) * math.cos(i * turn),
         math.sqrt((i + 0.5) / count) * math.sin(i * turn))
        for i in range(count)
    ]  # fmt: skip


def sun_seen(
    maps: list[ShadowMap],
    plan: ShadowPlan,
    offset: Float32[Tensor, "3 N"],
    normal: Float32[Tensor, "3 N"],
    place: Float64[np.ndarray, " 3"],
) -> Float32[Tensor, " N"]:
    """Share of the sun that points see, 0..1.

    Args:
        maps: Of everything that throws shadows.
        plan: What they were drawn by.
        offset: Points from the camera, world axes, metres.
        normal: Of the surface there, unit, world axes.
        place: The camera in the world.
    """
    seen = torch.ones_like(offset[0])
    normal_along = turned(plan.basis, normal)
    offset_along = turned(plan.basis, offset)
    for shadow in maps:
        start = plan.basis @ place - shadow.origin
        lifted = offset_along + _LIFT * shadow.texel_m * normal_along
        point = lifted + torch.from_numpy(start).float().to(offset.device)[:, None]
        _darken(seen, shadow, plan.spread, point, normal_along)
    return seen


def _darken(seen: Tensor, shadow: ShadowMap, spread: float, point: Tensor, normal: Tensor) -> None:
    """Multiply in what one map hides."""
    width, height = shadow.size
    x, y, z = point[0] / shadow.texel_m, point[1] / shadow.texel_m, point[2]
    over = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (z < shadow.top) & (normal[2] > 0)
    index = where_true(over)
    if not index.shape[0]:
        return
    x, y, z = take(x, index), take(y, index), take(z, index)
    per_row = width // shadow.cell
    cell = (y / shadow.cell).long() * per_row + (x / shadow.cell).long()
    above = take(shadow.coarse, cell) - z
    near = where_true(above > 0)
    if not near.shape[0]:
        return
    index, x, y, z, above = take(index, near), *(take(f, near) for f in (x, y, z, above))
    away = take(normal, index)
    facing = away[2].clamp_min(1 / _STEEPEST)
    # Height of the surface's own plane, per texel along x and y.
    slope = (-away[:2] / facing * shadow.texel_m).clamp(
        -_STEEPEST * shadow.texel_m, _STEEPEST * shadow.texel_m
    )
    reach = (above * (spread / shadow.texel_m)).clamp(_SHARPEST, shadow.cell)
    gap, share = _mean_gap(shadow, x, y, z, slope, reach)
    # What the whole search finds hidden is hidden, for the disc's image lies within the search.
    seen[take(index, where_true(share == 1))] = 0
    edge = where_true((share > 0) & (share < 1))
    if not edge.shape[0]:
        return
    index, x, y, z, gap = take(index, edge), *(take(f, edge) for f in (x, y, z, gap))
    radius = torch.minimum(
        (gap * (spread / shadow.texel_m)).clamp_min(_SHARPEST), take(reach, edge)
    )
    slope = take(slope, edge)
    for chosen, taps in ((radius <= _NARROW, _FEW_TAPS), (radius > _NARROW, _FILTER_TAPS)):
        some = where_true(chosen)
        if some.shape[0]:
            at = (take(x, some), take(y, some), take(z, some))
            dark = _share_hidden(shadow, at, take(slope, some), take(radius, some), taps)
            own = take(index, some)
            seen[own] = take(seen, own) * (1 - dark)


def _mean_gap(
    shadow: ShadowMap, x: Tensor, y: Tensor, z: Tensor, slope: Tensor, reach: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean height above the point of what may hide the sun, and the share of taps it is met by."""
    width, height = shadow.size
    total, count = torch.zeros_like(x), torch.zeros_like(x)
    for across, down in _disc(_SEARCH_TAPS):
        column = (x + across * reach).floor().clamp(0, width - 1)
        row = (y + down * reach).floor().clamp(0, height - 1)
        own = z + slope[0] * (column + 0.5 - x) + slope[1] * (row + 0.5 - y)
        gap = take(shadow.height, (row * width + column).long()) - own
        blocks = (gap > 0).float()
        total += torch.where(gap > 0, gap, torch.zeros_like(gap))
        count += blocks
    return total / count.clamp_min(1), count / _SEARCH_TAPS


def _share_hidden(
    shadow: ShadowMap,
    point: tuple[Tensor, Tensor, Tensor],
    slope: Tensor,
    radius: Tensor,
    taps: int,
) -> Tensor:
    """Share of a disc of the map that is above the surface, each tap between four texels."""
    width, height = shadow.size
    x, y, z = point
    total = torch.zeros_like(x)
    for across, down in _disc(taps):
        at_x, at_y = x + across * radius - 0.5, y + down * radius - 0.5
        column, row = at_x.floor(), at_y.floor()
        right, below = at_x - column, at_y - row
        corner = z + slope[0] * (column + 0.5 - x) + slope[1] * (row + 0.5 - y)
        columns = [(column + k).clamp(0, width - 1) for k in (0, 1)]
        for j, vertical in ((0, 1 - below), (1, below)):
            line = (row + j).clamp(0, height - 1) * width
            for i, sideways in ((0, 1 - right), (1, right)):
                own = corner + i * slope[0] + j * slope[1]
                texel = take(shadow.height, (line + columns[i]).long())
                total += vertical * sideways * (texel > own)
    return total / taps
