from __future__ import annotations

import pytest
import torch

from reelwright.engine.denoiser.positions import (
    AudioScale,
    VideoScale,
    audio_positions,
    first_frame_mask,
    middles,
    num_audio_latents,
    reference_positions,
    still_positions,
    video_positions,
)


def test_first_latent_frame_is_one_frame() -> None:
    positions = video_positions((3, 1, 1), 24.0)
    frames = (positions[0, 0] * 24).round().tolist()
    assert frames == [[0, 1], [1, 9], [9, 17]]


def test_pixels_of_each_cell() -> None:
    positions = video_positions((1, 2, 3), 24.0)
    assert positions.shape == (1, 3, 6, 2)
    assert positions[0, 1, 3:].tolist() == [[32, 64]] * 3
    assert positions[0, 2, :3].tolist() == [[0, 32], [32, 64], [64, 96]]


def test_other_scales() -> None:
    positions = video_positions((2, 1, 1), 10.0, VideoScale(4, 16, 8))
    assert positions[0, 0, 1].tolist() == pytest.approx([0.1, 0.5])
    assert positions[0, 2, 0].tolist() == [0, 8]


def test_a_later_clip_has_whole_groups() -> None:
    positions = video_positions((2, 1, 1), 24.0, first_frame=8, causal=False)
    assert (positions[0, 0] * 24).round().tolist() == [[8, 16], [16, 24]]


def test_a_still_lasts_one_frame() -> None:
    positions = video_positions((1, 1, 1), 25.0, first_frame=50, causal=False)
    assert still_positions(positions, 25.0)[0, 0, 0].tolist() == pytest.approx([2.0, 2.04])
    assert positions[0, 0, 0, 1] > 2.1, "the given ones are left alone"


def test_audio_starts_with_one_mel_frame() -> None:
    seconds = audio_positions(3)[0, 0]
    assert torch.allclose(seconds, torch.tensor([[0, 0.01], [0.01, 0.05], [0.05, 0.09]]))
    assert torch.equal(audio_positions(2, shift=1)[0, 0], seconds[1:])


@pytest.mark.parametrize(
    ("frames", "rate", "latents"), [(121, 24.0, 126), (97, 25.0, 97), (241, 24.0, 251)]
)
def test_audio_latents_of_a_clip(frames: int, rate: float, latents: int) -> None:
    assert num_audio_latents(frames, rate) == latents
    assert num_audio_latents(frames, rate, AudioScale(32000, 160, 4)) == pytest.approx(
        2 * latents, abs=1
    )


def test_halves_are_rounded_to_even() -> None:
    assert num_audio_latents(1, 50.0) == 0
    assert num_audio_latents(3, 50.0) == 2


def test_reference_is_scaled_and_never_before_the_start() -> None:
    own = video_positions((2, 1, 2), 24.0)
    scaled = reference_positions(own, 24.0, 2, 1)
    assert torch.equal(scaled[:, 0], own[:, 0])
    assert torch.equal(scaled[:, 1:], own[:, 1:] * 2)
    slower = reference_positions(own, 24.0, 1, 3)
    assert (slower[0, 0, 0] * 24).round().tolist() == [0, 1]
    assert (slower[0, 0, 2] * 24).round().tolist() == [1, 25]


def test_middles_and_first_frame() -> None:
    positions = video_positions((2, 1, 2), 24.0)
    assert middles(positions)[0, 2].tolist() == [16, 48, 16, 48]
    assert first_frame_mask((2, 1, 2)).flatten().tolist() == [1, 1, 0, 0]
