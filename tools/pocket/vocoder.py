"""The pocket vocoder in the official layout of 2.3: its shape, its start, its stored filters.

The first generator makes 16 kHz. Its first two steps do not stretch time (rate 1): they turn
spectra into the amplitudes of the 79 harmonics of 100 Hz, left and right, at 100 frames a second,
where width costs next to nothing. The other steps start as an exact bank of sines: harmonics to
bands of 400 Hz (800 samples a second), to bands of 1600 Hz (4000), to sound, each by band-pass
interpolation. Training starts where tones are clean, and has only to learn how loud they are.

The second generator, which would add what is above 8 kHz, is a stub with a silent last layer: the
sounds have nothing there.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float32
from tools.pocket.audio_codec import MEAN, SPREAD
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import VocoderConfig
from reelwright.engine.codecs.generator import TAPS, AntiAliased, Generator, LowPass
from reelwright.engine.codecs.mel import mel_filters
from reelwright.engine.codecs.vocoder import WideVocoder

LOW: dict[str, Any] = {
    "upsample_initial_channel": 640,
    "resblock": "AMP1",
    "upsample_rates": [1, 1, 8, 5, 4],
    "upsample_kernel_sizes": [1, 3, 16, 35, 28],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]],
    "stereo": True,
    "use_tanh_at_final": False,
    "activation": "snakebeta",
    "use_bias_at_final": False,
}

WIDE: dict[str, Any] = {
    "upsample_initial_channel": 32,
    "resblock": "AMP1",
    "upsample_rates": [6, 5, 8],
    "upsample_kernel_sizes": [12, 11, 16],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]],
    "stereo": True,
    "use_tanh_at_final": False,
    "activation": "snakebeta",
    "use_bias_at_final": False,
    "apply_final_activation": False,
    "input_sampling_rate": 16000,
    "output_sampling_rate": 48000,
    "hop_length": 80,
    "n_fft": 256,
    "win_size": 256,
    "num_mels": 32,
}

CONFIG = {"vocoder": LOW, "bwe": WIDE}
"""Section `vocoder`."""

HARMONICS = 79
UNIT = 0.01
"""Amplitude of a sine that the frames call 1: their numbers, and so their weights, are then near 1;
with sound's own small ones AdamW's first twenty steps made a sound forty times too loud."""

FRAME_HZ = 100.0
BANDS = ((800.0, 400.0), (4000.0, 1600.0))
"""Samples a second of each bank, and how wide its bands are, hertz."""

WILD = 2.0
"""Log of the steepest periodic function of the first step.

