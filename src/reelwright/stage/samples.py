"""Where a picture is sampled: every pixel's centre, and eight places in the pixels with edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from reelwright.stage.selection import take, where_true

# Eight rooks: no two share a row or a column of the 8x8 grid, so a nearly upright or level edge
# passes them one at a time. Their mean is the pixel's centre.
_ROOKS = ((5, 0), (2, 1), (7, 2), (0, 3), (6, 5), (3, 4), (4, 7), (1, 6))
NUM_SUBSAMPLES = len(_ROOKS)
_GROUP = 131_072


@dataclass(frozen=True, slots=True, eq=False)
class PixelGrid:
    """One sample at every pixel's centre; sample number is row * width + column.

    Attributes:
        size: Width and height in pixels.
        device: Where the samples are.
    """

    size: tuple[int, int]
    device: torch.device
    offsets: Float32[Tensor, "2 1"] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "offsets", torch.full((2, 1), 0.5, device=self.device))

    @property
    def rows(self) -> tuple[int, int]:
        """All of them."""
        return 0, self.size[1]

    @property
    def num_samples(self) -> int:
        """One a pixel."""
        return self.size[0] * self.size[1]

    def run(
        self, row: Int64[Tensor, " N"], start: Int64[Tensor, " N"], stop: Int64[Tensor, " N"]
    ) -> tuple[Int64[Tensor, " N"], Int64[Tensor, " N"]]:
        """Pixel number of a run's first column, and its length."""
        return row * self.size[0] + start, stop - start

    def column(self, pixel: Int64[Tensor, " N"], row: Int64[Tensor, " N"]) -> Int64[Tensor, " N"]:
        """The column of a pixel."""
        return pixel - row * self.size[0]

    def places(self, sample: Int64[Tensor, " N"]) -> Float32[Tensor, "2 N"]:
        """Where samples lie, pixels."""
        row = torch.div(sample, self.size[0], rounding_mode="floor")
        return torch.stack((sample - row * self.size[0], row)).float() + 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SubsampleGrid:
    """Eight samples in each of some pixels; sample number is place in `pixels` * 8 + which.

    Attributes:
        size: Width and height in pixels.
        pixels: The pixels, rising, as row * width + column.
        rows: First and last (exclusive) row that they lie in.
        offsets: Where in a pixel its samples lie.
        before: How many of the pixels come before each pixel of these rows, and after the last.
        columns: Column of each of the pixels.
    """

    size: tuple[int, int]
    pixels: Int64[Tensor, " C"]
    rows: tuple[int, int]
    offsets: Float32[Tensor, "2 8"]
    before: Int64[Tensor, " N"]
    columns: Int64[Tensor, " C"]

    @staticmethod
    def of(
        pixels: Int64[Tensor, " C"], rows: tuple[int, int], size: tuple[int, int]
    ) -> SubsampleGrid:
        """A grid over some pixels, given in rising order, all within some rows."""
        width = size[0]
        base = rows[0] * width
        here = torch.zeros((rows[1] - rows[0]) * width, dtype=torch.int64, device=pixels.device)
        here[pixels - base] = 1
        before = torch.cat((here.new_zeros(1), here.cumsum(0)))
        offsets = (torch.tensor(_ROOKS, device=pixels.device).T + 0.5) / NUM_SUBSAMPLES
        return SubsampleGrid(size, pixels, rows, offsets.contiguous(), before, pixels % width)

    @property
    def num_samples(self) -> int:
        """Eight a pixel."""
        return self.pixels.shape[0] * NUM_SUBSAMPLES

    def run(
        self, row: Int64[Tensor, " N"], start: Int64[Tensor, " N"], stop: Int64[Tensor, " N"]
    ) -> tuple[Int64[Tensor, " N"], Int64[Tensor, " N"]]:
        """Number of the first sampled pixel of a run of columns, and how many there are."""
        base = (row - self.rows[0]) * self.size[0]
        first = take(self.before, base + start)
        # An inverted run (rounding, at a corner) covers nothing.
        return first, take(self.before, base + torch.maximum(start, stop)) - first

    def column(self, pixel: Int64[Tensor, " N"], row: Int64[Tensor, " N"]) -> Int64[Tensor, " N"]:
        """The column of a sampled pixel."""
        return take(self.columns, pixel)

    def places(self, sample: Int64[Tensor, " N"]) -> Float32[Tensor, "2 N"]:
        """Where samples lie, pixels."""
        which = sample % NUM_SUBSAMPLES
        pixel = take(self.pixels, torch.div(sample, NUM_SUBSAMPLES, rounding_mode="floor"))
        row = torch.div(pixel, self.size[0], rounding_mode="floor")
        return torch.stack((pixel - row * self.size[0], row)).float() + take(self.offsets, which)

    def occupied(
        self, left: Tensor, right: Tensor, top: Tensor, bottom: Tensor
    ) -> Bool[Tensor, " N"]:
        """Whether boxes of pixels (right and bottom exclusive) may hold a sampled pixel.

        A summed-area table answers for all boxes at once.
        """
        width = self.size[0]
        low, high = self.rows
        here = (self.before[1:] - self.before[:-1]).reshape(high - low, width)
        sums = torch.zeros((high - low + 1, width + 1), dtype=torch.int64, device=here.device)
        sums[1:, 1:] = here.cumsum(0).cumsum(1)
        flat = sums.reshape(-1)
        x0, x1 = left.clamp(0, width), right.clamp(0, width)
        y0, y1 = top.clamp(low, high) - low, bottom.clamp(low, high) - low
        step = width + 1
        inside = (
            take(flat, y1 * step + x1)
            - take(flat, y0 * step + x1)
            - take(flat, y1 * step + x0)
            + take(flat, y0 * step + x0)
        )
        return inside > 0


def subsample_grids(marks: Bool[Tensor, " HW"], size: tuple[int, int]) -> Iterator[SubsampleGrid]:
    """Grids over the marked pixels, from top to bottom, each of bounded size."""
    pixels = where_true(marks)
    total = pixels.shape[0]
    start = 0
    while start < total:
        # Cut at row ends, so that a grid's rows are its own.
        last = min(start + _GROUP, total) - 1
        bottom = int(pixels[last]) // size[0] + 1
        stop = int(torch.searchsorted(pixels, bottom * size[0]))
        top = int(pixels[start]) // size[0]
        yield SubsampleGrid.of(pixels[start:stop], (top, bottom), size)
        start = stop
