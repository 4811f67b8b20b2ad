"""The generators of the vocoders: mel frames, stretched step by step into samples.

At each step a transposed convolution stretches time and halves the channels, and three res blocks
of different reach are averaged. The older kind bends with leaky ReLU; the newer with a periodic
function between an up- and a downsampling, so that the harmonics it makes do not fold back.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv_transpose1d, leaky_relu, pad

from reelwright.engine.checkpoints.config import VocoderConfig

SLOPE = 0.1
"""Of the leaky ReLU between layers; the last one has torch's own 0.01."""

TINY = 1e-9

TAPS = 12
"""Of the filters around the periodic function."""


class Snake(nn.Module):
    """`x + sin(alpha x)^2 / beta`, both learnt per channel as logarithms.

    Args:
        channels: Of its input.
        split: Whether beta is learnt apart from alpha.
    """

    beta: nn.Parameter | None

    def __init__(self, channels: int, *, split: bool) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels))
        beta = nn.Parameter(torch.empty(channels)) if split else None
        self.register_parameter("beta", beta)

    def forward(self, x: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C N"]:
        """Bend."""
        alpha = self.alpha.exp().unsqueeze(-1)
        beta = alpha if self.beta is None else self.beta.exp().unsqueeze(-1)
        return x + (x * alpha).sin().square() / (beta + TINY)


class LowPass(nn.Module):
    """A stored filter under the name that the checkpoint has for it."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Buffer(torch.empty(1, 1, TAPS))


class Downsampler(nn.Module):
    """Holds the filter of the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.lowpass = LowPass()


class AntiAliased(nn.Module):
    """A periodic function at twice the sample rate, between two stored filters.

    Args:
        channels: Of its input.
        split: As for `Snake`.
    """

    def __init__(self, channels: int, *, split: bool) -> None:
        super().__init__()
        self.act = Snake(channels, split=split)
        self.upsample = LowPass()
        self.downsample = Downsampler()

    def forward(self, x: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C N"]:
        """Up, bend, down."""
        channels, beyond = x.shape[1], TAPS // 2 - 1
        up = self.upsample.filter.expand(channels, -1, -1)
        padded = pad(x, (beyond, beyond), mode="replicate")
        wide = 2 * conv_transpose1d(padded, up, stride=2, groups=channels)
        edge = 2 * beyond + (TAPS - 2) // 2
        bent = self.act(wide[..., edge:-edge])
        down = self.downsample.lowpass.filter.expand(channels, -1, -1)
        return conv1d(
            pad(bent, (beyond, beyond + 1), mode="replicate"), down, stride=2, groups=channels
        )


class LeakyBlock(nn.Module):
    """A res block of the older kind.

    Args:
        channels: Of input and output.
        size: Of its kernels.
        dilations: Of its layers.
    """

    def __init__(self, channels: int, size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1, self.convs2 = _convs(channels, size, dilations)

    def forward(self, x: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C N"]:
        """Run its layers."""
        for first, second in zip(self.convs1, self.convs2, strict=True):
            x = x + second(leaky_relu(first(leaky_relu(x, SLOPE)), SLOPE))
        return x


class PeriodicBlock(nn.Module):
    """A res block of the newer kind.

    Args:
        channels: Of input and output.
        size: Of its kernels.
        dilations: Of its layers.
        split: As for `Snake`.
    """

    def __init__(
        self, channels: int, size: int, dilations: tuple[int, ...], *, split: bool
    ) -> None:
        super().__init__()
        self.convs1, self.convs2 = _convs(channels, size, dilations)
        self.acts1, self.acts2 = (
            nn.ModuleList(AntiAliased(channels, split=split) for _ in dilations) for _ in range(2)
        )

    def forward(self, x: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C N"]:
        """Run its layers."""
        layers = zip(self.acts1, self.convs1, self.acts2, self.convs2, strict=True)
        for act1, conv1, act2, conv2 in layers:
            x = x + conv2(act2(conv1(act1(x))))
        return x


class Generator(nn.Module):
    """Log-mel bands to a waveform.

    Args:
        config: Its sizes; without a final activation its waveform is left as it comes.
    """

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        channels, outputs = config.upsample_initial_channel, 2 if config.stereo else 1
        steps = list(zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True))
        widths = [channels // 2**i for i in range(len(steps) + 1)]
        self.periodic = config.resblock == "AMP1"
        self.tanh, self.clamp = config.use_tanh_at_final, config.apply_final_activation
        self.conv_pre = nn.Conv1d(outputs * config.num_mels, channels, 7, padding=3)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(widths[i], widths[i + 1], size, rate, padding=(size - rate) // 2)
            for i, (rate, size) in enumerate(steps)
        )
        reaches = list(
            zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
        )
        self.reaches = len(reaches)
        self.resblocks = nn.ModuleList(
            _block(config, width, *reach) for width in widths[1:] for reach in reaches
        )
        split = config.activation == "snakebeta"
        self.act_post = AntiAliased(widths[-1], split=split) if self.periodic else None
        self.conv_post = nn.Conv1d(widths[-1], outputs, 7, padding=3, bias=config.use_bias_at_final)

    def forward(self, mel: Float32[Tensor, "B S T M"]) -> Float32[Tensor, "B S N"]:
        """Make a waveform."""
        x = self.conv_pre(rearrange(mel, "b s t m -> b (s m) t"))
        for i, up in enumerate(self.ups):
            x = up(x if self.periodic else leaky_relu(x, SLOPE))
            blocks = self.resblocks[i * self.reaches : (i + 1) * self.reaches]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        x = leaky_relu(x) if self.act_post is None else self.act_post(x)
        x = self.conv_post(x)
        if self.tanh and self.clamp:
            return x.tanh()  # type: ignore[no-any-return]
        return x.clamp(-1.0, 1.0) if self.clamp else x  # type: ignore[no-any-return]


def _block(
    config: VocoderConfig, channels: int, size: int, dilations: tuple[int, ...]
) -> nn.Module:
    if config.resblock == "AMP1":
        return PeriodicBlock(channels, size, dilations, split=config.activation == "snakebeta")
    return LeakyBlock(channels, size, dilations)


def _convs(
    channels: int, size: int, dilations: tuple[int, ...]
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The dilated convolutions of a res block, and the plain ones behind them."""
    return (
        nn.ModuleList(
            nn.Conv1d(channels, channels, size, dilation=d, padding=(size - 1) * d // 2)
            for d in dilations
        ),
        nn.ModuleList(
            nn.Conv1d(channels, channels, size, padding=(size - 1) // 2) for _ in dilations
        ),
    )
