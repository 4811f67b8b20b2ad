"""Which generation of the model a checkpoint is, told from what it contains.

A file's own name and its `model_version` say what someone wrote there; its tensors say what can be
built from them. Each rule below names tensors that one generation has and the ones before lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Generation = Literal["2.0", "2.3", "2.5", "unknown"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a checkpoint is.

    Attributes:
        generation: Of LTX; `unknown` if nothing tells.
        evidence: The tensor or key that told it.
        version: What the file says of itself; empty if nothing.
    """

    generation: Generation
    evidence: str
    version: str


_MARKS: tuple[tuple[Generation, tuple[str, ...]], ...] = (
    ("2.5", ("keyframes_abs_pos_embedding", "duration_head.")),
    (
        "2.3",
        (
            ".to_gate_logits.",
            "prompt_adaln_single.",
            "video_aggregate_embed.",
            "vocoder.bwe_generator.",
            "vae.decoder.up_blocks.8.",
        ),
    ),
    (
        "2.0",
        (
            "audio_to_video_attn.",
            "caption_projection.",
            "text_embedding_projection.aggregate_embed.",
            "vocoder.conv_pre.",
            "vae.decoder.up_blocks.6.",
        ),
    ),
)


def identify(names: Iterable[str], metadata: Mapping[str, Any]) -> Identity:
    """Tell the generation of a checkpoint.

    Args:
        names: Its tensors.
        metadata: Its metadata, parsed.
    """
    version = str(metadata.get("model_version", ""))
    if "gemma_source_checkpoint" in metadata:
        return Identity("2.5", "gemma_source_checkpoint", version)
    some = tuple(names)
    for generation, marks in _MARKS:
        for mark in marks:
            for name in some:
                if mark in name:
                    return Identity(generation, name, version)
    return Identity("unknown", "", version)
