"""Models without a node tree (.obj, .ply, .stl), read by trimesh.

trimesh takes what it is given in good faith: of a broken file it reads what it can and says
nothing. So a file is checked and put into the dialect that trimesh reads rightly before
(`obj_text`, `ply_tables`, `_whole_stl`), and what comes back is checked again. trimesh opens no
file: it gets bytes, and materials are read by `mtl`.
"""

from __future__ import annotations

import io
import logging
import re
import warnings as python_warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray

from reelwright.assets.color import linear_vertex_colors
from reelwright.assets.fields import DAMAGED
from reelwright.assets.files import model_suffix, read_file
from reelwright.assets.limits import MAX_TRIANGLES, MAX_VERTICES
from reelwright.assets.mtl import read_looks
from reelwright.assets.obj_text import obj_libraries, tidy_obj
from reelwright.assets.ply_tables import tidy_ply
from reelwright.assets.surface import Look, Surface
from reelwright.errors import AssetError, relative_name

_NO_LOG = logging.NullHandler()  # one and the same: a logger takes a handler only once
_STL_HEAD_BYTES, _STL_TRIANGLE_BYTES = 84, 50
# A name is no use here, and trimesh would read "solid vertex-7" as a corner.
_SOLID = re.compile(r"^[ \t]*(end|)solid\b.*$", re.MULTILINE | re.IGNORECASE)
_OPTIONS: dict[str, dict[str, bool]] = {
    "obj": {"skip_materials": True},
    "ply": {"skip_materials": True, "fix_texture": False},  # True loses normals
    "stl": {},
}


def read_model(path: Path, root: Path, warnings: dict[str, None]) -> list[Surface]:
    """Read an .obj, .ply or .stl.

    Args:
        path: The model.
        root: The project's folder; nothing outside it is read.
        warnings: What is not drawn is added here.

    Returns:
        One surface per material, in the order of the file.

    Raises:
        AssetError: It, its .mtl or a texture is damaged, missing or outside the project.
    """
    data, name = read_file(path, root), relative_name(path, root)
    if not data:
        raise AssetError("The file is empty.", "Export the model again.", where=name)
    suffix = model_suffix(path, root)
    if suffix == ".ply":
        return [_surface(part, name, Look()) for part in _loaded("ply", tidy_ply(data, name), name)]
    if suffix == ".stl":
        return [_welded(part, name) for part in _loaded("stl", _whole_stl(data, name), name)]
    looks: dict[str, Look] = {}
    for library in obj_libraries(data, path, root):
        looks.update(read_looks(library, root, warnings))
    text, materials = tidy_obj(data, name)
    parts = reversed(_loaded("obj", text, name))  # trimesh takes the materials from the end
    return [
        _surface(part, name, looks.get(material, Look(name=material)))
        for part, material in zip(parts, materials, strict=True)
    ]


def _loaded(kind: str, data: bytes, name: str) -> list[dict[str, Any]]:
    """The raw arrays of each part; nothing merged, dropped or rounded to 8 bits."""
    from trimesh.exchange.load import mesh_loaders

    # What it logs of a broken file would reach the terminal as a traceback if nobody listens.
    logging.getLogger("trimesh").addHandler(_NO_LOG)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("error")  # some numpy only warn of text that is no number
            loader: Any = mesh_loaders[kind]
            read: dict[str, Any] = loader(io.BytesIO(data), file_type=kind, **_OPTIONS[kind])
    except Exception as error:
        raise AssetError(f"It cannot be read: {str(error)[:200]}.", DAMAGED, where=name) from error
    return list(read.get("geometry", {"": read}).values()) or [{}]


def _surface(part: dict[str, Any], name: str, look: Look) -> Surface:
    vertices = _rows(part.get("vertices"), 3, "vertices", name)
    count = len(vertices)
    faces = _triangles(part.get("faces"), count, name)
    visual, colors = part.get("visual"), part.get("vertex_colors")
    uvs = None if visual is None else visual.uv
    if uvs is not None:
        uvs = _rows(uvs, 2, "texture coordinates", name, count) * [1, -1] + [0, 1]
    normals = part.get("vertex_normals")
    return Surface(
        vertices=vertices,
        faces=faces,
        normals=None if normals is None else _rows(normals, 3, "normals", name, count),
        uvs=None if uvs is None else uvs.astype(np.float32),
        colors=None if colors is None else _linear(np.asarray(colors), name, count),
        look=look,
    )


