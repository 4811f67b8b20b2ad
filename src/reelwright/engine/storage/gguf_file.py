"""A GGUF file as a read-only map: the same face as a safetensors file.

Quantised tensors stay as they are stored, as bytes; they are made ready weight by weight. Shapes
are written in the other direction there, fastest axis first. As with every file from outside,
nothing in its header is believed until it agrees with the size of the file.

Source: the GGUF specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from torch import Tensor

from reelwright.engine.storage.header import MAX_RANK, TensorEntry
from reelwright.engine.storage.tensor_file import MappedFile, map_bytes
from reelwright.errors import CheckpointError

MAGIC = b"GGUF"

VERSIONS = (2, 3)

MAX_TEXT_BYTES = 1 << 24
"""Longest text that is read; a config is some 10 kB."""

MAX_TENSORS = 1 << 20
"""Most tensors that are believed; LTX-2.3 has 5947."""

SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9
"""Kinds of values in a header, as numbers of `struct` and the two that are none."""
_KEPT_ITEMS = 8
"""Longest array whose values are kept; longer ones are vocabularies."""

_PLAIN = {"F32": "F32", "F16": "F16", "BF16": "BF16", "F64": "F64"}
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


@dataclass
class _Reader:
    """Walks through the header, never past the end of the file."""

    data: memoryview
    where: str
    place: int = 0

    def take(self, count: int) -> memoryview:
        stop = self.place + count
        if stop > len(self.data):
            raise _refuse(
                "The header goes on past the end of the file: it is truncated.", self.where
            )
        part = self.data[self.place : stop]
        self.place = stop
        return part

    def number(self, code: str) -> int | float:
        (value,) = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))
        return value  # type: ignore[no-any-return]

    def count(self, code: str = "Q") -> int:
        return int(self.number(code))

    def text(self) -> str:
        length = self.count()
        if length > MAX_TEXT_BYTES:
            raise _refuse(f"The header has a text of {length} bytes.", self.where)
        return bytes(self.take(length)).decode("utf-8", errors="replace")

    def value(self) -> str | None:
        """A value as text; None for an array too long to keep."""
        kind = self.count("I")
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            return self._array()
        return str(self.number(self._code(kind)))

    def _array(self) -> str | None:
        kind, length = self.count("I"), self.count()
        if kind == STRING:
            for _ in range(length):
                self.take(self.count())
            return None
        code = self._code(kind)
        data = self.take(length * struct.calcsize(code))
        return (
            json.dumps(struct.unpack(f"<{length}{code}", data)) if length <= _KEPT_ITEMS else None
        )

    def _code(self, kind: int) -> str:
        if kind not in SCALARS:
            raise _refuse(f"The header has a value of the unknown kind {kind}.", self.where)
        return SCALARS[kind]


class GgufFile(MappedFile):
    """One open GGUF file.

    Args:
        path: The file.

    Attributes:
        path: The file.
        entries: Every tensor by name; quantised ones have their quantisation as type.
        metadata: Free text and small values by name.

    Raises:
        CheckpointError: The file cannot be read or its header contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        data = map_bytes(path)
        reader = _Reader(data.numpy().data, str(path))
        self.metadata, infos = _read_header(reader)
        start = _aligned(reader.place, self.metadata, str(path))
        entries = {entry.name: entry for entry in _entries(infos, start, data.numel(), str(path))}
        super().__init__(path, _original_shapes(entries, self.metadata), data)

    def tensor(self, name: str) -> Tensor:
        """View one tensor; a quantised one as its bytes.

        Raises:
            CheckpointError: The file has no such tensor.
        """
        entry = self.entry(name)
        if entry.dtype in _PLAIN:
            return super().tensor(name)
        return self.bytes_of(entry)


@dataclass(frozen=True, slots=True)
class _Info:
    name: str
    dims: tuple[int, ...]
    kind: int
    offset: int


def _read_header(reader: _Reader) -> tuple[dict[str, str], list[_Info]]:
    if bytes(reader.take(4)) != MAGIC:
        raise _refuse("The file is not a GGUF file.", reader.where)
    version = reader.count("I")
    if version not in VERSIONS:
        raise _refuse(f"GGUF version {version} is not known.", reader.where)
    num_tensors, num_values = reader.count(), reader.count()
    if num_tensors > MAX_TENSORS or num_values > MAX_TENSORS:
        raise _refuse(
            f"The header claims {num_tensors} tensors and {num_values} values.", reader.where
        )
    metadata = {}
    for _ in range(num_values):
        name, value = reader.text(), reader.value()
        if value is not None:
            metadata[name] = value
    return metadata, [_read_info(reader) for _ in range(num_tensors)]


def _read_info(reader: _Reader) -> _Info:
    name, rank = reader.text(), reader.count("I")
    if rank > MAX_RANK:
        raise _refuse(f"The tensor has {rank} axes.", f"{reader.where}: {name[:200]}")
    dims = tuple(reader.count() for _ in range(rank))
    return _Info(name, dims, reader.count("I"), reader.count())


def _aligned(place: int, metadata: dict[str, str], where: str) -> int:
    text = metadata.get("general.alignment", "32")
    alignment = int(text) if text.isdigit() else 0
    if not 0 < alignment <= 1 << 20:
        raise _refuse(f"The tensors cannot be aligned to {text[:40]!r}.", where)
    return place + -place % alignment


def _entries(infos: list[_Info], start: int, file_bytes: int, where: str) -> Iterator[TensorEntry]:
    names: set[str] = set()
    for info in infos:
        place = f"{where}: {info.name[:200]}"
        if info.name in names:
            raise _refuse("The tensor stands twice.", place)
        names.add(info.name)
        dtype, nbytes = _storage(info, place)
        begin = start + info.offset
        if begin + nbytes > file_bytes:
            raise _refuse(
                f"The tensor ends at byte {begin + nbytes}, but the file has only {file_bytes}: "
                "it is truncated.",
                place,
            )
        yield TensorEntry(info.name, dtype, info.dims[::-1], begin, begin + nbytes)


def _storage(info: _Info, place: str) -> tuple[str, int]:
    """The type's name, and the bytes that the tensor takes."""
    try:
        kind = GGMLQuantizationType(info.kind)
    except ValueError as error:
        raise _refuse(f"The quantisation {info.kind} is not known.", place) from error
    block, block_bytes = GGML_QUANT_SIZES[kind]
    if info.dims and info.dims[0] % block:
        raise _refuse(f"Rows of {info.dims[0]} are not whole blocks of {kind.name}.", place)
    return kind.name, prod(info.dims) // block * block_bytes


def _original_shapes(
    entries: dict[str, TensorEntry], metadata: dict[str, str]
) -> dict[str, TensorEntry]:
    """Undo the reshaping that some converters do to fill whole blocks."""
    shaped = dict(entries)
    for name, entry in entries.items():
        shape = _sizes(metadata.get(_ORIGINAL_SHAPE + name, ""))
        if shape and prod(shape) == prod(entry.shape):
            shaped[name] = TensorEntry(name, entry.dtype, shape, entry.start, entry.stop)
    return shaped


def _sizes(text: str) -> tuple[int, ...]:
    """A list of sizes as `_Reader` keeps it; empty if it is something else."""
    numbers = text.removeprefix("[").removesuffix("]").split(", ")
    return tuple(map(int, numbers)) if all(number.isdecimal() for number in numbers) else ()


def _refuse(what: str, where: str) -> CheckpointError:
    return CheckpointError(
        what, "Download the file again and compare its size with the publisher's.", where=where
    )
