"""The first bytes of a file of weights: enough to refuse what is none, or is cut short.

The engine reads headers with all its rules when it opens a file. This is the quick look before any
work, without importing it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reelwright.errors import CheckpointError

_MAX_HEADER_BYTES = 100_000_000
_GGUF = b"GGUF"
_MEND = "Download the file again and compare its size with the publisher's."


def check_header(file: Path) -> None:
    """Refuse a file that is neither safetensors nor GGUF, or is cut short.

    Args:
        file: A file of weights, or a shard index.

    Raises:
        CheckpointError: It cannot be read, is of another kind, or ends early.
    """
    try:
        if file.name.endswith(".json"):
            _parsed(file.read_bytes(), file)
            return
        size = file.stat().st_size
        with file.open("rb") as opened:
            first = opened.read(8)
            if first[:4] == _GGUF:
                return
            length = int.from_bytes(first, "little")
            if len(first) < 8 or not 2 <= length <= _MAX_HEADER_BYTES:
                raise CheckpointError(
                    "This is not a file of weights: neither safetensors nor GGUF.",
                    "Name a .safetensors or .gguf file. Pickle files (.ckpt, .pt) are not loaded.",
                    where=str(file),
                )
            if length > size - 8:
                raise _short(file, 8 + length, size)
            header = _parsed(opened.read(length), file)
    except OSError as error:
        raise CheckpointError(
            f"The file cannot be read ({error.strerror or error}).",
            "Check the path and its permissions.",
            where=str(file),
        ) from error
    wanted = 8 + length + _data_bytes(header, file)
    if wanted > size:
        raise _short(file, wanted, size)


def _parsed(text: bytes, file: Path) -> dict[str, Any]:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("Its header is not JSON.", _MEND, where=str(file)) from error
    if not isinstance(held, dict):
        raise CheckpointError("Its header is not a table.", _MEND, where=str(file))
    return held


def _data_bytes(header: dict[str, Any], file: Path) -> int:
    try:
        entries = (entry for name, entry in header.items() if name != "__metadata__")
        return max((int(entry["data_offsets"][1]) for entry in entries), default=0)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise CheckpointError(
            "Its header does not say where its tensors lie.", _MEND, where=str(file)
        ) from error


def _short(file: Path, wanted: int, size: int) -> CheckpointError:
    return CheckpointError(
        f"The file is cut short: it should have {wanted:,} bytes and has {size:,}.",
        _MEND,
        where=str(file),
    )
