"""The header of a safetensors file: read, bounded and checked before anything is allocated.

A header is outside data. Nothing in it is believed until the whole of it agrees with itself and
with the size of the file: a file that passes here can be viewed anywhere without a further check.
The rules are those of the format, no looser: tensors lie end to end, without gaps or overlaps, and
cover the file to its last byte.

Source: the safetensors format description, github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from reelwright.errors import CheckpointError

MAX_HEADER_BYTES = 100_000_000
"""The format's own bound. LTX-2.3's header, 5947 tensors, is under 1 MB."""

MAX_RANK = 8
"""More axes than any weight has; bounds the work done on a hostile shape."""

ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "F32": 4,
    "I64": 8,
    "F64": 8,
}
"""Bytes of one element, by the format's own dtype names."""

_MEND = "Download the file again and compare its size with the publisher's."


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where one tensor lies in its file.

    Attributes:
        name: As written in the file.
        dtype: The format's name of the element type, e.g. `BF16`.
        shape: Sizes of its axes; empty for a scalar.
        start: First byte, counted from the start of the file.
        stop: One past its last byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in the file."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header: what the file holds and what it says of itself.

    Attributes:
        entries: Every tensor by name, in the order of the file.
        metadata: Free text by name.
        nbytes: Bytes before the first tensor.
    """

    entries: dict[str, TensorEntry]
    metadata: dict[str, str]
    nbytes: int


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file.

    Args:
        path: The file.

    Returns:
        The header; every entry lies inside the file and overlaps no other.

    Raises:
        CheckpointError: The file cannot be read, is truncated, or contradicts itself; the message
            names the file and, where there is one, the tensor.
    """
    try:
        file_bytes = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if file_bytes < 8 or length > min(file_bytes - 8, MAX_HEADER_BYTES):
                raise CheckpointError(
                    f"The file claims a header of {length} bytes and has {file_bytes} in all.",
                    _MEND,
                    where=str(path),
                )
            text = file.read(length)
    except OSError as error:
        raise CheckpointError(
            f"The file cannot be read ({error.strerror or error}).",
            "Check the path and its permissions.",
            where=str(path),
        ) from error
    return parse_header(text, file_bytes, str(path))


def parse_header(text: bytes, file_bytes: int, where: str) -> Header:
    """Check the text of a header against the size of its file.

    Args:
        text: The JSON, without the eight bytes of length before it.
        file_bytes: Size of the whole file.
        where: Name of the file, for messages.

    Returns:
        The checked header.

    Raises:
        CheckpointError: Something in it cannot be true.
    """
    fields = _parse_json(text, where)
    metadata = _parse_metadata(fields.pop("__metadata__", {}), where)
    offset = 8 + len(text)
    entries = [_parse_entry(name, field, offset, where) for name, field in fields.items()]
    entries.sort(key=lambda entry: (entry.start, entry.stop))
    _check_layout(entries, offset, file_bytes, where)
    return Header({entry.name: entry for entry in entries}, metadata, offset)


def _refuse(what: str, where: str, tensor: str = "") -> CheckpointError:
    place = f"{where}: {tensor[:200]}" if tensor else where
    return CheckpointError(what, _MEND, where=place, tensor=tensor)


def _parse_json(text: bytes, where: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise ValueError("a name stands twice")
        return fields

    try:
        fields = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:120]
        raise _refuse(f"The header is not the JSON of a safetensors file ({reason}).", where) from (
            error
        )
    if not isinstance(fields, dict):
        raise _refuse("The header is not a JSON object.", where)
    return fields


def _parse_metadata(field: Any, where: str) -> dict[str, str]:
    if not isinstance(field, dict) or not all(isinstance(text, str) for text in field.values()):
        raise _refuse("The header's __metadata__ is not a table of texts.", where)
    return field


def _is_size(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**63


def _parse_entry(name: str, field: Any, offset: int, where: str) -> TensorEntry:
    if not isinstance(field, dict):
        raise _refuse("The tensor has no description.", where, name)
    dtype, shape, span = (field.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise _refuse(f"The element type {str(dtype)[:40]!r} is not known.", where, name)
    if not isinstance(shape, list) or len(shape) > MAX_RANK or not all(map(_is_size, shape)):
        raise _refuse("The shape is not a short list of sizes.", where, name)
    if not isinstance(span, list) or len(span) != 2 or not all(map(_is_size, span)):
        raise _refuse("The data_offsets are not two places in the file.", where, name)
    start, stop = span
    wanted = prod(shape) * ITEM_BYTES[dtype]
    if stop - start != wanted:
        raise _refuse(
            f"{dtype} {shape} takes {wanted} bytes, but its offsets span {stop - start}.",
            where,
            name,
        )
    return TensorEntry(name, dtype, tuple(shape), offset + start, offset + stop)


def _check_layout(entries: list[TensorEntry], offset: int, file_bytes: int, where: str) -> None:
    place = offset
    for entry in entries:
        if entry.stop > file_bytes:
            raise _refuse(
                f"The tensor ends at byte {entry.stop}, but the file has only {file_bytes}: it is "
                "truncated.",
                where,
                entry.name,
            )
        if entry.start != place:
            fault = "overlaps the one before it" if entry.start < place else "leaves a gap"
            raise _refuse(
                f"The tensor {fault}: it starts at byte {entry.start}, not {place}.",
                where,
                entry.name,
            )
        place = entry.stop
    if place != file_bytes:
        raise _refuse(f"{file_bytes - place} bytes at the end belong to no tensor.", where)
