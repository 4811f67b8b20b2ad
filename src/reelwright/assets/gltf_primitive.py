"""Triangles of a glTF mesh: indices checked, strips unrolled, morphs at rest, normals for all.

Must agree with glTF 2.0, section 3.7.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64

from reelwright.assets.fields import Fields
from reelwright.assets.geometry import Part
from reelwright.assets.gltf_accessor import (
    count_of,
    non_finite_error,
    read_indices,
    read_numbers,
)
from reelwright.assets.gltf_file import GltfFile
from reelwright.assets.gltf_material import Materials, UvMap
from reelwright.assets.limits import MAX_TRIANGLES, MAX_VERTICES
from reelwright.assets.normals import crease_normals, mended_normals

_TRIANGLES, _STRIP, _FAN = 4, 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """A part and, if a skeleton moves it, which joints hold each vertex.

    Attributes:
        part: What is drawn.
        joints: Indices into the skin's joints; None without a skin.
        weights: Share of each joint.
    """

    part: Part
    joints: Int64[np.ndarray, "V J"] | None = None
    weights: Float32[np.ndarray, "V J"] | None = None


def read_primitive(
    file: GltfFile,
    fields: Fields,
    materials: Materials,
    morph: tuple[float, ...],
    warnings: dict[str, None],
) -> Primitive | None:
    """Read one primitive of a mesh.

    Args:
        file: The document.
        fields: The primitive.
        materials: The document's materials.
        morph: Weight of each morph target at rest.
        warnings: What is not drawn is added here.

    Returns:
        None if it has no triangles (points and lines).

    Raises:
        AssetError: It is damaged.
    """
    attributes = fields.object("attributes") or Fields({}, fields.place, fields.file)
    mode = fields.count("mode", _TRIANGLES)
    if mode not in (_TRIANGLES, _STRIP, _FAN):
        warnings["Points and lines in the file are not drawn."] = None
        return None
    position = file.index(attributes, "POSITION", "accessors")
    if position is None:
        if fields.extension("KHR_draco_mesh_compression") is not None:
            raise fields.error(
                "It is compressed with KHR_draco_mesh_compression, which is not read.",
                "Export it without compression (Blender: Data > Compression off).",
            )
        return None
    if count_of(file, position) > MAX_VERTICES:
        raise fields.error(f"It has {count_of(file, position)} vertices.", "Reduce the model.")
    vertices = _vertices(file, fields, position, morph)
    faces = _faces(file, fields, mode, len(vertices))
    if not len(faces):
        return None
    return _with_normals(file, fields, attributes, materials, vertices, faces)


def _with_normals(
    file: GltfFile,
    fields: Fields,
    attributes: Fields,
    materials: Materials,
    vertices: Float32[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "T 3"],
) -> Primitive:
    material, uv_map = materials.read(file.index(fields, "material", "materials"))
    normals = _rows(file, attributes, "NORMAL", (3,), len(vertices))
    part = Part(
        vertices=vertices,
        faces=faces,
        normals=np.zeros_like(vertices),
        uvs=_uvs(file, attributes, uv_map, len(vertices)),
        colors=_colors(file, attributes, len(vertices)),
        material=material,
    )
    joints, weights = _joints(file, attributes, len(vertices))
    if normals is not None:
        return Primitive(
            replace(part, normals=mended_normals(normals, vertices, faces)), joints, weights
        )
    old, new_faces, normals = crease_normals(vertices, faces)
    split = replace(
        part,
        vertices=vertices[old],
        faces=new_faces,
        normals=normals,
        uvs=None if part.uvs is None else part.uvs[old],
        colors=None if part.colors is None else part.colors[old],
    )
    return Primitive(
        split,
        None if joints is None else joints[old],
        None if weights is None else weights[old],
    )


def _vertices(
    file: GltfFile, fields: Fields, position: int, morph: tuple[float, ...]
) -> Float32[np.ndarray, "V 3"]:
    vertices = read_numbers(file, position, (3,))
    for target, weight in zip(fields.objects("targets"), morph, strict=False):
        index = file.index(target, "POSITION", "accessors")
        if index is None or weight == 0.0:
            continue
        moved = read_numbers(file, index, (3,))
        if len(moved) != len(vertices):
            raise target.error(f"It moves {len(moved)} vertices of {len(vertices)}.")
        with np.errstate(over="ignore", invalid="ignore"):  # judged below
            vertices = vertices + np.float32(weight) * moved
    if not np.isfinite(vertices).all() or np.abs(vertices).max(initial=0.0) > 1e15:
        raise non_finite_error(fields, "vertices")
    return vertices


def _faces(
    file: GltfFile, fields: Fields, mode: int, num_vertices: int
) -> Int64[np.ndarray, "T 3"]:
    accessor = file.index(fields, "indices", "accessors")
    if accessor is None:
        indices = np.arange(num_vertices)
    else:
        if count_of(file, accessor) > 3 * MAX_TRIANGLES:
            raise fields.error(f"It has {count_of(file, accessor)} indices.", "Reduce the model.")
        rows = read_indices(file, accessor)
        if rows.shape[1] != 1:
            raise fields.error("Its indices are no plain list.")
        indices = rows[:, 0]
    if len(indices) and int(indices.max()) >= num_vertices:
        raise fields.error(
            f"A triangle uses vertex {int(indices.max())}; there are only {num_vertices}."
        )
    if mode == _TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    return _unrolled(indices, mode)


def _unrolled(indices: Int64[np.ndarray, " I"], mode: int) -> Int64[np.ndarray, "T 3"]:
    """Triangles of a strip or a fan."""
    if len(indices) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == _FAN:
        first = np.broadcast_to(indices[:1], (len(indices) - 2,))
        return np.stack([indices[1:-1], indices[2:], first], axis=1)
    odd = np.arange(len(indices) - 2) % 2
    at = np.arange(len(indices) - 2)
    return np.stack([indices[at], indices[at + 1 + odd], indices[at + 2 - odd]], axis=1)


def _rows(
    file: GltfFile, attributes: Fields, name: str, widths: tuple[int, ...], num_vertices: int
) -> Float32[np.ndarray, "V C"] | None:
    index = file.index(attributes, name, "accessors")
    if index is None:
        return None
    rows = read_numbers(file, index, widths)
    if len(rows) != num_vertices:
        raise attributes.error(f"{name} has {len(rows)} rows for {num_vertices} vertices.")
    return rows


def _uvs(
    file: GltfFile, attributes: Fields, uv_map: UvMap, num_vertices: int
) -> Float32[np.ndarray, "V 2"] | None:
    uvs = _rows(file, attributes, f"TEXCOORD_{uv_map.channel}", (2,), num_vertices)
    if uvs is None:
        return None
    if not np.isfinite(uvs).all() or np.abs(uvs).max(initial=0.0) > 1e6:
        raise non_finite_error(attributes, "texture coordinates")
    return uv_map.apply(uvs)


def _colors(
    file: GltfFile, attributes: Fields, num_vertices: int
) -> Float32[np.ndarray, "V 4"] | None:
    colors = _rows(file, attributes, "COLOR_0", (3, 4), num_vertices)
    if colors is None:
        return None
    if not np.isfinite(colors).all():
        raise non_finite_error(attributes, "vertex colours")
    out = np.ones((num_vertices, 4), np.float32)
    out[:, : colors.shape[1]] = np.clip(colors, 0.0, 1.0)
    return out


def _joints(
    file: GltfFile, attributes: Fields, num_vertices: int
) -> tuple[Int64[np.ndarray, "V J"] | None, Float32[np.ndarray, "V J"] | None]:
    """Joints and weights of all sets (JOINTS_0, JOINTS_1, ...) side by side."""
    joints: list[Int64[np.ndarray, "V 4"]] = []
    weights: list[Float32[np.ndarray, "V 4"]] = []
    while (index := file.index(attributes, f"JOINTS_{len(joints)}", "accessors")) is not None:
        held = _rows(file, attributes, f"WEIGHTS_{len(joints)}", (4,), num_vertices)
        rows = read_indices(file, index)
        if held is None or rows.shape != (num_vertices, 4) or not np.isfinite(held).all():
            raise attributes.error("Its joints and weights do not go together.")
        joints.append(rows)
        weights.append(held)
    if not joints:
        return None, None
    return np.concatenate(joints, axis=1), np.concatenate(weights, axis=1)
