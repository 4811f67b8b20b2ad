"""A skinned mesh in its rest pose: vertices where the resting joints hold them.

Must agree with glTF 2.0, section 3.7.3: the node of a skinned mesh has no say in where it stands.
Without this a rigged figure is drawn as it was modelled, often lying down and a hundred times too
big. The pose is not played.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from reelwright.assets.geometry import Part
from reelwright.assets.gltf_accessor import non_finite_error, read_numbers
from reelwright.assets.gltf_file import GltfFile
from reelwright.assets.gltf_primitive import Primitive
from reelwright.assets.normals import mended_normals

_CHUNK = 200_000
"""Vertices at a time: a matrix of 16 numbers for each is 26 MB."""


def rest_pose(
    file: GltfFile, skin: int, primitive: Primitive, world: Float64[np.ndarray, "N 4 4"]
) -> Part:
    """A part as its joints hold it at rest.

    Args:
        file: The document.
        skin: Which skin.
        primitive: A part with joints and weights.
        world: Matrix of every node at rest, in the file's axes.

    Returns:
        The part with vertices in the file's own space.

    Raises:
        AssetError: The skin is damaged.
    """
    fields = file.lists["skins"][skin]
    joints = fields.indices("joints", len(file.lists["nodes"]))
    matrices = world[joints]
    inverse_at = file.index(fields, "inverseBindMatrices", "accessors")
    if inverse_at is not None:
        inverse = read_numbers(file, inverse_at, (16,)).astype(np.float64)
        if len(inverse) < len(joints):
            raise fields.error(f"It has {len(inverse)} bind matrices for {len(joints)} joints.")
        if not np.isfinite(inverse).all():
            raise non_finite_error(fields, "bind matrices")
        matrices = matrices @ inverse[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)
    if primitive.joints is not None and primitive.joints.size:
        last = int(primitive.joints.max())
        if last >= len(joints):
            raise fields.error(f"A vertex hangs on joint {last}; there are {len(joints)}.")
    with np.errstate(over="ignore", invalid="ignore"):  # judged in the next line
        part = _held(primitive, matrices)
    if not np.isfinite(part.vertices).all():
        raise non_finite_error(fields, "joints")
    return part


def _held(primitive: Primitive, matrices: Float64[np.ndarray, "J 4 4"]) -> Part:
    part, joints, weights = primitive.part, primitive.joints, primitive.weights
    if joints is None or weights is None:
        return part
    vertices, normals = np.empty_like(part.vertices), np.empty_like(part.normals)
    for start in range(0, len(vertices), _CHUNK):
        rows = slice(start, start + _CHUNK)
        held = np.einsum("vj,vjab->vab", weights[rows], matrices[joints[rows]])
        vertices[rows] = np.einsum("vab,vb->va", held[:, :3, :3], part.vertices[rows])
        vertices[rows] += held[:, :3, 3]
        normals[rows] = np.einsum("vab,vb->va", held[:, :3, :3], part.normals[rows])
    return replace(part, vertices=vertices, normals=mended_normals(normals, vertices, part.faces))
