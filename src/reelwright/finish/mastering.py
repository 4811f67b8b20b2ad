"""From the sum of the stems to the master: the asked loudness, under the asked true peak.

Loudness sets the gain; the limiter holds the peaks that this gain lifts over the ceiling. Since
limiting makes a sound softer, the gain is set again from what was measured, until the master is
within 0.1 LU. The limiter may take 12 dB off a peak at most: beyond, a sound is no longer itself,
and the loudness that was reached is said instead. Gains are whole hundredths of a dB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log10
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio, AudioWriter
from reelwright.finish.limiter import Limiter
from reelwright.finish.loudness import LoudnessMeter
from reelwright.finish.true_peak import TruePeakMeter
from reelwright.generate.part import ProgressPart
from reelwright.generate.playback import SoundSource, db_to_gain
from reelwright.progress import NO_PROGRESS, Progress

TOLERANCE_LU = 0.1
SAID_LU = 0.3
"""A master further than this from what was asked is told of."""

MAX_GAIN_DB = 40.0
MAX_LIMITED_DB = 12.0

_MARGIN_DB = 0.1  # other meters read up to this much more between samples
_MAX_PASSES = 6
_LEAST_SLOPE = 0.15  # LU a dB of gain, when nearly all of it is limited away
_MEASURE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Levels:
    """What the meters say of a sound.

    Attributes:
        loudness_lufs: Integrated loudness; None: nothing passes the gate at -70 LUFS.
        true_peak_db: True peak, dBTP; None: digital silence.
    """

    loudness_lufs: float | None
    true_peak_db: float | None


@dataclass(frozen=True, slots=True)
class Master:
    """A mastered sound.

    Attributes:
        audio: The file.
        levels: What it measures.
        gain_db: What the sound was raised by before the limiter.
        limited_db: The most that the limiter took off, dB.
        notes: Sentences on what could not be reached.
    """

    audio: Audio
    levels: Levels
    gain_db: float = 0.0
    limited_db: float = 0.0
    notes: tuple[str, ...] = ()


class Desk:
    """A sound that is mastered, and its meters.

    Args:
        source: The sum of the stems.
        total: Its samples.
        target: The master's file.
        block_samples: Samples in memory at a time; does not change the result.
    """

    def __init__(self, source: SoundSource, total: int, target: Path, block_samples: int) -> None:
        self._source = source
        self._total = total
        self._target = target
        self._block_samples = block_samples

    def measure(self, progress: Progress) -> Levels:
        """Measure the sound as it is."""
        return self._listen(self._source, None, progress, "measuring the film's loudness")

    def write(self, gain_db: float, ceiling_db: float | None, progress: Progress) -> Master:
        """Write the master and measure it.

        Args:
            gain_db: What the sound is raised by.
            ceiling_db: The limiter's ceiling, dBTP; None: no limiter.
            progress: Told of blocks.
        """
        gain = db_to_gain(gain_db)
        ceiling = np.inf if ceiling_db is None else db_to_gain(ceiling_db)
        limiter = Limiter(self._source, gain, ceiling)
        note = f"mastering at {gain_db:+.2f} dB"
        with AudioWriter(self._target) as writer:
            levels = self._listen(limiter, writer, progress, note)
        limited_db = max(0.0, -20 * log10(limiter.lowest))
        return Master(Audio.open(self._target), levels, gain_db, round(limited_db, 2))

    def _listen(
        self, source: SoundSource, writer: AudioWriter | None, progress: Progress, note: str
    ) -> Levels:
        loudness, peak = LoudnessMeter(), TruePeakMeter()
        for start in range(0, self._total, self._block_samples):
            block = source.read(start, min(self._block_samples, self._total - start))
            loudness.update(block)
            peak.update(block)
            if writer is not None:
                writer.write(block)
            progress.step((start + block.shape[1]) / self._total, note)
        return Levels(loudness.integrated(), peak.peak_db())


class SumSource:
    """Sounds added up, in the order given."""

    def __init__(self, *sources: SoundSource) -> None:
        self._sources = sources

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start`."""
        block = np.zeros((2, count), np.float32)
        for source in self._sources:
            block += source.read(start, count)
        return block


