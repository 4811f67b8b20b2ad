from __future__ import annotations

import pytest
import torch

from reelwright.engine.clip.still_codec import blemish_still
from reelwright.errors import InputError


def test_a_little_is_lost(generator: torch.Generator) -> None:
    smooth = torch.linspace(0, 1, 64)[None, :, None, None].expand(2, -1, 96, 3)
    noisy = (smooth + 0.1 * torch.randn(2, 64, 96, 3, generator=generator)).clamp(0, 1)
    gaps = [
        (blemish_still(noisy, crf).float() / 255 - noisy).abs().mean().item() for crf in (0, 18, 33)
    ]
    assert gaps[0] < 0.002 < gaps[1] < gaps[2] < 0.1


def test_an_odd_row_and_column_are_cut_off() -> None:
    frames = torch.full((1, 33, 47, 3), 128, dtype=torch.uint8)
    found = blemish_still(frames)
    assert found.shape == (1, 32, 46, 3)
    assert (found.int() - 128).abs().max() <= 2
    assert blemish_still(frames, 0) is frames


def test_refused() -> None:
    with pytest.raises(InputError, match="no CRF of 52"):
        blemish_still(torch.zeros(1, 4, 4, 3), 52)
    with pytest.raises(InputError, match="two pixels"):
        blemish_still(torch.zeros(1, 1, 4, 3))
