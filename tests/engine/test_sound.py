from __future__ import annotations

import math

import pytest
import torch

from reelwright.engine.checkpoints.config import AudioLayout, UpsamplerConfig, VocoderConfig
from reelwright.engine.codecs.audio_vae import AudioDecoder, AudioEncoder, AudioVae
from reelwright.engine.codecs.generator import Generator
from reelwright.engine.codecs.mel import DEFAULT_FRONT_END, mel_filters, resample
from reelwright.engine.codecs.statistics import Statistics
from reelwright.engine.codecs.upsampler import LatentUpsampler
from reelwright.engine.codecs.vocoder import sinc_upsample
from reelwright.engine.denoiser.positions import AudioScale
from reelwright.errors import CheckpointError, InputError


def _tone(rate: int, hertz: float, seconds: float = 0.2) -> torch.Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(int(rate * seconds)) / rate)[None, None]


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_tone_stays_the_tone(rate: int) -> None:
    found = resample(_tone(rate, 440.0), rate, 16000)
    expected = _tone(16000, 440.0)
    assert abs(found.shape[-1] - expected.shape[-1]) <= 1
    inner = slice(400, 2800)
    assert torch.allclose(found[..., inner], expected[..., inner], atol=2e-3)


def test_the_same_rate_is_the_same_wave() -> None:
    wave = _tone(16000, 440.0)
    assert resample(wave, 16000, 16000) is wave


def test_what_is_above_the_new_rate_is_gone() -> None:
    assert resample(_tone(48000, 12000.0), 48000, 16000)[..., 400:-400].abs().max() < 0.01


def test_mel_filters_are_triangles_of_area_one() -> None:
    filters = mel_filters(513, 64, 16000, 0.0, 8000.0)
    assert filters.shape == (513, 64)
    assert (filters >= 0).all()
    areas = filters[:, 10:].sum(0) * (8000 / 512)
    assert torch.allclose(areas, torch.ones(54), atol=0.05)


def test_frames_and_silence() -> None:
    mel = DEFAULT_FRONT_END(torch.zeros(1, 2, 1600), 16000)
    assert mel.shape == (1, 2, 11, 64)
    assert torch.allclose(mel, torch.tensor(1e-5).log())


def test_a_tone_lights_its_band() -> None:
    mel = DEFAULT_FRONT_END(_tone(16000, 1000.0), 16000)[0, 0, 10]
    assert abs(int(mel.argmax()) - 22) <= 1


def _codec() -> AudioVae:
    layout = AudioLayout(z_channels=2, ch=4, ch_mult=(1, 2, 2), num_res_blocks=1)
    torch.manual_seed(1)
    return AudioVae(
        AudioScale(),
        DEFAULT_FRONT_END,
        Statistics(torch.zeros(32), torch.ones(32)),
        AudioEncoder(layout).requires_grad_(False),
        AudioDecoder(layout).requires_grad_(False),
    )


@pytest.mark.parametrize(("frames", "latents"), [(1, 1), (4, 1), (5, 2), (101, 26)])
def test_lengths_of_the_codec(frames: int, latents: int) -> None:
    codec = _codec()
    latent = codec.encode(torch.zeros(1, 2, frames, 64))
    assert latent.shape == (1, 2, latents, 16)
    assert codec.decode(latent).shape == (1, 2, 4 * latents - 3, 64)


def test_the_codec_hears_only_the_past(generator: torch.Generator) -> None:
    codec = _codec()
    mel = torch.randn(1, 2, 21, 64, generator=generator)
    later = mel.clone()
    later[:, :, 13:] += 1
    assert torch.equal(codec.encode(mel)[:, :, :4], codec.encode(later)[:, :, :4])
    latent = codec.encode(mel)
    changed = latent.clone()
    changed[:, :, 3:] += 1
    assert torch.equal(codec.decode(latent)[:, :, :9], codec.decode(changed)[:, :, :9])


def test_half_a_codec_says_so() -> None:
    half = AudioVae(
        AudioScale(), DEFAULT_FRONT_END, Statistics(torch.zeros(32), torch.ones(32)), None, None
    )
    with pytest.raises(InputError, match="no audio encoder"):
        half.encode(torch.zeros(1, 2, 5, 64))
    with pytest.raises(InputError, match="no audio decoder"):
        half.decode(torch.zeros(1, 2, 5, 16))


GENERATOR = {
    "upsample_initial_channel": 8,
    "upsample_rates": (4, 2),
    "upsample_kernel_sizes": (8, 4),
    "resblock_kernel_sizes": (3, 5),
    "resblock_dilation_sizes": ((1, 3), (1, 3)),
    "num_mels": 4,
}


@pytest.mark.parametrize("kind", ["1", "AMP1"])
def test_a_generator_makes_so_many_samples(kind: str, generator: torch.Generator) -> None:
    torch.manual_seed(1)
    made = Generator(VocoderConfig(**GENERATOR, resblock=kind))  # type: ignore[arg-type]
    for buffer in made.buffers():
        torch.nn.init.constant_(buffer, 1 / 12)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        wave = made(torch.randn(1, 2, 7, 4, generator=generator))
    assert wave.shape == (1, 2, 56)
    assert wave.abs().max() <= 1.0


def test_sinc_upsampling_keeps_a_tone() -> None:
    found = sinc_upsample(_tone(16000, 440.0), 3)
    assert torch.allclose(found[..., 300:-300], _tone(48000, 440.0)[..., 300:-300], atol=5e-3)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({}, (3, 8, 12)),
        ({"spatial_scale": 1.5, "rational_resampler": True}, (3, 6, 9)),
        ({"spatial_scale": 4.0, "rational_resampler": True}, (3, 16, 24)),
        ({"spatial_upsample": False, "temporal_upsample": True}, (5, 4, 6)),
        ({"temporal_upsample": True}, (5, 8, 12)),
    ],
)
def test_sizes_of_upsamplers(settings: dict[str, object], shape: tuple[int, int, int]) -> None:
    config = UpsamplerConfig(in_channels=4, mid_channels=32, num_blocks_per_stage=1, **settings)  # type: ignore[arg-type]
    with torch.no_grad():
        assert LatentUpsampler(config)(torch.zeros(1, 4, 3, 4, 6)).shape == (1, 4, *shape)


@pytest.mark.parametrize(
    "settings",
    [{"spatial_scale": 1.7, "rational_resampler": True}, {"spatial_upsample": False}],
)
def test_scales_that_do_not_exist(settings: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"x1\.5 or x2"):
        LatentUpsampler(UpsamplerConfig(mid_channels=32, **settings))  # type: ignore[arg-type]
