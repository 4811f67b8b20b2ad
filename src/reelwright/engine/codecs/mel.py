"""The ear of the audio codec: waveforms to log-mel bands.

Resampling is a windowed sinc, the spectrogram a magnitude with centred, reflected windows, the
bands slaney's in both scale and norm. Must agree with the reference's defaults in every constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn.functional import conv1d, pad

from reelwright.engine.checkpoints.config import MelConfig, StftConfig

LOWPASS_WIDTH = 6
"""Zero crossings of the resampling filter on either side."""

ROLLOFF = 0.99
"""Cut-off of the resampling filter, as a share of the lower Nyquist frequency."""

FLOOR = 1e-5
"""Quietest magnitude before the logarithm."""


def resample(wave: Float32[Tensor, "B C N"], rate: int, new_rate: int) -> Float32[Tensor, "B C N2"]:
    """Change the sample rate by a Hann-windowed sinc.

    Args:
        wave: Samples.
        rate: Their rate, hertz.
        new_rate: The rate wanted, hertz.

    Returns:
        ceil(N * new_rate / rate) samples.
    """
    common = math.gcd(rate, new_rate)
    old, new = rate // common, new_rate // common
    if old == new:
        return wave
    kernel, width = _sinc_kernel(old, new)
    batch, length = wave.shape[0], wave.shape[-1]
    padded = pad(rearrange(wave, "b c n -> (b c) 1 n"), (width, width + old))
    phases = conv1d(padded, kernel.to(wave.device), stride=old)  # one phase per new sample
    mixed = rearrange(phases, "(b c) p n -> b c (n p)", b=batch)
    return mixed[..., : math.ceil(new * length / old)]


def _sinc_kernel(old: int, new: int) -> tuple[Float32[Tensor, "P 1 K"], int]:
    """The filter of each phase, and how far it reaches."""
    base = min(old, new) * ROLLOFF
    width = math.ceil(LOWPASS_WIDTH * old / base)
    taps = torch.arange(-width, width + old, dtype=torch.float64)[None, None] / old
    shifts = torch.arange(0, -new, -1, dtype=torch.float64)[:, None, None] / new
    time = ((shifts + taps) * base).clamp(-LOWPASS_WIDTH, LOWPASS_WIDTH)
    window = torch.cos(time * math.pi / LOWPASS_WIDTH / 2).square()
    kernel = torch.sinc(time) * window * (base / old)
    return kernel.float(), width


def _slaney_mel(hertz: Float[Tensor, " *S"]) -> Float[Tensor, " *S"]:
    """Linear below 1 kHz, logarithmic above."""
    linear, step = hertz / (200.0 / 3), math.log(6.4) / 27.0
    return torch.where(
        hertz < 1000.0, linear, 15.0 + torch.log(hertz.clamp(min=1e-9) / 1000) / step
    )


def _slaney_hertz(mel: Float[Tensor, " *S"]) -> Float[Tensor, " *S"]:
    """The inverse of `_slaney_mel`."""
    step = math.log(6.4) / 27.0
    return torch.where(mel < 15.0, mel * (200.0 / 3), 1000.0 * torch.exp(step * (mel - 15.0)))


def mel_filters(
    num_bins: int, num_bands: int, rate: int, low: float, high: float
) -> Float32[Tensor, "{num_bins} {num_bands}"]:
    """Triangular filters between bands' neighbours, each of area one.

    Args:
        num_bins: Of the spectrogram.
        num_bands: Wanted.
        rate: Sample rate, hertz.
        low: Lower edge of the first band, hertz.
        high: Upper edge of the last band, hertz.
    """
    bins = torch.linspace(0, rate // 2, num_bins, dtype=torch.float64)
    ends = _slaney_mel(torch.tensor([low, high], dtype=torch.float64))
    steps = torch.linspace(float(ends[0]), float(ends[1]), num_bands + 2, dtype=torch.float64)
    edges = _slaney_hertz(steps)
    widths = edges.diff()
    slopes = edges[None] - bins[:, None]  # [bins, bands + 2]
    rising, falling = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    filters = torch.minimum(rising, falling).clamp(min=0)
    return (filters * (2.0 / (edges[2:] - edges[:-2]))).float()


@dataclass(frozen=True, slots=True)
class MelFrontEnd:
    """Waveforms to log-mel bands.

    Attributes:
        rate: Sample rate of the bands, hertz; other rates are resampled.
        stft: Windows.
        mel: Bands.
    """

    rate: int
    stft: StftConfig
    mel: MelConfig

    def __call__(self, wave: Float32[Tensor, "B C N"], rate: int) -> Float32[Tensor, "B C T M"]:
        """Hear a waveform.

        Args:
            wave: Samples in [-1, 1].
            rate: Their rate, hertz.

        Returns:
            Natural logarithms of the bands, 1 + N // hop frames.
        """
        spectrum = self._magnitudes(resample(wave, rate, self.rate))
        high = self.rate / 2 if self.mel.mel_fmax is None else self.mel.mel_fmax
        filters = mel_filters(
            spectrum.shape[-1], self.mel.n_mel_channels, self.rate, self.mel.mel_fmin, high
        )
        return (spectrum @ filters.to(wave.device)).clamp(min=FLOOR).log()

    def _magnitudes(self, wave: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C T K"]:
        size, hop, length = (
            self.stft.filter_length,
            self.stft.hop_length,
            self.stft.win_length,
        )
        spectrum = torch.stft(
            wave.flatten(0, 1),
            size,
            hop,
            length,
            torch.hann_window(length, device=wave.device),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return rearrange(spectrum.abs(), "(b c) k t -> b c t k", b=wave.shape[0])


DEFAULT_FRONT_END = MelFrontEnd(16000, StftConfig(), MelConfig())
"""LTX-2's: 16 kHz, 64 bands, a frame each 10 ms."""
