"""Canonical JSON, and the key of a result that is made from it.

Must stay true: two recipes that mean the same have the same bytes, on every machine and Python.
A change here renames every artifact there is, so it makes every film anew.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Recipe: TypeAlias = Mapping[str, JSON]

KEY_CHARS = 32
"""Length of a key: 128 bits of the sha256, in hexadecimal."""

_LARGEST_EXACT = 2**53


def canonical_json(value: JSON) -> str:
    """The one way to write a value.

    Keys are sorted, nothing is spaced, text is kept as it is (not escaped to ASCII), and a number
    without a fraction is written without one, so that `5` and `5.0` are the same number.

    Args:
        value: Plain JSON; tuples count as lists.

    Raises:
        TypeError: Something that JSON does not know, or a key that is not a string.
        ValueError: NaN or infinity.
    """
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def artifact_key(recipe: Recipe, upstream_keys: Sequence[str] = ()) -> str:
    """Name of the result of a stage.

    Args:
        recipe: What decides the result, and nothing else.
        upstream_keys: Keys (not bytes) of the results that it is made from, in order.

    Returns:
        `KEY_CHARS` hexadecimal digits.
    """
    text = canonical_json({"recipe": recipe, "upstream": list(upstream_keys)})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:KEY_CHARS]


def is_key(name: str) -> bool:
    """Whether a name could be a key: used before a folder is trusted to be an artifact."""
    return len(name) == KEY_CHARS and all(char in "0123456789abcdef" for char in name)


def rate_text(rate: Fraction) -> str:
    """A frame rate as recipes hold it: `24` or `24000/1001`."""
    return str(rate)


def _plain(value: JSON) -> JSON:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key of a recipe is text, not {key!r}")
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(part) for part in value]
    raise TypeError(f"{type(value).__name__} has no place in a recipe")


def _number(value: int | float) -> int | float:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no place in a recipe")
        if value.is_integer() and abs(value) < _LARGEST_EXACT:
            return int(value)
        return float(value)
    return int(value)
