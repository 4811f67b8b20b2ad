"""The published model, built without memory: its tensors and numbers are the published ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from reelwright.engine.checkpoints.config import (
    AudioLayout,
    TransformerConfig,
    UpsamplerConfig,
    VideoVaeConfig,
    VocoderConfig,
)
from reelwright.engine.codecs.audio_vae import AudioDecoder, AudioEncoder
from reelwright.engine.codecs.upsampler import LatentUpsampler
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.codecs.vocoder import WideVocoder
from reelwright.engine.denoiser.transformer import Transformer
from reelwright.engine.memory.loading import on_meta
from reelwright.engine.text.connector import Connector, connector_shape

TRANSFORMER = TransformerConfig(
    apply_gated_attention=True,
    cross_attention_adaln=True,
    caption_proj_before_connector=True,
    connector_num_attention_heads=32,
    connector_num_layers=8,
    connector_apply_gated_attention=True,
    audio_connector_num_attention_heads=32,
    audio_connector_attention_head_dim=64,
)
VIDEO_VAE = VideoVaeConfig.model_validate(
    {
        "encoder_blocks": [
            ["res_x", 4],
            ["compress_space_res", {"multiplier": 2}],
            ["res_x", 6],
            ["compress_time_res", {"multiplier": 2}],
            ["res_x", 4],
            ["compress_all_res", {"multiplier": 2}],
            ["res_x", 2],
            ["compress_all_res", {"multiplier": 1}],
            ["res_x", 2],
        ],
        "decoder_blocks": [
            ["res_x", 4],
            ["compress_space", {"multiplier": 2}],
            ["res_x", 6],
            ["compress_time", {"multiplier": 2}],
            ["res_x", 4],
            ["compress_all", {"multiplier": 1}],
            ["res_x", 2],
            ["compress_all", {"multiplier": 2}],
            ["res_x", 2],
        ],
        "timestep_conditioning": False,
        "spatial_padding_mode": "zeros",
    }
)
PERIODIC = {
    "resblock": "AMP1",
    "activation": "snakebeta",
    "use_bias_at_final": False,
    "use_tanh_at_final": False,
    "resblock_kernel_sizes": (3, 7, 11),
    "resblock_dilation_sizes": ((1, 3, 5),) * 3,
}
LOW = VocoderConfig.model_validate(
    PERIODIC
    | {
        "upsample_initial_channel": 1536,
        "upsample_rates": (5, 2, 2, 2, 2, 2),
        "upsample_kernel_sizes": (11, 4, 4, 4, 4, 4),
    }
)
WIDE = VocoderConfig.model_validate(
    PERIODIC
    | {
        "upsample_initial_channel": 512,
        "upsample_rates": (6, 5, 2, 2, 2),
        "upsample_kernel_sizes": (12, 11, 4, 4, 4),
        "input_sampling_rate": 16000,
        "output_sampling_rate": 48000,
        "hop_length": 80,
        "n_fft": 512,
    }
)
TIME = UpsamplerConfig(spatial_upsample=False, temporal_upsample=True)

PARTS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "joint": (lambda: Transformer(TRANSFORMER), 4186, 18_988_838_144),
    "video": (lambda: Transformer(TRANSFORMER, audio=False), 1457, 13_124_316_288),
    "audio": (lambda: Transformer(TRANSFORMER, video=False), 1457, 3_286_408_320),
    "video connector": (
        lambda: Connector(connector_shape(TRANSFORMER, 128, audio=False)),
        129,
        1_612_546_304,
    ),
    "audio connector": (
        lambda: Connector(connector_shape(TRANSFORMER, 128, audio=True)),
        129,
        403_620_096,
    ),
    "video encoder": (lambda: VideoEncoder(VIDEO_VAE), 84, 318_936_897),
    "video decoder": (lambda: VideoDecoder(VIDEO_VAE), 84, 407_169_072),
    "audio encoder": (lambda: AudioEncoder(AudioLayout()), 44, 21_333_008),
    "audio decoder": (lambda: AudioDecoder(AudioLayout()), 56, 31_915_138),
    "vocoder": (lambda: WideVocoder(LOW, WIDE), 1227, 128_537_448),
    "upsampler x2": (lambda: LatentUpsampler(UpsamplerConfig(mid_channels=1024)), 72, 497_867_904),
    "upsampler in time": (lambda: LatentUpsampler(TIME), 72, 130_968_192),
}


@pytest.mark.parametrize("part", PARTS)
def test_counts(part: str) -> None:
    make, tensors, parameters = PARTS[part]
    module = on_meta(make, "the published model")
    assert len(module.state_dict()) == tensors
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters
