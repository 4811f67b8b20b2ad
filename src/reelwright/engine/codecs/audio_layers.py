"""The layers that the audio codec is built of.

A spectrogram is a picture whose rows are time. Convolutions pad it with zeros, in time only before
the first row: nothing is heard before it sounds.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

from reelwright.engine.codecs.video_layers import pixel_norm

EPS = 1e-6
"""Of the normalisation over channels; the video codec's is smaller."""


def activate(x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B C T M"]:
    """Normalise, SiLU."""
    return silu(pixel_norm(x, EPS), inplace=True)


class TimeCausalConv(nn.Module):
    """A convolution of a spectrogram that sees only earlier rows.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        size: Side of its kernel, 3 or 1.
    """

    def __init__(self, channels: int, out_channels: int, size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, size)
        self.padding = (size // 2, size // 2, size - 1, 0)

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B O T M"]:
        """Convolve."""
        return self.conv(pad(x, self.padding))  # type: ignore[no-any-return]


class AudioResBlock(nn.Module):
    """Two convolutions around which the input goes.

    Args:
        channels: Of its input.
        out_channels: Of its output.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = TimeCausalConv(channels, out_channels)
        self.conv2 = TimeCausalConv(out_channels, out_channels)
        self.nin_shortcut = (
            TimeCausalConv(channels, out_channels, 1) if channels != out_channels else None
        )

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B O T M"]:
        """Run the block."""
        h = self.conv2(activate(self.conv1(activate(x))))
        straight = x if self.nin_shortcut is None else self.nin_shortcut(x)
        return straight + h  # type: ignore[no-any-return]


class Downsample(nn.Module):
    """Halves time and bands.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B C T2 M2"]:
        """Halve."""
        return self.conv(pad(x, (0, 1, 2, 0)))  # type: ignore[no-any-return]


class Upsample(nn.Module):
    """Doubles time and bands; the first row stands for itself alone.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = TimeCausalConv(channels, channels)

    def forward(self, x: Float[Tensor, "B C T2 M2"]) -> Float[Tensor, "B C T M"]:
        """Double."""
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))[:, :, 1:]  # type: ignore[no-any-return]


class Middle(nn.Module):
    """Two res blocks at the narrowest place.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = AudioResBlock(channels, channels)
        self.block_2 = AudioResBlock(channels, channels)

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B C T M"]:
        """Run both."""
        return self.block_2(self.block_1(x))  # type: ignore[no-any-return]


class Level(nn.Module):
    """The res blocks of one size.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        num_blocks: How many res blocks.
    """

    def __init__(self, channels: int, out_channels: int, num_blocks: int) -> None:
        super().__init__()
        widths = [channels, *[out_channels] * num_blocks]
        self.block = nn.ModuleList(map(AudioResBlock, widths[:-1], widths[1:]))

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B O T M"]:
        """Run them."""
        for block in self.block:
            x = block(x)
        return x


class DownLevel(Level):
    """A level, then half its size.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        num_blocks: How many res blocks.
    """

    def __init__(self, channels: int, out_channels: int, num_blocks: int) -> None:
        super().__init__(channels, out_channels, num_blocks)
        self.downsample = Downsample(out_channels)

    def forward(self, x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B O T2 M2"]:
        """Run it."""
        return self.downsample(super().forward(x))  # type: ignore[no-any-return]


class UpLevel(Level):
    """A level, then double its size.

    Args:
        channels: Of its input.
        out_channels: Of its output.
        num_blocks: How many res blocks.
    """

    def __init__(self, channels: int, out_channels: int, num_blocks: int) -> None:
        super().__init__(channels, out_channels, num_blocks)
        self.upsample = Upsample(out_channels)

    def forward(self, x: Float[Tensor, "B C T2 M2"]) -> Float[Tensor, "B O T M"]:
        """Run it."""
        return self.upsample(super().forward(x))  # type: ignore[no-any-return]
