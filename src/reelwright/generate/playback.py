"""One sound file on a time line: where it begins, loops, fades and ends.

Every sample depends on its place on the time line alone, by plain arithmetic, so a sound read in
blocks of any size is the same to the bit. Fades are the polynomial 3u^2 - 2u^3, which differs from
a raised cosine by at most 0.01 and, unlike a cosine, gives the same bits on every processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import SAMPLE_RATE, Audio
from reelwright.errors import AssetError

MIN_LOOP_S = 0.05
"""The shortest piece of a file that may loop: below it, a loop is a tone."""

CUT_FADE_S = 0.002
"""The shortest fade where a file is entered or left in its middle: a step there is a click."""

_SEAM_S = 0.010
_SEAM_CLICK = 3.0  # quality's threshold: clean sounds reach 2.9 at random places


class SoundSource(Protocol):
    """Samples at any place of a time line; silence outside."""

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start`."""


def db_to_gain(level_db: float) -> float:
    """Amplitude factor of a level in dB."""
    return float(10.0 ** (level_db / 20.0))


def sample_at(seconds: float) -> int:
    """The sample nearest to a time."""
    return round(seconds * SAMPLE_RATE)


def smoothstep(u: NDArray[Any]) -> NDArray[Any]:
    """3u^2 - 2u^3 of u clipped to 0..1: a fade without corners."""
    u = np.clip(u, 0.0, 1.0)
    return np.asarray(u * u * (3.0 - 2.0 * u))


@dataclass(frozen=True, slots=True)
class Cut:
    """How a file is laid on the time line; see `SoundPlacement` for the fields."""

    at_s: float = 0.0
    from_s: float = 0.0
    length_s: float | None = None
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loop: bool = False


class Playback:
    """A decoded sound, laid on a time line.

    Args:
        audio: The decoded file, stereo, 48 kHz.
        cut: How it is laid.
        end: The sample at which the time line ends; the sound fades out before it.
        name: The file as the storyboard wrote it, for messages.

    Attributes:
        start: First sample on the time line.
        stop: The sample after the last; not after `end`.

    Raises:
        AssetError: It would begin after the file's end, or loop too short a piece.
    """

    def __init__(self, audio: Audio, cut: Cut, end: int, name: str) -> None:
        self._audio = audio
        self._offset = sample_at(cut.from_s)
        self._piece = audio.num_samples - self._offset
        self._check(cut, name)
        self._seam = self._seam_samples() if cut.loop else 0
        self._loop = cut.loop
        self._gain = np.float32(db_to_gain(cut.gain_db))
        self.start = sample_at(cut.at_s)
        natural_stop = self.start + self._piece
        asked_stop = end if cut.length_s is None else self.start + sample_at(cut.length_s)
        self.stop = min(end, asked_stop) if cut.loop else min(end, asked_stop, natural_stop)
        entered = self._offset > 0
        left = self._loop or self.stop < natural_stop
        self._fade_in = sample_at(max(cut.fade_in_s, CUT_FADE_S if entered else 0.0))
        self._fade_out = sample_at(max(cut.fade_out_s, CUT_FADE_S if left else 0.0))

    def _check(self, cut: Cut, name: str) -> None:
        if self._piece <= 0:
            raise AssetError(
                f'"{name}" is {self._audio.duration_s:.3f} s long; it cannot be played from '
                f"{cut.from_s:g} s.",
                f"Use a from_s below {self._audio.duration_s:.3f}.",
                where=name,
                duration_s=self._audio.duration_s,
            )
        if cut.loop and self._piece < sample_at(MIN_LOOP_S):
            raise AssetError(
                f'"{name}" has {self._piece / SAMPLE_RATE:.3f} s to loop, which would be a tone.',
                f"Loop at least {MIN_LOOP_S} s, or take `loop` away.",
                where=name,
            )

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start` of the time line, faded and at level."""
        block = np.zeros((2, count), np.float32)
        low, high = max(start, self.start), min(start + count, self.stop)
        if low < high:
            piece = self._unfaded(low - self.start, high - low)
            block[:, low - start : high - start] = piece * self._envelope(low, high)
        return block

    def _envelope(self, low: int, high: int) -> NDArray[np.float32]:
        """Level and fades of the samples `low` to `high`: 0 outside, whole `fade` samples in."""
        gain = np.full(high - low, self._gain, np.float32)
        if self._fade_in and low < self.start + self._fade_in:
            rise = (np.arange(low, high) - self.start) / self._fade_in
            gain *= smoothstep(rise).astype(np.float32)
        if self._fade_out and high > self.stop - self._fade_out:
            fall = (self.stop - 1 - np.arange(low, high)) / self._fade_out
            gain *= smoothstep(fall).astype(np.float32)
        return gain

    def _unfaded(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] of the file, `first` after its entry, loop unrolled."""
        if not self._loop:
            return self._audio.read(self._offset + first, count)
        period = self._piece - self._seam
        block = np.zeros((2, count), np.float32)
        for turn in range(first // period, (first + count - 1) // period + 1):
            low, high = max(first, turn * period), min(first + count, (turn + 1) * period)
            block[:, low - first : high - first] = self._turn(turn, low - turn * period, high - low)
        return block

    def _turn(self, turn: int, inside: int, count: int) -> NDArray[np.float32]:
        """Part of one turn of the loop; after the first, its head is crossed with the last tail."""
        block = self._audio.read(self._offset + inside, count)
        crossed = min(count, self._seam - inside) if turn else 0
        if crossed > 0:
            rise, fall = _cross_gains((np.arange(inside, inside + crossed) + 0.5) / self._seam)
            tail_at = self._offset + self._piece - self._seam + inside
            block[:, :crossed] *= rise
            block[:, :crossed] += self._audio.read(tail_at, crossed) * fall
        return block

    def _seam_samples(self) -> int:
        """Samples to cross at the loop's seam: none where the file was cut to loop cleanly."""
        around = min(sample_at(0.05), self._piece // 2)
        tail = self._audio.read(self._offset + self._piece - around, around)
        head = self._audio.read(self._offset, around)
        if not has_click(np.concatenate([tail, head], axis=1), around):
            return 0
        return min(sample_at(_SEAM_S), self._piece // 4)


def _cross_gains(u: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gains of what comes and what goes: of constant power, and flat at both ends."""
    share = u * u * u * u * (35.0 - u * (84.0 - u * (70.0 - u * 20.0)))
    return np.sqrt(share).astype(np.float32), np.sqrt(1.0 - share).astype(np.float32)


def has_click(samples: NDArray[Any], at: int) -> bool:
    """Whether the sound steps at a known place: the 4th difference against its surroundings.

    Args:
        samples: [C, n] around the place; some 50 ms on each side.
        at: The sample before which the step would stand.
    """
    step = np.abs(np.diff(samples.astype(np.float64), n=4, axis=1)).max(axis=0)
    width = SAMPLE_RATE // 1000
    blocks = step[: len(step) // width * width].reshape(-1, width).max(axis=1)
    near = (at - 2) // width
    joined = blocks[max(near - 1, 0) : near + 2]
    return bool(joined.max() > _SEAM_CLICK * (np.median(blocks) + 2e-4))
