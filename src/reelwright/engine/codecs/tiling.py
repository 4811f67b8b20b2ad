"""Cutting a latent into overlapping tiles whose results blend without a seam.

Every axis is cut by itself, in latent cells, and its tiles' weights are normalised by their sum, so
that any grid of tiles adds up to exactly one everywhere and no buffer of weights is kept. In time a
tile's first latent decodes to a single frame instead of a whole group: all tiles but the first
therefore start one latent earlier, and give that frame no weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.errors import SettingError


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of one axis, in latent cells.

    Attributes:
        start: First cell.
        stop: One past the last.
        left: Cells over which its weight rises.
        right: Cells over which it falls.
    """

    start: int
    stop: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class AxisTiling:
    """How one axis is cut.

    Attributes:
        size: Cells of a tile.
        overlap: Cells that neighbours share.
    """

    size: int
    overlap: int

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.overlap < self.size:
            raise SettingError(
                f"Tiles of {self.size} cells cannot overlap by {self.overlap}.",
                "Make the overlap smaller than the tile.",
            )

    @classmethod
    def from_pixels(cls, size: int, overlap: int, factor: int) -> AxisTiling:
        """Cut by pixels or frames.

        Args:
            size: Pixels of a tile.
            overlap: Pixels that neighbours share.
            factor: Pixels of one cell.

        Raises:
            SettingError: Either is not a multiple of the factor.
        """
        if size % factor or overlap % factor:
            raise SettingError(
                f"A tile of {size} with an overlap of {overlap} is off the grid of {factor}.",
                f"Use multiples of {factor}.",
            )
        return cls(size // factor, overlap // factor)

    def split(self, length: int) -> list[Tile]:
        """Cut an axis of so many cells; the last tile may be shorter."""
        if length <= self.size:
            return [Tile(0, length, 0, 0)]
        stride = self.size - self.overlap
        count = ceil((length - self.overlap) / stride)
        return [
            Tile(
                i * stride,
                min(i * stride + self.size, length),
                self.overlap if i else 0,
                self.overlap if i < count - 1 else 0,
            )
            for i in range(count)
        ]


@dataclass(frozen=True, slots=True)
class CountTiling:
    """An axis cut into a number of tiles.

    Attributes:
        count: How many.
        overlap: Cells that neighbours share.
    """

    count: int
    overlap: int

    def split(self, length: int) -> list[Tile]:
        """Cut an axis of so many cells, evenly; what does not divide goes to the first tiles.

        Raises:
            SettingError: The tiles would be no larger than their overlap.
        """
        size, larger = divmod(length + (self.count - 1) * self.overlap, self.count)
        if size < 1 or (self.count > 1 and size <= self.overlap):
            raise SettingError(
                f"{length} cells cannot be cut into {self.count} tiles that share {self.overlap}.",
                "Use fewer tiles or a smaller overlap.",
            )
        tiles, start = [], 0
        for i in range(self.count):
            stop = start + size + (i < larger)
            left = self.overlap if i else 0
            tiles.append(Tile(start, stop, left, self.overlap if i < self.count - 1 else 0))
            start = stop - self.overlap
        return tiles


Cut = AxisTiling | CountTiling


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a latent is cut.

    Attributes:
        frames: In time.
        height: In rows.
        width: In columns.
    """

    frames: Cut
    height: Cut
    width: Cut


def causal_tiles(tiles: list[Tile]) -> list[Tile]:
    """Let every tile in time but the first start one latent earlier."""
    return [
        tile if not i else Tile(tile.start - 1, tile.stop, tile.left + 1, tile.right)
        for i, tile in enumerate(tiles)
    ]


def pixel_span(tile: Tile, factor: int, *, causal: bool) -> slice:
    """The pixels of a tile, or in time its frames."""
    if causal:
        return slice(tile.start * factor, 1 + (tile.stop - 1) * factor)
    return slice(tile.start * factor, tile.stop * factor)


def axis_weights(tiles: list[Tile], factor: int, *, causal: bool) -> list[Float32[Tensor, " _"]]:
    """The weight of each tile at each of its pixels; over all tiles they add up to one.

    Args:
        tiles: Of one axis, in order.
        factor: Pixels of one cell; 1 for the cells themselves.
        causal: Whether the axis is time.
    """
    spans = [pixel_span(tile, factor, causal=causal) for tile in tiles]
    weights = [
        _trapezoid(span.stop - span.start, tile, factor, causal=causal)
        for tile, span in zip(tiles, spans, strict=True)
    ]
    total = torch.zeros(spans[-1].stop)
    for span, weight in zip(spans, weights, strict=True):
        total[span] += weight
    total.clamp_(min=1e-8)
    return [weight / total[span] for span, weight in zip(spans, weights, strict=True)]


def _trapezoid(length: int, tile: Tile, factor: int, *, causal: bool) -> Float32[Tensor, " _"]:
    weight = torch.ones(length)
    right = tile.right * factor
    if causal and tile.left:
        left = 1 + (tile.left - 1) * factor
        weight[:left] *= torch.arange(left) / left
    elif tile.left:
        left = tile.left * factor
        weight[:left] *= torch.arange(1, left + 1) / (left + 1)
    if right:
        weight[length - right :] *= 1 - torch.arange(1, right + 1) / (right + 1)
    return weight
