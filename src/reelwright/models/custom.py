"""Weights that a person names: LTX-2.3's own, or a finetune's, in any layout the engine reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path

from reelwright.errors import CheckpointError, InputError
from reelwright.models.header import check_header
from reelwright.models.weight_set import LoraUse, WeightSet, expanded

_WEIGHTS = (".safetensors", ".gguf")
_FULL = re.compile(r"(^|[-_. ])(dev|base|full)([-_. ]|$)", re.IGNORECASE)


def custom_weights(
    *,
    checkpoint: Sequence[Path],
    text_encoder: Path | None,
    upsampler: Path | None = None,
    loras: Sequence[tuple[Path, float | Sequence[float]]] = (),
    distilled: bool | None = None,
    tokenizer: Path | None = None,
) -> WeightSet:
    """Name the weights to use, once their files are there and whole.

    Args:
        checkpoint: The official single file, its parts, shard indices, or folders (diffusers' too).
        text_encoder: Gemma 3, a folder or a file; None where a folder of `checkpoint` has it as
            `text_encoder`.
        upsampler: The latent upsampler; without it clips are made in one pass.
        loras: Files and how strongly, for all passes or pass by pass. (0, 1) is the distilled LoRA
            that refines what the full model made.
        distilled: Whether the checkpoint is the distilled one. Nothing inside the files tells:
            None believes their names, `dev`, `base` or `full` is the full model, unless a LoRA's
            name says `distilled` and it joins the first pass.
        tokenizer: Folder of the tokenizer, if the text encoder brings none.

    Raises:
        InputError: A file is missing, or a strength is no number.
        CheckpointError: A file is no weights, or is cut short.
    """
    if not checkpoint:
        raise InputError(
            "No checkpoint is named.",
            "Give one or more files with --checkpoint.",
            where="checkpoint",
        )
    used = tuple(_lora(file, strengths) for file, strengths in loras)
    encoder = _inside(checkpoint) if text_encoder is None else text_encoder
    named: dict[str, Sequence[Path]] = {
        "checkpoint": checkpoint,
        "text-encoder": [encoder],
        "upscaler": [upsampler] if upsampler else [],
        "lora": [lora.file for lora in used],
    }
    for option, paths in named.items():
        for path in paths:
            _check(path, option)
    if tokenizer is not None and not tokenizer.exists():
        raise _missing(tokenizer, "tokenizer")
    return WeightSet(
        name="custom",
        checkpoint=tuple(checkpoint),
        text_encoder=encoder,
        label=checkpoint[0].name,
        tokenizer=tokenizer,
        upsampler=upsampler,
        loras=used,
        distilled=_looks_distilled(checkpoint, used) if distilled is None else distilled,
        compressed_stills=True,
    )


def _lora(file: Path, strengths: float | Sequence[float]) -> LoraUse:
    each = (strengths,) if isinstance(strengths, int | float) else tuple(strengths)
    if not each or not all(isfinite(strength) for strength in each):
        raise InputError(
            f"A LoRA cannot join with {list(each)}.",
            "Give it a strength, e.g. 1.0, or one for each pass.",
            where=str(file),
        )
    return LoraUse(file, tuple(float(strength) for strength in each))


def _inside(checkpoint: Iterable[Path]) -> Path:
    """A pipeline's folder that has the text encoder too."""
    for path in checkpoint:
        if (path / "text_encoder").is_dir():
            return path
    raise InputError(
        "The checkpoint has no text encoder.",
        "Name Gemma 3's folder or file with --text-encoder.",
        where="text-encoder",
    )


def _check(path: Path, option: str) -> None:
    if not path.exists():
        raise _missing(path, option)
    weights = [file for file in expanded(path) if file.suffix in _WEIGHTS or file == path]
    if path.is_dir() and not weights:
        raise CheckpointError(
            "This folder holds no .safetensors or .gguf file.",
            f"Name the folder or file that has the weights with --{option}.",
            where=str(path),
        )
    for file in weights:
        check_header(file)


def _missing(path: Path, option: str) -> InputError:
    return InputError(
        "There is nothing here.", f"Check the path that --{option} names.", where=str(path)
    )


def _looks_distilled(checkpoint: Iterable[Path], loras: Iterable[LoraUse]) -> bool:
    names = [path.stem.lower() for path in checkpoint]
    full = any(_FULL.search(name) and "distilled" not in name for name in names)
    helped = any("distilled" in lora.file.name.lower() and lora.strength(0) for lora in loras)
    return helped or not full
