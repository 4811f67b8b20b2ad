"""Surfaces to a glTF document, and any glTF document to one self-contained `.glb`.

The same input gives the same bytes: keys are sorted, buffers stand in the order of the file, and
nothing of the time or the machine goes in.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.assets.fields import Fields
from reelwright.assets.gltf_file import BIN_CHUNK, JSON_CHUNK, MAGIC, GltfFile, gltf_document
from reelwright.assets.normals import crease_normals, mended_normals
from reelwright.assets.picture import embeddable
from reelwright.assets.surface import Look, Surface

_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_COMPONENTS = {"<f4": 5126, "<u2": 5123, "<u4": 5125}
_MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
_DRACO = "KHR_draco_mesh_compression"
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class GltfBuilder:
    """A glTF document in the making: one JSON object and one buffer.

    Attributes:
        data: The JSON document so far.
        body: The buffer so far.
    """

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        self.data: dict[str, Any] = data or {"asset": {"version": "2.0"}}
        self.body = bytearray()

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """Append to one of the document's lists.

        Returns:
            The entry's index.
        """
        known: list[dict[str, Any]] = self.data.setdefault(kind, [])
        known.append(entry)
        return len(known) - 1

    def add_view(self, data: bytes, **fields: Any) -> int:
        """Append bytes and a buffer view of them."""
        start = self.add_bytes(data)
        view = {"buffer": 0, "byteOffset": start, "byteLength": len(data), **fields}
        return self.add("bufferViews", view)

    def add_bytes(self, data: bytes | memoryview) -> int:
        """Append bytes; where they begin is a multiple of 4."""
        self.body += b"\0" * (-len(self.body) % 4)
        start = len(self.body)
        self.body += data
        return start

    def add_array(self, rows: NDArray[Any], *, corners: bool = False) -> int:
        """Append vertex data (float32) or, for `corners`, triangle indices (16 bit if they fit)."""
        narrow = corners and rows.size > 0 and int(rows.max()) < 0xFFFF
        rows = rows.astype(("<u2" if narrow else "<u4") if corners else "<f4")
        flat = rows.reshape(-1, 1) if corners else rows
        target = _ELEMENT_BUFFER if corners else _ARRAY_BUFFER
        return self.add(
            "accessors",
            {
                "bufferView": self.add_view(flat.tobytes(), target=target),
                "componentType": _COMPONENTS[rows.dtype.str],
                "count": len(flat),
                "type": _TYPES[flat.shape[1]],
                "min": [float(value) for value in flat.min(axis=0)],
                "max": [float(value) for value in flat.max(axis=0)],
            },
        )

    def add_picture(self, data: bytes, where: str) -> int:
        """Append a picture and a texture of it.

        Returns:
            The texture's index.
        """
        encoded, mime = embeddable(data, where)
        image = self.add("images", {"bufferView": self.add_view(encoded), "mimeType": mime})
        return self.add("textures", {"source": image})

    def glb(self) -> bytes:
        """The document as a `.glb`."""
        return b"".join(self.glb_parts())

    def glb_parts(self) -> tuple[bytes | bytearray, ...]:
        """The document as a `.glb`, in parts to be written one after the other, not copied."""
        if self.body:
            self.body += b"\0" * (-len(self.body) % 4)
            self.data["buffers"] = [{"byteLength": len(self.body)}]
        text = json.dumps(self.data, sort_keys=True, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        json_head = struct.pack("<2I", len(text), JSON_CHUNK)
        body_head = struct.pack("<2I", len(self.body), BIN_CHUNK) if self.body else b""
        total = 12 + len(json_head) + len(text) + len(body_head) + len(self.body)
        head = MAGIC + struct.pack("<2I", 2, total)
        return (head, json_head, text, body_head, self.body)

    def file(self, name: str) -> GltfFile:
        """The document as if it had been read from a file of that name."""
        self.data["buffers"] = [{"byteLength": len(self.body)}]
        return gltf_document(Fields(self.data, "", name), (memoryview(bytes(self.body)),))


def gltf_from_surfaces(surfaces: Iterable[Surface], name: str, *, z_up: bool) -> GltfFile:
    """A document with one node that carries all surfaces.

    Args:
        surfaces: What is drawn.
        name: Of the file they came from.
        z_up: Whether their z axis points up; glTF's y does.
    """
    builder = GltfBuilder()
    pictures: dict[bytes, int] = {}
    primitives = [_primitive(builder, surface, pictures, name, z_up) for surface in surfaces]
    builder.add("meshes", {"primitives": primitives})
    builder.add("nodes", {"mesh": 0, "name": name})
    builder.add("scenes", {"nodes": [0]})
    builder.data["scene"] = 0
    return builder.file(name)


def builder_from_file(file: GltfFile) -> GltfBuilder:
    """A document again, with all that it names inside one buffer, to be changed and written."""
    builder = GltfBuilder(copy.deepcopy(file.fields.data))
    starts = [builder.add_bytes(buffer) for buffer in file.buffers]
    for fields, view in zip(
        file.lists["bufferViews"], builder.data.get("bufferViews", ()), strict=True
    ):
        buffer = fields.index("buffer", len(starts)) or 0
        view["byteOffset"] = fields.count("byteOffset", 0) + starts[buffer]
        view["buffer"] = 0
    _drop_compression(builder.data)
    for index, image in enumerate(file.images):
        if image is not None:
            entry = builder.data["images"][index]
            del entry["uri"]
            encoded, mime = embeddable(image, f"{file.fields.file}: images[{index}]")
            entry.update(bufferView=builder.add_view(encoded), mimeType=mime)
    return builder


def _primitive(
    builder: GltfBuilder, surface: Surface, pictures: dict[bytes, int], name: str, z_up: bool
) -> dict[str, Any]:
    surface = _with_normals(surface)
    attributes = {
        "POSITION": builder.add_array(_y_up(surface.vertices, z_up)),
        "NORMAL": builder.add_array(_y_up(surface.normals, z_up)),
    }
    if surface.uvs is not None:
        attributes["TEXCOORD_0"] = builder.add_array(surface.uvs)
    if surface.colors is not None:
        attributes["COLOR_0"] = builder.add_array(surface.colors)
    return {
        "attributes": attributes,
        "indices": builder.add_array(surface.faces, corners=True),
        "material": _material(builder, surface.look, pictures, name),
    }


def _with_normals(surface: Surface) -> Surface:
    if surface.normals is not None:
        normals = mended_normals(surface.normals, surface.vertices, surface.faces)
        old, faces = np.arange(len(surface.vertices)), surface.faces
    else:
        old, faces, normals = crease_normals(surface.vertices, surface.faces)
    return Surface(
        vertices=surface.vertices[old],
        faces=faces,
        normals=normals,
        uvs=None if surface.uvs is None else surface.uvs[old],
        colors=None if surface.colors is None else surface.colors[old],
        look=surface.look,
    )


def _y_up(rows: NDArray[Any] | None, z_up: bool) -> NDArray[Any]:
    if rows is None:
        raise ValueError("normals come before writing")
    return rows[:, [0, 2, 1]] * np.array([1, 1, -1], np.float32) if z_up else rows


def _material(builder: GltfBuilder, look: Look, pictures: dict[bytes, int], name: str) -> int:
    core: dict[str, Any] = {
        "baseColorFactor": list(look.base_color),
        "metallicFactor": look.metallic,
        "roughnessFactor": look.roughness,
    }
    if look.picture is not None:
        if look.picture not in pictures:
            pictures[look.picture] = builder.add_picture(look.picture, name)
        core["baseColorTexture"] = {"index": pictures[look.picture]}
    material: dict[str, Any] = {"name": look.name, "pbrMetallicRoughness": core}
    if any(look.emissive):
        brightest = max(1.0, *look.emissive)
        material["emissiveFactor"] = [value / brightest for value in look.emissive]
        if brightest > 1.0:
            strength = {"emissiveStrength": brightest}
            material["extensions"] = {"KHR_materials_emissive_strength": strength}
            builder.data["extensionsUsed"] = ["KHR_materials_emissive_strength"]
    if look.alpha_mode != "OPAQUE":
        material["alphaMode"] = look.alpha_mode
    if look.double_sided:
        material["doubleSided"] = True
    known = builder.data.get("materials", [])
    return known.index(material) if material in known else builder.add("materials", material)


def _drop_compression(data: dict[str, Any]) -> None:
    """Take out the compressed twin of what the file also has plainly."""
    for view in entries(data, "bufferViews"):
        drop_extensions(view, _MESHOPT)
    for mesh in entries(data, "meshes"):
        for primitive in entries(mesh, "primitives"):
            drop_extensions(primitive, (_DRACO,))
    used = [name for name in data.pop("extensionsUsed", ()) if name not in (*_MESHOPT, _DRACO)]
    if used:
        data["extensionsUsed"] = used


def entries(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list in a document; what is none is left alone, whoever wrote it."""
    values = owner.get(name)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def drop_extensions(entry: dict[str, Any], names: tuple[str, ...]) -> None:
    """Take extensions out of an object."""
    extensions = entry.get("extensions")
    if isinstance(extensions, dict):
        for name in names:
            extensions.pop(name, None)
        if not extensions:
            del entry["extensions"]
