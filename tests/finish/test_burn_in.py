from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelwright.finish.burn_in import BurnIn, burn_in, timecode


@pytest.mark.parametrize(
    ("frame", "rate", "words"),
    [
        (0, Fraction(24), "00:00:00:00"),
        (25, Fraction(24), "00:00:01:01"),
        (24 * 3600 + 24 * 61 + 23, Fraction(24_000, 1001), "01:01:01:23"),
        (59, Fraction(60_000, 1001), "00:00:00:59"),
    ],
)
def test_timecode_counts_the_films_frames(frame: int, rate: Fraction, words: str) -> None:
    assert timecode(frame, rate) == words


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_strip_is_legible_on_any_picture(dtype: Any) -> None:
    white = np.iinfo(dtype).max
    for level in (0, white):
        pictures = np.full((2, 360, 640, 3), level, dtype)
        drawn = burn_in(pictures, 0, BurnIn("approach", 0, Fraction(24), [35.0, 35.0]))
        strip = drawn[0, -17:, :, 0].astype(float) / white
        assert np.all(drawn[:, :-17] == level)
        assert strip.max() > 0.85
        assert strip.min() < 0.4
        assert (strip > 0.8).mean() > 0.01


def test_only_the_timecode_and_the_lens_change() -> None:
    pictures = np.zeros((3, 360, 640, 3), np.uint8)
    words = BurnIn("approach", 0, Fraction(24), [35.0, 35.0, 50.0])
    drawn = burn_in(pictures, 0, words).astype(int)
    columns = np.flatnonzero((drawn[1] != drawn[0]).any(axis=(0, 2)))
    assert columns.min() > 300
    assert columns.max() < 400
    assert (drawn[2] != drawn[1])[:, 500:].any()
    assert np.array_equal(burn_in(pictures[1:2], 1, words)[0], drawn[1])


@pytest.mark.parametrize("size", [(64, 64), (96, 540), (16, 8)])
def test_small_pictures_do_not_break_it(size: tuple[int, int]) -> None:
    pictures = np.zeros((1, size[1], size[0], 3), np.uint8)
    drawn = burn_in(pictures, 0, BurnIn("a-long-name-of-a-shot", 0, Fraction(24)))
    assert drawn.shape == pictures.shape
