"""Others step back: when a sound is really heard, and how the rest makes way for it.

The mix knows what is coming, so the others are down when the sound begins: the fall ends there,
and the rise begins where it ends. A pause shorter than a breath does not bring them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import SAMPLE_RATE
from reelwright.generate.playback import SoundSource, db_to_gain, sample_at, smoothstep

DUCK_DB = 9.0
"""How far the other sounds of a shot step back under one of mode `duck`, dB."""

DUCK_ATTACK_S = 0.15
DUCK_RELEASE_S = 0.5
REPLACE_FADE_S = 0.02

_WINDOW = SAMPLE_RATE // 50  # 20 ms
_WINDOWS_READ = 64
_BELOW_LOUDEST_DB = 30.0
_FLOOR_DB = -60.0
_PAUSE_S = 0.6

Span = tuple[int, int]


class MakeWay:
    """The gain of a sound that makes way for others.

    Args:
        spans: First and last sample of what it makes way for; any order, may overlap.
        depth_db: How far it steps back, dB; infinity silences it. The sign does not matter.
        attack_s: Length of the fall, which ends where a span begins.
        release_s: Length of the rise, which begins where a span ends.
    """

    def __init__(
        self,
        spans: Iterable[Span],
        depth_db: float,
        attack_s: float = DUCK_ATTACK_S,
        release_s: float = DUCK_RELEASE_S,
    ) -> None:
        self._attack, self._release = max(1, sample_at(attack_s)), max(1, sample_at(release_s))
        self._spans = merge_spans(spans, self._attack + self._release)
        self._given_up = 1.0 - db_to_gain(-abs(depth_db))

    def gain(self, start: int, count: int) -> NDArray[np.float32] | None:
        """Gain [count] from `start`; None where it is 1 throughout."""
        stop = start + count
        near = [
            (low, high)
            for low, high in self._spans
            if low - self._attack < stop and high + self._release > start
        ]
        if not near or not self._given_up:
            return None
        place = np.arange(start, stop)
        held = np.zeros(count)
        for low, high in near:
            fall = (place - (low - self._attack)) / self._attack
            rise = (high + self._release - place) / self._release
            np.maximum(held, np.minimum(fall, rise), out=held)
        return (1.0 - self._given_up * smoothstep(held)).astype(np.float32)


class YieldingSource:
    """A sound that makes way, by any number of reasons.

    Args:
        source: The sound.
        reasons: What it makes way for.
    """

    def __init__(self, source: SoundSource, reasons: Sequence[MakeWay]) -> None:
        self._source = source
        self._reasons = tuple(reasons)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start`."""
        block = self._source.read(start, count)
        for reason in self._reasons:
            gain = reason.gain(start, count)
            if gain is not None:
                block = block * gain
        return block


def merge_spans(spans: Iterable[Span], gap: int = 0) -> tuple[Span, ...]:
    """Join spans that overlap or lie less than `gap` samples apart; sorted."""
    merged: list[Span] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if merged and low <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def active_spans(source: SoundSource, start: int, stop: int) -> tuple[Span, ...]:
    """Where a sound is heard: 20 ms windows within 30 dB of its loudest, and above -60 dBFS.

    Args:
        source: The sound.
        start: First sample to listen to.
        stop: The sample after the last.

    Returns:
        Spans of samples, sorted; pauses under 0.6 s are bridged.
    """
    power = _window_power(source, start, stop)
    if not power.size:
        return ()
    level_db = 10.0 * np.log10(np.maximum(power, 1e-30))
    heard = level_db > max(_FLOOR_DB, float(level_db.max()) - _BELOW_LOUDEST_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], heard, [False]]).astype(np.int8)))
    spans = (
        (start + int(low) * _WINDOW, min(start + int(high) * _WINDOW, stop))
        for low, high in edges.reshape(-1, 2)
    )
    return merge_spans(spans, sample_at(_PAUSE_S))


def _window_power(source: SoundSource, start: int, stop: int) -> NDArray[np.float64]:
    """Mean square of the louder channel in windows of 20 ms."""
    parts: list[NDArray[np.float64]] = []
    step = _WINDOW * _WINDOWS_READ
    for low in range(start, stop, step):
        count = -(-min(step, stop - low) // _WINDOW) * _WINDOW
        block = source.read(low, count).astype(np.float64).reshape(2, -1, _WINDOW)
        parts.append(np.square(block).mean(axis=2).max(axis=0))
    return np.concatenate(parts) if parts else np.zeros(0)
