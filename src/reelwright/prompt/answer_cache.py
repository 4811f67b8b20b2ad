"""Enhanced prompts that were had before: the same question gives the same text again.

A small JSON file for each, named by what decides it, so that a render repeats exactly without the
server, and on a server that is not deterministic.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

MAX_FILE_BYTES = 1 << 18


def answer_key(question: Mapping[str, object]) -> str:
    """Name of an answer: 128 bits of the sha256 of everything that was asked.

    Args:
        question: Plain JSON; pictures by their digest.
    """
    text = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read_answer(folder: Path, key: str) -> tuple[str, str] | None:
    """Text and model of an answer that is kept; None if there is none that can be read."""
    try:
        with (folder / f"{key}.json").open("rb") as file:
            data = json.loads(file.read(MAX_FILE_BYTES))
        text, by = data["text"], data["by"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return (text, by) if isinstance(text, str) and isinstance(by, str) else None


def write_answer(folder: Path, key: str, text: str, by: str) -> None:
    """Keep an answer, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{key}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    data = json.dumps({"text": text, "by": by}, ensure_ascii=False, indent=1)
    try:
        temporary.write_text(data + "\n", encoding="utf-8")
        temporary.replace(folder / f"{key}.json")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
