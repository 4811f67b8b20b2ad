"""Textures of materials: filtered, mip-mapped, read in linear light.

A texel is stored as four bytes: the square root of each linear colour and the opacity. That is as
fine as sRGB (its steps differ by a tenth at most above black) and costs one product to undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from reelwright.stage.mipmap import Footprint, MipTable, footprint, tap_places, texels
from reelwright.stage.selection import take, where_true

MAX_SIDE = 2048
"""Larger textures are halved until they fit (all of them further, if there are very many)."""

_MOST_TEXELS = 64_000_000
_STRETCHED = 1.5


def linear_from_srgb(value: Float32[Tensor, "*shape"]) -> Float32[Tensor, "*shape"]:
    """Decode sRGB, 0..1. Source: IEC 61966-2-1."""
    return torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """All textures of a shot in one list.

    Attributes:
        data: Packed texels.
        table: Their sizes.
        largest: Width and height of each texture as it is held.
    """

    data: Int32[Tensor, " N"]
    table: MipTable
    largest: Float32[Tensor, "2 K"]

    @staticmethod
    def of(
        pictures: Sequence[tuple[UInt8[np.ndarray, "h w 4"], float | None]], device: torch.device
    ) -> Textures:
        """Take in sRGB pictures.

        Args:
            pictures: Each with the opacity at which it is cut away, if it is: its smaller levels
                then keep the share of the picture that is left, so that leaves do not thin out
                with distance.
            device: Where they are read.
        """
        side = _side_that_fits([picture.shape[:2] for picture, _ in pictures])
        stacks = [_levels(picture, cutoff, side) for picture, cutoff in pictures]
        sizes = [[(level.shape[2], level.shape[1]) for level in levels] for levels in stacks]
        packed = [_packed(level) for levels in stacks for level in levels]
        data = torch.cat(packed) if packed else torch.zeros(1, dtype=torch.int32)
        largest = torch.tensor([levels[0] for levels in sizes] or [(1, 1)], dtype=torch.float32)
        return Textures(
            data.to(device),
            MipTable.of(sizes or [[(1, 1)]], device),
            largest.T.contiguous().to(device),
        )

    @property
    def nbytes(self) -> int:
        """Memory that the texels take."""
        return self.data.shape[0] * 4

    def footprint(
        self, texture: Int64[Tensor, " N"], along_x: Tensor, along_y: Tensor
    ) -> Footprint:
        """How much of its texture each sample covers."""
        width, height = take(self.largest, texture)
        return footprint(along_x, along_y, width, height)

    def read(
        self,
        texture: Int64[Tensor, " N"],
        uv: Float32[Tensor, "2 N"],
        seen: Footprint,
        wrap: tuple[Tensor, Tensor],
    ) -> Float32[Tensor, "4 N"]:
        """Linear red, green, blue and opacity, averaged over each sample's footprint."""
        long = (seen.stretch * take(self.largest, texture)).square().sum(0).sqrt()
        minor = torch.exp2(seen.lod)
        color = self._at(texture, uv, seen.lod, wrap)
        slanted = where_true(long * 4 > _STRETCHED * minor.clamp_min(1))
        if slanted.shape[0]:
            color[:, slanted] = self._averaged(texture, uv, seen, wrap, slanted)
        return color

    def _averaged(
        self,
        texture: Tensor,
        uv: Tensor,
        seen: Footprint,
        wrap: tuple[Tensor, Tensor],
        index: Tensor,
    ) -> Tensor:
        own, lod = take(texture, index), take(seen.lod, index)
        edges = (take(wrap[0], index), take(wrap[1], index))
        taps = [
            self._at(own, place, lod, edges)
            for place in tap_places(take(uv, index), take(seen.stretch, index))
        ]
        return torch.stack(taps).sum(0) / len(taps)

    def _at(self, texture: Tensor, uv: Tensor, lod: Tensor, wrap: tuple[Tensor, Tensor]) -> Tensor:
        total = torch.zeros((4, uv.shape[1]), device=uv.device)
        for index, weight in texels(self.table, texture, uv, lod, wrap):
            word = take(self.data, index)
            for channel in range(4):
                value = ((word >> (8 * channel)) & 255).float() * (1 / 255)
                total[channel] += weight * (value if channel == 3 else value * value)
        return total


def _side_that_fits(sizes: Sequence[tuple[int, ...]]) -> int:
    """The longest side that lets all pictures together stay within bounds."""
    side = MAX_SIDE
    while side > 64:
        shrunk = [min(1.0, side / max(size)) for size in sizes]
        texels = sum(h * w * s * s for (h, w), s in zip(sizes, shrunk, strict=True))
        if texels <= _MOST_TEXELS:
            break
        side //= 2
    return side


def _levels(
    picture: UInt8[np.ndarray, "h w 4"], cutoff: float | None, longest: int
) -> list[Tensor]:
    """[4, h, w] of linear colour and opacity, each level half the one before."""
    bytes_ = torch.from_numpy(np.array(picture, dtype=np.uint8)).permute(2, 0, 1)
    value = bytes_.float() / 255
    level = torch.cat((linear_from_srgb(value[:3]), value[3:]))
    while max(level.shape[1:]) > longest:
        level = _halved(level)
    levels = [level]
    kept = None if cutoff is None else float((level[3] >= cutoff).float().mean())
    while max(level.shape[1:]) > 1:
        level = _halved(level)
        levels.append(level)
    if cutoff is None or kept is None:
        return levels
    return [levels[0], *(_with_coverage(each, cutoff, kept) for each in levels[1:])]


def _halved(level: Tensor) -> Tensor:
    """Half the size; colour counts by its opacity, so that what is clear does not bleed in."""
    size = [max(1, side // 2) for side in level.shape[1:]]
    weight = level[3:].clamp_min(1e-4)
    small = interpolate(torch.cat((level[:3] * weight, weight, level[3:]))[None], size, mode="area")
    return torch.cat((small[0, :3] / small[0, 3:4], small[0, 4:]))


def _with_coverage(level: Tensor, cutoff: float, kept: float) -> Tensor:
    """Scale opacity so that the share of texels above the cutoff stays what it was."""
    ranked = level[3].reshape(-1).sort(descending=True).values
    last = min(max(round(kept * ranked.shape[0]) - 1, 0), ranked.shape[0] - 1)
    scale = cutoff / float(ranked[last].clamp_min(1e-3))
    return torch.cat((level[:3], (level[3:] * scale).clamp(0, 1)))


def _packed(level: Tensor) -> Tensor:
    coded = torch.cat((level[:3].clamp(0, 1).sqrt(), level[3:]))
    bytes_ = (coded * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).reshape(-1, 4)
    return bytes_.contiguous().view(torch.int32).reshape(-1)
