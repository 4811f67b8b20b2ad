"""The video encoder: pixels to latents, always causal in time.

Its blocks stand in the config. A down block folds neighbours into channels twice, once behind a
convolution and once averaged, and adds the two; before it folds time it repeats the first frame,
so that 1 + 2k frames become 1 + k.
"""

from __future__ import annotations

import re
from math import prod
from typing import TypeAlias

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import BlockOptions, Padding, VideoVaeConfig
from reelwright.engine.codecs.video_blocks import FrameAttention, StridedConv, WidthBlock
from reelwright.engine.codecs.video_layers import (
    CausalConv,
    ResGroup,
    Stride,
    activate,
    fold,
    patch_pixels,
)
from reelwright.errors import CheckpointError

STRIDES: dict[str, Stride] = {"space": (1, 2, 2), "time": (2, 1, 1), "all": (2, 2, 2)}
"""What a block folds, by the middle of its name."""

_FOLDING = re.compile(r"compress_(space|time|all)(?:_res)?|compress_(all)_x_y")

DownModule: TypeAlias = "ResGroup | WidthBlock | DownBlock | StridedConv | FrameAttention"


def stride_of(kind: str) -> Stride | None:
    """What a block of a kind folds or unfolds; None if nothing."""
    found = _FOLDING.fullmatch(kind)
    return None if found is None else STRIDES[found.group(1) or found.group(2)]


class DownBlock(nn.Module):
    """Folds time, space or both.

    Args:
        channels: Of its input.
        multiplier: Channels of its output, as a multiple of its input's.
        stride: What it folds.
        padding: How it pads space.
    """

    def __init__(self, channels: int, multiplier: int, stride: Stride, padding: Padding) -> None:
        super().__init__()
        self.stride = stride
        self.out_channels = channels * multiplier
        self.conv = CausalConv(channels, self.out_channels // prod(stride), padding, causal=True)

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B O F2 H2 W2"]:
        """Fold."""
        if self.stride[0] == 2:
            x = torch.cat((x[:, :, :1], x), dim=2)
        folded = fold(self.conv(x), self.stride)
        straight = reduce(
            fold(x, self.stride), "b (c g) f h w -> b c f h w", "mean", c=self.out_channels
        )
        return folded + straight


class VideoEncoder(nn.Module):
    """Pixels to the mean of the latent's distribution, not yet normalised.

    Args:
        config: Section `vae` of the checkpoint's config.

    Raises:
        CheckpointError: The config has a block of a kind that is not known.
    """

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        padding = config.spatial_padding_mode or config.encoder_spatial_padding_mode or "zeros"
        channels = config.encoder_base_channels
        self.patch = config.patch_size
        self.latent_channels = config.latent_channels
        self.conv_in = CausalConv(
            config.in_channels * self.patch**2, channels, padding, causal=True
        )
        blocks: list[DownModule] = []
        for kind, options in config.encoder_blocks:
            blocks.append(_down_block(kind, options, channels, padding))
            channels = blocks[-1].out_channels
        self.down_blocks = nn.ModuleList(blocks)
        extra = {"uniform": 1, "constant": 1, "per_channel": self.latent_channels, "none": 0}
        outputs = self.latent_channels + extra[config.latent_log_var]
        self.conv_out = CausalConv(channels, outputs, padding, causal=True)

    def forward(self, pixels: Float[Tensor, "B 3 Fp Hp Wp"]) -> Float[Tensor, "B C F H W"]:
        """Encode.

        Args:
            pixels: In [-1, 1], 1 + k * factor frames.

        Returns:
            Means; the log-variance that the network also gives is not used.
        """
        x = self.conv_in(patch_pixels(pixels.to(self.conv_in.conv.weight), self.patch))
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(activate(x))[:, : self.latent_channels]  # type: ignore[no-any-return]


def _down_block(kind: str, options: BlockOptions, channels: int, padding: Padding) -> DownModule:
    """One block of the config."""
    multiplier = options.multiplier or 2
    if kind == "res_x":
        return ResGroup(channels, options.num_layers, padding, causal=True)
    if kind == "res_x_y" and multiplier > 1:
        return WidthBlock(channels, channels * multiplier, padding, causal=True)
    if kind == "attn":
        return FrameAttention(channels)
    stride = stride_of(kind)
    if stride is None:
        raise unknown_block(kind, "encoder")
    if kind.endswith("_res"):
        return DownBlock(channels, multiplier, stride, padding)
    widening = multiplier if kind.endswith("_x_y") else 1
    return StridedConv(channels, channels * widening, stride, padding)


def unknown_block(kind: str, side: str) -> CheckpointError:
    """The refusal of a block that no supported codec has."""
    return CheckpointError(
        f"The video {side} has a block {kind!r}, which is not supported.",
        "Use the video codec of LTX-2.0 or LTX-2.3.",
        where=f"config vae.{side}_blocks",
        block=kind,
    )
