"""The outside of a glTF file: the `.glb` container or the `.gltf` with its neighbours.

Must agree with glTF 2.0, sections 3.6 (buffers) and 4.4 (GLB). Lengths are checked against the
bytes that are there before anything is read by them.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import NoReturn

from reelwright.assets.fields import DAMAGED, Fields
from reelwright.assets.files import linked_file, read_file
from reelwright.errors import AssetError, relative_name

MAGIC = b"glTF"
JSON_CHUNK = 0x4E4F534A
BIN_CHUNK = 0x004E4942
_MAX_JSON_BYTES = 2**28
_MAX_DEPTH = 100
_LISTS = (
    "accessors",
    "animations",
    "bufferViews",
    "images",
    "materials",
    "meshes",
    "nodes",
    "samplers",
    "scenes",
    "skins",
    "textures",
)
_UNDERSTOOD = frozenset(
    {
        "EXT_texture_webp",
        "KHR_lights_punctual",
        "KHR_mesh_quantization",
        "KHR_texture_transform",
        "KHR_xmp_json_ld",
    }
)
"""Extensions that a file may require. So may it any KHR_materials_*: they refine a material whose
core is drawn."""

_COMPRESSED = {
    "EXT_meshopt_compression": "without mesh compression (gltf-transform: leave out `meshopt`)",
    "KHR_draco_mesh_compression": "without compression (Blender: Data > Compression off)",
    "KHR_meshopt_compression": "without mesh compression (gltf-transform: leave out `meshopt`)",
    "KHR_texture_basisu": "with PNG or JPEG textures",
}
_TRUNCATED = "Copy or export the file again; a part of it is missing."


@dataclass(frozen=True, slots=True, eq=False)
class GltfFile:
    """A glTF document with its bytes at hand.

    Attributes:
        fields: The JSON document.
        lists: Its lists of objects by name, e.g. `accessors`; empty where it has none.
        buffers: One per `buffers[i]`, at least as long as it says.
        images: The encoded picture of each `images[i]`; None where it lies in a buffer view.
    """

    fields: Fields
    lists: dict[str, list[Fields]]
    buffers: tuple[memoryview, ...]
    images: tuple[bytes | None, ...]

    def index(self, fields: Fields, name: str, kind: str) -> int | None:
        """An index that a field holds into the list `kind`; None if the field is not there."""
        return fields.index(name, len(self.lists[kind]))

    def view(self, index: int, place: Fields) -> memoryview:
        """The bytes of a buffer view.

        Raises:
            AssetError: It reaches beyond its buffer.
        """
        view = self.lists["bufferViews"][index]
        buffer_index = view.index("buffer", len(self.buffers))
        if buffer_index is None:
            raise view.error('"buffer" is missing.')
        start, length = view.count("byteOffset", 0), view.count("byteLength")
        buffer = self.buffers[buffer_index]
        if start + length > len(buffer):
            raise place.error(
                f"It needs bytes {start} to {start + length} of a buffer of {len(buffer)}."
            )
        return buffer[start : start + length]

    def image(self, index: int) -> bytes:
        """The encoded picture `images[index]`.

        Raises:
            AssetError: It is not in the file.
        """
        outside = self.images[index]
        if outside is not None:
            return outside
        fields = self.lists["images"][index]
        view = self.index(fields, "bufferView", "bufferViews")
        if view is None:
            raise fields.error("The picture has neither a file nor a buffer view.")
        return bytes(self.view(view, fields))


def read_gltf(path: Path, root: Path) -> GltfFile:
    """Read a `.glb` or `.gltf` and everything that it names.

    Raises:
        AssetError: It is damaged, not glTF 2.0, or names something outside the project.
    """
    fields, body = _read_document(path, root)
    _check_version(fields)
    _check_extensions(fields)
    buffers = tuple(
        _buffer(each, body if i == 0 else None, path, root)
        for i, each in enumerate(fields.objects("buffers"))
    )
    images = tuple(_outside_image(each, path, root) for each in fields.objects("images"))
    return gltf_document(fields, buffers, images)


def gltf_document(
    fields: Fields, buffers: tuple[memoryview, ...], images: tuple[bytes | None, ...] | None = None
) -> GltfFile:
    """A document of a JSON object and its bytes; by default no picture lies outside it."""
    lists = {name: fields.objects(name) for name in _LISTS}
    return GltfFile(fields, lists, buffers, images or (None,) * len(lists["images"]))


def gltf_files(path: Path, root: Path) -> tuple[Path, ...]:
    """The files that a glTF file names: buffers, then pictures.

    Raises:
        AssetError: The file is damaged, or names something missing or outside the project.
    """
    fields, _ = _read_document(path, root, with_body=False)
    uris = [
        each.text("uri")
        for kind in ("buffers", "images")
        for each in fields.objects(kind)
        if each.has("uri") and not each.text("uri").startswith("data:")
    ]
    return tuple(linked_file(uri, path, root) for uri in uris)


def _read_document(
    path: Path, root: Path, *, with_body: bool = True
) -> tuple[Fields, memoryview | None]:
    name = relative_name(path, root)
    if path.suffix.lower() == ".gltf":
        return _parse(read_file(path, root), name), None
    if with_body:
        data = memoryview(read_file(path, root))
        text, body = _split(data, len(data), name)
        return _parse(bytes(text), name), body
    try:
        with path.open("rb") as file:
            head = file.read(20)
            size = path.stat().st_size
            length = _json_length(head, size, name)
            return _parse(file.read(length), name), None
    except OSError as error:
        raise AssetError(
            f"It cannot be read: {error.strerror or error}.",
            "Check that the file is there and that you may read it.",
            where=name,
        ) from error


def _json_length(head: bytes | memoryview, size: int, name: str) -> int:
    """Length of the JSON chunk, after the container's head has been checked."""
    if size == 0:
        raise AssetError("The file is empty.", _TRUNCATED, where=name)
    if bytes(head[:4]) != MAGIC:
        raise AssetError(
            "It is called .glb but is no binary glTF.",
            "Export it as glTF 2.0 binary (.glb), or give it the right suffix.",
            where=name,
        )
    if size < 20:
        raise AssetError(f"The file ends after {size} bytes.", _TRUNCATED, where=name)
    version, total, length, kind = struct.unpack("<4I", head[4:20])
    if version != 2:
        _wrong_version(str(version), name)
    if total > size:
        raise AssetError(
            f"It says that it has {total} bytes; {size} are there.", _TRUNCATED, where=name
        )
    if kind != JSON_CHUNK or 20 + length > total:
        raise AssetError("Its first chunk is not a whole JSON document.", DAMAGED, where=name)
    return int(length)


