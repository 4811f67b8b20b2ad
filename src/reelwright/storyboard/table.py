"""A table of a storyboard as it was read, before or without validation.

The checks between fields read through this, so that they run on whatever part of a file is sound
while the models say what is wrong with the rest. A value of the wrong type reads as None: it has
been told already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.storyboard.fields import Vec3
    from reelwright.storyboard.source import Path


@dataclass(frozen=True, slots=True)
class Table:
    """One table and where it stands.

    Attributes:
        raw: What was read.
        path: Its place in the document.
    """

    raw: dict[str, Any]
    path: Path = ()

    def __contains__(self, name: str) -> bool:
        return name in self.raw

    def at(self, name: str) -> Path:
        """The path of one of its values."""
        return (*self.path, name)

    def text(self, name: str) -> str | None:
        """A value that is text."""
        value = self.raw.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """A value that is a finite number."""
        return _number(self.raw.get(name))

    def whole(self, name: str) -> int | None:
        """A value that is a whole number."""
        value = self.raw.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def point(self, name: str) -> Vec3 | None:
        """A value that is three numbers."""
        value = self.raw.get(name)
        if not isinstance(value, list | tuple) or len(value) != 3:
            return None
        x, y, z = (_number(part) for part in value)
        return None if x is None or y is None or z is None else (x, y, z)

    def table(self, name: str) -> Table | None:
        """A value that is a table."""
        value = self.raw.get(name)
        return Table(value, self.at(name)) if isinstance(value, dict) else None

    def tables(self, name: str) -> list[Table]:
        """The tables of a list."""
        value = self.raw.get(name)
        if not isinstance(value, list | tuple):
            return []
        parts = enumerate(value)
        return [Table(part, (*self.at(name), i)) for i, part in parts if isinstance(part, dict)]

    def named(self, name: str) -> Iterator[tuple[str, Table]]:
        """The tables of a table, with their names."""
        table = self.table(name)
        for key, value in (table.raw if table else {}).items():
            if isinstance(value, dict):
                yield key, Table(value, (*self.at(name), key))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e18 and isfinite(value) else None
