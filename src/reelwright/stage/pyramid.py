"""A field of floats that repeats or ends at its borders, with all its smaller levels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn.functional import avg_pool2d

from reelwright.stage.mipmap import CLAMP, REPEAT_POWER, Footprint, MipTable, tap_places, texels
from reelwright.stage.selection import take


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """Levels of one field, largest first.

    Attributes:
        data: All texels of all levels.
        table: Their sizes.
        size: Width and height of the largest level.
        repeats: Whether it tiles the plane.
    """

    data: Float32[Tensor, "C N"]
    table: MipTable
    size: tuple[int, int]
    repeats: bool

    @staticmethod
    def of(field: Float32[Tensor, "C h w"], *, repeats: bool, max_levels: int = 16) -> Pyramid:
        """Average a field down.

        Args:
            field: What repeats has sides that are powers of two; others may lose a border texel.
            repeats: Whether it tiles the plane.
            max_levels: At most so many.
        """
        levels = [field]
        while min(field.shape[1:]) > 1 and len(levels) < max_levels:
            field = avg_pool2d(field[None], 2)[0]
            levels.append(field)
        sizes = [(level.shape[2], level.shape[1]) for level in levels]
        data = torch.cat([level.reshape(level.shape[0], -1) for level in levels], dim=1)
        return Pyramid(data, MipTable.of([sizes], field.device), sizes[0], repeats)

    def read(
        self, uv: Float32[Tensor, "2 N"], lod: Float32[Tensor, " N"]
    ) -> Float32[Tensor, "C N"]:
        """The field at places (0..1 spans it) and levels."""
        total = torch.zeros((self.data.shape[0], uv.shape[1]), device=uv.device)
        wrap = REPEAT_POWER if self.repeats else CLAMP
        only = torch.zeros(uv.shape[1], dtype=torch.int64, device=uv.device)
        for index, weight in texels(self.table, only, uv, lod, (wrap, wrap)):
            total += weight * take(self.data, index)
        return total

    def read_over(self, uv: Float32[Tensor, "2 N"], seen: Footprint) -> Float32[Tensor, "C N"]:
        """The field averaged over slanted footprints."""
        taps = [self.read(place, seen.lod) for place in tap_places(uv, seen.stretch)]
        return torch.stack(taps).sum(0) / len(taps)
