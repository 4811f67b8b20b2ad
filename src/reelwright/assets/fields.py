"""A JSON document from outside, read field by field; what is wrong is said with its place.

Every way out is a value of the asked type or an `AssetError`: nothing of a model file is trusted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reelwright.errors import AssetError

DAMAGED = "Export the model again; the file is damaged or was written by a broken exporter."


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of a model file.

    Attributes:
        data: The object.
        place: Where it stands, e.g. `meshes[2].primitives[0]`.
        file: The file's name for messages.
    """

    data: dict[str, Any]
    place: str
    file: str

    def error(self, what: str, mend: str = DAMAGED) -> AssetError:
        """An error about this object."""
        where = f"{self.file}: {self.place}" if self.place else self.file
        return AssetError(what, mend, where=where, file=self.file, place=self.place)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self.data

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number of at least 0."""
        value = self.data.get(name, default)
        if isinstance(value, float) and value.is_integer():  # some exporters write 3.0
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(f'"{name}" is {_shown(value)}; a whole number is needed.')
        return value

    def index(self, name: str, size: int) -> int | None:
        """An index into a list of `size`; None if the field is not there."""
        if name not in self.data:
            return None
        value = self.count(name)
        if value >= size:
            raise self.error(f'"{name}" is {value}, but there are only {size}.')
        return value

    def number(self, name: str, default: float) -> float:
        """A finite number."""
        return self._finite(name, self.data.get(name, default))

    def numbers(self, name: str, size: int, default: tuple[float, ...]) -> tuple[float, ...]:
        """`size` finite numbers."""
        values = self.data.get(name, default)
        if not isinstance(values, list | tuple) or len(values) != size:
            raise self.error(f'"{name}" is {_shown(values)}; {size} numbers are needed.')
        return tuple(self._finite(name, value) for value in values)

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self.data.get(name, default)
        if not isinstance(value, str):
            raise self.error(f'"{name}" is {_shown(value)}; a text is needed.')
        return _printable(value)

    def flag(self, name: str) -> bool:
        """True or false; false if the field is not there."""
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            raise self.error(f'"{name}" is {_shown(value)}; true or false is needed.')
        return value

    def object(self, name: str) -> Fields | None:
        """An object; None if the field is not there."""
        if name not in self.data:
            return None
        return self._inner(self.data[name], f"{self._dot()}{name}")

    def extension(self, name: str) -> Fields | None:
        """The object of an extension; None if there is none."""
        extensions = self.object("extensions")
        return None if extensions is None else extensions.object(name)

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty if the field is not there."""
        return [
            self._inner(value, f"{self._dot()}{name}[{i}]")
            for i, value in enumerate(self._list(name))
        ]

    def texts(self, name: str) -> list[str]:
        """A list of strings; empty if the field is not there."""
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self.error(f'"{name}" is {_shown(values)}; a list of texts is needed.')
        return values

    def indices(self, name: str, size: int) -> list[int]:
        """A list of indices into a list of `size`; empty if the field is not there."""
        return list(self._indices(name, size))

    def _indices(self, name: str, size: int) -> Iterator[int]:
        for value in self._list(name):
            if isinstance(value, bool) or not isinstance(value, int):
                raise self.error(f'"{name}" holds {_shown(value)}; whole numbers are needed.')
            if not 0 <= value < size:
                raise self.error(f'"{name}" holds {value}, but there are only {size}.')
            yield value

    def _list(self, name: str) -> list[Any]:
        values = self.data.get(name, [])
        if not isinstance(values, list):
            raise self.error(f'"{name}" is {_shown(values)}; a list is needed.')
        return values

    def _inner(self, value: Any, place: str) -> Fields:
        if not isinstance(value, dict):
            raise self.error(f'"{place}" is {_shown(value)}; an object is needed.')
        return Fields(value, place, self.file)

    def _finite(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f'"{name}" is {_shown(value)}; a number is needed.')
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or abs(number) > 1e30:
            raise self.error(f'"{name}" is {_shown(value)}; a finite number is needed.')
        return number

    def _dot(self) -> str:
        return f"{self.place}." if self.place else ""


def _printable(text: str) -> str:
    """A text that any terminal and file can hold: JSON may carry half of a character."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _shown(value: object) -> str:
    """A value as it is quoted in a message: short, whatever it is."""
    if isinstance(value, dict | list | tuple):
        return f"a {'list' if not isinstance(value, dict) else 'object'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**20:
        return "a huge number"  # and Python refuses to print the largest of them
    text = "missing" if value is None else _printable(repr(value))
    return text if len(text) <= 40 else f"{text[:37]}..."
