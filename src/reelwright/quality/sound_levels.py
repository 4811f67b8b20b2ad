"""The level of a sound along its length: RMS of short windows, streamed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio

WINDOW_S = 0.010
"""Length of a window."""

HOP_S = 0.0025
"""From one window to the next."""

SILENCE_DB = -120.0
"""Level of digital silence."""

_BLOCK_S = 10.0


def window_levels_db(audio: Audio) -> NDArray[np.float32]:
    """RMS of all channels in each window of 10 ms every 2.5 ms, dB of full scale.

    Window i covers 2.5 ms x i to 2.5 ms x i + 10 ms.
    """
    hop = max(1, round(audio.sample_rate * HOP_S))
    per_window = round(WINDOW_S / HOP_S)
    energies = [
        _hop_energies(audio.read(start, min(span, audio.num_samples - start)), hop)
        for span in (round(_BLOCK_S / HOP_S) * hop,)
        for start in range(0, audio.num_samples, span)
    ]
    hops = np.concatenate(energies) if energies else np.zeros(0)
    if len(hops) < per_window:
        return np.zeros(0, np.float32)
    window = np.convolve(hops, np.ones(per_window), mode="valid") / (hop * per_window)
    level: NDArray[np.float32] = (10 * np.log10(np.maximum(window, 1e-12))).astype(np.float32)
    return level


def frame_levels_db(
    levels_db: NDArray[np.float32], num_frames: int, frame_rate: Fraction
) -> list[float]:
    """The loudest window that begins in each frame, dB: for plots."""
    result = []
    for frame in range(num_frames):
        first = int(float(frame / frame_rate) / HOP_S)
        last = max(first + 1, int(float((frame + 1) / frame_rate) / HOP_S))
        part = levels_db[first:last]
        result.append(float(part.max()) if len(part) else SILENCE_DB)
    return result


def _hop_energies(block: NDArray[np.float32], hop: int) -> NDArray[np.float64]:
    """Mean over channels of the energy of each whole hop."""
    count = block.shape[1] // hop
    squared = block[:, : count * hop].astype(np.float64) ** 2
    energies: NDArray[np.float64] = squared.mean(axis=0).reshape(count, hop).sum(axis=1)
    return energies