def _split(data: memoryview, size: int, name: str) -> tuple[memoryview, memoryview | None]:
    """The JSON and the BIN chunk of a `.glb`."""
    end = 20 + _json_length(data[:20], size, name)
    text, body = data[20:end], None
    if end + 8 <= size:
        length, kind = struct.unpack("<2I", data[end : end + 8])
        if kind == BIN_CHUNK:
            if end + 8 + length > size:
                raise AssetError(
                    f"Its binary chunk should have {length} bytes; {size - end - 8} are there.",
                    _TRUNCATED,
                    where=name,
                )
            body = data[end + 8 : end + 8 + length]
    return text, body


def _parse(text: bytes, name: str) -> Fields:
    if len(text) > _MAX_JSON_BYTES:
        raise AssetError("Its JSON part is over 256 MiB.", "Simplify the model.", where=name)
    try:
        data = json.loads(
            text.decode("utf-8-sig"), parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise AssetError(f"Its JSON part cannot be read: {error}.", DAMAGED, where=name) from error
    if not isinstance(data, dict) or _is_deeper(data, _MAX_DEPTH):
        raise AssetError("Its JSON part is no document of glTF.", DAMAGED, where=name)
    return Fields(data, "", name)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:20]} is no finite number")
    return number


def _is_deeper(value: object, depth: int) -> bool:
    """Whether lists and objects are nested deeper than any that glTF has."""
    level: list[object] = [value]
    for _ in range(depth):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, dict | list)]
    return bool(level)


def _check_version(fields: Fields) -> None:
    asset = fields.object("asset")
    version = "" if asset is None else asset.text("version")
    if not version.startswith("2."):
        _wrong_version(version or "unknown", fields.file)


def _check_extensions(fields: Fields) -> None:
    """Refuse what the file cannot be read without."""
    for name in fields.texts("extensionsRequired"):
        if name in _COMPRESSED:
            raise AssetError(
                f"It is compressed with {name}, which is not read.",
                f"Export it {_COMPRESSED[name]}.",
                where=fields.file,
                extension=name,
            )
        if name not in _UNDERSTOOD and not name.startswith("KHR_materials_"):
            raise AssetError(
                f'It requires the extension "{name[:60]}", which is not read.',
                "Export it without that extension.",
                where=fields.file,
                extension=name,
            )


def _wrong_version(version: str, name: str) -> NoReturn:
    raise AssetError(
        f"It is glTF of version {version}; 2.0 is read.",
        "Open it in Blender or another program and export it as glTF 2.0.",
        where=name,
    )


def _buffer(fields: Fields, body: memoryview | None, path: Path, root: Path) -> memoryview:
    length = fields.count("byteLength")
    if fields.has("uri"):
        data = memoryview(_uri_bytes(fields, path, root))
    elif body is not None:
        data = body
    else:
        raise fields.error("The buffer has no bytes.")
    if length > len(data):
        raise fields.error(f"It should have {length} bytes; {len(data)} are there.", _TRUNCATED)
    return data[:length]


def _outside_image(fields: Fields, path: Path, root: Path) -> bytes | None:
    return _uri_bytes(fields, path, root) if fields.has("uri") else None


def _uri_bytes(fields: Fields, path: Path, root: Path) -> bytes:
    uri = fields.text("uri")
    if not uri.startswith("data:"):
        return read_file(linked_file(uri, path, root), root)
    head, comma, text = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise fields.error("Its data address is not base64.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise fields.error("Its base64 data is broken.") from error
