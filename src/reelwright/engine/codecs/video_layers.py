"""The layers that the video codec is built of.

In time, a convolution pads by repeating frames, never by zeros: before the first frame where it is
causal, on both sides where it looks ahead. So a single frame passes in both modes. In space it pads
as the config says. Must agree with the reference in the order of channels that a folding makes:
space-to-depth is (channel, time, row, column), slowest first, and patchify is not: there the column
runs slower than the row.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from reelwright.engine.checkpoints.config import Padding
from reelwright.engine.denoiser.modulation import TimestepEmbedder

Noise = Callable[[tuple[int, ...]], Tensor]
"""Draws noise of a shape; asked in the order of execution."""

Stride = tuple[int, int, int]
"""Frames, rows and columns that are folded into one."""

PIXEL_EPS = 1e-8


def pixel_norm(x: Float[Tensor, "B C *S"], eps: float = PIXEL_EPS) -> Float[Tensor, "B C *S"]:
    """RMS over channels at each place."""
    squares: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True).square_().div_(x.shape[1])
    return x * squares.add_(eps).rsqrt_()


def fold(x: Float[Tensor, "B C F H W"], stride: Stride) -> Float[Tensor, "B E F2 H2 W2"]:
    """Space to depth: neighbours become channels."""
    a, e, g = stride
    return rearrange(x, "b c (f a) (h e) (w g) -> b (c a e g) f h w", a=a, e=e, g=g)


def unfold(x: Float[Tensor, "B E F2 H2 W2"], stride: Stride) -> Float[Tensor, "B C F H W"]:
    """Depth to space: the inverse of `fold`."""
    a, e, g = stride
    return rearrange(x, "b (c a e g) f h w -> b c (f a) (h e) (w g)", a=a, e=e, g=g)


def patch_pixels(x: Float[Tensor, "B C F H W"], patch: int) -> Float[Tensor, "B E F H2 W2"]:
    """Fold square patches of pixels into channels, the column offset slower than the row's."""
    return rearrange(x, "b c f (h q) (w r) -> b (c r q) f h w", q=patch, r=patch)


def unpatch_pixels(x: Float[Tensor, "B E F H2 W2"], patch: int) -> Float[Tensor, "B C F H W"]:
    """The inverse of `patch_pixels`."""
    return rearrange(x, "b (c r q) f h w -> b c f (h q) (w r)", q=patch, r=patch)


class CausalConv(nn.Module):
    """A 3x3x3 convolution that pads time by repeating frames.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        padding: How it pads space.
        causal: Whether it looks only back.
        stride: Frames, rows and columns from one output to the next.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        padding: Padding,
        *,
        causal: bool,
        stride: Stride = (1, 1, 1),
    ) -> None:
        super().__init__()
        self.causal = causal
        self.conv = nn.Conv3d(
            channels, out_channels, 3, stride, padding=(0, 1, 1), padding_mode=padding
        )

    def forward(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B O F2 H2 W2"]:
        """Convolve."""
        first, last = x[:, :, :1], x[:, :, -1:]
        before = first.expand(-1, -1, 2, -1, -1) if self.causal else first
        parts = (before, x) if self.causal else (before, x, last)
        return self.conv(torch.cat(parts, dim=2))  # type: ignore[no-any-return]


class ResBlock(nn.Module):
    """Two convolutions around which the input goes.

    Args:
        channels: Of input and output.
        padding: How its convolutions pad space.
        causal: Whether they look only back.
        timed: Whether it is modulated by a noise level.
        noisy: Whether noise is added after each convolution.
    """

    scale_shift_table: nn.Parameter | None
    per_channel_scale1: nn.Parameter | None
    per_channel_scale2: nn.Parameter | None

    def __init__(
        self,
        channels: int,
        padding: Padding,
        *,
        causal: bool,
        timed: bool = False,
        noisy: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = CausalConv(channels, channels, padding, causal=causal)
        self.conv2 = CausalConv(channels, channels, padding, causal=causal)
        table = nn.Parameter(torch.empty(4, channels)) if timed else None
        self.register_parameter("scale_shift_table", table)
        for name in ("per_channel_scale1", "per_channel_scale2"):
            scale = nn.Parameter(torch.empty(channels, 1, 1)) if noisy else None
            self.register_parameter(name, scale)

    def forward(
        self,
        x: Float[Tensor, "B C F H W"],
        time: Float[Tensor, "B E"] | None = None,
        noise: Noise | None = None,
    ) -> Float[Tensor, "B C F H W"]:
        """Run the block.

        Args:
            x: Its input.
            time: Embedding of the noise level, four rows of channels; None where untimed.
            noise: Draws a map [H, W] per injection; None for none.
        """
        rows = _rows(self.scale_shift_table, time)
        h = self.conv1(activate(x, *rows[0:2]))
        h = _inject(h, self.per_channel_scale1, noise)
        h = self.conv2(activate(h, *rows[2:4]))
        h = _inject(h, self.per_channel_scale2, noise)
        return h.add_(x)


def activate(
    x: Float[Tensor, "B C F H W"], shift: Tensor | None = None, scale: Tensor | None = None
) -> Float[Tensor, "B C F H W"]:
    """Normalise, modulate if a level says so, SiLU."""
    h = pixel_norm(x)
    if shift is not None and scale is not None:
        h = torch.addcmul(shift, h, 1 + scale)
    return silu(h, inplace=True)


def _rows(table: Tensor | None, time: Tensor | None) -> tuple[Tensor | None, ...]:
    """Shift and scale of each convolution, [B, C, 1, 1, 1]; None where untimed."""
    if table is None or time is None:
        return (None,) * 4
    rows = table + time.view(-1, *table.shape)  # [B, R, C]
    return tuple(rows[:, i, :, None, None, None] for i in range(4))


def _inject(
    x: Float[Tensor, "B C F H W"], scale: Tensor | None, noise: Noise | None
) -> Float[Tensor, "B C F H W"]:
    """Add one map of noise, the same for all channels and frames up to each channel's scale."""
    if scale is None or noise is None:
        return x
    drawn = noise(tuple(x.shape[-2:])).to(x.device, x.dtype)
    return x.add_((drawn * scale).unsqueeze(1))


class ResGroup(nn.Module):
    """Several res blocks of one width, with one embedding of the noise level.

    Args:
        channels: Of input and output.
        num_layers: How many blocks.
        padding: How convolutions pad space.
        causal: Whether they look only back.
        timed: Whether they are modulated by a noise level.
        noisy: Whether they inject noise.
    """

    def __init__(
        self,
        channels: int,
        num_layers: int,
        padding: Padding,
        *,
        causal: bool,
        timed: bool = False,
        noisy: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = channels
        self.res_blocks = nn.ModuleList(
            ResBlock(channels, padding, causal=causal, timed=timed, noisy=noisy)
            for _ in range(num_layers)
        )
        self.time_embedder = TimedLevel(4 * channels) if timed else None

    def forward(
        self,
        x: Float[Tensor, "B C F H W"],
        level: Float[Tensor, " B"] | None = None,
        noise: Noise | None = None,
    ) -> Float[Tensor, "B C F H W"]:
        """Run the blocks."""
        time = None
        if self.time_embedder is not None and level is not None:
            time = self.time_embedder.timestep_embedder(level)
        for block in self.res_blocks:
            x = block(x, time, noise)
        return x


class TimedLevel(nn.Module):
    """An embedder under the name that the checkpoint has for it.

    Args:
        width: Of the embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedder(width)
