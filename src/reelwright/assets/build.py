"""A prop of the storyboard becomes a mesh on disk: read, checked, dressed, laid to rest, written.

A glTF file is passed on whole (cameras, extras, maps that only other stages draw), with a root
node on top that carries the rest transform; other formats and the built-in shapes become glTF
first. So there is one way from a prop to pixels, whatever it came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from reelwright.assets.builtin_shapes import make_shape, torus_thickness_m
from reelwright.assets.dress import Dress, check_uvs, dress_document, dress_of
from reelwright.assets.files import model_suffix, project_file
from reelwright.assets.geometry import Geometry, Material
from reelwright.assets.gltf_file import GltfFile, read_gltf
from reelwright.assets.gltf_geometry import read_geometry
from reelwright.assets.gltf_rig import scene_roots
from reelwright.assets.gltf_write import GltfBuilder, builder_from_file, gltf_from_surfaces
from reelwright.assets.mesh import GLB_NAME, Mesh
from reelwright.assets.rest import rest_bounds, rest_matrix
from reelwright.assets.rig import Z_UP_FROM_Y_UP
from reelwright.assets.surface import Surface
from reelwright.assets.trimesh_file import read_model
from reelwright.errors import AssetError, ResourceError
from reelwright.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from reelwright.storyboard import Prop

_ROOT_NAME = "reelwright-rest"
_DEFAULT_DIMENSIONS = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A prop that has been read and found good."""

    source: str
    file: GltfFile
    geometry: Geometry
    materials: dict[int, Material]
    dress: Dress
    warnings: tuple[str, ...]


def build_mesh(prop: Prop, root: Path, out: Path, progress: Progress = NO_PROGRESS) -> Mesh:
    """Make a prop ready to be staged.

    Args:
        prop: As the storyboard has it: a file or a built-in shape.
        root: The project's folder; nothing outside it is read.
        out: The folder to fill with `mesh.glb` and `mesh.json`; made if it is not there.
        progress: Told how far it is, and of what is not shown.

    Returns:
        The mesh; its file is the same bytes for the same input.

    Raises:
        AssetError: The prop cannot be made from what it names.
        ResourceError: The result cannot be written.
        Cancelled: The person asked to stop.
    """
    progress.step(0.0, "reading")
    read = _read(prop, root)
    for warning in read.warnings:
        progress.warn(f"{read.source}: {warning}")
    progress.step(0.5, "writing")
    rest = rest_matrix(prop, read.geometry, read.source)
    mesh = Mesh(
        path=out / GLB_NAME,
        bounds_m=rest_bounds(read.geometry, rest, read.source),
        source=read.source,
        animations=read.geometry.animations,
        num_triangles=read.geometry.num_triangles,
        warnings=read.warnings,
    )
    builder = builder_from_file(read.file)
    dress_document(builder, read.dress, read.materials)
    _lay_to_rest(builder, scene_roots(read.file), rest)
    _write(mesh, builder.glb_parts())
    progress.step(1.0, f"{mesh.num_triangles} triangles")
    return mesh


def check_prop(prop: Prop, root: Path) -> list[str]:
    """Find out before any work whether a prop can be made; nothing is written.

    Args:
        prop: As the storyboard has it.
        root: The project's folder.

    Returns:
        What of it will not be shown, in plain words.

    Raises:
        AssetError: It cannot be made, with the mend.
    """
    read = _read(prop, root)
    rest_bounds(read.geometry, rest_matrix(prop, read.geometry, read.source), read.source)
    return list(read.warnings)


def _read(prop: Prop, root: Path) -> _Read:
    warnings: dict[str, None] = {}
    if prop.shape is not None:
        source = f"shape:{prop.shape}"
        file = gltf_from_surfaces([_shape(prop, warnings)], source, z_up=True)
    elif prop.file is not None:
        source, file = prop.file, _read_file(prop, prop.file, root, warnings)
    else:
        raise AssetError(
            "Making a prop from words or a picture is not possible yet.",
            'Give it a model (file = "boat.glb") or a built-in shape (shape = "box").',
        )
    reading, dress = read_geometry(file), dress_of(prop, root)
    notes = (*reading.warnings, *check_uvs(dress, reading.geometry, source))
    warnings.update(dict.fromkeys(notes))
    return _Read(source, file, reading.geometry, reading.materials, dress, tuple(warnings))


def _shape(prop: Prop, warnings: dict[str, None]) -> Surface:
    dimensions = prop.dimensions
    if prop.shape == "torus" and dimensions != _DEFAULT_DIMENSIONS:
        thickness = torus_thickness_m(dimensions)
        if thickness < dimensions[2]:
            warnings[
                f"A torus of {dimensions[0]:g} x {dimensions[1]:g} m cannot be {dimensions[2]:g} m "
                f"thick; it is {thickness:.3g} m, a third of its width."
            ] = None
    return make_shape(str(prop.shape), dimensions)


def _read_file(prop: Prop, name: str, root: Path, warnings: dict[str, None]) -> GltfFile:
    path = project_file(name, root)
    suffix = model_suffix(path, root)
    if suffix in (".glb", ".gltf"):
        if prop.up == "z":
            raise AssetError(
                "glTF has its y axis up, by definition.",
                "Leave out `up`; to lay the prop down, use turn_deg.",
                where=name,
            )
        return read_gltf(path, root)
    z_up = prop.up == "z" or (prop.up is None and suffix != ".obj")
    return gltf_from_surfaces(read_model(path, root, warnings), name, z_up=z_up)


def _lay_to_rest(builder: GltfBuilder, roots: list[int], rest: Float64[np.ndarray, "4 4"]) -> None:
    """Put all that is shown under one node with the rest transform."""
    matrix = Z_UP_FROM_Y_UP.T @ rest @ Z_UP_FROM_Y_UP
    node = {
        "name": _ROOT_NAME,
        "children": roots,
        "matrix": [float(value) + 0.0 for value in matrix.T.reshape(-1)],
    }
    builder.data["scenes"] = [{"nodes": [builder.add("nodes", node)]}]
    builder.data["scene"] = 0


def _write(mesh: Mesh, parts: Iterable[bytes | bytearray]) -> None:
    try:
        mesh.path.parent.mkdir(parents=True, exist_ok=True)
        with mesh.path.open("wb") as file:
            file.writelines(parts)
        mesh.save()
    except OSError as error:
        raise ResourceError(
            f"The mesh cannot be written: {error.strerror or error}.",
            "Make room on the disk, or give another --work-dir.",
            where=str(mesh.path.parent),
        ) from error
