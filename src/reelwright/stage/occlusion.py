"""Ambient occlusion: how much of the sky a point sees past what stands near it.

Looked for in the frame's own depth, at half size, within a radius in metres. The taps turn from
pixel to pixel in a 4x4 pattern and a 4x4 mean that keeps to one surface takes the pattern out
again: smooth, and the same in every frame.

Source: McGuire et al. 2012, Scalable Ambient Obscurance (the estimator).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn.functional import pad

from reelwright.stage.camera import View
from reelwright.stage.selection import take
from reelwright.stage.vector import dot

_TAPS = 14
_PATTERN = 4
_TURNS = 5  # of the spiral: no common factor with the taps
_WIDEST = 0.12  # of the picture's width: farther taps cost cache misses and show as halos
_STRENGTH = 3.4
_BIAS = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """Sky seen, 0..1, at every second pixel.

    Attributes:
        open: Row by row.
        depth: Of the same pixels, metres; large where there is only sky.
        size: Width and height of this half-size picture.
    """

    open: Float32[Tensor, " N"]
    depth: Float32[Tensor, " N"]
    size: tuple[int, int]

    def at(
        self, places: Float32[Tensor, "2 N"], depth: Float32[Tensor, " N"]
    ) -> Float32[Tensor, " N"]:
        """Sky seen from surfaces at places of the full picture, from neighbours as far away."""
        width, height = self.size
        x, y = places[0] / 2 - 0.25, places[1] / 2 - 0.25
        column, row = x.floor(), y.floor()
        right, down = x - column, y - row
        total, weights = torch.zeros_like(depth), torch.full_like(depth, 1e-6)
        total += 1e-6
        for j, vertical in ((0, 1 - down), (1, down)):
            line = (row + j).clamp(0, height - 1) * width
            for i, sideways in ((0, 1 - right), (1, right)):
                index = (line + (column + i).clamp(0, width - 1)).long()
                weight = vertical * sideways * _alike(take(self.depth, index), depth) + 1e-5
                total += weight * take(self.open, index)
                weights += weight
        return total / weights


def _alike(one: Tensor, other: Tensor) -> Tensor:
    """1 where two depths may belong to one surface, falling to 0 at 5 % apart."""
    return (1 - 20 * (one - other).abs() / other).clamp_min(0)


def occlusion(
    depth: Float32[Tensor, "H W"],
    normal: Float32[Tensor, "3 H W"],
    view: View,
    radius_m: float,
) -> Occlusion:
    """Find the occlusion of a frame.

    Args:
        depth: Metres at the pixels' centres; inf for sky.
        normal: Unit, camera axes, towards the eye.
        view: The camera.
        radius_m: How far away a thing still darkens.
    """
    far = 1e6
    z = depth[::2, ::2].clamp(max=far)
    height, width = z.shape
    normal = normal[:, ::2, ::2].reshape(3, -1)
    (fx, fy), (cx, cy) = view.focal, view.centre
    across = (torch.arange(width, device=z.device) * 2 + 0.5 - cx) / fx
    down = (torch.arange(height, device=z.device) * 2 + 0.5 - cy) / fy
    points = torch.stack((z * across, z * down[:, None], z)).reshape(3, -1)
    radius = (0.5 * fx * radius_m / z).clamp(max=_WIDEST * width)
    # What the clamp takes from the radius in the picture it takes from the one in the world.
    reach = (2 * radius * z / fx).reshape(-1)
    pattern = _pattern(width, height, z.device)
    total = _tapped(points, normal, radius, reach, pattern)
    sky_seen = (1 - _STRENGTH * total / _TAPS).clamp(0, 1).reshape(height, width)
    fades = ((radius - 0.75) / 1.5).clamp(0, 1)
    sky_seen = 1 - fades * (1 - sky_seen)
    smooth = _smoothed(_smoothed(sky_seen, z, 0), z, 1)
    return Occlusion(smooth.reshape(-1), z.reshape(-1), (width, height))


def _pattern(width: int, height: int, device: torch.device) -> Tensor:
    """A number for each pixel: 0 to 15, each once in each 4x4 square."""
    order = torch.tensor(
        [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], device=device
    )
    tiled = order.repeat(-(-height // _PATTERN), -(-width // _PATTERN))[:height, :width]
    return tiled.float()


def _tapped(
    points: Tensor, normal: Tensor, radius: Tensor, reach: Tensor, pattern: Tensor
) -> Tensor:
    """Sum over the taps of a spiral that each pixel turns and stretches in its own way."""
    height, width = radius.shape
    rows = torch.arange(height, device=radius.device)[:, None].float()
    columns = torch.arange(width, device=radius.device)[None].float()
    angle = pattern * (2 * math.pi / _PATTERN**2)
    cos, sin = angle.cos(), angle.sin()
    inward = (torch.remainder(pattern * 7, _PATTERN**2) + 0.5) / _PATTERN**2 / _TAPS
    total = torch.zeros_like(reach)
    for tap in range(_TAPS):
        turn = 2 * math.pi * _TURNS * (tap + 0.5) / _TAPS
        dx, dy = math.cos(turn), math.sin(turn)
        share = (tap + 1) / _TAPS - inward
        away = radius * share * share.sqrt()
        x = (columns + away * (dx * cos - dy * sin)).round().clamp(0, width - 1)
        y = (rows + away * (dx * sin + dy * cos)).round().clamp(0, height - 1)
        other = take(points, (y * width + x).long().reshape(-1))
        to = other - points
        square = dot(to, to)
        rise = dot(to, normal) - _BIAS * reach
        near = (1 - (square / (reach * reach)).square()).clamp_min(0)
        total += near * rise.clamp_min(0) / (square + 0.01 * reach * reach).sqrt()
    return total


def _smoothed(field: Tensor, depth: Tensor, axis: int) -> Tensor:
    """Mean of five along one axis, the outer two by half, within one surface."""
    edges = (2, 2, 0, 0) if axis else (0, 0, 2, 2)
    values = pad(field[None, None], edges, mode="replicate")[0, 0]
    depths = pad(depth[None, None], edges, mode="replicate")[0, 0]
    height, width = field.shape
    total, weights = torch.zeros_like(field), torch.zeros_like(field)
    for step, weight in enumerate((0.5, 1.0, 1.0, 1.0, 0.5)):
        part = (
            (slice(0, height), slice(step, step + width))
            if axis
            else (slice(step, step + height), slice(0, width))
        )
        own = weight * _alike(depths[part], depth)
        total += own * values[part]
        weights += own
    return total / weights
