"""What a file says of how its layers are quantised, for what their tensors do not show.

ComfyUI's files mark each layer, in a small tensor of JSON beside it or in the header. How a layer
is stored is read from its own tensors; a mark is asked only for what they cannot tell: whether the
inputs were rotated before the weight was rounded, or a kind of storage that looks like another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reelwright.engine.storage.tensor_file import MappedFile

MARK = ".comfy_quant"
MAX_MARK_BYTES = 1 << 16
HEADER_KEY = "_quantization_metadata"

READ = frozenset(
    {
        "float8_e4m3fn",
        "float8_e4m3fn_rowwise",
        "float8_e5m2",
        "int8_tensorwise",
        "mxfp8",
        "nvfp4",
    }
)
"""Formats that weights are read from."""

_PREFIXES = ("model.diffusion_model.", "diffusion_model.")

Mark = Mapping[str, Any]


def header_marks(file: MappedFile) -> dict[str, Mark]:
    """The marks in a file's header, by layer; empty if it has none."""
    try:
        fields = json.loads(file.metadata.get(HEADER_KEY, "{}"))
        layers = fields["layers"].items()
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    return {str(layer): mark for layer, mark in layers if isinstance(mark, dict)}


def layer_mark(file: MappedFile, weight: str, marks: Mapping[str, Mark]) -> Mark:
    """What a file says of one layer; empty if nothing.

    Args:
        file: It.
        weight: Name of the layer's weight in the file.
        marks: From `header_marks`.
    """
    layer = weight.removesuffix(".weight")
    if layer + MARK in file.entries:
        return _parsed(file, layer + MARK)
    for prefix in _PREFIXES:
        for name in (layer, layer.removeprefix(prefix), prefix + layer):
            if name in marks:
                return marks[name]
    return {}


def unreadable(mark: Mark) -> str:
    """Why a layer cannot be read, by its mark; empty if it can."""
    kind = mark.get("format")
    turned = sorted(key for key, value in mark.items() if "rot" in str(key) and value)
    if turned:
        return f"It is {kind!r} with {turned[0]!r}: its inputs would have to be rotated"
    if kind is not None and (not isinstance(kind, str) or kind not in READ):
        return f"Its format {str(kind)[:40]!r} is not known"
    return ""


def _parsed(file: MappedFile, name: str) -> Mark:
    entry = file.entry(name)
    if entry.dtype not in ("U8", "I8") or entry.nbytes > MAX_MARK_BYTES:
        return {"format": f"{entry.dtype} {list(entry.shape)}"}
    text = bytes(file.bytes_of(entry).tolist())
    try:
        mark = json.loads(text.rstrip(b"\0"))
    except (ValueError, RecursionError):
        mark = None
    return mark if isinstance(mark, dict) else {"format": text[:40].decode("latin-1")}
