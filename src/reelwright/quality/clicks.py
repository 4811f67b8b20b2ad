"""Clicks where two sounds meet.

Only at known joins: percussion and gated speech click by nature anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged

_BLOCK_S = 0.001


def click_strength(audio: Audio, time_s: float) -> float:
    """Largest fourth difference within a few milliseconds of a time, over its surroundings."""
    gates = THRESHOLDS["click"].gates
    block = round(audio.sample_rate * _BLOCK_S)
    around = int(gates["blocks"]) // 2
    start = round(time_s * audio.sample_rate) - (around * block + block // 2) - 2
    samples = audio.read(start, (2 * around + 1) * block + 4)
    return click_ratio(samples, block, gates["floor"])


def click_ratio(samples: NDArray[np.float32], block: int, floor: float) -> float:
    """Strength of a click in the middle of some samples [channels, n]."""
    fourth = np.abs(np.diff(samples.astype(np.float64), n=4, axis=1)).max(axis=0)
    count = len(fourth) // block
    peaks = fourth[: count * block].reshape(count, block).max(axis=1)
    middle = count // 2
    return float(peaks[middle - 1 : middle + 2].max() / (np.median(peaks) + floor))


def click_verdicts(audio: Audio, joins_s: Sequence[float]) -> list[Verdict]:
    """Judge every known join of sounds."""
    margin = THRESHOLDS["click"].gates["blocks"] * _BLOCK_S / 2
    verdicts = []
    for time_s in joins_s:
        subject = f"{time_s:.2f} s"
        if not margin < time_s < audio.duration_s - margin:
            why = "Too near the end of the sound to compare with its surroundings."
            verdicts.append(not_judged("click", why, subject=subject))
            continue
        strength = click_strength(audio, time_s)
        message = (
            f"At {time_s:.2f} s the sound changes {strength:.1f} times as sharply as around it."
        )
        verdicts.append(judged("click", strength, message, subject=subject, time_s=time_s))
    return verdicts