A smooth spectrum makes a sound that repeats every 10 ms. A few steep sines turn the spectrum's
slightest change into something like chance, which is what noise is made of.
"""


def make_vocoder() -> WideVocoder:
    """A vocoder ready to train: weights by chance, filters and bases as the layout stores them."""
    wide = WideVocoder(VocoderConfig.model_validate(LOW), VocoderConfig.model_validate(WIDE))
    with torch.no_grad():
        for module in wide.modules():
            if isinstance(module, LowPass):
                module.filter.copy_(kaiser_filter())
            if isinstance(module, AntiAliased):
                nn.init.zeros_(module.act.alpha)
                if module.act.beta is not None:
                    nn.init.zeros_(module.act.beta)
        _start(wide)
        _store_bases(wide)
    return wide


def _start(wide: WideVocoder) -> None:
    low = wide.vocoder
    assert low.conv_pre.bias is not None
    low.conv_pre.weight /= SPREAD
    low.conv_pre.bias -= MEAN * low.conv_pre.weight.sum((1, 2))
    for name, weight in low.named_parameters():
        if ".convs2." in name:
            weight *= 0.5 if name.startswith("resblocks.0.") else 0.0
        if name.startswith("resblocks.0.") and name.endswith("alpha"):
            quarter = weight.shape[0] // 4
            weight[:quarter] = torch.linspace(0, WILD, quarter)
    _store_bank(low)
    wide.bwe_generator.conv_post.weight.zero_()


def _store_bank(low: Generator) -> None:
    """Write the bank of sines into the last three steps."""
    amplitudes, first, second = low.ups[1], low.ups[2], low.ups[3]
    for up in low.ups[1:]:
        up.bias.zero_()
    amplitudes.weight *= 0.3
    harmonics = [FRAME_HZ * (h + 1) for h in range(HARMONICS)]
    (rate, width), (next_rate, next_width) = BANDS
    bands = [(b + 0.5) * width for b in range(int(8000 / width))]
    groups = [(b + 0.5) * next_width for b in range(int(8000 / next_width))]
    first.weight.zero_()
    taps = (torch.arange(first.weight.shape[2]) - first.padding[0]).double()
    window = 0.5 + 0.5 * torch.cos(math.pi * (taps + 0.5 - 4) / 8)  # 20 ms around the frame
    for side in range(2):
        for h, hertz in enumerate(harmonics):
            band = min(range(len(bands)), key=lambda b: abs(bands[b] - hertz))
            angle = 2 * math.pi * hertz * taps / rate
            row, column = side * HARMONICS + h, 2 * (side * len(bands) + band)
            first.weight[row, column] = UNIT * (window * angle.cos()).float()
            first.weight[row, column + 1] = UNIT * (window * angle.sin()).float()
    for up, centres, outer, low_rate in (
        (second, bands, groups, rate),
        (low.ups[4], groups, [4000.0], next_rate),
    ):
        _store_step(up, centres, outer, low_rate)
    low.conv_post.weight.zero_()
    for side in range(2):
        low.conv_post.weight[side, 2 * side + 1, 3] = 1.0  # sines are the imaginary parts
    assert low.act_post is not None
    low.act_post.act.alpha.fill_(-4.0)


def _store_step(
    up: nn.ConvTranspose1d, centres: list[float], outer: list[float], rate: float
) -> None:
    """Band-pass interpolation of complex bands into wider ones, real and imaginary channels."""
    stride, size = up.stride[0], up.kernel_size[0]
    steps = (torch.arange(size) - up.padding[0]).double() / stride  # in samples of the input
    window = torch.kaiser_window(size, periodic=False, beta=6.0, dtype=torch.float64)
    kernel = window * torch.sinc(steps)
    kernel = kernel * stride / kernel.sum()
    up.weight.zero_()
    for side in range(2):
        for number, hertz in enumerate(centres):
            to = min(range(len(outer)), key=lambda b: abs(outer[b] - hertz))
            angle = 2 * math.pi * hertz * steps / rate
            real, imaginary = (kernel * angle.cos()).float(), (kernel * angle.sin()).float()
            row, column = 2 * (side * len(centres) + number), 2 * (side * len(outer) + to)
            up.weight[row, column], up.weight[row, column + 1] = real, imaginary
            up.weight[row + 1, column], up.weight[row + 1, column + 1] = -imaginary, real


def kaiser_filter() -> Float32[Tensor, "1 1 K"]:
    """The low pass around the periodic functions: a sinc of half the band in a Kaiser window."""
    attenuation = 2.285 * (TAPS / 2 - 1) * math.pi * 4 * 0.3 + 7.95
    beta = 0.1102 * (attenuation - 8.7)
    window = torch.kaiser_window(TAPS, periodic=False, beta=beta, dtype=torch.float64)
    time = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    taps = 0.5 * window * torch.sinc(0.5 * time)
    return (taps / taps.sum()).float().view(1, 1, -1)


def _store_bases(wide: WideVocoder) -> None:
    """Fourier rows in a Hann window, real parts first, and the bands over them."""
    size = wide.mel_stft.size
    angles = 2 * math.pi / size * torch.outer(torch.arange(size // 2 + 1), torch.arange(size))
    rows = torch.cat((angles.cos(), -angles.sin())) * torch.hann_window(size)
    wide.mel_stft.stft_fn.forward_basis.copy_(rows[:, None])
    wide.mel_stft.stft_fn.inverse_basis.copy_(rows[:, None] / size)
    bands = mel_filters(size // 2 + 1, WIDE["num_mels"], WIDE["input_sampling_rate"], 0.0, 8000.0)
    wide.mel_stft.mel_basis.copy_(bands.T)


def amplitudes(low: Generator, mel: Float32[Tensor, "B 2 T M"]) -> Float32[Tensor, "B D T"]:
    """What the first two steps make of spectra: how loud each sine is, left then right."""
    x = low.conv_pre(mel.transpose(2, 3).flatten(1, 2))
    for i in range(2):
        x = low.resblocks[i](low.ups[i](x))
    return x[:, : 2 * HARMONICS]  # type: ignore[no-any-return]


def synthesise(low: Generator, sines: Float32[Tensor, "B D T"]) -> Float32[Tensor, "B 2 N"]:
    """Sound of amplitudes, by the steps behind the first two."""
    x = nn.functional.pad(sines, (0, 0, 0, low.ups[2].in_channels - sines.shape[1]))
    for i in range(2, len(low.ups)):
        x = low.resblocks[i](low.ups[i](x))
    assert low.act_post is not None
    return low.conv_post(low.act_post(x))  # type: ignore[no-any-return]
