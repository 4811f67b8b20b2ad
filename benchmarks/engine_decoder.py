"""The video codec of the 2.3 release with random weights, decoded on either side of one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reelwright.engine import AxisTiling, Checkpoint, Compute, Tiling, load_video_vae

PUBLISHED = {
    "block_out_channels": (256, 512, 1024, 1024),
    "layers_per_block": (4, 6, 4, 2, 2),
    "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
    "decoder_block_out_channels": (256, 512, 512, 1024),
    "decoder_layers_per_block": (4, 6, 4, 2, 2),
    "decoder_spatio_temporal_scaling": (True,) * 4,
    "decoder_inject_noise": (False,) * 5,
    "upsample_type": ("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
    "upsample_factor": (2, 2, 1, 2),
    "upsample_residual": (False,) * 4,
    "encoder_causal": True,
    "decoder_causal": False,
    "encoder_spatial_padding_mode": "zeros",
    "decoder_spatial_padding_mode": "zeros",
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
"""The sizes of the published codec."""

TILE, OVERLAP = 8, 2
"""Cells of a side of a tile, and of what two share; in time 6 latent frames and 3."""


def write_codec(folder: Path) -> None:
    """Write the codec as a diffusers folder, once; both sides open it."""
    if (folder / "config.json").exists():
        return
    from diffusers import AutoencoderKLLTX2Video

    torch.manual_seed(13)
    torch.set_default_dtype(torch.bfloat16)
    try:
        AutoencoderKLLTX2Video(**PUBLISHED).save_pretrained(folder)
    finally:
        torch.set_default_dtype(torch.float32)


def decoder_of(
    side: str, folder: Path, compute: Compute, tiled: bool
) -> Callable[[Tensor], Tensor]:
    """What decodes a normalised latent into pixels, weights in place."""
    return (
        _ours(folder, compute, tiled) if side == "reelwright" else _theirs(folder, compute, tiled)
    )


def _ours(folder: Path, compute: Compute, tiled: bool) -> Callable[[Tensor], Tensor]:
    vae = load_video_vae(Checkpoint.open(folder), compute=compute)
    space = AxisTiling(TILE, OVERLAP)
    tiling = Tiling(AxisTiling(6, 3), space, space)

    def decode(latent: Tensor) -> Tensor:
        latent = latent.to(compute.dtype)
        if not tiled:
            return vae.decode(latent)
        return torch.cat(list(vae.decode_tiled(latent, tiling)), dim=2)

    return decode


def _theirs(folder: Path, compute: Compute, tiled: bool) -> Callable[[Tensor], Tensor]:
    from diffusers import AutoencoderKLLTX2Video

    vae: Any = AutoencoderKLLTX2Video.from_pretrained(folder, torch_dtype=compute.dtype)
    if tiled:
        side, step = TILE * 32, (TILE - OVERLAP) * 32
        vae.enable_tiling(side, side, 41, step, step, 24)
        vae.use_framewise_decoding = True

    def decode(latent: Tensor) -> Tensor:
        pixels: Tensor = vae.decode(latent.to(compute.dtype), return_dict=False)[0]
        return pixels

    return decode
