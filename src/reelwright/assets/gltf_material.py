"""Materials of a glTF file, with their textures decoded.

Must agree with glTF 2.0, section 3.9, and with KHR_texture_transform, KHR_materials_unlit,
KHR_materials_emissive_strength, EXT_texture_webp and (archived, but on many models of the net)
KHR_materials_pbrSpecularGlossiness. Maps that the stage does not draw are replaced by their mean
(metallic, roughness) or said (normal maps).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from reelwright.assets.fields import Fields
from reelwright.assets.geometry import AlphaMode, Material, Wrap
from reelwright.assets.gltf_file import GltfFile
from reelwright.assets.limits import MAX_TEXTURE_SIDE
from reelwright.assets.picture import decode_picture, picture_size

_WRAPS: dict[int, Wrap] = {10497: "REPEAT", 33071: "CLAMP", 33648: "MIRROR"}
_ALPHA_MODES: dict[str, AlphaMode] = {"OPAQUE": "OPAQUE", "MASK": "MASK", "BLEND": "BLEND"}


@dataclass(frozen=True, slots=True, eq=False)
class UvMap:
    """How a material's texture lies on the uvs of a file.

    Attributes:
        channel: The n of TEXCOORD_n.
        matrix: Applied to (u, v, 1).
    """

    channel: int
    matrix: Float64[np.ndarray, "2 3"]

    def apply(self, uvs: Float32[np.ndarray, "V 2"]) -> Float32[np.ndarray, "V 2"]:
        """The uvs as the texture is drawn with them."""
        moved = uvs.astype(np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(moved, np.float32)

    def same_as(self, other: UvMap) -> bool:
        """Whether both lie alike."""
        return self.channel == other.channel and bool(np.allclose(self.matrix, other.matrix))


PLAIN_UVS = UvMap(0, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))


class Materials:
    """The materials of one file; each texture is decoded once, whoever uses it.

    Args:
        file: The document.
        warnings: What is not drawn is added here.
    """

    def __init__(self, file: GltfFile, warnings: dict[str, None]) -> None:
        self._file = file
        self._warnings = warnings
        self._pictures: dict[int, UInt8[np.ndarray, "h w 4"]] = {}
        self._made: dict[int, tuple[Material, UvMap]] = {}

    def read(self, index: int | None) -> tuple[Material, UvMap]:
        """A material and how its textures lie; None is what a primitive without one gets.

        Raises:
            AssetError: It is damaged, or one of its pictures is.
        """
        if index is None:
            return Material(), PLAIN_UVS
        if index not in self._made:
            self._made[index] = self._read(self._file.lists["materials"][index])
        return self._made[index]

    def used(self) -> dict[int, Material]:
        """Every material that was asked for, by its index."""
        return {index: material for index, (material, _) in sorted(self._made.items())}

    def _read(self, fields: Fields) -> tuple[Material, UvMap]:
        alpha_mode = fields.text("alphaMode", "OPAQUE")
        if alpha_mode not in _ALPHA_MODES:
            raise fields.error(f'"alphaMode" is "{alpha_mode[:20]}".')
        strength = fields.extension("KHR_materials_emissive_strength")
        gain = 1.0 if strength is None else max(strength.number("emissiveStrength", 1.0), 0.0)
        red, green, blue = (
            max(value, 0.0) * gain for value in fields.numbers("emissiveFactor", 3, (0.0,) * 3)
        )
        name = fields.text("name")
        material = Material(
            emissive=(red, green, blue),
            alpha_mode=_ALPHA_MODES[alpha_mode],
            alpha_cutoff=fields.number("alphaCutoff", 0.5),
            double_sided=fields.flag("doubleSided"),
            unlit=fields.extension("KHR_materials_unlit") is not None,
            name=name,
        )
        if fields.has("normalTexture"):
            self._warn(f'The normal map of material "{name}" is not drawn.')
        material, uv_map = self._with_base(fields, material)
        return self._with_emission(fields, material, uv_map)

    def _with_base(self, fields: Fields, material: Material) -> tuple[Material, UvMap]:
        """Base colour, metallic and roughness, by either workflow."""
        glossy = fields.extension("KHR_materials_pbrSpecularGlossiness")
        core = fields.object("pbrMetallicRoughness") or Fields({}, fields.place, fields.file)
        if glossy is not None:
            color, texture, names = glossy, glossy.object("diffuseTexture"), "diffuseFactor"
            metallic, roughness = 0.0, 1.0 - glossy.number("glossinessFactor", 1.0)
        else:
            color, texture, names = core, core.object("baseColorTexture"), "baseColorFactor"
            metallic, roughness = self._metallic_roughness(core)
        red, green, blue, alpha = (max(v, 0.0) for v in color.numbers(names, 4, (1.0,) * 4))
        material = replace(
            material,
            base_color=(red, green, blue, min(alpha, 1.0)),
            metallic=min(max(metallic, 0.0), 1.0),
            roughness=min(max(roughness, 0.0), 1.0),
        )
        if texture is None:
            return material, PLAIN_UVS
        picture, wrap = self._texture(texture)
        return replace(material, base_texture=picture, wrap=wrap), _uv_map(texture)

    def _metallic_roughness(self, core: Fields) -> tuple[float, float]:
        metallic = core.number("metallicFactor", 1.0)
        roughness = core.number("roughnessFactor", 1.0)
        texture = core.object("metallicRoughnessTexture")
        if texture is not None:
            picture, _ = self._texture(texture)
            _, green, blue, _ = picture.reshape(-1, 4).mean(axis=0) / 255.0
            metallic, roughness = metallic * float(blue), roughness * float(green)
        return metallic, roughness

    def _with_emission(
        self, fields: Fields, material: Material, uv_map: UvMap
    ) -> tuple[Material, UvMap]:
        texture = fields.object("emissiveTexture")
        if texture is None or not any(material.emissive):
            return material, uv_map
        picture, wrap = self._texture(texture)
        lies = _uv_map(texture)
        if material.base_texture is None:
            return replace(material, emissive_texture=picture, wrap=wrap), lies
        if not lies.same_as(uv_map):
            self._warn(
                f'The emissive map of material "{material.name}" lies otherwise than its colour '
                "map; it is drawn where the colour map lies."
            )
        return replace(material, emissive_texture=picture), uv_map

    def _texture(self, info: Fields) -> tuple[UInt8[np.ndarray, "h w 4"], tuple[Wrap, Wrap]]:
        index = self._file.index(info, "index", "textures")
        if index is None:
            raise info.error('"index" is missing.')
        texture = self._file.lists["textures"][index]
        source = self._file.index(texture, "source", "images")
        webp = texture.extension("EXT_texture_webp")
        if source is None and webp is not None:
            source = self._file.index(webp, "source", "images")
        if source is None:
            raise texture.error(
                "The texture has no picture that can be read.",
                "Export the model with PNG or JPEG textures.",
            )
        return self._picture(source), self._wrap(texture)

    def _wrap(self, texture: Fields) -> tuple[Wrap, Wrap]:
        index = self._file.index(texture, "sampler", "samplers")
        if index is None:
            return ("REPEAT", "REPEAT")
        sampler = self._file.lists["samplers"][index]
        across, down = (
            _WRAPS.get(sampler.count(name, 10497), "REPEAT") for name in ("wrapS", "wrapT")
        )
        return (across, down)

    def _picture(self, source: int) -> UInt8[np.ndarray, "h w 4"]:
        if source not in self._pictures:
            place = self._file.lists["images"][source]
            where = f"{place.file}: {place.place}"
            data = self._file.image(source)
            self._pictures[source] = decode_picture(data, where)
            width, height = picture_size(data, where)
            if max(width, height) > MAX_TEXTURE_SIDE:
                self._warn(
                    f"The texture {place.place} has {width} x {height} pixels; it is drawn with "
                    f"{MAX_TEXTURE_SIDE} on its longer side."
                )
        return self._pictures[source]

    def _warn(self, message: str) -> None:
        self._warnings[message] = None


def _uv_map(info: Fields) -> UvMap:
    channel = info.count("texCoord", 0)
    moved = info.extension("KHR_texture_transform")
    if moved is None:
        return UvMap(channel, PLAIN_UVS.matrix)
    x, y = moved.numbers("offset", 2, (0.0, 0.0))
    width, height = moved.numbers("scale", 2, (1.0, 1.0))
    turn = moved.number("rotation", 0.0)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    matrix = np.array([[cos * width, sin * height, x], [-sin * width, cos * height, y]])
    return UvMap(moved.count("texCoord", channel), matrix)
