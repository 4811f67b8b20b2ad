"""Retakes: within their shot, and long enough for something to be made again."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from reelwright.shapes import FRAME_STEP, ShotFrames, retaken_frames, shot_frames
from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.timing import Timing

_SLACK_S = 1e-3


def check_retakes(shot: Table, timing: Timing) -> Iterator[Finding]:
    """What is wrong with the retakes of a shot."""
    seconds, rate = timing.seconds(shot), timing.frame_rate
    for retake in shot.tables("retakes"):
        start, stop = retake.number("from_s"), retake.number("to_s")
        if start is None or stop is None or start < 0:
            continue
        if start >= stop:
            yield Finding(
                retake.at("to_s"),
                f"Nothing lies between {start:g} s and {stop:g} s.",
                "Let the range end after it begins.",
            )
        elif seconds is not None and rate is not None:
            yield from _check_range(retake, (start, stop), shot, (seconds, rate))


def _check_range(
    retake: Table, span: tuple[float, float], shot: Table, length: tuple[float, Fraction]
) -> Iterator[Finding]:
    (start, stop), (seconds, rate) = span, length
    frames, continues = shot_frames(seconds, rate), "continues" in shot
    if stop > seconds + _SLACK_S:
        yield Finding(
            retake.at("to_s"),
            f"The range ends at {stop:g} s, the shot at {seconds:g} s.",
            f"Use {seconds:g} s or less.",
        )
    elif retaken_frames(start, stop, frames, rate, continues=continues) is None:
        near, far = _nearest(start, frames, rate, continues=continues)
        yield Finding(
            retake.at("from_s"),
            f"From {start:g} s to {stop:g} s there is no whole group of {FRAME_STEP} frames, and "
            "less cannot be made again.",
            f"Use from_s = {near:g} and to_s = {far:g}, or a longer range.",
        )


def _nearest(
    start_s: float, frames: ShotFrames, rate: Fraction, *, continues: bool
) -> tuple[float, float]:
    """The group that a moment lies in, seconds."""
    lead = 0 if continues else 1
    frame = min(max(round(Fraction(start_s) * rate), 0), frames.delivered - 1)
    if frame < lead:
        first, stop = 0, 1
    else:
        first = (frame - lead) // FRAME_STEP * FRAME_STEP + lead
        stop = min(first + FRAME_STEP, frames.delivered)
    return round(float(first / rate), 3), round(float(stop / rate), 3)
