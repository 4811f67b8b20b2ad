"""Small things that messages are made of: a value as it is shown, the name that was meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPARED = 300
"""Names that a word is compared with; comparing costs some 5 us for each."""


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, if any comes near."""
    known = list(names)
    if len(known) > _COMPARED:
        known = [name for name in known if name[:1].lower() == word[:1].lower()][:_COMPARED]
    near = get_close_matches(word[:64], known, n=1, cutoff=0.6)
    return near[0] if near else None


def shown(value: object) -> str:
    """A value as it stands in a message: short, on one line."""
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        is_short = isinstance(value, float) or abs(value) < 10**18
        return str(value) if is_short else "A number of this size"
    if isinstance(value, list | tuple):
        return "A list"
    return "A table" if isinstance(value, dict) else "This"


def printable(text: str) -> str:
    """Text that may stand in a terminal: no control characters, 60 characters at most."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short)


def listed(names: Iterable[str]) -> str:
    """Names as a list in a sentence, shortened where there are many."""
    known = sorted(set(names))
    few = ", ".join(printable(name) for name in known[:12])
    return few + (", ..." if len(known) > 12 else "") if known else "none"
