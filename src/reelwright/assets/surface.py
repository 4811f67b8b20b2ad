"""Triangles with a look, as a model file without a node tree gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from reelwright.assets.geometry import AlphaMode, Rgb, Rgba


@dataclass(frozen=True, slots=True)
class Look:
    """A material as it goes into a `.glb`.

    Attributes:
        name: As in the file.
        base_color: Linear, with opacity.
        metallic: 0 to 1.
        roughness: 0 to 1.
        emissive: Linear.
        picture: A PNG or JPEG that multiplies the base colour; None if there is none.
        alpha_mode: See `Material`.
        double_sided: Back faces are seen.
    """

    name: str = ""
    base_color: Rgba = (0.8, 0.8, 0.8, 1.0)
    metallic: float = 0.0
    roughness: float = 0.7
    emissive: Rgb = (0.0, 0.0, 0.0)
    picture: bytes | None = None
    alpha_mode: AlphaMode = "OPAQUE"
    double_sided: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Triangles that share a look.

    Attributes:
        vertices: Positions.
        faces: Three vertex indices per triangle, counter-clockwise seen from the front.
        normals: One per vertex; None: to be computed.
        uvs: v down, as in glTF; None if there are none.
        colors: Linear, with opacity; None if there are none.
        look: Its material.
    """

    vertices: Float32[np.ndarray, "V 3"]
    faces: Int64[np.ndarray, "T 3"]
    normals: Float32[np.ndarray, "V 3"] | None = None
    uvs: Float32[np.ndarray, "V 2"] | None = None
    colors: Float32[np.ndarray, "V 4"] | None = None
    look: Look = Look()
