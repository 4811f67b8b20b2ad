"""How every part looks, as tables that a sample reads by the number of its part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from reelwright.assets.geometry import Material
from reelwright.stage.mipmap import CLAMP, MIRROR, REPEAT
from reelwright.stage.texture import Textures

Picture = UInt8[np.ndarray, "h w 4"]

_WRAPS = {"REPEAT": REPEAT, "MIRROR": MIRROR, "CLAMP": CLAMP}


@dataclass(frozen=True, slots=True, eq=False)
class Materials:
    """One column a part.

    Attributes:
        base: Linear red, green, blue, opacity.
        metallic: 0..1.
        roughness: 0..1.
        emissive: Linear, may be above 1.
        unlit: Shown as it is.
        texture: Which texture is its base colour, -1 for none.
        emissive_texture: Which texture is its light, -1 for none.
        wrap: What lies beyond the textures' borders, across and down.
        both_sides: Seen from either side.
        cut: Cut away below `cutoff`.
        cutoff: Opacity.
        blended: See-through.
        mask: The prop's value in the mask.
        textures: All of them.
    """

    base: Float32[Tensor, "4 P"]
    metallic: Float32[Tensor, " P"]
    roughness: Float32[Tensor, " P"]
    emissive: Float32[Tensor, "3 P"]
    unlit: Bool[Tensor, " P"]
    texture: Int64[Tensor, " P"]
    emissive_texture: Int64[Tensor, " P"]
    wrap: Int64[Tensor, "2 P"]
    both_sides: Bool[Tensor, " P"]
    cut: Bool[Tensor, " P"]
    cutoff: Float32[Tensor, " P"]
    blended: Bool[Tensor, " P"]
    mask: Int64[Tensor, " P"]
    textures: Textures

    @staticmethod
    def of(materials: Sequence[Material], owners: Sequence[int], device: torch.device) -> Materials:
        """Tables of materials.

        Args:
            materials: One a part.
            owners: Mask value of each part's prop.
            device: Where they are read.
        """
        pictures, texture, emissive_texture = _pictures(materials)

        def floats(values: Sequence[object]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        def flags(values: Sequence[bool]) -> Tensor:
            return torch.tensor(values, dtype=torch.bool, device=device)

        def numbers(values: Sequence[object]) -> Tensor:
            return torch.tensor(values, dtype=torch.int64, device=device)

        return Materials(
            floats([m.base_color for m in materials]).reshape(-1, 4).T.contiguous(),
            floats([m.metallic for m in materials]),
            floats([m.roughness for m in materials]),
            floats([m.emissive for m in materials]).reshape(-1, 3).T.contiguous(),
            flags([m.unlit for m in materials]),
            numbers(texture),
            numbers(emissive_texture),
            numbers([[_WRAPS[w] for w in m.wrap] for m in materials]).reshape(-1, 2).T.contiguous(),
            flags([m.double_sided for m in materials]),
            flags([m.alpha_mode == "MASK" for m in materials]),
            floats([m.alpha_cutoff for m in materials]),
            flags([m.alpha_mode == "BLEND" for m in materials]),
            numbers(owners),
            Textures.of(pictures, device),
        )


def _pictures(
    materials: Sequence[Material],
) -> tuple[list[tuple[Picture, float | None]], list[int], list[int]]:
    """Every different picture once, and which one each material uses."""
    pictures: list[tuple[Picture, float | None]] = []
    known: dict[tuple[int, float | None], int] = {}

    def number(picture: Picture | None, cutoff: float | None) -> int:
        if picture is None:
            return -1
        key = (id(picture), cutoff)
        if key not in known:
            known[key] = len(pictures)
            pictures.append((picture, cutoff))
        return known[key]

    base = [
        number(m.base_texture, m.alpha_cutoff if m.alpha_mode == "MASK" else None)
        for m in materials
    ]
    return pictures, base, [number(m.emissive_texture, None) for m in materials]
