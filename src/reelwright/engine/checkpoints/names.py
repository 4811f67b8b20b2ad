"""From our modules' names to the official checkpoint's.

Ours say what a part is (`blocks.0.audio.self_attention`), the checkpoint's how its first code was
laid out (`transformer_blocks.0.audio_attn1`). Each rule is applied once, in order.
"""

from __future__ import annotations

import re

_COMMON = (
    (r"self_attention\.", "attn1."),
    (r"text_attention\.", "attn2."),
    (r"feed_forward\.project_in\.", "ff.net.0.proj."),
    (r"feed_forward\.project_out\.", "ff.net.2."),
    (r"\bto_out\.", "to_out.0."),
)

_TRANSFORMER = (
    (r"^blocks\.", "transformer_blocks."),
    (r"\bcross\.(video|audio)_table$", r"scale_shift_table_a2v_ca_\1"),
    (r"\bcross\.audio_to_video\.", "audio_to_video_attn."),
    (r"\bcross\.video_to_audio\.", "video_to_audio_attn."),
    (r"^(video|audio)\.cross_adaln\.", r"av_ca_\1_scale_shift_adaln."),
    (r"^video\.cross_gate_adaln\.", "av_ca_a2v_gate_adaln."),
    (r"^audio\.cross_gate_adaln\.", "av_ca_v2a_gate_adaln."),
    (r"\bvideo\.", ""),
    (r"\baudio\.", "audio_"),
    (r"adaln\.embedder\.", "adaln.emb.timestep_embedder."),
    (r"adaln\.", "adaln_single."),
    *_COMMON,
)

_CONNECTOR = ((r"^blocks\.", "transformer_1d_blocks."), *_COMMON)


def transformer_name(name: str) -> str:
    """The official name, under `model.diffusion_model.`, of a tensor of our transformer."""
    return _apply(_TRANSFORMER, name)


def connector_name(name: str) -> str:
    """The official name, under its connector's prefix, of a tensor of our connector."""
    return _apply(_CONNECTOR, name)


def _apply(rules: tuple[tuple[str, str], ...], name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
