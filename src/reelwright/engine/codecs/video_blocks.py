"""Blocks of the video codec that the released ones do without, and their relatives have.

A convolution that folds by its stride, a res block between two widths, and attention inside each
frame. Their names in a config are the official builder's: `compress_*` in an encoder, `res_x_y`,
`attn`.
"""

from __future__ import annotations

from math import sqrt

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import group_norm, normalize, scaled_dot_product_attention

from reelwright.engine.checkpoints.config import Padding
from reelwright.engine.codecs.video_layers import CausalConv, Stride, activate

GROUP_EPS = 1e-6


class StridedConv(CausalConv):
    """A convolution that folds time, space or both by its stride.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        stride: What it folds.
        padding: How it pads space.
    """

    def __init__(self, channels: int, out_channels: int, stride: Stride, padding: Padding) -> None:
        super().__init__(channels, out_channels, padding, causal=True, stride=stride)
        self.out_channels = out_channels


class GroupAffine(nn.Module):
    """One group of all channels, frames and places, scaled and shifted per channel.

    Args:
        channels: Of its input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F H W"]:
        """Normalise."""
        return group_norm(x, 1, self.weight, self.bias, GROUP_EPS)


class WidthBlock(nn.Module):
    """A res block whose output has another width: what goes around is normalised and projected.

    Args:
        channels: Of its input.
        out_channels: Of its output, another number.
        padding: How its convolutions pad space.
        causal: Whether they look only back.
    """

    def __init__(self, channels: int, out_channels: int, padding: Padding, *, causal: bool) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.conv1 = CausalConv(channels, out_channels, padding, causal=causal)
        self.conv2 = CausalConv(out_channels, out_channels, padding, causal=causal)
        self.norm3 = GroupAffine(channels)
        self.conv_shortcut = nn.Conv3d(channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B O F H W"]:
        """Run the block."""
        h = self.conv2(activate(self.conv1(activate(x))))
        return h.add_(self.conv_shortcut(self.norm3(x)))  # type: ignore[no-any-return]


class ChannelGain(nn.Module):
    """Unit length over channels at each place, times the root of their number and a gain.

    Args:
        channels: Of its input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(channels, 1, 1))

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Normalise."""
        unit: Tensor = normalize(x, dim=1)
        return unit * sqrt(x.shape[1]) * self.gamma


class FrameAttention(nn.Module):
    """Attention of the places of each frame to each other, with one head.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.norm = ChannelGain(channels)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F H W"]:
        """Attend."""
        frames = rearrange(x, "b c f h w -> (b f) c h w")
        qkv = self.to_qkv(self.norm(frames))  # [N, 3C, H, W]
        q, k, v = rearrange(qkv, "n (three c) h w -> three n 1 (h w) c", three=3)
        seen = scaled_dot_product_attention(q, k, v)
        sides = {"h": x.shape[3], "w": x.shape[4]}
        added = self.proj(rearrange(seen, "n 1 (h w) c -> n c h w", **sides))
        change: Tensor = rearrange(added, "(b f) c h w -> b c f h w", b=x.shape[0])
        return x + change
