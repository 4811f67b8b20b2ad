"""Arrays out of a glTF file's bytes.

Must agree with glTF 2.0, section 3.6.2. A count is believed only after it has been held against
the bytes that carry it; nothing is allocated by an accessor's word alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.assets.fields import Fields
from reelwright.assets.gltf_file import GltfFile
from reelwright.errors import AssetError

_DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MAX_UNBACKED = 4_000_000
"""Rows of an accessor that has no bytes (all zeros, or sparse)."""


def read_numbers(file: GltfFile, index: int, widths: tuple[int, ...]) -> NDArray[np.float32]:
    """An accessor as finite floats; normalised integers become 0..1 or -1..1.

    Args:
        file: The document.
        index: Which accessor.
        widths: How many numbers a row may have.

    Returns:
        float32 [count, width].

    Raises:
        AssetError: It is damaged, or holds NaN or infinity.
    """
    fields, rows = _read(file, index)
    if rows.shape[1] not in widths:
        raise fields.error(
            f"Its rows have {rows.shape[1]} numbers; {' or '.join(map(str, widths))} are needed."
        )
    out = rows.astype(np.float32)
    if rows.dtype.kind != "f" and fields.flag("normalized"):
        out = np.maximum(out / float(np.iinfo(rows.dtype).max), -1.0, dtype=np.float32)
    return out


def read_indices(file: GltfFile, index: int) -> NDArray[np.int64]:
    """An accessor of whole numbers, int64 [count, width].

    Raises:
        AssetError: It is damaged or holds fractions.
    """
    fields, rows = _read(file, index)
    if rows.dtype.kind != "u":
        raise fields.error("Its numbers are indices and must be unsigned.")
    return rows.astype(np.int64)


def count_of(file: GltfFile, index: int) -> int:
    """How many rows an accessor says it has; not yet held against its bytes."""
    return file.lists["accessors"][index].count("count")


def non_finite_error(fields: Fields, what: str) -> AssetError:
    """An error for NaN or infinity in an array."""
    return fields.error(
        f"Its {what} hold NaN or infinity.",
        "Clean the mesh (merge by distance, delete loose parts) and export it again.",
    )


def _read(file: GltfFile, index: int) -> tuple[Fields, NDArray[Any]]:
    fields = file.lists["accessors"][index]
    dtype, width = _row_type(fields)
    count = fields.count("count")
    view = file.index(fields, "bufferView", "bufferViews")
    if view is None:
        if count > _MAX_UNBACKED:
            raise fields.error(f"It asks for {count} rows and has no bytes for them.")
        rows = np.broadcast_to(np.zeros(width, dtype), (count, width))
    else:
        stride = file.lists["bufferViews"][view].count("byteStride", 0)
        rows = _rows(file, view, fields, (count, width), dtype, stride)
    sparse = fields.object("sparse")
    return fields, rows if sparse is None else _with_sparse(file, sparse, rows)


def _row_type(fields: Fields) -> tuple[np.dtype[Any], int]:
    component, kind = fields.count("componentType"), fields.text("type")
    if component not in _DTYPES or kind not in _WIDTHS:
        raise fields.error(f'It has component type {component} and type "{kind[:20]}".')
    return np.dtype(_DTYPES[component]), _WIDTHS[kind]


def _rows(
    file: GltfFile,
    view: int,
    fields: Fields,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    stride: int = 0,
) -> NDArray[Any]:
    """Rows that lie in a buffer view, not copied."""
    data = file.view(view, fields)
    offset = fields.count("byteOffset", 0)
    count, width = shape
    row_bytes = width * dtype.itemsize
    stride = stride or row_bytes
    if stride < row_bytes:
        raise fields.error(f"Its rows have {row_bytes} bytes but lie {stride} apart.")
    needed = offset + (count - 1) * stride + row_bytes if count else 0
    if needed > len(data):
        raise fields.error(
            f"It says that it has {count} rows ({needed} bytes); {len(data)} bytes are there."
        )
    return np.ndarray(shape, dtype, data, offset, (stride, dtype.itemsize))


def _with_sparse(file: GltfFile, sparse: Fields, rows: NDArray[Any]) -> NDArray[Any]:
    count = sparse.count("count")
    indices, values = sparse.object("indices"), sparse.object("values")
    if indices is None or values is None:
        raise sparse.error("A sparse accessor needs indices and values.")
    index_view, value_view = (
        file.index(part, "bufferView", "bufferViews") for part in (indices, values)
    )
    if index_view is None or value_view is None:
        raise sparse.error("A sparse accessor needs buffer views.")
    dtype = np.dtype(_DTYPES.get(indices.count("componentType"), "<f4"))
    if dtype.kind != "u":
        raise indices.error("Its indices must be unsigned.")
    at = _rows(file, index_view, indices, (count, 1), dtype)[:, 0]
    new = _rows(file, value_view, values, (count, rows.shape[1]), rows.dtype)
    if count and int(at.max()) >= len(rows):
        raise sparse.error(f"It changes row {int(at.max())} of {len(rows)}.")
    out = rows.copy()
    out[at] = new
    return out
