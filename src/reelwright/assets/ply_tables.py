"""The tables of a Stanford .ply, checked against the file's length before anything is read.

Measured with trimesh 5.2: it refuses binary files whose faces differ in their number of corners
(Blender writes them) or takes one for another where the lengths add up, refuses tables of edges
that it does not know, and reads texts that break off as if whole. So only the tables of vertices
and faces are passed on, and mixed faces as triangles.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reelwright.assets.fields import DAMAGED
from reelwright.assets.limits import MAX_TRIANGLES, MAX_VERTICES
from reelwright.errors import AssetError

_TYPES = {
    word: code
    for code, words in {
        "b": "char int8",
        "B": "uchar uint8",
        "h": "short int16",
        "H": "ushort uint16",
        "i": "int int32",
        "I": "uint uint32",
        "f": "float float32",
        "d": "double float64",
    }.items()
    for word in words.split()
}
_ORDERS = {"ascii": "", "binary_big_endian": ">", "binary_little_endian": "<"}
_CORNERS = ("vertex_indices", "vertex_index")
_TRIANGLES = "property list uchar int vertex_indices"
_MAX_HEAD_BYTES = 65_536
_MAX_CORNERS = 10_000


@dataclass(slots=True)
class _Table:
    """A table: its columns as (name, type, type of a list's length or empty)."""

    name: str
    count: int
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def is_drawn(self) -> bool:
        """Whether it holds vertices, or faces with their corners."""
        corners = any(length and column in _CORNERS for column, _, length in self.columns)
        return self.name == "vertex" or (self.name == "face" and corners)


def tidy_ply(data: bytes, name: str) -> bytes:
    """The vertices and faces of a .ply alone, as a .ply.

    Args:
        data: The file.
        name: Its name for messages.

    Raises:
        AssetError: Its head is broken, or it ends before its last row.
    """
    encoding, tables, start = _head(data, name)
    if not any(table.name == "face" and table.count for table in tables if table.is_drawn):
        raise AssetError(
            "It has no faces: it is a cloud of points.",
            "Make a surface of it first (in MeshLab: Filters > Remeshing > Poisson).",
            where=name,
        )
    order = _ORDERS[encoding]
    take = _Binary(data, start, order, name) if order else _Text(data, start, name)
    head, body = [f"ply\nformat {encoding} 1.0"], []
    for table in tables:
        rows = take.rows(table)
        if table.is_drawn:
            head += [f"element {table.name} {table.count}", *table.lines]
            body.append(rows)
    return "\n".join([*head, "end_header\n"]).encode() + b"".join(body)


class _Text:
    def __init__(self, data: bytes, start: int, name: str) -> None:
        self._lines = [line for line in data[start:].split(b"\n") if line.strip()]
        self._name = name
        self._at = 0

    def rows(self, table: _Table) -> bytes:
        rows = self._lines[self._at : self._at + table.count]
        self._at += table.count
        if len(rows) < table.count:
            raise _truncated(self._name)
        if not all(_is_whole(row.split(), table) for row in rows):
            raise AssetError(
                f'A line of its table "{table.name}" has more or fewer numbers than it should.',
                "Copy or export the file again.",
                where=self._name,
            )
        return b"\n".join(rows) + b"\n" * bool(rows)


class _Binary:
    def __init__(self, data: bytes, start: int, order: str, name: str) -> None:
        self._data = data
        self._order = order
        self._name = name
        self._at = start

    def rows(self, table: _Table) -> bytes:
        """The bytes of a table; mixed faces become triangles, and the table's head says so."""
        start = self._at
        if table.count == 0:
            return b""
        self._row(table)
        row = self._alike(table, start)
        if row:
            self._at = start + row * table.count
            return self._data[start : self._at]
        self._at = start
        fans = (
            (face[0], face[i], face[i + 1])
            for face in (self._row(table) for _ in range(table.count))
            for i in range(1, len(face) - 1)
        )
        triangles = np.fromiter(fans, np.dtype((np.int64, 3)))
        table.count, table.lines = len(triangles), [_TRIANGLES]
        rows = np.zeros(len(triangles), [("count", "u1"), ("corners", f"{self._order}i4", 3)])
        rows["count"] = 3
        rows["corners"] = triangles.clip(-1, 2**31 - 1)
        return rows.tobytes()

    def _alike(self, table: _Table, start: int) -> int:
        """Bytes per row if all rows are as long as the first, which has just been read; else 0."""
        size = self._at - start
        if start + size * table.count > len(self._data):
            if not any(length for _, _, length in table.columns):
                raise _truncated(self._name)
            return 0
        rows = np.frombuffer(self._data, np.uint8, size * table.count, start).reshape(-1, size)
        at = 0
        for _, kind, length in table.columns:
            if length:
                counts = rows[:, at : at + struct.calcsize(length)]
                if (counts != counts[0]).any():
                    return 0
                (count,) = struct.unpack(self._order + length, counts[0].tobytes())
                at += struct.calcsize(length) + struct.calcsize(kind) * count
            else:
                at += struct.calcsize(kind)
        return size

    def _row(self, table: _Table) -> tuple[int, ...]:
        """Go past one row; the corners of its face."""
        corners: tuple[int, ...] = ()
        for column, kind, length in table.columns:
            count = int(self._numbers(1, length)[0]) if length else 1
            values = self._numbers(count, kind)
            if length and column in _CORNERS:
                corners = values
        return corners

    def _numbers(self, count: int, kind: str) -> tuple[Any, ...]:
        if not 0 <= count <= _MAX_CORNERS:
            raise AssetError(f"A face of it has {count} corners.", DAMAGED, where=self._name)
        form = f"{self._order}{count}{kind}"
        if self._at + struct.calcsize(form) > len(self._data):
            raise _truncated(self._name)
        numbers = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return numbers


def _head(data: bytes, name: str) -> tuple[str, list[_Table], int]:
    """The encoding, the tables, and where they begin."""
    end = data.find(b"end_header", 0, _MAX_HEAD_BYTES)
    newline = data.find(b"\n", end) if end >= 0 else -1
    if data[:3] != b"ply" or newline < 0:
        raise AssetError("It is no whole .ply: its head is broken.", DAMAGED, where=name)
    encoding, tables = "", list[_Table]()
    for line in data[:end].decode("ascii", errors="replace").splitlines():
        words = line.split()
        try:
            if words[:1] == ["format"]:
                encoding = words[1]
            elif words[:1] == ["element"]:
                tables.append(_Table(words[1], int(words[2])))
            elif words[:1] == ["property"]:
                tables[-1].columns.append(_column(words))
                tables[-1].lines.append(" ".join(words))
        except (KeyError, IndexError, ValueError) as error:
            raise AssetError(
                f'The line "{line[:60]}" of its head is not understood.', DAMAGED, where=name
            ) from error
    if encoding not in _ORDERS:
        raise AssetError("Its head names no known format.", DAMAGED, where=name)
    for table in tables:
        limit = MAX_VERTICES if table.name == "vertex" else MAX_TRIANGLES
        if not 0 <= table.count <= limit or not table.columns:
            raise AssetError(
                f"It says that it has {table.count} of {table.name}.", DAMAGED, where=name
            )
    return encoding, tables, newline + 1


def _column(words: list[str]) -> tuple[str, str, str]:
    if words[1] != "list":
        return words[2], _TYPES[words[1]], ""
    kind, length = _TYPES[words[3]], _TYPES[words[2]]
    if length in "fd" or (words[4] in _CORNERS and kind in "fd"):
        raise ValueError("neither a length nor an index is a fraction")
    return words[4], kind, length


def _is_whole(words: list[bytes], table: _Table) -> bool:
    """Whether a line has just its columns; trimesh drops or bends faces that have not."""
    at = 0
    for _, _, length in table.columns:
        if length and at < len(words):
            count = words[at]
            at += int(count) if count.isdigit() and len(count) < 10 else 0
        at += 1
    return at == len(words)


def _truncated(name: str) -> AssetError:
    return AssetError("It ends before its last row.", "Copy or export the file again.", where=name)
