from __future__ import annotations

import pytest
import torch
from torch import Tensor

from reelwright.engine.clip.clip_request import Sound, Tail
from reelwright.engine.clip.fitting import (
    encode_sound,
    fit_frames,
    latents_within,
    strided_frames,
    thumbnail,
)
from reelwright.engine.codecs.audio_vae import AudioVae
from reelwright.engine.denoiser.positions import AudioScale, audio_positions
from reelwright.errors import InputError


def test_frames_of_the_size_are_only_scaled() -> None:
    frames = torch.arange(24, dtype=torch.uint8).view(1, 2, 4, 3) * 10
    pixels = fit_frames(frames, 4, 2)
    assert pixels.shape == (1, 3, 1, 2, 4)
    assert torch.equal(pixels[0, :, 0, 1, 2], frames[0, 1, 2] / 127.5 - 1)
    assert torch.allclose(fit_frames(frames / 255, 4, 2), pixels, atol=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (16, 8), (8, 16), (5, 3), (64, 40)])
def test_frames_cover_the_size_and_their_middle_is_kept(size: tuple[int, int]) -> None:
    frames = torch.zeros(2, 12, 20, 3)
    frames[:, 5:7, 9:11] = 1.0
    pixels = fit_frames(frames, *size)
    assert pixels.shape == (1, 3, 2, size[1], size[0])
    light = (pixels + 1).sum((0, 1, 2))
    for axis, side in ((0, size[1]), (1, size[0])):
        places = light.sum(1 - axis) * torch.arange(side)
        assert abs(places.sum() / light.sum() - (side - 1) / 2) <= 0.51


def test_a_fine_pattern_shrinks_to_grey() -> None:
    frames = torch.zeros(1, 64, 64, 3)
    frames[:, :, ::2] = 1.0
    assert fit_frames(frames, 16, 16).abs()[..., 2:-2, 2:-2].max() < 0.1


def test_strides_keep_the_first() -> None:
    frames = torch.arange(9.0).view(9, 1, 1, 1).expand(-1, 1, 1, 3)
    assert strided_frames(frames, 1) is frames
    assert strided_frames(frames, 2)[:, 0, 0, 0].tolist() == [0, 1, 3, 5, 7]


class Hears(AudioVae):
    """A codec that writes down what it hears."""

    heard: Tensor

    def __init__(self) -> None:
        object.__setattr__(self, "scale", AudioScale(8000, 100, 4))

    def encode_wave(self, wave: Tensor, rate: int) -> Tensor:
        object.__setattr__(self, "heard", wave)
        count = 1 + (wave.shape[-1] * 8000 // rate // 100) // 4
        return torch.zeros(1, 2, count, 4)


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
@pytest.mark.parametrize("seconds", [0.01, 0.4, 3.0])
def test_a_sound_is_cut_or_ends_in_silence(rate: int, seconds: float) -> None:
    codec = Hears()
    wave = torch.ones(1, round(seconds * rate))
    latent = encode_sound(codec, Sound(wave, rate), 8)
    assert latent.shape == (1, 2, 8, 4)
    assert codec.heard.shape == (1, 2, -(-9 * rate // 20))
    kept = min(wave.shape[-1], codec.heard.shape[-1])
    assert (codec.heard[..., :kept] == 1).all()
    assert not codec.heard[..., kept:].any()


def test_latents_within_a_duration() -> None:
    scale = AudioScale(8000, 100, 4)
    ends = audio_positions(20, scale)[0, 0, :, 1]
    for seconds in (0.0, 0.01, 0.0125, 0.06, 0.0625, 0.1, 0.5):
        assert latents_within(seconds, scale) == int((ends <= seconds + 1e-6).sum()), seconds


def test_thumbnails() -> None:
    assert thumbnail(torch.zeros(1, 4, 1, 20, 40), 10).shape == (1, 4, 1, 5, 10)
    small = torch.zeros(1, 4, 1, 3, 2)
    assert thumbnail(small, 10) is small


def test_a_tail_is_the_end() -> None:
    frames = torch.arange(9.0).view(9, 1, 1, 1).expand(-1, 1, 1, 3)
    tail = Tail.of(frames, 5, Sound(torch.arange(900.0)[None], 2400), 24.0)
    assert tail.pixels[:, 0, 0, 0].tolist() == [4, 5, 6, 7, 8]
    assert tail.sound is not None
    assert tail.sound.wave[0, 0] == 400
    assert tail.sound.wave.shape == (1, 500)
    with pytest.raises(InputError, match="no tail of 10"):
        Tail.of(frames, 10, None, 24.0)
