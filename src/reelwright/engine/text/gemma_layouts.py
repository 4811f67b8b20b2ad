"""A Gemma 3 text model as people have it: a folder of shards, one file, or a GGUF.

Whatever the layout, what comes out is the same: a config, and weight sources under the names that
`Gemma` has. Parts for sight and the head for writing are left where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reelwright.engine.checkpoints.checkpoint import open_file
from reelwright.engine.memory.loading import CPU, build, check_weights, on_meta
from reelwright.engine.memory.residency import RESIDENT, Residency, load_blocks
from reelwright.engine.storage.gguf_file import GgufFile
from reelwright.engine.storage.json_file import read_json
from reelwright.engine.storage.shards import shard_paths
from reelwright.engine.storage.stored import stored_weights
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.engine.storage.weights import Compute, WeightSource
from reelwright.engine.text.gemma import Gemma, GemmaLayer, GemmaNorm
from reelwright.engine.text.gemma_config import (
    GEMMA3_12B,
    GemmaConfig,
    parse_gemma_config,
    refuse_model,
)
from reelwright.engine.text.gemma_gguf import open_gguf
from reelwright.engine.text.gemma_rows import EmbeddingRows
from reelwright.errors import CheckpointError

EMBEDDED_PIECES = "spiece_model"
"""The tensor that holds a sentencepiece model in ComfyUI's files."""

CONFIG = "config.json"

_PREFIXES = ("language_model.model.", "model.language_model.", "model.")
_OTHER_PARTS = (
    "vision_tower.",
    "vision_model.",
    "multi_modal_projector.",
    "lm_head.",
    "language_model.lm_head.",
)
_NOT_WEIGHTS = {EMBEDDED_PIECES, "tokenizer_json", "scaled_fp8"}

_MARKS = ("layers.0.self_attn.q_norm.weight", "layers.0.pre_feedforward_layernorm.weight")
"""Gemma 2 lacks the first, most other models the second."""


@dataclass(frozen=True, slots=True)
class GemmaFiles:
    """An open text model.

    Attributes:
        files: Its files of weights.
        config: Its config.
        weights: Its weights at rest, by `Gemma`'s names.
        where: Its path, for messages.
    """

    files: tuple[MappedFile, ...]
    config: GemmaConfig
    weights: Mapping[str, WeightSource]
    where: str


def open_gemma(path: Path, beside: Path | None = None) -> GemmaFiles:
    """Open a text model and check it, before any weight is read.

    Args:
        path: A Hugging Face folder, its index, a single safetensors file, or a GGUF.
        beside: A folder whose `config.json` serves a single file that carries none.

    Raises:
        CheckpointError: It is not Gemma 3, or its tensors do not fit its config.
    """
    files = tuple(map(open_file, shard_paths(path)))
    where = str(path)
    if isinstance(files[0], GgufFile):
        config, weights = open_gguf(files[0], where)
    else:
        config, weights = _from_safetensors(path, files, beside)
    module = on_meta(lambda: Gemma(config), where)
    check_weights(module.state_dict(), weights, f"{where}: ")
    return GemmaFiles(files, config, weights, where)


def load_gemma(
    files: GemmaFiles,
    *,
    compute: Compute = Compute.FLOAT32,
    device: torch.device = CPU,
    residency: Residency = RESIDENT,
) -> Gemma:
    """Build the model.

    Args:
        files: Its weights at rest.
        compute: What its products run in.
        device: Where it runs.
        residency: How its layers are kept. The table of embeddings stays in its file.
    """
    config, weights = files.config, files.weights
    layers = load_blocks(
        lambda: GemmaLayer(config),
        [_under(weights, f"layers.{index}.") for index in range(config.num_hidden_layers)],
        compute=compute,
        device=device,
        residency=residency,
        where=files.where,
    )
    norm = build(
        lambda: GemmaNorm(config.hidden_size, config.rms_norm_eps),
        _under(weights, "norm."),
        where=files.where,
        prefix="norm.",
        compute=compute,
        device=device,
    )
    rows = EmbeddingRows(weights["embed_tokens.weight"], compute, device)
    model = on_meta(lambda: Gemma(config, rows, layers), files.where)
    model.norm = norm
    return model.requires_grad_(False).eval()


def _under(weights: Mapping[str, WeightSource], prefix: str) -> dict[str, WeightSource]:
    return {
        name.removeprefix(prefix): source
        for name, source in weights.items()
        if name.startswith(prefix)
    }


def _from_safetensors(
    path: Path, files: Sequence[MappedFile], beside: Path | None
) -> tuple[GemmaConfig, dict[str, WeightSource]]:
    found: dict[str, tuple[MappedFile, str]] = {}
    for file in files:
        for stored in file.entries:
            name = _own_name(stored)
            if name in found:
                raise refuse_model("The tensor stands twice.", f"{file.path}: {stored}")
            if name is not None:
                found[name] = (file, stored)
    where = str(path)
    fields, said_by = _config_fields(path, files, beside, found)
    config = parse_gemma_config(fields, said_by)
    _check_marks(found, where)
    return config, stored_weights(found, where)


def _own_name(stored: str) -> str | None:
    """`Gemma`'s name of a tensor; None for one of another part."""
    prefix = next((prefix for prefix in _PREFIXES if stored.startswith(prefix)), "")
    name = stored.removeprefix(prefix)
    return None if name in _NOT_WEIGHTS or name.startswith(_OTHER_PARTS) else name


def _config_fields(
    path: Path, files: Sequence[MappedFile], beside: Path | None, found: Mapping[str, Any]
) -> tuple[object, str]:
    """The config, and the file that says it: beside the weights, inside them, or well known."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or path.suffix == ".json":
        return read_json(folder / CONFIG), str(folder / CONFIG)
    if "config" in files[0].metadata:
        return _embedded_config(files[0].metadata["config"]), f"{path}: config"
    if beside is not None and (beside / CONFIG).is_file():
        return read_json(beside / CONFIG), str(beside / CONFIG)
    _check_marks(found, str(path))
    layers = sum(name.endswith("mlp.down_proj.weight") for name in found)
    file, stored = found["norm.weight"] if "norm.weight" in found else (files[0], "")
    width = file.entry(stored).shape if stored else ()
    if (layers, width) != (GEMMA3_12B["num_hidden_layers"], (GEMMA3_12B["hidden_size"],)):
        raise CheckpointError(
            f"The file carries no config, and with {layers} layers of {list(width)} it is not "
            "Gemma 3 12B.",
            "Give `tokenizer` a folder that has the model's config.json, or use Gemma 3 12B.",
            where=str(path),
        )
    return GEMMA3_12B | _vocabulary(found), str(path)


def _embedded_config(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # refused by whoever parses it, with its place


def _vocabulary(found: Mapping[str, tuple[MappedFile, str]]) -> dict[str, int]:
    """The rows of the table, which publishers cut or pad."""
    if "embed_tokens.weight" not in found:
        return {}
    file, stored = found["embed_tokens.weight"]
    return {"vocab_size": next(iter(file.entry(stored).shape), 0)}


def _check_marks(names: Iterable[str], where: str) -> None:
    held = set(names)
    missing = [mark for mark in _MARKS if mark not in held]
    if missing:
        first = min(held, default="none at all")
        raise refuse_model(
            f"The tensors are of another model: there is no {missing[0]}, but {first[:120]}.", where
        )
