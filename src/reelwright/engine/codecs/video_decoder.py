"""The video decoder: latents to pixels, looking ahead in time unless the config says otherwise.

Its blocks stand in the config, the one next to the pixels first. An up block unfolds channels into
neighbours, and drops the first frame where it unfolds time. Older generations add the unfolded
input to it, are told a noise level, and inject noise; 2.3 does none of this and is deterministic.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import BlockOptions, Padding, VideoVaeConfig
from reelwright.engine.codecs.video_blocks import FrameAttention, WidthBlock
from reelwright.engine.codecs.video_encoder import stride_of, unknown_block
from reelwright.engine.codecs.video_layers import (
    CausalConv,
    Noise,
    ResGroup,
    Stride,
    TimedLevel,
    activate,
    unfold,
    unpatch_pixels,
)

DECODE_LEVEL = 0.05
"""Noise level that a timed decoder is told."""

DECODE_NOISE = 0.025
"""Share of noise that is mixed into the latent of a timed decoder."""


UpModule: TypeAlias = "ResGroup | WidthBlock | UpBlock | FrameAttention"


class UpBlock(nn.Module):
    """Unfolds time, space or both.

    Args:
        channels: Of its input.
        multiplier: By how much its output has fewer channels.
        stride: What it unfolds.
        padding: How it pads space.
        causal: Whether it looks only back.
        residual: Whether the unfolded input is added.
    """

    def __init__(
        self,
        channels: int,
        multiplier: int,
        stride: Stride,
        padding: Padding,
        *,
        causal: bool,
        residual: bool,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.residual = residual
        self.repeats = prod(stride) // multiplier
        self.out_channels = channels // multiplier
        self.conv = CausalConv(
            channels, prod(stride) * channels // multiplier, padding, causal=causal
        )

    def forward(self, x: Float[Tensor, "B C F2 H2 W2"]) -> Float[Tensor, "B O F H W"]:
        """Unfold."""
        y = self._drop(unfold(self.conv(x), self.stride))
        if self.residual:
            # The whole tensor is repeated, [A, B, A, B], not each channel.
            y = y + self._drop(unfold(x, self.stride)).repeat(1, self.repeats, 1, 1, 1)
        return y

    def _drop(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F1 H W"]:
        return x[:, :, 1:] if self.stride[0] == 2 else x


class VideoDecoder(nn.Module):
    """Latents, already un-normalised, to pixels.

    Args:
        config: Section `vae` of the checkpoint's config.

    Attributes:
        timed: Whether it wants a noise level.
        least_cells: Fewest latent rows and columns that it can pad.

    Raises:
        CheckpointError: The config has a block of a kind that is not known.
    """

    last_scale_shift_table: nn.Parameter | None
    timestep_scale_multiplier: nn.Parameter | None

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        padding = config.spatial_padding_mode or "reflect"
        causal, self.timed = config.causal_decoder, config.timestep_conditioning
        self.patch = config.patch_size
        self.least_cells = 2 if padding == "reflect" else 1
        widest = prod(_narrowing(kind, options) for kind, options in config.decoder_blocks)
        channels = config.decoder_base_channels * widest
        self.conv_in = CausalConv(config.latent_channels, channels, padding, causal=causal)
        blocks: list[UpModule] = []
        for kind, options in reversed(config.decoder_blocks):
            blocks.append(_up_block(config, kind, options, channels, padding))
            channels = blocks[-1].out_channels
        self.up_blocks = nn.ModuleList(blocks)
        self.conv_out = CausalConv(
            channels, config.out_channels * self.patch**2, padding, causal=causal
        )
        self.last_time_embedder = TimedLevel(2 * channels) if self.timed else None
        scale, table = torch.empty(()), torch.empty(2, channels)
        timed = nn.Parameter if self.timed else (lambda tensor: None)
        self.register_parameter("timestep_scale_multiplier", timed(scale))
        self.register_parameter("last_scale_shift_table", timed(table))

    def forward(
        self,
        latent: Float[Tensor, "B C F H W"],
        level: Float[Tensor, " B"] | None = None,
        noise: Noise | None = None,
    ) -> Float[Tensor, "B 3 Fp Hp Wp"]:
        """Decode.

        Args:
            latent: Un-normalised.
            level: Noise level per sample, for a timed decoder.
            noise: Draws the maps that are injected; None for none.

        Returns:
            Pixels around [-1, 1], not clamped.
        """
        if level is not None and self.timestep_scale_multiplier is not None:
            level = level * self.timestep_scale_multiplier
        x = self.conv_in(latent.to(self.conv_in.conv.weight))
        for block in self.up_blocks:
            x = block(x, level, noise) if isinstance(block, ResGroup) else block(x)
        x = self.conv_out(activate(x, *self._last_rows(level)))
        return unpatch_pixels(x, self.patch)

    def _last_rows(self, level: Float[Tensor, " B"] | None) -> tuple[Tensor, ...]:
        table, embedder = self.last_scale_shift_table, self.last_time_embedder
        if level is None or table is None or embedder is None:
            return ()
        rows = table + embedder.timestep_embedder(level).view(-1, *table.shape)
        return tuple(rows[:, i, :, None, None, None] for i in range(2))


def _narrowing(kind: str, options: BlockOptions) -> int:
    """By how much a block has fewer channels behind it than before it."""
    if kind == "res_x_y":
        return options.multiplier or 2
    return options.multiplier or 1 if kind.startswith("compress_") else 1


def _up_block(
    config: VideoVaeConfig, kind: str, options: BlockOptions, channels: int, padding: Padding
) -> UpModule:
    """One block of the config."""
    causal, timed = config.causal_decoder, config.timestep_conditioning
    narrower = channels // _narrowing(kind, options)
    if kind == "res_x":
        noisy = options.inject_noise
        return ResGroup(
            channels, options.num_layers, padding, causal=causal, timed=timed, noisy=noisy
        )
    if kind == "res_x_y" and narrower != channels and not options.inject_noise:
        return WidthBlock(channels, narrower, padding, causal=causal)
    if kind == "attn":
        return FrameAttention(channels)
    stride = stride_of(kind)
    if stride is None or kind.endswith(("_res", "_x_y")):
        raise unknown_block(kind, "decoder")
    return UpBlock(
        channels,
        options.multiplier or 1,
        stride,
        padding,
        causal=causal,
        residual=options.residual,
    )
