"""A glTF document as the stage's `Geometry`: parts hung on the nodes that carry them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reelwright.assets.fields import Fields
from reelwright.assets.geometry import Geometry, Material, Part
from reelwright.assets.gltf_file import GltfFile
from reelwright.assets.gltf_material import Materials
from reelwright.assets.gltf_primitive import Primitive, read_primitive
from reelwright.assets.gltf_rig import drawn_nodes, read_rig
from reelwright.assets.gltf_skin import rest_pose
from reelwright.assets.limits import MAX_TRIANGLES, MAX_VERTICES
from reelwright.assets.rig import Rig
from reelwright.errors import AssetError

_SKINNED = "Skinning is not played: the model is drawn in its rest pose."
_IGNORED = {
    "EXT_mesh_gpu_instancing": "Instances made by EXT_mesh_gpu_instancing are drawn once.",
    "KHR_lights_punctual": "Lights in the file are not used; the shot's light is.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What is drawn of a document.

    Attributes:
        geometry: The parts and how they move.
        materials: The materials that are used, by their index in the document.
        warnings: What of the file is not shown, in plain words.
    """

    geometry: Geometry
    materials: dict[int, Material]
    warnings: tuple[str, ...]


def read_geometry(file: GltfFile) -> Reading:
    """Read everything of a document that is drawn.

    Raises:
        AssetError: The document is damaged, or has nothing to draw.
    """
    warnings: dict[str, None] = {}
    for extension in file.fields.texts("extensionsUsed"):
        if extension in _IGNORED:
            warnings[_IGNORED[extension]] = None
    reader = _Reader(file, read_rig(file, warnings), warnings)
    reader.read()
    if not reader.parts:
        raise AssetError(
            "There is not one triangle in it.",
            "Export the objects you want to see (in Blender: check the export's selection filter).",
            where=file.fields.file,
        )
    return Reading(reader.geometry(), reader.materials.used(), tuple(warnings))


class _Reader:
    """Collects the parts of one document; a mesh that stands twice is read once."""

    def __init__(self, file: GltfFile, rig: Rig, warnings: dict[str, None]) -> None:
        self.parts: list[Part] = []
        self._part_nodes: list[int] = []
        self._file = file
        self._rig = rig
        self._warnings = warnings
        self.materials = Materials(file, warnings)
        self._meshes: dict[tuple[int, tuple[float, ...]], list[Primitive]] = {}
        self._room = [MAX_TRIANGLES, MAX_VERTICES]

    def read(self) -> None:
        """Walk the scene and take every primitive."""
        for index in drawn_nodes(self._file, self._rig):
            node = self._file.lists["nodes"][index]
            mesh = self._file.index(node, "mesh", "meshes")
            if mesh is None:
                continue
            skin = self._file.index(node, "skin", "skins")
            for primitive in self._mesh(node, mesh):
                self._add(primitive, node, index, skin)

    def geometry(self) -> Geometry:
        """What was collected. Skinned parts hang on a node of their own that never moves."""
        rig, free = self._rig, len(self._rig.parents)
        if free in self._part_nodes:
            rig = replace(
                rig,
                parents=np.append(rig.parents, -1),
                translations=np.vstack([rig.translations, np.zeros(3)]),
                rotations=np.vstack([rig.rotations, [0.0, 0.0, 0.0, 1.0]]),
                scales=np.vstack([rig.scales, np.ones(3)]),
                matrices=(*rig.matrices, None),
            )
        return Geometry(tuple(self.parts), rig, np.array(self._part_nodes, np.int64))

    def _mesh(self, node: Fields, mesh: int) -> list[Primitive]:
        fields = self._file.lists["meshes"][mesh]
        morph = _morph_weights(node) or _morph_weights(fields)
        key = (mesh, morph)
        if key not in self._meshes:
            read = [
                read_primitive(self._file, each, self.materials, morph, self._warnings)
                for each in fields.objects("primitives")
            ]
            self._meshes[key] = [primitive for primitive in read if primitive is not None]
        return self._meshes[key]

    def _add(self, primitive: Primitive, node: Fields, index: int, skin: int | None) -> None:
        part = primitive.part
        self._take(len(part.faces), len(part.vertices))
        if skin is not None and primitive.joints is not None:
            self._warnings[_SKINNED] = None
            part = rest_pose(self._file, skin, primitive, self._rest_world())
            index = len(self._rig.parents)
        self.parts.append(replace(part, name=node.text("name")))
        self._part_nodes.append(index)

    def _rest_world(self) -> np.ndarray:
        return replace(self._rig, root=np.eye(4)).matrices_at()

    def _take(self, *amounts: int) -> None:
        self._room = [left - amount for left, amount in zip(self._room, amounts, strict=True)]
        if min(self._room) < 0:
            raise AssetError(
                f"It draws more than {MAX_TRIANGLES // 10**6} million triangles.",
                "Reduce the model (in Blender: the Decimate modifier) and export it again.",
                where=self._file.fields.file,
            )


def _morph_weights(fields: Fields) -> tuple[float, ...]:
    if not fields.has("weights"):
        return ()
    weights = fields.data["weights"]
    return fields.numbers("weights", len(weights) if isinstance(weights, list) else 0, ())
