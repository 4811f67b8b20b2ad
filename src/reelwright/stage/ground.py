"""The ground: an endless level plane whose depth is exact up to the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from reelwright.stage.camera import View
from reelwright.stage.mipmap import footprint
from reelwright.stage.noise import noise_tile
from reelwright.stage.patterns import checker, grid
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.sky import linear
from reelwright.stage.vector import on_device

if TYPE_CHECKING:
    from reelwright.storyboard.light import Ground as GroundSettings

_NOISE_TILES = 8.0
"""One square of noise spans so many tiles, so that `tile_m` is about the size of its patches."""

_FINER = 5.3
_FARTHEST = 1e9


def ground_depth(view: View, height_m: float) -> Float64[np.ndarray, "H W"]:
    """Depth of the plane at every pixel's centre, metres; inf where it is not seen.

    In float64 on the CPU, for near the horizon a ray's slope is the small difference of large
    numbers: float32 is wrong there by 0.01 % at a thousand times the camera's height, and more
    beyond.
    """
    width, height = view.size
    (fx, fy), (cx, cy) = view.focal, view.centre
    above = height_m - float(view.place[2])
    rise = view.turn[2]
    across = (np.arange(width) + 0.5 - cx) / fx * rise[0] + rise[2]
    down = (np.arange(height) + 0.5 - cy) / fy * rise[1]
    slope = down[:, None] + across[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = above / slope
    return np.where((depth > 0) & (depth < _FARTHEST), depth, np.inf)


def depth_along(ray: Float32[Tensor, "3 N"], view: View, height_m: float) -> Float32[Tensor, " N"]:
    """Depth of the plane along rays of the camera (z = 1), on the device; inf where it is not."""
    above = height_m - float(view.place[2])
    x, y, z = view.turn[2].tolist()
    depth = above / (x * ray[0] + y * ray[1] + z * ray[2])
    seen = (depth > 0) & (depth < _FARTHEST)
    return torch.where(seen, depth, torch.full_like(depth, torch.inf))


@dataclass(frozen=True, slots=True, eq=False)
class GroundPatch:
    """Where samples meet the ground.

    Attributes:
        offset: From the camera, level, metres.
        along_x: Change of `offset` from one pixel to the next on its right.
        along_y: Change of `offset` to the next below.
    """

    offset: Float32[Tensor, "2 N"]
    along_x: Float32[Tensor, "2 N"]
    along_y: Float32[Tensor, "2 N"]


def ground_patch(
    toward: Float32[Tensor, "3 N"], depth: Float32[Tensor, " N"], view: View
) -> GroundPatch:
    """The patch of ground under pixels.

    Args:
        toward: Rays in world axes, of length one along the view axis.
        depth: Of the ground along them.
        view: The camera.
    """
    slope = torch.where(toward[2].abs() < 1e-12, torch.full_like(toward[2], 1e-12), toward[2])
    changes = []
    for axis, focal in enumerate(view.focal):
        right = view.turn[:, axis] / focal
        # depth = h / toward_z, so it changes by -depth * d(toward_z) / toward_z.
        steeper = -(depth * float(right[2])) / slope
        changes.append(
            torch.stack([depth * float(right[i]) + steeper * toward[i] for i in range(2)])
        )
    return GroundPatch(toward[:2] * depth, *changes)


@dataclass(frozen=True, slots=True, eq=False)
class GroundPaint:
    """The colour of the ground.

    Attributes:
        settings: From the storyboard.
        first: Linear colour.
        second: Linear colour of the pattern.
        noise: For the pattern of that name.
    """

    settings: GroundSettings
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    noise: Pyramid | None

    @staticmethod
    def of(settings: GroundSettings, device: torch.device) -> GroundPaint:
        """The paint of a storyboard's ground."""
        noise = None
        if settings.pattern == "noise":
            noise = Pyramid.of(on_device(noise_tile(3)[None], device), repeats=True)
        first, second = (linear(c).tolist() for c in (settings.color, settings.color2))
        return GroundPaint(settings, tuple(first), tuple(second), noise)

    def albedo(
        self, patch: GroundPatch, place: Float64[np.ndarray, " 3"]
    ) -> Float32[Tensor, "3 N"]:
        """Linear colour under pixels.

        Args:
            patch: Where.
            place: The camera in the world.
        """
        share = self._share(patch, place)
        return torch.stack(
            [a + share * (b - a) for a, b in zip(self.first, self.second, strict=True)]
        )

    def _share(self, patch: GroundPatch, place: Float64[np.ndarray, " 3"]) -> Tensor:
        pattern = self.settings.pattern
        if pattern in ("plain", "water"):
            return torch.zeros_like(patch.offset[0])
        tile = self.settings.tile_m
        if self.noise is not None:
            return self._noise_share(self.noise, patch, place)
        own = _shifted(patch.offset, place, tile, 2.0)
        width = (patch.along_x.abs() + patch.along_y.abs()) / tile
        return checker(own, width) if pattern == "checker" else grid(own, width)

    def _noise_share(
        self, noise: Pyramid, patch: GroundPatch, place: Float64[np.ndarray, " 3"]
    ) -> Tensor:
        total = torch.zeros_like(patch.offset[0])
        for tile, weight in (
            (self.settings.tile_m * _NOISE_TILES, 0.24),
            (self.settings.tile_m * _NOISE_TILES * _FINER, 0.16),
        ):
            seen = footprint(patch.along_x / tile, patch.along_y / tile, *noise.size)
            uv = _shifted(patch.offset, place, tile, 1.0)
            total += weight * noise.read_over(uv, seen)[0]
        return (0.5 + total).clamp(0, 1)


def _shifted(
    offset: Tensor, place: Float64[np.ndarray, " 3"], tile: float, period: float
) -> Tensor:
    """Places in tiles, from an origin near the camera that is a whole number of periods away."""
    start = np.mod(place[:2] / tile, period)
    return torch.stack([offset[i] / tile + float(start[i]) for i in range(2)])
