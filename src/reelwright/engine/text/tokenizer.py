"""Text to tokens as LTX-2's text encoder reads it: trimmed, one start token, padded on the left.

No end token and no chat template. What is too long loses its end, with a warning that says how
much.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from tokenizers import Tokenizer as Backend
from torch import Tensor

from reelwright.engine.storage.json_file import read_json
from reelwright.errors import CheckpointError

MAX_TOKENS = 1024
"""Tokens that LTX-2 reads of a text at most; a tokenizer may say less, never more."""

MAX_TOKENIZER_BYTES = 1 << 28
"""Longest tokenizer.json that is read; Gemma 3's is 33 MB."""

TOKENIZER, SETTINGS, SPECIALS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


class TruncationWarning(UserWarning):
    """A text was too long, and its end is not in the film."""


class Tokenizer:
    """Turns texts into ids.

    Args:
        backend: The vocabulary and its rules.
        start: Id of the token that every text begins with.
        padding: Id of the token that fills a text up.
        length: Tokens that a text is padded to, and cut at.

    Attributes:
        length: Tokens that a text is padded to, and cut at.
    """

    def __init__(self, backend: Backend, *, start: int, padding: int, length: int) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self.start, self.padding, self.length = start, padding, length

    def encode(self, text: str) -> Int[Tensor, " _"]:
        """The ids of a text, without padding: at least the start token, at most `length`.

        Warns:
            TruncationWarning: The text is longer; says how many tokens were dropped.
        """
        found = self._backend.encode(text.strip(), add_special_tokens=False).ids
        spare = len(found) + 1 - self.length
        if spare > 0:
            warnings.warn(
                f"The text has {len(found) + 1} tokens, and {self.length} are read: the last "
                f"{spare} were dropped. It begins: {text.strip()[:60]!r}.",
                TruncationWarning,
                stacklevel=2,
            )
        return torch.tensor([self.start, *found[: self.length - 1]])

    def pad(
        self, sentences: Sequence[Int[Tensor, " _"]]
    ) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B S"]]:
        """Pad sentences to the full length, on the left.

        Returns:
            The ids, and 1 for real tokens and 0 for padding.
        """
        ids = torch.full((len(sentences), self.length), self.padding)
        valid = torch.zeros_like(ids)
        for row, real, sentence in zip(ids, valid, sentences, strict=True):
            row[self.length - len(sentence) :] = sentence
            real[self.length - len(sentence) :] = 1
        return ids, valid


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read a tokenizer from the files that come with a model.

    Args:
        folder: Has `tokenizer.json` and `tokenizer_config.json`, or is the former.

    Raises:
        CheckpointError: A file is missing or cannot be used.
    """
    path = folder / TOKENIZER if folder.is_dir() else folder
    backend = _backend(path)
    settings = _settings(path.parent)
    limit = settings.get("model_max_length", MAX_TOKENS)
    if not isinstance(limit, int | float) or not limit >= 1:
        raise _refuse(f"model_max_length is {str(limit)[:40]}.", path.parent / SETTINGS)
    start = _special(backend, settings, ("bos_token",), path)
    padding = _special(backend, settings, ("pad_token", "eos_token"), path)
    return Tokenizer(backend, start=start, padding=padding, length=int(min(MAX_TOKENS, limit)))


def tokenizer_files(folder: Path) -> tuple[Path, ...]:
    """The files that `load_tokenizer` reads, for their digest."""
    path = folder / TOKENIZER if folder.is_dir() else folder
    others = (path.parent / name for name in (SETTINGS, SPECIALS))
    return (path, *(other for other in others if other.is_file()))


def _backend(path: Path) -> Backend:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TOKENIZER_BYTES + 1)
    except OSError as error:
        raise _refuse(f"It cannot be read ({error.strerror or error}).", path) from error
    if len(data) > MAX_TOKENIZER_BYTES:
        raise _refuse(f"It is longer than {MAX_TOKENIZER_BYTES} bytes.", path)
    return parse_backend(data, str(path))


def parse_backend(data: bytes, where: str) -> Backend:
    """Read the text of a `tokenizer.json`.

    Raises:
        CheckpointError: It is not one.
    """
    try:
        return Backend.from_str(data.decode("utf-8"))
    except Exception as error:  # the library raises nothing narrower
        raise _refuse(f"It is not a tokenizer ({str(error)[:120]}).", where) from error


def _settings(folder: Path) -> Mapping[str, Any]:
    """What a folder says of its tokenizer; older ones say the special tokens in a file apart."""
    settings: dict[str, Any] = {}
    for name in (SPECIALS, SETTINGS):
        if (folder / name).is_file():
            settings |= {key: v for key, v in read_json(folder / name).items() if v is not None}
    return settings


def _special(
    backend: Backend, settings: Mapping[str, Any], names: Sequence[str], path: Path
) -> int:
    """The id of the first special token that the settings name."""
    for name in names:
        given = settings.get(name)
        text = given.get("content") if isinstance(given, dict) else given
        found = backend.token_to_id(text) if isinstance(text, str) else None
        if found is not None:
            return int(found)
    known = json.dumps(names[0])
    raise _refuse(f"{known} is not said, or not in the vocabulary.", path.parent / SETTINGS)


def _refuse(what: str, where: Path | str) -> CheckpointError:
    return CheckpointError(
        f"The tokenizer cannot be used. {what}",
        "Use the tokenizer.json and tokenizer_config.json that come with the text encoder.",
        where=str(where),
    )
