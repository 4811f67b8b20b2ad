from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.engine.denoiser.patchify import (
    patchify,
    patchify_audio,
    unpatchify,
    unpatchify_audio,
)

SIDES = st.integers(1, 5)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, SIDES)
def test_video_there_and_back(batch: int, channels: int, f: int, h: int, w: int) -> None:
    latent = torch.arange(batch * channels * f * h * w).view(batch, channels, f, h, w).float()
    tokens = patchify(latent)
    assert tokens.shape == (batch, f * h * w, channels)
    assert torch.equal(unpatchify(tokens, (f, h, w)), latent)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_audio_there_and_back(batch: int, channels: int, length: int, mels: int) -> None:
    latent = torch.arange(batch * channels * length * mels).view(batch, channels, length, mels)
    tokens = patchify_audio(latent.float())
    assert tokens.shape == (batch, length, channels * mels)
    assert torch.equal(unpatchify_audio(tokens, channels), latent.float())


def test_order_is_frame_row_column() -> None:
    latent = torch.arange(8.0).view(1, 1, 2, 2, 2)
    assert patchify(latent).flatten().tolist() == list(range(8))


def test_mel_bins_run_fastest() -> None:
    latent = torch.arange(6.0).view(1, 2, 1, 3)
    assert patchify_audio(latent).flatten().tolist() == list(range(6))
