"""A built mesh as arrays, for the stage."""

from __future__ import annotations

from reelwright.assets.geometry import Geometry
from reelwright.assets.gltf_file import read_gltf
from reelwright.assets.gltf_geometry import read_geometry
from reelwright.assets.mesh import Mesh


def load_geometry(mesh: Mesh) -> Geometry:
    """Read a built mesh.

    Args:
        mesh: From `build_mesh` or `Mesh.load`.

    Returns:
        Its parts with their materials and textures, and how they move.

    Raises:
        AssetError: The mesh is missing or damaged.
    """
    return read_geometry(read_gltf(mesh.path, mesh.path.parent)).geometry
