"""True peak: the height of the wave between the samples, by 4x oversampling.

The three positions between two samples are interpolated by windowed sincs of 256 samples (Kaiser,
beta 8), applied by overlap-save on a fixed grid. Against an FFT of the whole sound they are within
0.02 dB for what lies below 22 kHz; white noise up to the very edge of the band, limited by 12 dB,
reads 0.24 dB low (0.4 dB with 64 samples).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from reelwright.finish.grid import Grid
from reelwright.generate.playback import SoundSource

OVERSAMPLING = 4
REACH = 128
"""Samples on either side that a value between two samples is made of."""

_WINDOW = 4096
_HOP = _WINDOW - 2 * REACH
_BETA = 8.0


class TruePeakMeter:
    """Finds the true peak of stereo sound that comes in blocks of any size."""

    def __init__(self) -> None:
        self._grid = Grid(_HOP)
        self._tail = np.zeros((2, 2 * REACH), np.float32)
        self._peak = 0.0

    def update(self, block: NDArray[np.float32]) -> None:
        """Listen to a block, float32 [2, n]."""
        pieces = self._grid.push(block)
        if pieces is None:
            return
        around = np.concatenate([self._tail, pieces], axis=1)
        self._tail = around[:, -2 * REACH :]
        self._peak = max(self._peak, float(peak_envelope(around).max()))

    def peak_db(self) -> float | None:
        """The peak so far, dBTP; None if all was silence."""
        rest = self._grid.rest()
        after = np.zeros((2, REACH), np.float32)
        around = np.concatenate([self._tail, *([] if rest is None else [rest]), after], axis=1)
        peak = max(self._peak, float(peak_envelope(around).max()))
        return 20 * float(np.log10(peak)) if peak > 0 else None


def peak_envelope(around: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest value from each sample up to the next, over the channels.

    Args:
        around: Sound with `REACH` more samples before and after, [C, n + 2 * REACH].

    Returns:
        Absolute values, float32 [n].
    """
    count = around.shape[1] - 2 * REACH
    rows = -(-count // _HOP)
    padded = np.zeros((around.shape[0], rows * _HOP + 2 * REACH), np.float32)
    padded[:, : around.shape[1]] = around
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1)[:, ::_HOP]
    envelope = np.abs(windows[..., REACH : REACH + _HOP]).max(axis=0)  # [rows, _HOP]
    spectrum = np.fft.rfft(windows, axis=-1)
    for response in _responses():
        between = np.fft.irfft(spectrum * response, n=_WINDOW, axis=-1)
        between = np.abs(between[..., REACH : REACH + _HOP]).max(axis=0)
        np.maximum(envelope, between, out=envelope)
    return np.asarray(envelope.reshape(-1)[:count])


def source_envelope(source: SoundSource, start: int, count: int) -> NDArray[np.float32]:
    """`peak_envelope` of `count` samples from `start`, its windows on the grid of sample 0."""
    first = start // _HOP * _HOP
    stop = -(-(start + count) // _HOP) * _HOP
    around = source.read(first - REACH, stop - first + 2 * REACH)
    return peak_envelope(around)[start - first : start - first + count]


@cache
def _responses() -> tuple[NDArray[np.complex64], ...]:
    """Spectra of the filters that give the values 1/4, 2/4 and 3/4 after each sample."""
    reach = np.arange(-REACH + 1, REACH + 1)  # the value is made of the samples n + reach
    made = []
    for phase in range(1, OVERSAMPLING):
        distance = phase / OVERSAMPLING - reach
        window = np.i0(_BETA * np.sqrt(np.maximum(1 - (distance / REACH) ** 2, 0))) / np.i0(_BETA)
        taps = np.sinc(distance) * window
        kernel = np.zeros(_WINDOW)
        kernel[-reach % _WINDOW] = taps / taps.sum()
        made.append(np.fft.rfft(kernel).astype(np.complex64))
    return tuple(made)
