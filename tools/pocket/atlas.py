"""A repeating field with all its smaller levels in one picture, read by `grid_sample`.

Reads as `reelwright.stage.pyramid.Pyramid` does, some eight times as fast on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, pad

from reelwright.stage.mipmap import Footprint


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Levels of one square field that tiles the plane.

    Attributes:
        picture: [1, C, h, w]: every level with a border of one texel.
        place: [3, L]: left, top and side of each level in it.
        size: Width and height of the largest level.
    """

    picture: Tensor
    place: Tensor
    size: tuple[int, int]

    @staticmethod
    def of(field: Tensor) -> Atlas:
        """Average a field [C, side, side] down; its side is a power of two."""
        side = field.shape[-1]
        level, levels = field[None], []
        while True:
            levels.append(level)
            if level.shape[-1] == 1:
                break
            level = avg_pool2d(level, 2)
        picture = field.new_zeros((1, field.shape[0], side + 2 * len(levels), 2 * side))
        places, left, top = [], 0, 0
        for number, one in enumerate(levels):
            small = one.shape[-1]
            framed = pad(one, (1, 1, 1, 1), mode="circular") if small > 1 else one.expand(
                1, -1, 3, 3
            )  # fmt: skip
            picture[:, :, top : top + small + 2, left : left + small + 2] = framed
            places.append((left + 1.0, top + 1.0, float(small)))
            left, top = (side + 2, 0) if number == 0 else (left, top + small + 2)
        height = max(side + 2, top + 3)
        return Atlas(
            picture[:, :, :height, : 2 * side].contiguous(),
            torch.tensor(places, device=field.device).T.contiguous(),
            (side, side),
        )

    def read(self, uv: Tensor, lod: Tensor) -> Tensor:
        """The field at places [2, N] (0..1 spans it) and levels [N]: [C, N]."""
        level = lod.clamp(0, self.place.shape[1] - 1)
        low = level.floor()
        share = level - low
        index = low.long()
        higher = (index + 1).clamp(max=self.place.shape[1] - 1)
        inside = uv - uv.floor()
        one, two = self._at(inside, index), self._at(inside, higher)
        return one + share * (two - one)

    def read_over(self, uv: Tensor, seen: Footprint) -> Tensor:
        """The field averaged over slanted footprints, by two taps where the stage takes four."""
        return 0.5 * (
            self.read(uv - seen.stretch, seen.lod) + self.read(uv + seen.stretch, seen.lod)
        )

    def _at(self, inside: Tensor, index: Tensor) -> Tensor:
        left, top, side = self.place.index_select(1, index)
        height, width = self.picture.shape[2:]
        x = (left + inside[0] * side) * (2 / width) - 1
        y = (top + inside[1] * side) * (2 / height) - 1
        grid = torch.stack((x, y), -1)[None, None]
        return grid_sample(self.picture, grid, align_corners=False)[0, :, 0]
