"""One pass, in memory that does not grow with the shot."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.errors import Cancelled, QualityError
from reelwright.frames import ArrayFrames, slice_frames
from reelwright.progress import NO_PROGRESS
from reelwright.quality import measure_clip


class _Counted(np.ndarray):  # type: ignore[type-arg]
    __hash__ = object.__hash__  # type: ignore[assignment]


class LongShot:
    """A few frames over and over, that count how many chunks of them are alive."""

    def __init__(self, source: NDArray[Any], num_frames: int) -> None:
        self.source = source
        self.shape = (num_frames, *source.shape[1:])
        self.dtype = str(source.dtype)
        self.alive: weakref.WeakSet[_Counted] = weakref.WeakSet()
        self.most = self.passes = self.asked = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frame: int) -> NDArray[Any]:
        self.asked += 1
        return self.source[frame % len(self.source)]

    def chunks(self, num_frames: int) -> Iterator[NDArray[Any]]:
        self.passes += 1
        for start in range(0, len(self), num_frames):
            index = np.arange(start, min(start + num_frames, len(self))) % len(self.source)
            chunk = self.source[index].view(_Counted)
            self.alive.add(chunk)
            self.most = max(self.most, sum(len(item) for item in self.alive))
            yield chunk


@pytest.mark.parametrize("num_frames", [40, 160])
def test_frames_held_do_not_grow_with_the_shot(
    shot: Callable[..., Any], rate: Fraction, num_frames: int
) -> None:
    made = shot("static", num_frames=2)
    small = np.ascontiguousarray(made.frames[:, ::3, ::3])
    frames = LongShot(small, num_frames)
    measure_clip(frames, rate)
    assert frames.passes == 1
    assert frames.most <= 4
    assert frames.asked == 0


def test_the_stage_is_read_once_and_in_order(shot: Callable[..., Any], rate: Fraction) -> None:
    from dataclasses import replace

    made = shot("moving", num_frames=9)
    held = {
        name: LongShot(getattr(made.stage, name).array, len(getattr(made.stage, name)))
        for name in ("depth", "mask", "motion", "color")
    }
    measure_clip(ArrayFrames(made.frames), rate, staged=replace(made.stage, **held))
    assert [held[name].passes for name in ("depth", "mask", "motion", "color")] == [1, 1, 1, 0]
    # out of order only the outlines that a ghost would have: of the first and the last frame
    assert [held[name].asked for name in ("depth", "mask", "motion")] == [0, 2, 0]
    assert all(item.most <= 4 for item in held.values())


def test_a_stage_longer_than_the_shot_is_trimmed_with_it(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("moving", num_frames=9)
    short = slice_frames(ArrayFrames(made.frames), 0, 6)
    report = measure_clip(short, rate, staged=made.stage)
    assert report.num_frames == 6
    series = report.find_series("flicker")
    assert series is not None
    assert len(series.values) == 5


def test_a_stage_shorter_than_the_shot_is_refused(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving", num_frames=9)
    longer = np.concatenate((made.frames, made.frames))
    with pytest.raises(QualityError, match="covers 9 frames and the shot has 18"):
        measure_clip(ArrayFrames(longer), rate, staged=made.stage)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_shots_are_measured(
    shot: Callable[..., Any], rate: Fraction, count: int
) -> None:
    made = shot("moving", num_frames=9)
    for staged in (made.stage, None):
        report = measure_clip(ArrayFrames(made.frames[:count]), rate, staged=staged)
        assert report.num_frames == count


def test_what_is_no_shot_is_refused(rate: Fraction) -> None:
    for wrong in (np.zeros((0, 40, 40, 3), np.uint8), np.zeros((4, 40, 40), np.uint8)):
        with pytest.raises(QualityError, match="cannot be measured"):
            measure_clip(ArrayFrames(wrong), rate)


def test_progress_is_told_and_may_stop_it(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("static", num_frames=3)

    class Heard:
        warn, preview = NO_PROGRESS.warn, NO_PROGRESS.preview

        def __init__(self, stop_at: int) -> None:
            self.fractions: list[float] = []
            self.stop_at = stop_at

        def step(self, fraction: float, note: str = "") -> None:
            self.fractions.append(fraction)
            if len(self.fractions) == self.stop_at:
                raise Cancelled

    heard = Heard(99)
    measure_clip(ArrayFrames(made.frames), rate, progress=heard)
    assert heard.fractions == sorted(heard.fractions)
    assert heard.fractions[-1] == 1
    with pytest.raises(Cancelled):
        measure_clip(ArrayFrames(made.frames), rate, progress=Heard(2))


def test_the_same_shot_gives_the_same_report(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving", num_frames=9)
    reports = [measure_clip(ArrayFrames(made.frames), rate, staged=made.stage) for _ in range(2)]
    assert reports[0] == reports[1]


def test_a_16_bit_shot_is_measured_as_its_8_bit_one(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("moving", num_frames=9)
    deep = ArrayFrames(made.frames.astype(np.uint16) * 257)
    one = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage)
    other = measure_clip(deep, rate, staged=made.stage)
    assert [v.status for v in one.verdicts] == [v.status for v in other.verdicts]
