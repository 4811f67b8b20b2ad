"""Sound against picture: where sounds begin, and how far from the events that should cause them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.quality.report import Status, Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged

HOP_S = 0.005
"""From one value of the onset curve to the next."""

_WINDOW = 1024
_BINS = slice(2, 400)
_FRAMES = 2048  # windows at a time
_NEAR_S = 0.011


def onset_curve(audio: Audio) -> NDArray[np.float32]:
    """How much sound begins at each moment, every 5 ms: spectral flux over its running median."""
    hop = round(audio.sample_rate * HOP_S)
    window = np.hanning(_WINDOW).astype(np.float32)
    count = max(0, audio.num_samples // hop)
    flux = [np.zeros(0, np.float32)]
    for first in range(0, count, _FRAMES):
        last = min(first + _FRAMES, count)
        lead = first - 2
        start = lead * hop - _WINDOW // 2
        samples = audio.read(start, (last - lead) * hop + _WINDOW).mean(axis=0)
        views = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::hop][: last - lead]
        spectrum = np.abs(np.fft.rfft(views * window, axis=1)[:, _BINS])
        loud = np.log1p(2000 * spectrum / 1024)
        flux.append(np.maximum(loud[2:] - loud[:-2], 0).mean(axis=1).astype(np.float32))
    curve = np.concatenate(flux)
    if not len(curve):
        return curve
    over = curve - _running_median(curve, 41)
    clipped: NDArray[np.float32] = np.clip(over, 0, max(float(np.quantile(over, 0.995)), 1e-6))
    return clipped


def sound_lag(
    curve: NDArray[np.float32], events_s: Sequence[float], search_ms: float
) -> tuple[float, float]:
    """How late the sound is against the events in ms (early is negative), and how sure that is."""
    lags = np.arange(-search_ms, search_ms + 1, 1000 * HOP_S)
    reach = round(_NEAR_S / HOP_S)
    padded = np.pad(curve, reach)
    near = np.max([padded[k : k + len(curve)] for k in range(2 * reach + 1)], axis=0)
    scores = []
    for lag in lags:
        at = np.round((np.asarray(events_s) + lag / 1000) / HOP_S).astype(np.int64)
        inside = (at >= 0) & (at < len(near))
        scores.append(float(near[at[inside]].mean()) if inside.any() else 0.0)
    best = int(np.argmax(scores))
    return float(lags[best]), scores[best] / max(float(np.median(scores)), 1e-6)


def offset_verdict(audio: Audio, events_s: Sequence[float]) -> Verdict:
    """Judge the sound against the times of events in the picture."""
    gates = THRESHOLDS["sound_offset"].gates
    if len(events_s) < 2:
        return not_judged("sound_offset", "Too few events in the picture to judge by.")
    lag, confidence = sound_lag(onset_curve(audio), events_s, gates["search"])
    if confidence < gates["confidence"]:
        why = (
            f"Not sure enough to judge: the best lag fits {confidence:.1f} times as well as any, "
            f"and it takes {gates['confidence']:g}."
        )
        return not_judged("sound_offset", why, value=lag)
    late = lag > 0
    message = (
        f"The sound comes {abs(lag):.0f} ms {'after' if late else 'before'} what causes it, over "
        f"{len(events_s)} events."
        if lag
        else f"The sound comes with what causes it, over {len(events_s)} events."
    )
    return judged("sound_offset", abs(lag), message, status=_status(lag))


def _status(lag_ms: float) -> Status:
    """Late sound is forgiven longer than early sound, as people do."""
    row = THRESHOLDS["sound_offset"]
    side = "late" if lag_ms > 0 else "early"
    size = abs(lag_ms)
    if size > row.gates[f"fail_{side}"]:
        return Status.FAIL
    if size > row.gates[f"warn_{side}"]:
        return Status.WARN
    return Status.NOTE if row.warn is not None and size > row.warn else Status.PASSED


def _running_median(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    half = length // 2
    padded = np.pad(values, half, mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, length)
    median: NDArray[np.float32] = np.median(views, axis=1).astype(np.float32)
    return median
