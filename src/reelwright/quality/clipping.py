"""Clipped sound: flat tops at the ceiling. Raw sound only; an encoder turns them into ripples.

A slow wave is flat at its top too. Of a smooth top's samples above 0.98 of the peak only a tenth
lie within 0.0002 of it, at any pitch (the top is a parabola: sqrt(0.0002 / 0.02)); of a clipped one
nearly all do. That tells a bass note from a fault.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged, runs

_BLOCK = 1 << 18


def clipped_ppm(audio: Audio) -> tuple[float, float]:
    """Share of clipped samples in parts per million, and when the first is, seconds.

    The time is NaN where nothing clips.
    """
    peak = sample_peak(audio)
    clipped, first = 0, float("nan")
    if peak > 0:
        for index, block in enumerate(audio.blocks(_BLOCK)):
            for channel in block:
                samples = clipped_samples(channel, peak)
                clipped += len(samples)
                if len(samples):
                    time_s = (index * _BLOCK + int(samples[0])) / audio.sample_rate
                    first = time_s if np.isnan(first) else min(first, time_s)
    total = audio.num_samples * audio.num_channels
    return 1e6 * clipped / max(total, 1), first


def clipped_samples(channel: NDArray[np.float32], peak: float) -> NDArray[np.int64]:
    """Indices of the samples of one channel that sit on a flat top."""
    gates = THRESHOLDS["clipping"].gates
    size = np.abs(channel) / peak
    near = size > gates["near"]
    if not near.any():
        return np.zeros(0, np.int64)
    steps = np.abs(np.diff(channel)) < gates["flat"] * peak
    flat = np.zeros(len(channel), bool)
    flat[1:-1] = near[1:-1] & steps[:-1] & steps[1:]
    found = [np.zeros(0, np.int64)]
    for first, last in runs(near):
        top = size[first : last + 1]
        on_top = top > top.max() - gates["level"]
        if on_top.mean() >= gates["share"]:
            found.append(first + np.flatnonzero(flat[first : last + 1]))
    return np.concatenate(found)


def sample_peak(audio: Audio) -> float:
    """The largest sample, 1 is full scale."""
    return max((float(np.abs(block).max(initial=0)) for block in audio.blocks(_BLOCK)), default=0.0)


def clipping_verdict(audio: Audio, *, raw: bool) -> Verdict:
    """Judge a sound for clipping."""
    if not raw:
        why = "Measured after the encoder, which rounds clipped peaks off."
        return not_judged("clipping", why)
    if sample_peak(audio) < THRESHOLDS["clipping"].gates["quiet"]:
        return judged("clipping", 0, "The sound is far below full scale.")
    ppm, first = clipped_ppm(audio)
    if ppm == 0:
        return judged("clipping", 0, "No peak is cut flat.")
    message = f"{ppm:.0f} samples in a million sit on peaks cut flat, the first at {first:.2f} s."
    return judged("clipping", ppm, message, time_s=first)
