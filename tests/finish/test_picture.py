from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reelwright.finish.picture import conform
from reelwright.shapes import generation_size

PAD = generation_size((120, 90), "pad")


def _inside(picture: Any) -> Any:
    left, top, right, bottom = PAD.pad_box
    return picture[top:bottom, left:right]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_flat_tone_comes_through_unchanged(dtype: Any) -> None:
    white = np.iinfo(dtype).max
    for level in (0, 1, white // 7, white // 2, white):
        flat = np.full((1, 128, 128, 3), level, dtype)
        assert np.all(_inside(conform(flat, PAD)[0]) == level)


def test_a_fine_checker_keeps_its_light(tmp_path: Any) -> None:
    """Half the pixels white is half the light: sRGB 188, not 128 as an average of codes."""
    checker = np.zeros((1, 128, 128, 3), np.uint8)
    checker[:, ::2, ::2] = 255
    checker[:, 1::2, 1::2] = 255
    shrunk = _inside(conform(checker, generation_size((120, 90), "pad"))[0]).astype(float) / 255
    light = np.where(shrunk <= 0.04045, shrunk / 12.92, ((shrunk + 0.055) / 1.055) ** 2.4)
    assert light.mean() == pytest.approx(0.5, abs=0.02)


def test_the_picture_is_not_moved_or_stretched() -> None:
    y, x = np.mgrid[0:128, 0:128]
    ramp = np.stack([x * 2, y * 2, np.full_like(x, 90)], axis=-1).astype(np.uint8)[None]
    inside = _inside(conform(ramp, PAD)[0]).astype(float)
    height, width = inside.shape[:2]
    expected_x = ((np.arange(width) + 0.5) * 128 / width - 0.5) * 2
    expected_y = ((np.arange(height) + 0.5) * 128 / height - 0.5) * 2
    assert np.abs(inside[height // 2, 4:-4, 0] - expected_x[4:-4]).max() < 1.5
    assert np.abs(inside[4:-4, width // 2, 1] - expected_y[4:-4]).max() < 1.5
