"""A whole model in one file, as it is published, only very small: from text states to film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reelwright.engine import (
    DISTILLED_REFINE,
    Checkpoint,
    Euler,
    GuidedDenoise,
    Guider,
    KeptFrames,
    Keyframe,
    LatentUpsampler,
    NoiseUse,
    Purpose,
    Res2s,
    StreamRun,
    Transformer,
    VideoSpace,
    audio_tokens,
    condition,
    load_audio_vae,
    load_text_path,
    load_transformer,
    load_video_vae,
    load_vocoder,
    ltx2_sigmas,
    noise,
    num_audio_latents,
    run_sampler,
    seeded_standardised,
    to_rgb,
    unpatchify,
    unpatchify_audio,
    video_tokens,
)
from reelwright.engine.checkpoints.config import (
    AudioLayout,
    TransformerConfig,
    UpsamplerConfig,
    VideoVaeConfig,
    VocoderConfig,
)
from reelwright.engine.checkpoints.names import connector_name, transformer_name
from reelwright.engine.codecs.audio_vae import AudioDecoder, AudioEncoder
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.codecs.vocoder import Vocoder
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.engine.text.features import SplitProjection

Save = Callable[..., Path]

LAYERS, CHANNELS, LATENT, MELS = 3, 12, 4, 64
BLOCKS = [["res_x", 1], *[["compress_all_res", {"multiplier": 1}], ["res_x", 1]] * 3]
CONFIG: dict[str, Any] = {
    "transformer": {
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "in_channels": LATENT,
        "out_channels": LATENT,
        "num_layers": 2,
        "cross_attention_dim": 16,
        "audio_num_attention_heads": 2,
        "audio_attention_head_dim": 4,
        "audio_in_channels": 32,
        "audio_out_channels": 32,
        "audio_cross_attention_dim": 8,
        "rope_type": "split",
        "frequencies_precision": "float64",
        "cross_attention_adaln": True,
        "apply_gated_attention": True,
        "caption_proj_before_connector": True,
        "av_ca_timestep_scale_multiplier": 1000.0,
        "connector_num_attention_heads": 2,
        "connector_attention_head_dim": 8,
        "connector_num_layers": 1,
        "connector_apply_gated_attention": True,
        "connector_positional_embedding_max_pos": [4096],
        "audio_connector_num_attention_heads": 2,
        "audio_connector_attention_head_dim": 4,
    },
    "vae": {
        "_class_name": "CausalVideoAutoencoder",
        "latent_channels": LATENT,
        "encoder_blocks": BLOCKS,
        "decoder_blocks": [[k.removesuffix("_res"), options] for k, options in BLOCKS],
        "encoder_base_channels": 8,
        "decoder_base_channels": 8,
        "timestep_conditioning": False,
        "spatial_padding_mode": "zeros",
    },
    "audio_vae": {
        "model": {
            "params": {
                "ddconfig": {"z_channels": 2, "ch": 4, "ch_mult": [1, 1, 1], "num_res_blocks": 1},
                "sampling_rate": 16000,
            }
        },
        "preprocessing": {"stft": {"hop_length": 160}, "mel": {"n_mel_channels": MELS}},
    },
    "vocoder": {
        "upsample_initial_channel": 8,
        "upsample_rates": [8, 5, 4],
        "upsample_kernel_sizes": [16, 11, 8],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "output_sampling_rate": 16000,
    },
}


def _random(
    module: nn.Module, prefix: str, name: Callable[[str], str]
) -> Iterator[tuple[str, Tensor]]:
    generator = torch.Generator().manual_seed(len(prefix))
    for own, tensor in module.state_dict().items():
        scale = 0.3 if tensor.ndim > 1 else 0.1
        drawn = torch.randn(tensor.shape, generator=generator) * scale
        yield prefix + name(own), (1.0 + drawn if own.endswith("norm.weight") else drawn).bfloat16()


@pytest.fixture
def whole(save: Save) -> Checkpoint:
    """Every part with random weights, in bf16, under the official names."""
    transformer = TransformerConfig(**CONFIG["transformer"])
    vae = VideoVaeConfig.model_validate(CONFIG["vae"])
    audio = AudioLayout.model_validate(CONFIG["audio_vae"]["model"]["params"]["ddconfig"])
    diffusion = "model.diffusion_model."

    def same(name: str) -> str:
        return name

    parts: list[tuple[nn.Module, str, Callable[[str], str]]] = [
        (Transformer(transformer), diffusion, transformer_name),
        (
            Connector(connector_shape(transformer, 8, audio=False)),
            f"{diffusion}video_embeddings_connector.",
            connector_name,
        ),
        (
            Connector(connector_shape(transformer, 8, audio=True)),
            f"{diffusion}audio_embeddings_connector.",
            connector_name,
        ),
        (SplitProjection(LAYERS * CHANNELS, 16, 8), "text_embedding_projection.", same),
        (VideoEncoder(vae), "vae.encoder.", same),
        (VideoDecoder(vae), "vae.decoder.", same),
        (AudioEncoder(audio), "audio_vae.encoder.", same),
        (AudioDecoder(audio), "audio_vae.decoder.", same),
        (
            Vocoder(VocoderConfig.model_validate(CONFIG["vocoder"])),
            "vocoder.",
            lambda name: name.removeprefix("generator."),
        ),
    ]
    tensors = dict(pair for part in parts for pair in _random(*part))
    for codec, channels in (("vae", LATENT), ("audio_vae", 32)):
        statistics = f"{codec}.per_channel_statistics"
        tensors[f"{statistics}.mean-of-means"] = torch.zeros(channels)
        tensors[f"{statistics}.std-of-means"] = torch.ones(channels)
    return Checkpoint.open(save(tensors, CONFIG, "whole", {"model_version": "2.3.0"}))


def test_nothing_is_missing(whole: Checkpoint) -> None:
    assert not whole.missing
    assert whole.identity.generation == "2.3"


def test_from_text_to_film(whole: Checkpoint) -> None:
    """Two passes: half size guided, then twice the size refined; a first and a last picture."""
    with torch.inference_mode():
        states = torch.randn(1, 16, CHANNELS, LAYERS, generator=torch.Generator().manual_seed(1))
        seen, heard = load_text_path(whole).encode(states, torch.ones(1, 16, dtype=torch.long))
        assert heard is not None
        vae, model = load_video_vae(whole), load_transformer(whole)
        space = VideoSpace((2, 1, 2), 24.0, vae.scale)
        picture = vae.encode(torch.rand(1, 3, 1, 32, 64) * 2 - 1)
        items = [KeptFrames(picture), Keyframe(picture, -1, 0.9)]
        video = condition(video_tokens(torch.zeros(1, LATENT, *space.grid), 24.0), space, items)
        length = num_audio_latents(space.num_frames, 24.0)
        audio = audio_tokens(torch.zeros(1, 2, length, 16))
        guider = Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0)
        streams = [
            StreamRun("video", video, seen, -seen, guider),
            StreamRun("audio", audio, heard, -heard, guider),
        ]
        sampler = Res2s(ltx2_sigmas(3), seeded_standardised(7))
        latents = tuple(
            s.tokens.noised(
                noise(7, NoiseUse(Purpose.INITIAL, i), tuple(s.tokens.clean.shape)), 1.0
            )
            for i, s in enumerate(streams)
        )
        end = run_sampler(
            sampler, sampler.start(latents), GuidedDenoise(model, streams, sampler.evaluations)
        ).latents
        small = unpatchify(video.own(end[0]), space.grid).float()
        assert torch.allclose(small[:, :, :1], picture, atol=1e-5), "the first picture is kept"

        torch.manual_seed(3)
        upsampler = LatentUpsampler(UpsamplerConfig(in_channels=LATENT, mid_channels=32))
        large = upsampler.requires_grad_(False).upsample(small, vae.statistics)
        sound = unpatchify_audio(audio.own(end[1]), 2).float()
        refined = [
            StreamRun("video", video_tokens(large, 24.0, vae.scale), seen),
            StreamRun("audio", audio_tokens(sound), heard),
        ]
        walk = Euler(DISTILLED_REFINE)
        latents = tuple(
            s.tokens.noised(
                noise(7, NoiseUse(Purpose.INITIAL, i, stage=1), tuple(s.tokens.clean.shape)),
                walk.sigmas[0],
            )
            for i, s in enumerate(refined)
        )
        end = run_sampler(
            walk, walk.start(latents), GuidedDenoise(model, refined, walk.evaluations)
        ).latents
        frames = to_rgb(vae.decode(unpatchify(end[0], tuple(large.shape[2:])))[0])
        mel = load_audio_vae(whole).decode(unpatchify_audio(end[1], 2))
        wave = load_vocoder(whole)(mel)
    assert frames.shape == (9, 64, 128, 3)
    assert frames.min() >= 0
    assert frames.max() <= 1
    assert wave.shape == (1, 2, (4 * length - 3) * 160)
    assert torch.isfinite(wave).all()
