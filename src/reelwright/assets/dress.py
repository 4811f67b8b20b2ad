"""The storyboard's word on a prop's look, written into the document's materials.

`color` takes the place of the file's colour, texture and vertex colours; `texture` of the file's
texture and vertex colours (tinted by `color` if that is given too); `roughness` and `metallic` of
the file's values and maps. Glow, opacity and sidedness stay the file's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.assets.files import project_file, read_file
from reelwright.assets.geometry import Geometry, Material
from reelwright.assets.gltf_write import GltfBuilder, drop_extensions, entries
from reelwright.assets.picture import decode_picture
from reelwright.errors import AssetError
from reelwright.storyboard.color import linear_from_color

if TYPE_CHECKING:
    from reelwright.storyboard import Prop

_GLOSSY = "KHR_materials_pbrSpecularGlossiness"
_BARE = Material()


@dataclass(frozen=True, slots=True)
class Dress:
    """What a storyboard says of a look; None leaves it as in the file."""

    color: tuple[float, float, float] | None
    picture: bytes | None
    roughness: float | None
    metallic: float | None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said."""
        return self == Dress(None, None, None, None)


def dress_of(prop: Prop, root: Path) -> Dress:
    """Read what a storyboard says of a prop's look.

    Raises:
        AssetError: The texture is missing, damaged or outside the project.
    """
    picture = None
    if prop.texture is not None:
        picture = read_file(project_file(prop.texture, root), root)
        decode_picture(picture, prop.texture)
    color = None if prop.color is None else linear_from_color(prop.color)
    return Dress(color, picture, prop.roughness, prop.metallic)


def check_uvs(dress: Dress, geometry: Geometry, where: str) -> tuple[str, ...]:
    """That a texture has something to lie on.

    Returns:
        A warning if only a part of the prop can carry it.

    Raises:
        AssetError: No part can.
    """
    bare = [part for part in geometry.parts if part.uvs is None]
    if dress.picture is None or not bare:
        return ()
    if len(bare) == len(geometry.parts):
        raise AssetError(
            "It has no texture coordinates, so a texture cannot lie on it.",
            "Unwrap the model (in Blender: UV > Smart UV Project), or use `color`.",
            where=where,
        )
    return (
        f"{len(bare)} of {len(geometry.parts)} parts have no texture coordinates: they show the "
        "texture's first pixel.",
    )


def dress_document(builder: GltfBuilder, dress: Dress, materials: dict[int, Material]) -> None:
    """Write a look into every material of a document.

    Args:
        builder: The document; changed.
        dress: What the storyboard says.
        materials: What is drawn with each material that is used, by its index.
    """
    if dress.is_plain:
        return
    texture = None
    if dress.picture is not None:
        texture = builder.add_picture(dress.picture, "texture")
    bare = _give_materials(builder, dress)
    if bare is not None:
        materials = {**materials, bare: _BARE}
    for index, drawn in materials.items():
        _dress(builder.data["materials"][index], dress, drawn, texture)


def _dress(entry: dict[str, Any], dress: Dress, drawn: Material, texture: int | None) -> None:
    core = entry.setdefault("pbrMetallicRoughness", {})
    glossy = entry.get("extensions", {}).get(_GLOSSY)
    if glossy is not None:  # the older workflow would win over what is written below
        core["baseColorFactor"] = list(drawn.base_color)
        if "diffuseTexture" in glossy:
            core["baseColorTexture"] = glossy["diffuseTexture"]
        drop_extensions(entry, (_GLOSSY,))
    if dress.color is not None or texture is not None:
        color = dress.color or (1.0, 1.0, 1.0)
        core["baseColorFactor"] = [*color, drawn.base_color[3]]
        core.pop("baseColorTexture", None)
    if texture is not None:
        core["baseColorTexture"] = {"index": texture}
    if glossy is not None or dress.roughness is not None or dress.metallic is not None:
        core.pop("metallicRoughnessTexture", None)
        core["roughnessFactor"] = drawn.roughness if dress.roughness is None else dress.roughness
        core["metallicFactor"] = drawn.metallic if dress.metallic is None else dress.metallic


def _give_materials(builder: GltfBuilder, dress: Dress) -> int | None:
    """Give a material to primitives that have none; take vertex colours where they would tint.

    Returns:
        The index of the material given; None if every primitive had one.
    """
    bare: int | None = None
    covers = dress.color is not None or dress.picture is not None
    for mesh in entries(builder.data, "meshes"):
        for primitive in entries(mesh, "primitives"):
            if covers and isinstance(primitive.get("attributes"), dict):
                primitive["attributes"].pop("COLOR_0", None)
            if "material" not in primitive:
                if bare is None:
                    bare = builder.add("materials", _bare_entry())
                primitive["material"] = bare
    return bare


def _bare_entry() -> dict[str, Any]:
    core = {
        "baseColorFactor": list(_BARE.base_color),
        "metallicFactor": _BARE.metallic,
        "roughnessFactor": _BARE.roughness,
    }
    return {"pbrMetallicRoughness": core}
