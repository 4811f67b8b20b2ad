"""Reads settings out of descriptions: where a case's `params` are empty, its words have them."""

from __future__ import annotations

import re


def number_after(word: str, text: str) -> float | None:
    """The number that follows a word in a description; None if there is none."""
    found = re.search(rf"\b{word}\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    return None if found is None else float(found.group(1))


def need(word: str, *texts: str) -> float:
    """The number that follows a word in the first description that has one.

    Raises:
        KeyError: None has.
    """
    for text in texts:
        value = number_after(word, text)
        if value is not None:
            return value
    raise KeyError(f"no {word!r} in {texts}")


def numbers_in(word: str, text: str) -> list[float]:
    """The numbers in the brackets that follow a word."""
    found = re.search(rf"\b{word}\s*[(\[]([^)\]]*)[)\]]", text)
    return (
        [] if found is None else [float(part) for part in found.group(1).split(",") if part.strip()]
    )
