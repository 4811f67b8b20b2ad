"""The parts in bf16: every door casts, and nothing is further off than bf16 explains."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reelwright.engine import (
    Checkpoint,
    Compute,
    Euler,
    GuidedDenoise,
    StreamRun,
    audio_tokens,
    load_audio_vae,
    load_text_path,
    load_transformer,
    load_upsampler,
    load_video_vae,
    run_sampler,
    video_tokens,
)
from reelwright.engine.codecs.statistics import Statistics

HALF = Compute.BFLOAT16


def _open(goldens: Path, name: str) -> Checkpoint:
    path = goldens / f"{name}.checkpoint.safetensors"
    if not path.exists():
        pytest.skip(f"no {name} in this folder")
    return Checkpoint.open(path)


def _close(half: torch.Tensor, exact: torch.Tensor, share: float = 0.06) -> None:
    assert (half.float() - exact).norm() < share * exact.norm()


def test_weights_of_a_bf16_file_are_its_own_bytes(goldens: Path) -> None:
    checkpoint = _open(goldens, "transformer_av23")
    model = load_transformer(checkpoint, compute=HALF)
    stored = checkpoint.tensor("model.diffusion_model.patchify_proj.weight")
    assert model.video.patchify_proj.weight.data_ptr() == stored.data_ptr()


def test_a_loop_keeps_its_state_in_float32(goldens: Path, generator: torch.Generator) -> None:
    checkpoint = _open(goldens, "transformer_av23")
    ends = []
    for compute in (Compute.FLOAT32, HALF):
        generator.manual_seed(3)
        model = load_transformer(checkpoint, compute=compute)
        config = model.config
        video = video_tokens(torch.zeros(1, config.in_channels, 2, 3, 3), 24.0)
        width = config.audio_in_channels
        audio = audio_tokens(torch.zeros(1, 1, 6, width))
        streams = [
            StreamRun("video", video, torch.randn(1, 8, config.width, generator=generator)),
            StreamRun("audio", audio, torch.randn(1, 8, config.audio_width, generator=generator)),
        ]
        start = tuple(
            s.tokens.noised(torch.randn(s.tokens.clean.shape, generator=generator), 1.0)
            for s in streams
        )
        sampler = Euler((1.0, 0.9, 0.7))
        denoise = GuidedDenoise(model, streams, sampler.evaluations)
        ends.append(run_sampler(sampler, sampler.start(start), denoise).latents)
    for exact, half in zip(*ends, strict=True):
        assert half.dtype == torch.float32
        _close(half, exact)


def test_text_in_bf16(goldens: Path, generator: torch.Generator) -> None:
    checkpoint = _open(goldens, "text23")
    inputs = checkpoint.tensor("text_embedding_projection.video_aggregate_embed.weight").shape[1]
    states = torch.randn(1, 128, inputs // 4, 4, generator=generator)
    valid = (torch.arange(128) > 100).long()[None]
    exact, half = (
        load_text_path(checkpoint, compute=c).encode(states, valid)[0]
        for c in (Compute.FLOAT32, HALF)
    )
    _close(half, exact)


def test_video_codec_in_bf16(goldens: Path, generator: torch.Generator) -> None:
    checkpoint = _open(goldens, "video_vae23")
    exact, half = (load_video_vae(checkpoint, compute=c) for c in (Compute.FLOAT32, HALF))
    scale = exact.scale
    size = (1 + scale.time, 2 * scale.height, scale.width)
    pixels = torch.rand(1, 3, *size, generator=generator) * 2 - 1
    latent = exact.encode(pixels)
    assert half.encode(pixels).dtype == torch.float32
    _close(half.encode(pixels), latent)
    _close(half.decode(latent), exact.decode(latent))


def test_audio_codec_in_bf16(goldens: Path, generator: torch.Generator) -> None:
    checkpoint = _open(goldens, "audio_vae")
    exact, half = (load_audio_vae(checkpoint, compute=c) for c in (Compute.FLOAT32, HALF))
    mel = torch.randn(1, 2, 13, exact.front_end.mel.n_mel_channels, generator=generator)
    latent = exact.encode(mel)
    _close(half.encode(mel), latent)
    _close(half.decode(latent), exact.decode(latent))


def test_upsampler_in_bf16(goldens: Path, generator: torch.Generator) -> None:
    checkpoint = _open(goldens, "upsampler_x2")
    channels = checkpoint.tensor("initial_conv.weight").shape[1]
    statistics = Statistics(torch.zeros(channels), torch.ones(channels))
    latent = torch.randn(1, channels, 2, 3, 3, generator=generator)
    exact, half = (
        load_upsampler(checkpoint, compute=c).upsample(latent, statistics)
        for c in (Compute.FLOAT32, HALF)
    )
    assert half.dtype == torch.float32
    _close(half, exact)
