"""Which samples a triangle covers, and how near it is there.

Each triangle is cut into rows of samples and each row into a span between two of the triangle's
edges; the spans are then laid out as one list of fragments. Nothing is tested and thrown away: the
work is the number of rows plus the number of covered samples, for a speck as for a triangle that
fills the picture.

An edge's crossing with a row is computed from its upper end alone, by the same operations for both
triangles that share the edge, and rounded once; a span runs from one rounded crossing up to, not
including, the next. So neighbours never leave a hole and never cover a sample twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from reelwright.stage.projection import ScreenTriangles
from reelwright.stage.selection import repeated, spans_of_at_most, take, where_true

_ROWS = 1_000_000
_FRAGMENTS = 2_000_000


class SampleGrid(Protocol):
    """Where the picture is sampled: the same offsets in every pixel that has samples."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    @property
    def rows(self) -> tuple[int, int]:
        """First and last (exclusive) row that has samples."""

    @property
    def offsets(self) -> Float32[Tensor, "2 S"]:
        """Places of the samples in their pixel, x and y in 0..1."""

    def run(
        self, row: Int64[Tensor, " N"], start: Int64[Tensor, " N"], stop: Int64[Tensor, " N"]
    ) -> tuple[Int64[Tensor, " N"], Int64[Tensor, " N"]]:
        """The sampled pixels of a run of columns: number of the first, and how many follow."""

    def column(self, pixel: Int64[Tensor, " N"], row: Int64[Tensor, " N"]) -> Int64[Tensor, " N"]:
        """The column of a sampled pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Fragments:
    """Samples covered by triangles, one entry per triangle and sample.

    Attributes:
        sample: Number of the sample: sampled pixel times samples per pixel, plus which.
        nearness: Of the triangle at the sample.
        triangle: The triangle's number.
    """

    sample: Int64[Tensor, " N"]
    nearness: Float32[Tensor, " N"]
    triangle: Int64[Tensor, " N"]

    def at(self, index: Int64[Tensor, " M"]) -> Fragments:
        """Some of them."""
        return Fragments(
            take(self.sample, index), take(self.nearness, index), take(self.triangle, index)
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """A triangle's corners from top to bottom, its edges, and how nearness changes over it."""

    x: Tensor  # [3, T]
    y: Tensor  # [3, T]
    slope: Tensor  # [3, T]: of the edges 01, 12, 02, columns per row
    plane: Tensor  # [5, T]: x, y, nearness of the farthest corner, change per column and row
    bounds: Tensor  # [2, T]


def fragments(triangles: ScreenTriangles, grid: SampleGrid) -> Iterator[Fragments]:
    """Yield what triangles cover of a grid, in lists of bounded length."""
    if not triangles.triangle.shape[0]:
        return
    slopes = _slopes(triangles)
    first, counts = _row_range(slopes, grid)
    num_offsets = grid.offsets.shape[1]
    for start, stop in spans_of_at_most(counts, _ROWS):
        entry, rank = repeated(counts[start:stop])
        entry = entry + start
        row = take(first, entry) + rank
        triangle = entry // num_offsets
        yield from _spans(slopes, triangles, grid, triangle, entry % num_offsets, row)


def _slopes(triangles: ScreenTriangles) -> _Slopes:
    x, y = list(triangles.x), list(triangles.y)
    for upper, lower in ((0, 1), (1, 2), (0, 1)):
        a, b = (x[upper], y[upper]), (x[lower], y[lower])
        swap = (a[1] > b[1]) | ((a[1] == b[1]) & (a[0] > b[0]))
        x[upper], x[lower] = torch.where(swap, b[0], a[0]), torch.where(swap, a[0], b[0])
        y[upper], y[lower] = torch.where(swap, b[1], a[1]), torch.where(swap, a[1], b[1])
    slope = [(x[b] - x[a]) / (y[b] - y[a]) for a, b in ((0, 1), (1, 2), (0, 2))]
    bounds = torch.stack((triangles.nearness.amin(0), triangles.nearness.amax(0)))
    return _Slopes(torch.stack(x), torch.stack(y), torch.stack(slope), _plane(triangles), bounds)


