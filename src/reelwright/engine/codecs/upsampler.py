"""Latent upsamplers: twice or one and a half times the sides, or twice the frames.

They work on un-normalised latents, pad with zeros on every axis, and take their group statistics
over all frames together: per frame, the picture shows a grid.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, silu

from reelwright.engine.checkpoints.checkpoint import Checkpoint, Component
from reelwright.engine.checkpoints.config import UpsamplerConfig
from reelwright.engine.codecs.statistics import Statistics
from reelwright.engine.denoiser.models import require
from reelwright.engine.memory.loading import CPU, build
from reelwright.engine.storage.weights import Compute
from reelwright.errors import CheckpointError

GROUPS = 32

RATIONAL_SCALES = {Fraction(3, 4), Fraction(3, 2), Fraction(2), Fraction(4)}
"""Scales that a rational resampler exists for: shuffled up by one number, blurred down by one."""


class UpsamplerBlock(nn.Module):
    """Two convolutions around which the input goes; normalised behind each.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.GroupNorm(GROUPS, channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, channels)

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F H W"]:
        """Run the block."""
        h = self.norm2(self.conv2(silu(self.norm1(self.conv1(x)))))
        return silu(h + x)


class SpaceShuffle(nn.Sequential):
    """Twice the sides: a convolution of each frame, its channels unfolded.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Conv2d(channels, 4 * channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F H2 W2"]:
        """Double."""
        y: Tensor = self[0](rearrange(x, "b c f h w -> (b f) c h w"))
        return rearrange(y, "(b f) (c p q) h w -> b c f (h p) (w q)", b=x.shape[0], p=2, q=2)


class BlurDown(nn.Module):
    """A blur that keeps every so-manieth pixel.

    Args:
        stride: Of what is kept.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.kernel = nn.Buffer(torch.empty(1, 1, 5, 5))

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H2 W2"]:
        """Blur each channel by itself."""
        if self.stride == 1:
            return x
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, -1, -1, -1)
        return conv2d(x, kernel, stride=self.stride, padding=2, groups=channels)


class RationalShuffle(nn.Module):
    """Sides times a fraction: unfolded by its numerator, blurred down by its denominator.

    Args:
        channels: Of input and output.
        scale: Of the sides.
    """

    def __init__(self, channels: int, scale: Fraction) -> None:
        super().__init__()
        self.up = scale.numerator
        self.conv = nn.Conv2d(channels, self.up**2 * channels, 3, padding=1)
        self.blur_down = BlurDown(scale.denominator)

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F H2 W2"]:
        """Scale."""
        y: Tensor = self.conv(rearrange(x, "b c f h w -> (b f) c h w"))
        y = rearrange(y, "n (c p q) h w -> n c (h p) (w q)", p=self.up, q=self.up)
        blurred: Tensor = self.blur_down(y)
        return rearrange(blurred, "(b f) c h w -> b c f h w", b=x.shape[0])


class TimeShuffle(nn.Sequential):
    """Twice the frames, and twice the sides if asked; the first frame is dropped.

    Args:
        channels: Of input and output.
        sides: 2 to double the sides too, 1 to leave them.
    """

    def __init__(self, channels: int, sides: int) -> None:
        super().__init__(nn.Conv3d(channels, 2 * sides**2 * channels, 3, padding=1))
        self.sides = sides

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F2 H2 W2"]:
        """Double."""
        y: Tensor = rearrange(
            self[0](x),
            "b (c a p q) f h w -> b c (f a) (h p) (w q)",
            a=2,
            p=self.sides,
            q=self.sides,
        )
        return y[:, :, 1:]


class LatentUpsampler(nn.Module):
    """The network.

    Args:
        config: Of its file.

    Raises:
        CheckpointError: The config asks for a scale that does not exist.
    """

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        channels = config.mid_channels
        self.initial_conv = nn.Conv3d(config.in_channels, channels, 3, padding=1)
        self.initial_norm = nn.GroupNorm(GROUPS, channels)
        self.res_blocks = _blocks(config)
        self.upsampler = _shuffle(config)
        self.post_upsample_res_blocks = _blocks(config)
        self.final_conv = nn.Conv3d(channels, config.in_channels, 3, padding=1)

    def forward(self, latent: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C F2 H2 W2"]:
        """Upsample an un-normalised latent."""
        x = silu(self.initial_norm(self.initial_conv(latent.to(self.initial_conv.weight))))
        for block in (*self.res_blocks, self.upsampler, *self.post_upsample_res_blocks):
            x = block(x)
        return self.final_conv(x)  # type: ignore[no-any-return]

    def upsample(
        self, latent: Float[Tensor, "B C F H W"], statistics: Statistics
    ) -> Float[Tensor, "B C F2 H2 W2"]:
        """Upsample a normalised latent.

        Args:
            latent: Normalised.
            statistics: Of the video codec that it is of.
        """
        return statistics.normalise(self(statistics.denormalise(latent)).to(latent.dtype))


def _blocks(config: UpsamplerConfig) -> nn.ModuleList:
    return nn.ModuleList(
        UpsamplerBlock(config.mid_channels) for _ in range(config.num_blocks_per_stage)
    )


def _shuffle(config: UpsamplerConfig) -> nn.Module:
    channels = config.mid_channels
    if config.temporal_upsample:
        return TimeShuffle(channels, 2 if config.spatial_upsample else 1)
    scale = Fraction(config.spatial_scale)
    if config.spatial_upsample and config.rational_resampler and scale in RATIONAL_SCALES:
        return RationalShuffle(channels, scale)
    if config.spatial_upsample and not config.rational_resampler:
        return SpaceShuffle(channels)
    raise CheckpointError(
        f"There is no latent upsampler of scale {config.spatial_scale}.",
        "Use an official upsampler of LTX-2: spatial x1.5 or x2, or temporal x2.",
        where="config",
    )


def load_upsampler(
    checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> LatentUpsampler:
    """Build an upsampler from its own file.

    Raises:
        CheckpointError: The file has none, or it does not fit its config.
    """
    weights = checkpoint.weights("")
    require(checkpoint, Component.UPSAMPLER, Component.UPSAMPLER in checkpoint.components)
    config = checkpoint.config(UpsamplerConfig)
    if config.mid_channels % GROUPS:
        raise CheckpointError(
            f"{config.mid_channels} channels cannot be normalised in groups of {GROUPS}.",
            "Use an official upsampler of LTX-2.",
            where=checkpoint.where,
        )
    return build(
        lambda: LatentUpsampler(config),
        weights,
        where=checkpoint.where,
        compute=compute,
        device=device,
    )