def make_master(
    desk: Desk, loudness_lufs: float, true_peak_db: float, progress: Progress = NO_PROGRESS
) -> Master:
    """Write a master.

    Args:
        desk: The sound and its file.
        loudness_lufs: The integrated loudness to reach.
        true_peak_db: The true peak not to pass, dBTP.
        progress: Told of every pass.

    Returns:
        The master, what it measures, and what could not be reached.

    Raises:
        ResourceError: The disk is full.
    """
    bare = desk.measure(ProgressPart(progress, 0.0, _MEASURE_SHARE))
    writing = ProgressPart(progress, _MEASURE_SHARE, 1.0)
    if bare.true_peak_db is None:
        return desk.write(0.0, None, writing)
    ceiling_db = true_peak_db - _MARGIN_DB
    if bare.loudness_lufs is None:
        made = desk.write(_floor(min(0.0, ceiling_db - bare.true_peak_db)), None, writing)
        return replace(made, notes=(_TOO_SOFT,))
    most_db = _floor(min(MAX_GAIN_DB, ceiling_db - bare.true_peak_db + MAX_LIMITED_DB))
    first_db = min(most_db, round(loudness_lufs - bare.loudness_lufs, 2))
    asked = _Asked(loudness_lufs, ceiling_db, first_db, most_db)
    made = _search(desk, asked, bare.true_peak_db, writing)
    return replace(made, notes=_shortfall(made, loudness_lufs, most_db))


@dataclass(frozen=True, slots=True)
class _Asked:
    loudness_lufs: float
    ceiling_db: float
    first_db: float  # gain to begin with
    most_db: float  # gain not to pass


def _search(desk: Desk, asked: _Asked, peak_db: float, progress: Progress) -> Master:
    """Write masters until one is as loud as asked, or cannot be louder."""
    gain_db = asked.first_db
    slope, last = 1.0, None
    for attempt in range(_MAX_PASSES):
        span = ProgressPart(progress, 1 - 0.5**attempt, 1 - 0.5 ** (attempt + 1))
        needed = peak_db + gain_db > asked.ceiling_db
        made = desk.write(gain_db, asked.ceiling_db if needed else None, span)
        missing = asked.loudness_lufs - (made.levels.loudness_lufs or asked.loudness_lufs)
        at_most = gain_db >= asked.most_db and missing > 0
        if abs(missing) <= TOLERANCE_LU or at_most:
            break
        if last is not None and gain_db != last[0]:  # limiting gives back less than it is given
            slope = min(1.0, max(_LEAST_SLOPE, (last[1] - missing) / (gain_db - last[0])))
        last = (gain_db, missing)
        gain_db = min(asked.most_db, round(gain_db + missing / slope, 2))
    return made


def _shortfall(made: Master, loudness_lufs: float, most_db: float) -> tuple[str, ...]:
    """What to say of a master that is not as loud as asked."""
    reached = made.levels.loudness_lufs
    if reached is None or abs(reached - loudness_lufs) <= SAID_LU:
        return ()
    why = (
        f"it was raised by {made.gain_db:g} dB, which is the most"
        if most_db == MAX_GAIN_DB
        else f"its peaks would have to be limited by more than {MAX_LIMITED_DB:g} dB"
    )
    return (
        f"The film is at {reached:.1f} LUFS, not at the {loudness_lufs:g} LUFS asked: {why}. "
        "Soften its loudest sounds or raise the soft ones to come nearer.",
    )


def _floor(level_db: float) -> float:
    return float(np.floor(level_db * 100) / 100)


_TOO_SOFT = (
    "The film's sound is too soft to measure (below -70 LUFS), so its loudness was left as it is."
)