def _plane(triangles: ScreenTriangles) -> Tensor:
    """Nearness as a plane through the farthest corner, where it has the least room for rounding."""
    x, y, n = triangles.x, triangles.y, triangles.nearness
    base = n.argmin(0)[None]
    x0, y0, n0 = (field.gather(0, base)[0] for field in (x, y, n))
    dx1, dy1, dn1 = x[1] - x[0], y[1] - y[0], n[1] - n[0]
    dx2, dy2, dn2 = x[2] - x[0], y[2] - y[0], n[2] - n[0]
    area = dx1 * dy2 - dx2 * dy1
    safe = torch.where(area.abs() < 1e-20, torch.full_like(area, torch.inf), area)
    return torch.stack((x0, y0, n0, (dn1 * dy2 - dn2 * dy1) / safe, (dn2 * dx1 - dn1 * dx2) / safe))


def _row_range(slopes: _Slopes, grid: SampleGrid) -> tuple[Tensor, Tensor]:
    """First row and number of rows of each triangle and offset, triangle by triangle."""
    low, high = grid.rows
    offset = grid.offsets[1][None]
    first = (slopes.y[0][:, None] - offset).ceil().clamp(low, high)
    last = (slopes.y[2][:, None] - offset).ceil().clamp(low, high)
    return first.long().reshape(-1), (last - first).long().reshape(-1)


def _spans(
    slopes: _Slopes,
    triangles: ScreenTriangles,
    grid: SampleGrid,
    triangle: Tensor,
    which: Tensor,
    row: Tensor,
) -> Iterator[Fragments]:
    width = grid.size[0]
    dx, dy = take(grid.offsets, which)
    at_y = row + dy
    x, y, slope = take(slopes.x, triangle), take(slopes.y, triangle), take(slopes.slope, triangle)
    long = x[0] + (at_y - y[0]) * slope[2]
    short = torch.where(
        at_y < y[1], x[0] + (at_y - y[0]) * slope[0], x[1] + (at_y - y[1]) * slope[1]
    )
    left = (torch.minimum(long, short) - dx).ceil().clamp(0, width)
    right = (torch.maximum(long, short) - dx).ceil().clamp(0, width)
    pixel, count = grid.run(row, left.long(), right.long())
    kept = where_true(count > 0)
    if not kept.shape[0]:
        return
    triangle, which, left, right = (take(f, kept) for f in (triangle, which, left, right))
    pixel, count, row = take(pixel, kept), take(count, kept), take(row, kept)
    near, change = _row_nearness(slopes, triangle, left, right, take(dx, kept), take(at_y, kept))
    number = take(triangles.triangle, triangle)
    for start, stop in spans_of_at_most(count, _FRAGMENTS):
        part = slice(start, stop)
        owner, rank = repeated(count[part])
        covered = take(pixel[part], owner) + rank
        steps = grid.column(covered, take(row[part], owner)) - take(left[part], owner)
        yield Fragments(
            covered * grid.offsets.shape[1] + take(which[part], owner),
            take(near[part], owner) + steps * take(change[part], owner),
            take(number[part], owner),
        )


def _row_nearness(
    slopes: _Slopes, triangle: Tensor, left: Tensor, right: Tensor, dx: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Nearness at a span's first sample and its change per column, never beyond the corners'."""
    x0, y0, n0, per_column, per_row = take(slopes.plane, triangle)
    low, high = take(slopes.bounds, triangle)
    first = n0 + ((left + dx - x0) * per_column + (y - y0) * per_row)
    steps = (right - left - 1).clamp_min(1)
    last = torch.minimum(torch.maximum(first + steps * per_column, low), high)
    first = torch.minimum(torch.maximum(first, low), high)
    return first, (last - first) / steps
