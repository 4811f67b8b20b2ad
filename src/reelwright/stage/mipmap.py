"""Where in a stack of ever smaller pictures a sample is read, and with what weight.

Several pictures lie one after another in one flat list of texels, each followed by its levels, so
that samples of different textures are read in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from reelwright.stage.selection import take

REPEAT, MIRROR, CLAMP = 0, 1, 2
REPEAT_POWER = 3
"""As `REPEAT`, for sides that are powers of two: a bit mask takes a fifth of a division's time."""

NUM_TAPS = 4
"""Samples along the long side of a slanted pixel's footprint."""


@dataclass(frozen=True, slots=True, eq=False)
class MipTable:
    """The sizes of all levels of all pictures.

    Attributes:
        offset: Place of each level's first texel.
        width: Of each level.
        height: Of each level.
        first: The level that is each picture's largest.
        last: The level that is each picture's smallest.
    """

    offset: Int64[Tensor, " L"]
    width: Int64[Tensor, " L"]
    height: Int64[Tensor, " L"]
    first: Int64[Tensor, " K"]
    last: Int64[Tensor, " K"]

    @staticmethod
    def of(sizes: Sequence[Sequence[tuple[int, int]]], device: torch.device) -> MipTable:
        """A table for pictures given as (width, height) of each level, largest first."""
        flat = [size for levels in sizes for size in levels]
        areas = [width * height for width, height in flat]
        offset = [sum(areas[:index]) for index in range(len(areas))]
        ends = [sum(len(levels) for levels in sizes[: k + 1]) for k in range(len(sizes))]
        first = [end - len(levels) for end, levels in zip(ends, sizes, strict=True)]
        columns = (offset, [w for w, _ in flat], [h for _, h in flat], first, [e - 1 for e in ends])
        return MipTable(*(torch.tensor(c, dtype=torch.int64, device=device) for c in columns))


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """How much of a picture one pixel covers, and which way it is stretched.

    Attributes:
        lod: Level to read at, 0 is the largest picture; may be negative.
        stretch: uv from the middle of the first tap to that of the last, in units of taps.
    """

    lod: Float32[Tensor, " N"]
    stretch: Float32[Tensor, "2 N"]


def footprint(
    along_x: Float32[Tensor, "2 N"],
    along_y: Float32[Tensor, "2 N"],
    width: Tensor | float,
    height: Tensor | float,
) -> Footprint:
    """The footprint of pixels whose uv change so much along x and y.

    Args:
        along_x: Change of uv from this pixel to the next on its right.
        along_y: Change of uv to the next below.
        width: Of the largest level, texels.
        height: Of the largest level, texels.
    """
    ax, ay = along_x[0] * width, along_x[1] * height
    bx, by = along_y[0] * width, along_y[1] * height
    a, b = ax * ax + ay * ay, bx * bx + by * by
    across = a >= b
    long, short = torch.maximum(a, b), torch.minimum(a, b)
    lod = 0.5 * torch.maximum(short, long / NUM_TAPS**2).clamp_min(1e-12).log2()
    spread = (1 - short / long.clamp_min(1e-20)).clamp_min(0).sqrt() / NUM_TAPS
    return Footprint(lod, torch.where(across, along_x, along_y) * spread)


def tap_places(
    uv: Float32[Tensor, "2 N"], stretch: Float32[Tensor, "2 N"]
) -> Iterator[Float32[Tensor, "2 N"]]:
    """The uvs that are averaged for each sample."""
    for tap in range(NUM_TAPS):
        yield uv + (tap - (NUM_TAPS - 1) / 2) * stretch


def texels(
    table: MipTable,
    picture: Int64[Tensor, " N"],
    uv: Float32[Tensor, "2 N"],
    lod: Float32[Tensor, " N"],
    wrap: tuple[Tensor | int, Tensor | int],
) -> Iterator[tuple[Int64[Tensor, " N"], Float32[Tensor, " N"]]]:
    """Yield the eight texels of each sample and their weights, which sum to one.

    Args:
        table: Sizes.
        picture: Which picture each sample reads.
        uv: Where; 0..1 spans the picture, v down.
        lod: Level, with fraction; levels that do not exist are clamped.
        wrap: `REPEAT`, `MIRROR`, `CLAMP` or `REPEAT_POWER`, across and down.
    """
    first, last = take(table.first, picture), take(table.last, picture)
    level = torch.minimum(lod.clamp_min(0), (last - first).float())
    low = level.floor()
    share = level - low
    low_level = first + low.long()
    for at, weight in (
        (low_level, 1 - share),
        (torch.minimum(low_level + 1, last), share),
    ):
        yield from _bilinear(table, at, uv, weight, wrap)


def _bilinear(
    table: MipTable,
    level: Tensor,
    uv: Tensor,
    weight: Tensor,
    wrap: tuple[Tensor | int, Tensor | int],
) -> Iterator[tuple[Tensor, Tensor]]:
    width, height = take(table.width, level), take(table.height, level)
    x, y = uv[0] * width - 0.5, uv[1] * height - 0.5
    column, row = x.floor(), y.floor()
    right, down = x - column, y - row
    columns = [_wrapped(column.long() + k, width, wrap[0]) for k in (0, 1)]
    rows = [_wrapped(row.long() + k, height, wrap[1]) for k in (0, 1)]
    offset = take(table.offset, level)
    for j, vertical in ((0, 1 - down), (1, down)):
        line = offset + rows[j] * width
        share = weight * vertical
        yield line + columns[0], share * (1 - right)
        yield line + columns[1], share * right


def _wrapped(index: Tensor, size: Tensor, wrap: Tensor | int) -> Tensor:
    if isinstance(wrap, int) and wrap == REPEAT_POWER:
        return index & (size - 1)
    repeat = torch.remainder(index, size)
    if isinstance(wrap, int) and wrap == REPEAT:
        return repeat
    clamp = torch.minimum(index.clamp_min(0), size - 1)
    if isinstance(wrap, int) and wrap == CLAMP:
        return clamp
    twice = torch.remainder(index, 2 * size)
    mirror = torch.where(twice >= size, 2 * size - 1 - twice, twice)
    return torch.where(
        torch.as_tensor(wrap == REPEAT, device=index.device),
        repeat,
        torch.where(torch.as_tensor(wrap == MIRROR, device=index.device), mirror, clamp),
    )
