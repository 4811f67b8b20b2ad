"""From diffusers' names of tensors to the official checkpoint's."""

from __future__ import annotations

import re

_ATTENTION = ((r"\bnorm_([qk])\.", r"\1_norm."),)

TRANSFORMER = (
    (r"^(audio_)?proj_in\.", r"\1patchify_proj."),
    (r"^(audio_)?time_embed\.", r"\1adaln_single."),
    (r"^(audio_)?prompt_adaln\.", r"\1prompt_adaln_single."),
    (r"^av_cross_attn_(video|audio)_scale_shift\.", r"av_ca_\1_scale_shift_adaln_single."),
    (r"^av_cross_attn_video_a2v_gate\.", "av_ca_a2v_gate_adaln_single."),
    (r"^av_cross_attn_audio_v2a_gate\.", "av_ca_v2a_gate_adaln_single."),
    (r"\b(video|audio)_a2v_cross_attn_scale_shift_table$", r"scale_shift_table_a2v_ca_\1"),
    *_ATTENTION,
    (r"^", "model.diffusion_model."),
)
"""`LTX2VideoTransformer3DModel`."""

CONNECTORS = (
    (r"^(video|audio)_connector\.", r"model.diffusion_model.\1_embeddings_connector."),
    (r"\btransformer_blocks\.", "transformer_1d_blocks."),
    (r"^(video|audio)_text_proj_in\.", r"text_embedding_projection.\1_aggregate_embed."),
    (r"^text_proj_in\.", "text_embedding_projection.aggregate_embed."),
    *_ATTENTION,
)
"""`LTX2TextConnectors`."""

AUDIO_VAE = (
    (r"^latents_mean$", "per_channel_statistics.mean-of-means"),
    (r"^latents_std$", "per_channel_statistics.std-of-means"),
    (r"^", "audio_vae."),
)
"""`AutoencoderKLLTX2Audio`."""

VOCODER = (
    (r"\bresnets\.", "resblocks."),
    (r"\bupsamplers\.", "ups."),
    (r"\bconv_in\.", "conv_pre."),
    (r"\bconv_out\.", "conv_post."),
    (r"\bact_out\.", "act_post."),
    (r"\bdownsample\.filter$", "downsample.lowpass.filter"),
    (r"^", "vocoder."),
)
"""`LTX2Vocoder` and `LTX2VocoderWithBWE`."""

Rules = tuple[tuple[str, str], ...]


def renamed(rules: Rules, name: str) -> str:
    """Apply each rule once, in order."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name, count=1)
    return name


def moved(beginnings: dict[str, str], name: str, otherwise: str) -> str:
    """Replace the longest beginning that a name has; put `otherwise` before one that has none.

    Args:
        beginnings: What stands there, and what shall.
        name: Of a tensor.
        otherwise: Of names that no beginning fits.
    """
    for beginning in sorted(beginnings, key=len, reverse=True):
        if name.startswith(beginning):
            return beginnings[beginning] + name.removeprefix(beginning)
    return otherwise + name
