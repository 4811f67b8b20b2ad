"""A prop becomes a mesh: model files and built-in shapes, in metres, as one `.glb` each.

Promises to the stage: numpy arrays that are finite and whose indices are in range, unit normals
everywhere, transforms in the film's world (right-handed, metres, Z up). Nothing here needs torch.
Names are loaded when they are first used: the package head imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.assets.build import build_mesh, check_prop
    from reelwright.assets.files import prop_files
    from reelwright.assets.geometry import Geometry, Material, Part
    from reelwright.assets.load import load_geometry
    from reelwright.assets.mesh import Mesh

_HOMES = {
    "Geometry": "geometry",
    "Material": "geometry",
    "Mesh": "mesh",
    "Part": "geometry",
    "build_mesh": "build",
    "check_prop": "build",
    "load_geometry": "load",
    "prop_files": "files",
}

__all__ = [
    "Geometry",
    "Material",
    "Mesh",
    "Part",
    "build_mesh",
    "check_prop",
    "load_geometry",
    "prop_files",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
