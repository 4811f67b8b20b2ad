"""What the stage draws: parts of triangles with a material each, and where each part stands.

All arrays are finite, all indices are in range and all normals have unit length; whoever makes a
`Geometry` sees to that. Axes of `Part` are the part's own; `Geometry.part_matrices` leads from
them into the prop's (Z up, metres, rest transform included).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from reelwright.assets.rig import Animation, Rig, still_rig
from reelwright.errors import AssetError

AlphaMode = Literal["OPAQUE", "MASK", "BLEND"]
Wrap = Literal["REPEAT", "MIRROR", "CLAMP"]
Rgb = tuple[float, float, float]
Rgba = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """How a surface looks. Colours are linear, textures are sRGB as in the file.

    The base colour at a point is `base_color * base_texture(uv) * Part.colors`; the light it
    gives off is `emissive * emissive_texture(uv)`. Either texture may be None.

    Attributes:
        base_color: Linear red, green, blue and opacity.
        metallic: 0 is a dielectric, 1 a metal. Where the file has a map for it, the map's mean.
        roughness: 0 is a mirror, 1 is chalk. Where the file has a map for it, the map's mean.
        emissive: Light given off, linear; may be above 1.
        base_texture: sRGB with alpha, row 0 is v = 0.
        emissive_texture: sRGB, row 0 is v = 0, at the same uvs.
        wrap: What lies beyond uv 0..1, across and down.
        alpha_mode: `MASK` cuts away where opacity is below `alpha_cutoff`.
        alpha_cutoff: See there.
        double_sided: Back faces are seen, with their normals turned round.
        unlit: The base colour is shown as it is, without light or shadow.
        name: As in the file.
    """

    base_color: Rgba = (0.8, 0.8, 0.8, 1.0)
    metallic: float = 0.0
    roughness: float = 0.7
    emissive: Rgb = (0.0, 0.0, 0.0)
    base_texture: UInt8[np.ndarray, "h w 4"] | None = None
    emissive_texture: UInt8[np.ndarray, "h w 4"] | None = None
    wrap: tuple[Wrap, Wrap] = ("REPEAT", "REPEAT")
    alpha_mode: AlphaMode = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    unlit: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Triangles that share a material and move as one.

    Attributes:
        vertices: Positions in the part's own axes, metres before the part's matrix.
        faces: Three vertex indices per triangle, counter-clockwise seen from the front.
        normals: Unit normals, one per vertex.
        uvs: Texture coordinates, v down as in glTF; None if the part has none.
        colors: Linear red, green, blue, opacity per vertex; None if the part has none.
        material: How it looks.
        name: The node's name in the file.
    """

    vertices: Float32[np.ndarray, "V 3"]
    faces: Int64[np.ndarray, "T 3"]
    normals: Float32[np.ndarray, "V 3"]
    uvs: Float32[np.ndarray, "V 2"] | None
    colors: Float32[np.ndarray, "V 4"] | None
    material: Material
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A prop as the stage draws it.

    A part's matrix may mirror (negative determinant): then its triangles wind the other way.

    Attributes:
        parts: What is drawn.
        rig: The nodes that carry the parts.
        part_nodes: The node of each part.
    """

    parts: tuple[Part, ...]
    rig: Rig
    part_nodes: Int64[np.ndarray, " P"]

    @staticmethod
    def still(parts: tuple[Part, ...]) -> Geometry:
        """Parts that stand still, their vertices given in our own axes."""
        return Geometry(parts, still_rig(len(parts)), np.arange(len(parts)))

    @property
    def animations(self) -> tuple[str, ...]:
        """Names of what can be played, in the file's order."""
        return tuple(animation.name for animation in self.rig.animations)

    @property
    def num_triangles(self) -> int:
        """Triangles of all parts."""
        return sum(len(part.faces) for part in self.parts)

    def animation(self, name: str) -> Animation | None:
        """The animation of a name.

        Args:
            name: `auto` is the first one if there is any, `none` is the rest pose.

        Raises:
            AssetError: There is no animation of that name.
        """
        if name == "none" or (name == "auto" and not self.rig.animations):
            return None
        if name == "auto":
            return self.rig.animations[0]
        for animation in self.rig.animations:
            if animation.name == name:
                return animation
        known = ", ".join(f'"{each}"' for each in self.animations)
        raise AssetError(
            f'There is no animation "{name}" in this prop.',
            f"Use one of: {known}." if known else 'It has none: use animation = "none".',
            animation=name,
        )

    def part_matrices(
        self, animation: str = "auto", time_s: float = 0.0, loop: bool = True
    ) -> Float64[np.ndarray, "P 4 4"]:
        """Where each part stands at a moment: prop-from-part, Z up, rest transform included.

        Args:
            animation: `auto`, `none` or a name.
            time_s: Seconds since the animation began.
            loop: Begin again after the end; otherwise the last pose is held.

        Raises:
            AssetError: There is no animation of that name.
        """
        played = self.animation(animation)
        local_s = 0.0 if played is None else played.local_time_s(time_s, loop)
        return np.asarray(self.rig.matrices_at(played, local_s)[self.part_nodes])
