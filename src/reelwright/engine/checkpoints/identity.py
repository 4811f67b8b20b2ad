"""Which model a checkpoint is, told from what it contains.

A file's own name and its `model_version` say what someone wrote there; its tensors say what can be
built from them. Each rule below names tensors that one generation has and the ones before lack, or
that one other model has and LTX-2 lacks.
"""

from __future__ import annotations

import re
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
        other: Which other model it is, e.g. `Wan`; empty if none that is known.
    """

    generation: Generation
    evidence: str
    version: str
    other: str = ""

    @property
    def refused(self) -> str:
        """What it is if it cannot be used: another model, or a generation to come."""
        return self.other or ("LTX-2.5" if self.generation == "2.5" else "")


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

_OTHERS: tuple[tuple[str, str], ...] = (
    ("FLUX", r"(^|\.)double_blocks\.\d+\.(img|txt)_"),
    ("Wan", r"(^|\.)blocks\.\d+\.(self_attn\.norm_k|ffn\.0)\."),
    ("Wan", r"^(vae\.)?decoder\.middle\.0\.residual\."),
    ("Stable Diffusion", r"(^|\.)(input_blocks\.\d+\.\d+|joint_blocks\.\d+)\."),
    ("Stable Diffusion", r"^(unet\.)?down_blocks\.\d+\.attentions\."),
    ("Qwen-Image", r"(^|\.)transformer_blocks\.\d+\.(img|txt)_mod\."),
    ("a language model", r"^(language_model\.)?model\.(language_model\.)?layers\.\d+\.self_attn\."),
    ("a language model", r"^blk\.\d+\.attn_"),
    ("an image codec", r"^(vae\.|first_stage_model\.)?(en|de)coder\.(up|down|mid)\.\w+\."),
)
"""Other models by what their tensors are called."""

_DIFFUSERS = (
    r"(^|\.)(audio_)?time_embed\.emb\.|^vae\.(en|de)coder\.mid_block\.resnets\."
    r"|^(video|audio)_connector\.transformer_blocks\."
)
_BLOCK = r"(^|\.)transformer_blocks\.\d+\.attn1\."
_LTX2 = r"audio_|prompt_adaln_single\.|to_gate_logits|prompt_scale_shift_table"


def identify(names: Iterable[str], metadata: Mapping[str, Any]) -> Identity:
    """Tell which model a checkpoint is.

    Args:
        names: Its tensors.
        metadata: Its metadata, parsed.
    """
    version = str(metadata.get("model_version", ""))
    if "gemma_source_checkpoint" in metadata:
        return Identity("2.5", "gemma_source_checkpoint", version)
    text = "\n".join(names)  # searched as one: 6,000 names one by one took 0.2 s
    name = _find(_DIFFUSERS, text)
    if name:
        what = "a part in diffusers' layout without its config.json"
        return Identity("unknown", name, version, what)
    name = _first_ltxv(text, metadata)
    if name:
        return Identity("unknown", name, version, "LTX-Video 0.9")
    for generation, marks in _MARKS:
        for mark in marks:
            if mark in text:
                return Identity(generation, _find(re.escape(mark), text), version)
    for other, pattern in _OTHERS:
        name = _find(pattern, text)
        if name:
            return Identity("unknown", name, version, other)
    return Identity("unknown", "", version)


def _find(pattern: str, text: str) -> str:
    """The first line that has a pattern; empty if none has."""
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        return ""
    start, stop = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return text[start : stop if stop >= 0 else len(text)]


def _first_ltxv(text: str, metadata: Mapping[str, Any]) -> str:
    """The mark of the model before LTX-2: the same blocks, a caption projection, no audio.

    A video-only LTX-2 has no audio either; its config tells of it, or its gates and prompt levels.
    """
    caption = _find(r"caption_projection\.", text)
    if not caption or not _find(_BLOCK, text) or _find(_LTX2, text):
        return ""
    config = metadata.get("config")
    section = config.get("transformer") if isinstance(config, dict) else None
    says_audio = isinstance(section, dict) and any("audio" in str(key) for key in section)
    return "" if says_audio else caption
