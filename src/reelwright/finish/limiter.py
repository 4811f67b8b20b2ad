"""A look-ahead limiter of the true peak, streamed.

The gain that each sample may have at most is the ceiling over the true peak around it. That curve
is held forward and back over the look-ahead, let rise no faster than the release, and smoothed by
two running means that together span the look-ahead. Since every value averaged is below what each
sample in its reach allows, so is their mean: the ceiling is kept, and where nothing is above it the
gain is exactly 1.

Gains are whole numbers (2^30 is 1), so sums and the release are exact: whatever the blocks, the
samples are the same to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import SAMPLE_RATE
from reelwright.finish.true_peak import source_envelope
from reelwright.generate.playback import SoundSource

LOOK_AHEAD_S = 0.005
RELEASE_S = 0.5
"""Time in which the gain would rise from 0 to 1; from -3 dB it is back after 0.15 s."""

_ONE = 1 << 30
_MEAN = round(LOOK_AHEAD_S * SAMPLE_RATE / 2)  # each of the two means, samples
_REACH = 2 * (_MEAN - 1)  # samples back that the two means look
_RISE = round(_ONE / (RELEASE_S * SAMPLE_RATE))


class Limiter:
    """Limits a sound as it is read from its beginning to its end.

    Args:
        source: The sound.
        gain: What it is raised by first, a factor.
        ceiling: The highest true peak to let through, full scale is 1.

    Attributes:
        lowest: The lowest gain applied so far; 1: it was not needed.
    """

    def __init__(self, source: SoundSource, gain: float, ceiling: float) -> None:
        self._source = source
        self._gain = np.float32(gain)
        self._ceiling = ceiling
        self._next = 0
        self._risen = np.full(_REACH, _ONE, np.int64)  # the curve before `_next`, after release
        self.lowest = 1.0

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """The next samples, [2, count]; blocks must follow one another.

        Raises:
            ValueError: `start` is not where the last block ended.
        """
        if start != self._next:
            raise ValueError(f"a limiter reads in order: {start} asked, {self._next} is next")
        if start == 0:  # the means look back before the first sample: be down there already
            before = self._allowed(-_REACH, _REACH)
            self._risen = self._risen if before is None else self._release(before)
        self._next += count
        allowed = self._allowed(start, count)
        block = self._source.read(start, count) * self._gain
        if allowed is None and self._idle():
            return block
        risen = self._release(np.full(count, _ONE, np.int64) if allowed is None else allowed)
        smooth = _mean(_mean(np.concatenate([self._risen, risen])))
        self._risen = np.concatenate([self._risen, risen])[-_REACH:]
        self.lowest = min(self.lowest, float(smooth.min()) / _ONE)
        return block * (smooth / _ONE).astype(np.float32)

    def _idle(self) -> bool:
        return bool((self._risen == _ONE).all())

    def _allowed(self, start: int, count: int) -> NDArray[np.int64] | None:
        """The highest gain at each sample that suits all within its look-ahead; None: 1."""
        if self._ceiling == np.inf:
            return None
        width = _REACH + 2  # from the sample before, whose peak may lie after it
        peaks = source_envelope(self._source, start - 1, count + width - 1) * self._gain
        if not (peaks > self._ceiling).any():
            return None
        limits = np.minimum(self._ceiling / np.maximum(peaks.astype(np.float64), 1e-30), 1.0)
        whole = np.floor(limits * _ONE).astype(np.int64)
        return _lowest_ahead(whole, width)

    def _release(self, allowed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let the curve rise no faster than the release."""
        ramp = np.arange(1, len(allowed) + 1, dtype=np.int64) * _RISE
        from_here = np.minimum.accumulate(allowed - ramp) + ramp
        return np.asarray(np.minimum(from_here, self._risen[-1] + ramp))


def _lowest_ahead(values: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """The lowest of `width` values from each on, by doubling; as many as have that many."""
    span = 1
    while span < width:
        step = min(span, width - span)
        values = np.minimum(values[:-step], values[step:])
        span += step
    return values


def _mean(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running mean of `_MEAN` values up to each, rounded down; `_MEAN` - 1 fewer than given."""
    sums = np.concatenate([[0], np.cumsum(values)])
    return np.asarray((sums[_MEAN:] - sums[:-_MEAN]) // _MEAN)
