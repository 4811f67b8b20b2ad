"""A weight stored as MXFP8: E4M3 numbers, a power of two per 32 inputs.

The powers lie in the same tiles of 128 rows by 4 groups as NVFP4's scales, padded to whole tiles.

Source: OCP Microscaling Formats (MX) Specification v1.0, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from reelwright.engine.storage.nvfp4 import GROUP as NVFP4_GROUP
from reelwright.engine.storage.nvfp4 import padded_scale_shape, untile_scales
from reelwright.engine.storage.weights import Compute, Format, LoraDelta, Slot, write

GROUP = 32
"""Inputs that share a scale."""


def mxfp8_scale_shape(rows: int, columns: int) -> tuple[int, int]:
    """The stored shape of the scales of a weight [rows, columns], padded to whole tiles."""
    return padded_scale_shape(rows, columns // GROUP * NVFP4_GROUP)


def dequantise_mxfp8(
    data: Float[Tensor, "R C"], powers: UInt8[Tensor, "Rp Gp"]
) -> Float32[Tensor, "R C"]:
    """Read an MXFP8 weight.

    Args:
        data: E4M3, [out, in].
        powers: The bytes of E8M0 scales, tiled and padded.

    Returns:
        The weight, [out, in], float32.
    """
    rows, columns = data.shape
    block_scale = powers.view(torch.float8_e8m0fnu).float()
    scale = untile_scales(block_scale, rows, columns // GROUP)
    grouped = rearrange(data.float(), "r (g k) -> r g k", k=GROUP) * scale.unsqueeze(-1)
    return rearrange(grouped, "r g k -> r (g k)")


@dataclass(frozen=True, slots=True)
class Mxfp8Source:
    """A weight in MXFP8.

    Attributes:
        name: As its file calls it.
        data: E4M3, [out, in].
        block_scale: E8M0 in 128x4 tiles, padded.
    """

    name: str
    data: Tensor
    block_scale: Tensor

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return Format.MXFP8

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self.data.shape)

    @property
    def nbytes(self) -> int:
        """Bytes at rest, scales included."""
        return self.data.nbytes + self.block_scale.nbytes

    def view(self, compute: Compute) -> Tensor | None:
        """None: it always has to be dequantised."""
        return None

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`."""
        device = out.weight.device
        powers = self.block_scale.view(torch.uint8)
        write(out, dequantise_mxfp8(self.data.to(device), powers.to(device)), loras)