def _welded(part: dict[str, Any], name: str) -> Surface:
    """Equal corners become one vertex, so that normals can be smooth."""
    # Exactly equal ones: trimesh's merge_vertices rounds to 1e-8 and overflows above 1e11.
    vertices = _rows(part.get("vertices"), 3, "vertices", name) + np.float32(0.0)  # -0.0 is 0.0
    rows = np.ascontiguousarray(vertices).view("V12").reshape(-1)
    _, first, same = np.unique(rows, return_index=True, return_inverse=True)
    faces = _triangles(part.get("faces"), len(vertices), name)
    return Surface(vertices[first], same.reshape(-1)[faces].astype(np.int64))


def _rows(
    values: Any, width: int, what: str, name: str, count: int | None = None
) -> Float32[np.ndarray, "R width"]:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = np.asarray([[]] if values is None else values, np.float32)
    except (TypeError, ValueError) as error:  # rows of several lengths
        raise AssetError(f"Its {what} are not alike.", DAMAGED, where=name) from error
    if not rows.size:
        raise _no_triangle(name)
    if rows.ndim != 2 or rows.shape[1] != width or len(rows) != (count or len(rows)):
        raise AssetError(f"Its {what} are not {width} numbers each.", DAMAGED, where=name)
    if len(rows) > MAX_VERTICES:
        raise AssetError(f"It has {len(rows)} {what}.", "Reduce the model.", where=name)
    if what != "normals" and not np.isfinite(rows).all():  # bad normals are mended when written
        raise AssetError(f"Its {what} hold NaN or infinity.", DAMAGED, where=name)
    return rows


def _triangles(polygons: Any, num_vertices: int, name: str) -> Int64[np.ndarray, "T 3"]:
    from trimesh.geometry import triangulate_quads

    if polygons is None or not len(polygons):
        raise _no_triangle(name)
    faces = np.asarray(triangulate_quads(polygons), np.int64).reshape(-1, 3)
    if not len(faces):
        raise _no_triangle(name)
    if len(faces) > MAX_TRIANGLES:
        raise AssetError(f"It has {len(faces)} triangles.", "Reduce the model.", where=name)
    wrong = faces[(faces < 0) | (faces >= num_vertices)]
    if len(wrong):
        raise AssetError(
            f"A face uses vertex {wrong[0]}; there are {num_vertices}.", DAMAGED, where=name
        )
    return faces


def _linear(colors: NDArray[Any], name: str, count: int) -> Float32[np.ndarray, "V 4"]:
    """Colours of vertices are sRGB, as scanners and MeshLab write them."""
    if colors.dtype.kind not in "fiu" or colors.shape not in ((count, 3), (count, 4)):
        raise AssetError("Its vertex colours are not three or four.", DAMAGED, where=name)
    full = 1.0 if colors.dtype.kind == "f" else float(np.iinfo(colors.dtype).max)
    return linear_vertex_colors(np.nan_to_num(colors.astype(np.float64)) / full)


def _whole_stl(data: bytes, name: str) -> bytes:
    """A text that does not break off, or exactly as many bytes as its number of triangles asks."""
    count = int.from_bytes(data[80:84], "little")
    size = _STL_HEAD_BYTES + count * _STL_TRIANGLE_BYTES
    # Binary files may begin with `solid` too: then their length tells.
    if data[:512].lstrip().lower().startswith(b"solid") and len(data) != size:
        if b"endsolid" in data[-4096:].lower():
            return _SOLID.sub(r"\1solid", data.decode("utf-8", errors="replace")).encode()
        raise AssetError(
            'It breaks off before "endsolid".', "Copy or export the file again.", where=name
        )
    if len(data) < max(size, _STL_HEAD_BYTES):
        there = max(len(data) - _STL_HEAD_BYTES, 0) // _STL_TRIANGLE_BYTES
        raise AssetError(
            f"It says that it has {count} triangles; {there} are there, or it is no STL at all.",
            "Copy or export the file again.",
            where=name,
        )
    if count > MAX_TRIANGLES:
        raise AssetError(f"It has {count} triangles.", "Reduce the model.", where=name)
    return data[:size]


def _no_triangle(name: str) -> AssetError:
    return AssetError(
        "There is not one triangle in it.",
        "Export the mesh with its faces; make a surface of a cloud of points first "
        "(in MeshLab: Filters > Remeshing > Poisson).",
        where=name,
    )
