"""NVFP4: 4-bit floats with a scale per 16 inputs, as the published LTX-2.3 files store it.

weight = E2M1 value * E4M3 block scale * float32 tensor scale. Two values share a byte, the even
one in the high nibble. Block scales lie in the 128x4 tiles that the GPU's matrix unit reads, rows
padded to 128 and columns to 4; the plain order is [row, group].
"""

from __future__ import annotations

from math import ceil

import torch
from einops import rearrange
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

GROUP = 16
"""Inputs that share one block scale."""

TILE_ROWS, TILE_COLUMNS = 128, 4

E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The magnitude of each 3-bit code; the fourth bit is the sign."""


def padded_scale_shape(rows: int, columns: int) -> tuple[int, int]:
    """Shape of the stored block scales of a weight.

    Args:
        rows: Outputs of the weight.
        columns: Inputs of the weight.
    """
    groups = ceil(columns / GROUP)
    return (
        ceil(rows / TILE_ROWS) * TILE_ROWS,
        ceil(groups / TILE_COLUMNS) * TILE_COLUMNS,
    )


def untile_scales(
    tiled: Float[Tensor, "Rp Gp"], rows: int, groups: int
) -> Float[Tensor, "{rows} {groups}"]:
    """Bring block scales from the order of the tiles into [row, group].

    Args:
        tiled: As stored, both sides padded to whole tiles.
        rows: Outputs of the weight.
        groups: Groups of 16 inputs.
    """
    plain = rearrange(
        tiled.reshape(-1),
        "(tr tc r m c) -> (tr m r) (tc c)",
        tc=tiled.shape[1] // TILE_COLUMNS,
        r=32,
        m=TILE_ROWS // 32,
        c=TILE_COLUMNS,
    )
    return plain[:rows, :groups]


def tile_scales(plain: Float[Tensor, "R G"]) -> Float[Tensor, "Rp Gp"]:
    """The inverse of `untile_scales`: pad with zeros, bring into the order of the tiles."""
    rows, groups = plain.shape
    padded = torch.zeros(padded_scale_shape(rows, groups * GROUP), dtype=plain.dtype)
    padded[:rows, :groups] = plain
    tiled = rearrange(padded, "(tr m r) (tc c) -> (tr tc r m c)", r=32, m=4, c=TILE_COLUMNS)
    return tiled.reshape(padded.shape)


def unpack_e2m1(packed: UInt8[Tensor, "R H"]) -> Float32[Tensor, "R C"]:
    """Read two 4-bit floats from every byte, the high nibble first."""
    codes = torch.stack((packed >> 4, packed & 15), dim=-1).flatten(-2)
    table = torch.tensor((*E2M1, *(-value for value in E2M1)), device=packed.device)
    return table[codes.long()]


def dequantise_nvfp4(
    packed: UInt8[Tensor, "R H"],
    block_scale: Float[Tensor, "Rp Gp"],
    tensor_scale: Float[Tensor, ""],
) -> Float32[Tensor, "R C"]:
    """Read an NVFP4 weight.

    Args:
        packed: Two values a byte, [out, in / 2].
        block_scale: E4M3, tiled and padded.
        tensor_scale: Scalar.

    Returns:
        The weight, [out, in], float32.
    """
    values = unpack_e2m1(packed)
    rows, columns = values.shape
    scale = untile_scales(block_scale.float(), rows, columns // GROUP) * tensor_scale.float()
    grouped = rearrange(values, "r (g k) -> r g k", k=GROUP) * scale.unsqueeze(-1)
    return rearrange(grouped, "r g k -> r (g k)")
