"""Log-mel bands to a waveform.

2.0 has one generator (HiFi-GAN, 24 kHz); 2.3 one that makes 16 kHz (BigVGAN-v2) and a second that
hears the result and adds the octave and a half above it. Must run in float32: bf16 is heard.

Source: Kong et al. 2020, HiFi-GAN, arXiv:2010.05646; Lee et al. 2022, BigVGAN, arXiv:2206.04658.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv_transpose1d, pad

from reelwright.engine.checkpoints.checkpoint import Checkpoint, Component
from reelwright.engine.checkpoints.config import VocoderConfig
from reelwright.engine.codecs.generator import Generator
from reelwright.engine.codecs.mel import FLOOR, LOWPASS_WIDTH, ROLLOFF
from reelwright.engine.denoiser.models import require
from reelwright.engine.memory.loading import CPU, build
from reelwright.errors import CheckpointError


class Vocoder(nn.Module):
    """One generator.

    Args:
        config: Section `vocoder` of the checkpoint's config.

    Attributes:
        sample_rate: Of its waveforms, hertz.
    """

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.sample_rate = config.output_sampling_rate or 24000

    def forward(self, mel: Float32[Tensor, "B S T M"]) -> Float32[Tensor, "B S N"]:
        """Make a waveform in [-1, 1]."""
        return self.generator(mel)  # type: ignore[no-any-return]


class StftBasis(nn.Module):
    """The windowed Fourier rows of a spectrogram, as trained: never computed anew.

    Args:
        size: Of the transform, samples.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        rows = 2 * (size // 2 + 1)
        self.forward_basis = nn.Buffer(torch.empty(rows, 1, size))
        self.inverse_basis = nn.Buffer(torch.empty(rows, 1, size))


class CausalMel(nn.Module):
    """Log-mel bands of a waveform, from what was before each frame.

    Args:
        size: Of the transform, samples.
        hop: Between frames, samples.
        num_mels: Bands.
    """

    def __init__(self, size: int, hop: int, num_mels: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.mel_basis = nn.Buffer(torch.empty(num_mels, size // 2 + 1))
        self.stft_fn = StftBasis(size)

    def forward(self, wave: Float32[Tensor, "B S N"]) -> Float32[Tensor, "B S M T"]:
        """Hear a waveform."""
        channels = rearrange(wave, "b s n -> (b s) 1 n")
        padded = pad(channels, (max(0, self.size - self.hop), 0))
        parts = conv1d(padded, self.stft_fn.forward_basis, stride=self.hop)
        real, imaginary = parts.chunk(2, dim=1)
        magnitudes = (real.square() + imaginary.square()).sqrt()
        bands = (self.mel_basis @ magnitudes).clamp(min=FLOOR).log()
        return rearrange(bands, "(b s) m t -> b s m t", b=wave.shape[0])


class WideVocoder(nn.Module):
    """A generator, and a second one that extends its band.

    Args:
        low: Of the first generator.
        wide: Of the second.

    Attributes:
        sample_rate: Of its waveforms, hertz.

    Raises:
        CheckpointError: The second's config says not how it listens.
    """

    def __init__(self, low: VocoderConfig, wide: VocoderConfig) -> None:
        super().__init__()
        self.vocoder = Generator(low)
        self.bwe_generator = Generator(wide)
        size, hop = wide.n_fft or wide.win_size, wide.hop_length
        rates = (wide.input_sampling_rate, wide.output_sampling_rate)
        if size is None or hop is None or None in rates:
            raise CheckpointError(
                "The config of the bandwidth extension lacks its transform or its rates.",
                "Use a checkpoint with its config unchanged.",
                where="config vocoder.bwe",
            )
        self.mel_stft = CausalMel(size, hop, wide.num_mels)
        self.hop, (self.input_rate, self.sample_rate) = hop, (rates[0] or 1, rates[1] or 1)

    def forward(self, mel: Float32[Tensor, "B S T M"]) -> Float32[Tensor, "B S N"]:
        """Make a waveform in [-1, 1]."""
        low = self.low_rate(mel)
        length = low.shape[-1] * self.sample_rate // self.input_rate
        low = pad(low, (0, -low.shape[-1] % self.hop))
        detail = self.bwe_generator(self.mel_stft(low).transpose(-1, -2))
        return (detail + self.skip(low)).clamp(-1.0, 1.0)[..., :length]  # type: ignore[no-any-return]

    def low_rate(self, mel: Float32[Tensor, "B S T M"]) -> Float32[Tensor, "B S N"]:
        """The first generator's waveform."""
        return self.vocoder(mel)  # type: ignore[no-any-return]

    def skip(self, wave: Float32[Tensor, "B S N"]) -> Float32[Tensor, "B S N3"]:
        """The first waveform at the second's rate."""
        return sinc_upsample(wave, self.sample_rate // self.input_rate)


def sinc_upsample(wave: Float32[Tensor, "B S N"], ratio: int) -> Float32[Tensor, "B S N2"]:
    """A whole number of times the sample rate, by a Hann-windowed sinc.

    Args:
        wave: Samples.
        ratio: How many times.
    """
    width = math.ceil(LOWPASS_WIDTH / ROLLOFF)
    taps = 2 * width * ratio + 1
    time = (torch.arange(taps) / ratio - width) * ROLLOFF
    window = torch.cos(time.clamp(-LOWPASS_WIDTH, LOWPASS_WIDTH) * math.pi / LOWPASS_WIDTH / 2)
    kernel = torch.sinc(time) * window.square() * ROLLOFF / ratio
    channels = wave.shape[1]
    padded = pad(wave, (width, width), mode="replicate")
    kernel = kernel.to(wave).expand(channels, 1, -1)
    stretched = ratio * conv_transpose1d(padded, kernel, stride=ratio, groups=channels)
    left = 2 * width * ratio
    return stretched[..., left : left + wave.shape[-1] * ratio]


def load_vocoder(checkpoint: Checkpoint, *, device: torch.device = CPU) -> Vocoder | WideVocoder:
    """Build the vocoder; which one, its config says. It always runs in float32.

    Raises:
        CheckpointError: The checkpoint lacks it, or it does not fit its config.
    """
    weights = checkpoint.weights("vocoder.")
    require(checkpoint, Component.VOCODER, bool(weights))
    if checkpoint.has_config("vocoder", "bwe"):
        low = checkpoint.config(VocoderConfig, "vocoder", "vocoder")
        wide = checkpoint.config(VocoderConfig, "vocoder", "bwe")
        return build(
            lambda: WideVocoder(low, wide),
            weights,
            where=checkpoint.where,
            prefix="vocoder.",
            device=device,
        )
    config = checkpoint.config(VocoderConfig, "vocoder")
    return build(
        lambda: Vocoder(config),
        weights,
        where=checkpoint.where,
        prefix="vocoder.",
        device=device,
        official=lambda name: name.removeprefix("generator."),
    )
