"""The config of a file that carries none, told from its tensors as far as they tell.

Converters to GGUF and tools that cast a file often drop its config. Counts and widths stand in the
shapes. What no shape shows (the kind and range of the rotations, the scales of the levels) is
assumed to be LTX-2.3's, and the checkpoint says so in its notes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import Any

from reelwright.engine.checkpoints.component import DIFFUSION

Shapes = Mapping[str, tuple[int, ...]]

ASSUMED_TRANSFORMER: dict[str, Any] = {
    "norm_eps": 1e-6,
    "positional_embedding_theta": 10000.0,
    "positional_embedding_max_pos": [20, 2048, 2048],
    "audio_positional_embedding_max_pos": [20],
    "timestep_scale_multiplier": 1000,
    "av_ca_timestep_scale_multiplier": 1000.0,
    "rope_type": "split",
    "frequencies_precision": "float64",
    "connector_positional_embedding_max_pos": [4096],
}
"""LTX-2.3's values of what tensors do not show."""

HEADS = 32
"""LTX-2's attention heads, where no gate shows their number."""

CONNECTOR_HEADS = 30
"""LTX-2.0's connectors' heads; those of 2.3 are gated, and their gates show the number."""

_STRIDES = {8: "all", 4: "space", 2: "time"}


def infer_config(
    metadata: Mapping[str, Any], shapes: Shapes
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Add the sections that are missing and can be told.

    Args:
        metadata: What the files say; kept as it is where it has a section.
        shapes: Of every tensor, by official name.

    Returns:
        The metadata, completed, and a note for each section that was added.
    """
    config = metadata.get("config")
    sections = dict(config) if isinstance(config, dict) else {}
    notes = []
    bare = {
        name.removeprefix(DIFFUSION): shape
        for name, shape in shapes.items()
        if name.startswith(DIFFUSION)
    }
    if bare and "transformer" not in sections:
        sections["transformer"] = ASSUMED_TRANSFORMER | infer_transformer(bare)
        assumed = ", ".join(f"{key} {value}" for key, value in ASSUMED_TRANSFORMER.items())
        notes.append(f"No file has the transformer's config; LTX-2.3's was assumed for {assumed}.")
    codec = {name: shape for name, shape in shapes.items() if name.startswith("vae.")}
    section = infer_video_vae(codec) if codec and "vae" not in sections else None
    if section is not None:
        sections["vae"] = section
        notes.append(
            "No file has the video codec's config; LTX-2.3's was assumed for its padding, patch "
            "size and direction."
        )
    return ({**metadata, "config": sections} if notes else metadata), tuple(notes)


def infer_transformer(shapes: Shapes) -> dict[str, Any]:
    """Counts and widths of the section `transformer`.

    Args:
        shapes: Of the tensors under `model.diffusion_model.`, without it.
    """
    section: dict[str, Any] = {
        "num_layers": max(1, _count(shapes, "transformer_blocks")),
        "cross_attention_adaln": "prompt_scale_shift_table"
        in {name.rpartition(".")[2].removeprefix("audio_") for name in shapes},
        "apply_gated_attention": any(
            name.endswith(".to_gate_logits.weight") for name in shapes if "connector" not in name
        ),
        "use_prompt_adaln_single": any("prompt_adaln_single." in name for name in shapes),
        "caption_proj_before_connector": not any("caption_projection." in name for name in shapes),
        "ff_bias": "transformer_blocks.0.ff.net.2.bias" in shapes,
        "audio_ff_bias": "transformer_blocks.0.audio_ff.net.2.bias" in shapes,
    }
    if not section["cross_attention_adaln"]:
        del section["use_prompt_adaln_single"]
    for stream in ("", "audio_"):
        section |= _stream(shapes, stream)
        section |= _connector(shapes, stream)
    return section


def _stream(shapes: Shapes, stream: str) -> dict[str, Any]:
    inner = _shape(shapes, f"{stream}patchify_proj.weight", 2)
    if inner is None:
        return {}
    width, channels = inner
    block = f"transformer_blocks.0.{stream}"
    gates = _shape(shapes, f"{block}attn1.to_gate_logits.weight", 2)
    heads = gates[0] if gates else HEADS
    found: dict[str, Any] = {
        f"{stream}in_channels": channels,
        f"{stream}num_attention_heads": heads,
        f"{stream}attention_head_dim": max(1, width // max(1, heads)),
    }
    outer = _shape(shapes, f"{stream}proj_out.weight", 2)
    if outer:
        found[f"{stream}out_channels"] = outer[0]
    context = _shape(shapes, f"{block}attn2.to_k.weight", 2)
    if context:
        found[f"{stream}cross_attention_dim"] = context[1]
    caption = _shape(shapes, f"{stream}caption_projection.linear_1.weight", 2)
    if caption:
        found["caption_channels"] = caption[1]
    return found


def _connector(shapes: Shapes, stream: str) -> dict[str, Any]:
    names = (
        ("audio_embeddings_connector",)
        if stream
        else (
            "video_embeddings_connector",
            "embeddings_connector",
        )
    )
    for name in names:
        registers = _shape(shapes, f"{name}.learnable_registers", 2)
        if registers is None:
            continue
        block = f"{name}.transformer_1d_blocks"
        gates = _shape(shapes, f"{block}.0.attn1.to_gate_logits.weight", 2)
        heads = gates[0] if gates else CONNECTOR_HEADS
        found = {
            f"{stream}connector_num_attention_heads": heads,
            f"{stream}connector_attention_head_dim": max(1, registers[1] // max(1, heads)),
            f"{stream}connector_num_layers": max(1, _count(shapes, block)),
        }
        if not stream:
            found["connector_apply_gated_attention"] = gates is not None
            found["connector_ff_bias"] = f"{block}.0.ff.net.2.bias" in shapes
        return found
    return {}


def infer_video_vae(shapes: Shapes) -> dict[str, Any] | None:
    """The section `vae` of a codec whose blocks are all of LTX-2.3's kinds; None of another.

    Args:
        shapes: Of the tensors under `vae.`, with it.
    """
    section: dict[str, Any] = {
        "_class_name": "CausalVideoAutoencoder",
        "timestep_conditioning": False,
        "spatial_padding_mode": "zeros",
        "patch_size": 4,
    }
    latent = _shape(shapes, "vae.per_channel_statistics.mean-of-means", 1)
    encoder, decoder = (_blocks(shapes, side) for side in ("encoder", "decoder"))
    if latent is None or not (encoder or decoder):
        return None
    section["latent_channels"] = latent[0]
    for side, blocks in (("encoder", encoder), ("decoder", decoder)):
        if blocks is None:
            return None
        section[f"{side}_blocks"] = blocks if side == "encoder" else blocks[::-1]
    inner = _shape(shapes, "vae.encoder.conv_in.conv.bias", 1)
    if inner:
        section["encoder_base_channels"] = inner[0]
    widest = _shape(shapes, "vae.decoder.conv_in.conv.bias", 1)
    if widest:
        narrowed = prod(options.get("multiplier", 1) for _, options in decoder or [])
        section["decoder_base_channels"] = max(1, widest[0] // narrowed)
    return section


def _blocks(shapes: Shapes, side: str) -> list[tuple[str, dict[str, int]]] | None:
    """The blocks of a side in the order of its tensors; empty if it has none."""
    kind = "down_blocks" if side == "encoder" else "up_blocks"
    path = f"vae.{side}.{kind}"
    inner = _shape(shapes, f"vae.{side}.conv_in.conv.bias", 1)
    if inner is None:
        return []
    width = inner[0]
    blocks: list[tuple[str, dict[str, int]]] = []
    count = _count(shapes, path)
    for i in range(count):
        layers = _count(shapes, f"{path}.{i}.res_blocks")
        if layers:
            blocks.append(("res_x", {"num_layers": layers}))
            continue
        conv = _shape(shapes, f"{path}.{i}.conv.conv.bias", 1)
        after = _shape(shapes, f"{path}.{i + 1}.res_blocks.0.conv1.conv.bias", 1)
        if conv is None or after is None:
            return None
        block = _fold(conv[0], width, after[0], side)
        if block is None:
            return None
        blocks.append(block)
        width = after[0]
    return blocks


def _fold(conv: int, width: int, after: int, side: str) -> tuple[str, dict[str, int]] | None:
    """What a block between two widths folds or unfolds, by the outputs of its convolution."""
    larger, smaller = (after, conv) if side == "encoder" else (conv, after)
    stride = _STRIDES.get(larger // max(1, smaller))
    if stride is None or larger % max(1, smaller):
        return None
    if side == "encoder":
        return (f"compress_{stride}_res", {"multiplier": after // width}) if width else None
    return f"compress_{stride}", {"multiplier": max(1, width // max(1, after))}


def _shape(shapes: Shapes, name: str, rank: int) -> tuple[int, ...] | None:
    found = shapes.get(name)
    return found if found is not None and len(found) == rank and min(found) > 0 else None


def _count(shapes: Shapes, path: str) -> int:
    """How many numbered parts stand under a path."""
    number = re.compile(re.escape(path) + r"\.(\d{1,4})\.")
    return len({found.group(1) for name in shapes if (found := number.match(name))})
