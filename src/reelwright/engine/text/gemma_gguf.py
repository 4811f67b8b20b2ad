"""Gemma 3 as llama.cpp keeps it: other names, other words for the config, norms with their one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from reelwright.engine.memory.loading import CPU, resident
from reelwright.engine.storage.gguf_file import GgufFile
from reelwright.engine.storage.stored import stored_weights
from reelwright.engine.storage.weights import Compute, Format, LoraDelta, Slot, WeightSource, write
from reelwright.engine.text.gemma_config import (
    TEXT_MODEL,
    GemmaConfig,
    parse_gemma_config,
    refuse_model,
)

_GGUF_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_GGUF_ENDS = {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}
_GGUF_OTHER = {"output.weight", "rope_freqs.weight"}

_NEEDED = {
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "sliding_window",
}


@dataclass(frozen=True, slots=True)
class ZeroCentredSource:
    """A norm's weight that is stored with its one, as llama.cpp does.

    Attributes:
        stored: The weight as it stands in the file.
    """

    stored: WeightSource

    @property
    def name(self) -> str:
        """As its file calls it."""
        return self.stored.name

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return self.stored.storage

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return self.stored.shape

    @property
    def nbytes(self) -> int:
        """Bytes at rest."""
        return self.stored.nbytes

    def view(self, compute: Compute) -> Tensor | None:
        """None: one has to be subtracted."""
        return None

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight into `out`."""
        # Subtracted in float32, which gives back a bfloat16 weight exactly, then rounded.
        write(out, resident(self.stored, Compute.FLOAT32, CPU) - 1.0, loras)


def open_gguf(file: GgufFile, where: str) -> tuple[GemmaConfig, dict[str, WeightSource]]:
    """Read a text model's config and weights.

    Args:
        file: The open file.
        where: Its path, for messages.

    Returns:
        The config, and the weights at rest by `Gemma`'s names.

    Raises:
        CheckpointError: It is of another model, or does not say enough.
    """
    table = file.entries.get("token_embd.weight")
    rows = table.shape[0] if table is not None and table.shape else 0
    config = gguf_config(file.metadata, rows, where)
    found = {
        _own_name(stored, where): (file, stored)
        for stored in file.entries
        if stored not in _GGUF_OTHER
    }
    weights = stored_weights(found, where)
    centred: dict[str, WeightSource] = {
        name: ZeroCentredSource(source)
        for name, source in weights.items()
        if name.endswith("norm.weight")
    }
    return config, weights | centred


def gguf_config(words: Mapping[str, str], vocab_size: int, where: str) -> GemmaConfig:
    """Read the config that llama.cpp writes.

    Args:
        words: The file's values by name, as text.
        vocab_size: Rows of the table of embeddings.
        where: The file, for messages.

    Raises:
        CheckpointError: It is of another model, or cannot be built.
    """
    kind = words.get("general.architecture", "")
    if kind != "gemma3":
        raise refuse_model(f"The model is {kind[:60]!r}, not Gemma 3.", where)

    def value(name: str) -> str | None:
        return words.get(f"gemma3.{name}")

    linear = value("rope.scaling.type") == "linear"
    scaling = {"rope_type": "linear", "factor": value("rope.scaling.factor")} if linear else None
    fields = {
        "model_type": TEXT_MODEL,
        "vocab_size": vocab_size,
        "hidden_size": value("embedding_length"),
        "intermediate_size": value("feed_forward_length"),
        "num_hidden_layers": value("block_count"),
        "num_attention_heads": value("attention.head_count"),
        "num_key_value_heads": value("attention.head_count_kv"),
        "head_dim": value("attention.key_length"),
        # llama.cpp scales by the head's width; only the 27B model, of 62 layers, does otherwise.
        "query_pre_attn_scalar": value("attention.key_length"),
        "rms_norm_eps": value("attention.layer_norm_rms_epsilon"),
        "sliding_window": value("attention.sliding_window"),
        "sliding_window_pattern": value("attention.sliding_window_pattern"),
        "rope_theta": value("rope.freq_base"),
        "rope_local_base_freq": value("rope.freq_base_swa"),
        "rope_scaling": scaling,
    }
    missing = [name for name, found in fields.items() if found is None and name in _NEEDED]
    if missing:
        raise refuse_model(f"The file does not say its {missing[0]}.", where)
    if fields["num_hidden_layers"] == "62":
        raise refuse_model("It is Gemma 3 27B, and LTX-2 takes the 12B.", where)
    return parse_gemma_config(fields, where)


def _own_name(stored: str, where: str) -> str:
    if stored in _GGUF_ENDS:
        return _GGUF_ENDS[stored]
    block, _, rest = stored.removeprefix("blk.").partition(".")
    part = rest.removesuffix(".weight")
    if not stored.startswith("blk.") or part not in _GGUF_LAYER:
        raise refuse_model("The tensor is not one of Gemma 3's.", f"{where}: {stored[:200]}")
    return f"layers.{block}.{_GGUF_LAYER[part]}.weight"
