"""Small JSON files from outside: read with a bound, refused with their name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from reelwright.errors import CheckpointError

MAX_JSON_BYTES = 1 << 24
"""Longest file that is read; the index of 5947 tensors is under 1 MB."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.

    Raises:
        CheckpointError: It cannot be read, is too long, names a key twice, has numbers that are
            not finite, or is no object.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise CheckpointError(
            f"The file cannot be read ({error.strerror or error}).",
            "Check the path and its permissions.",
            where=str(path),
        ) from error
    if len(text) > MAX_JSON_BYTES:
        raise _refuse(f"It is longer than {MAX_JSON_BYTES} bytes", path)
    try:
        fields = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise _refuse(f"It is not JSON: {str(error)[:120]}", path) from error
    if not isinstance(fields, dict):
        raise _refuse("It is not a JSON object", path)
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _refuse(what: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"The file cannot be used. {what}.",
        "Download it again, unchanged.",
        where=str(path),
    )
