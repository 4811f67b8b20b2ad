from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelwright.engine.codecs.tiling import (
    AxisTiling,
    CountTiling,
    Tile,
    axis_weights,
    causal_tiles,
    pixel_span,
)
from reelwright.errors import SettingError


def test_documented_example_in_time() -> None:
    tiles = causal_tiles(AxisTiling.from_pixels(32, 16, 8).split(9))
    assert [(t.start, t.stop) for t in tiles] == [(0, 4), (1, 6), (3, 8), (5, 9)]
    spans = [pixel_span(t, 8, causal=True) for t in tiles]
    assert [(s.start, s.stop) for s in spans] == [(0, 25), (8, 41), (24, 57), (40, 65)]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 8), st.integers(1, 8), st.booleans())
def test_weights_add_up_to_one(
    length: int, size: int, overlap: int, factor: int, causal: bool
) -> None:
    assume(overlap < size)
    tiles = AxisTiling(size, overlap).split(length)
    _check_sum(causal_tiles(tiles) if causal else tiles, length, factor, causal)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 8), st.integers(1, 8), st.booleans())
def test_counted_tiles_cover_and_add_up(
    length: int, count: int, overlap: int, factor: int, causal: bool
) -> None:
    try:
        tiles = CountTiling(count, overlap).split(length)
    except SettingError:
        assert (length + (count - 1) * overlap) // count <= overlap or length < count
        return
    assert len(tiles) == count
    _check_sum(causal_tiles(tiles) if causal else tiles, length, factor, causal)


def _check_sum(tiles: list[Tile], length: int, factor: int, causal: bool) -> None:
    total = torch.zeros(1 + (length - 1) * factor if causal else length * factor)
    for tile, weight in zip(tiles, axis_weights(tiles, factor, causal=causal), strict=True):
        total[pixel_span(tile, factor, causal=causal)] += weight
    assert torch.allclose(total, torch.ones(()), atol=1e-5)


def test_first_frame_of_a_later_tile_has_no_weight() -> None:
    tiles = causal_tiles(AxisTiling(4, 2).split(9))
    for weight in axis_weights(tiles, 8, causal=True)[1:]:
        assert weight[0] == 0


def test_uneven_counts_go_to_the_first() -> None:
    tiles = CountTiling(3, 2).split(6)
    assert [(t.start, t.stop) for t in tiles] == [(0, 4), (2, 5), (3, 6)]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_tiles_that_cannot_be(size: int, overlap: int) -> None:
    with pytest.raises(SettingError, match="overlap"):
        AxisTiling(size, overlap)


def test_off_the_grid() -> None:
    with pytest.raises(SettingError, match="multiples of 32"):
        AxisTiling.from_pixels(100, 32, 32)
