"""A shot's words, as the model reads them: once, for all of its takes and passes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from reelwright.engine import Contexts, EmbeddingCache, TruncationWarning, read_texts
from reelwright.errors import MediaError
from reelwright.generate.ltx.in_shot import in_shot
from reelwright.generate.ltx.latents import load_tensors, save_tensors
from reelwright.generate.ltx.loaded import encoder_residency, open_models
from reelwright.generate.ltx.settings import Precision
from reelwright.models import WeightSet
from reelwright.progress import NO_PROGRESS, Progress

CONTEXTS = "contexts.safetensors"


def read_words(
    prompt: str,
    negative: str,
    weights: WeightSet,
    out: Path,
    *,
    device: str = "cpu",
    precision: Precision = "auto",
    cache: Path | None = None,
    shot: str = "",
    progress: Progress = NO_PROGRESS,
) -> None:
    """Read a shot's words into `out/contexts.safetensors`.

    The negative words are read along, empty or not: one guidance or another then needs no second
    reading.

    Args:
        prompt: What is seen and heard.
        negative: What should not be.
        weights: What reads them.
        out: Folder to write to; made if missing.
        device: Where it computes.
        precision: What products run in.
        cache: Folder of an embedding cache; None keeps none.
        shot: The shot's id, for errors.
        progress: Told of words that are cut.

    Raises:
        CheckpointError: Text encoder or connectors cannot be loaded.
        InputError: The text encoder does not fit the weights.
        ResourceError: Memory or disk is short.
    """
    with in_shot(shot), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        progress.step(0.0, "reading the words")
        models = open_models(weights, device, precision)
        models.release()  # the text encoder may need all of the memory
        models = replace(models, residency=encoder_residency(weights, device, models.compute))
        wanted, unwanted = read_texts(
            [prompt, negative],
            models,
            weights.text_encoder,
            tokenizer=weights.tokenizer,
            cache=None if cache is None else EmbeddingCache(cache),
        )
        save_tensors(out / CONTEXTS, _named(wanted, "") | _named(unwanted, "negative."))
    _tell(said, progress)
    progress.step(1.0, "words read")


def load_words(folder: Path) -> tuple[Contexts, Contexts]:
    """What `read_words` wrote: the wanted and the unwanted.

    Args:
        folder: The folder, or its file.

    Raises:
        MediaError: There is nothing, or it is not whole.
    """
    path = folder / CONTEXTS if folder.is_dir() else folder
    tensors = load_tensors(path)
    try:
        return _contexts(tensors, ""), _contexts(tensors, "negative.")
    except KeyError as error:
        raise MediaError(
            f"The words lack {error}.", "Read the shot's words again.", where=str(path)
        ) from error


def _tell(said: list[warnings.WarningMessage], progress: Progress) -> None:
    """Hand on what people should know; what is meant for programmers stays a warning."""
    for warning in said:
        if warning.category is UserWarning or issubclass(warning.category, TruncationWarning):
            progress.warn(str(warning.message))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _named(contexts: Contexts, prefix: str) -> dict[str, Tensor]:
    named = {f"{prefix}video": contexts.video}
    if contexts.audio is not None:
        named[f"{prefix}audio"] = contexts.audio
    return named


def _contexts(tensors: Mapping[str, Tensor], prefix: str) -> Contexts:
    return Contexts(tensors[f"{prefix}video"], tensors.get(f"{prefix}audio"))
