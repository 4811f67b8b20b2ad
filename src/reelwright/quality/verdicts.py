"""How a number becomes a verdict, and how moments are named in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.quality.remedy import Remedy
from reelwright.quality.report import Status, Verdict
from reelwright.quality.thresholds import THRESHOLDS

DIGITS = 4
"""Significant digits that a report keeps."""


def judged(
    measure: str,
    value: float,
    message: str,
    *,
    subject: str = "",
    frames: tuple[int, int] | None = None,
    frame_rate: Fraction | None = None,
    time_s: float | None = None,
    scale: float = 1.0,
    status: Status | None = None,
    remedy: str | None = None,
    hints: tuple[Remedy, ...] | None = None,
) -> Verdict:
    """Judge a value by its row.

    Args:
        measure: Id of the row.
        value: The value, in the row's unit.
        message: What was found; the caller says where.
        subject: What it is about.
        frames: First and last frame that it concerns.
        frame_rate: Turns the first of `frames` into a time.
        time_s: The time itself, where there is no frame.
        scale: Multiplies every limit.
        status: The status, where it was found otherwise than by the row's limits.
        remedy: What to try first, where it is not the row's.
        hints: The remedies as names, where they are not the row's.
    """
    row = THRESHOLDS[measure]
    found = row.status(value, scale=scale) if status is None else status
    if time_s is None and frames is not None and frame_rate is not None:
        time_s = float(frames[0] / frame_rate)
    fine = found in (Status.PASSED, Status.NOT_JUDGED)
    return Verdict(
        measure,
        found,
        message,
        value=rounded(value),
        limit=row.limit(found, scale=scale),
        subject=subject,
        frames=frames,
        time_s=None if time_s is None else round(time_s, 3),
        remedy="" if fine else row.remedy if remedy is None else remedy,
        hints=() if fine else row.hints if hints is None else hints,
    )


def not_judged(measure: str, why: str, *, subject: str = "", value: float | None = None) -> Verdict:
    """Say that nothing could be judged, and why."""
    shown = None if value is None else rounded(value)
    return Verdict(measure, Status.NOT_JUDGED, why, value=shown, subject=subject)


def rounded(value: float) -> float:
    """A value at the digits that a report keeps."""
    return float(f"{value:.{DIGITS}g}")


def at_frame(frame: int, frame_rate: Fraction) -> str:
    """`Frame 61 (2.54 s)`."""
    return f"Frame {frame} ({float(frame / frame_rate):.2f} s)"


def at_frames(first: int, last: int, frame_rate: Fraction) -> str:
    """`Frames 61 to 64 (2.54 s)`, or one frame."""
    if first == last:
        return at_frame(first, frame_rate)
    return f"Frames {first} to {last} ({float(first / frame_rate):.2f} s)"


def runs(flags: Sequence[bool] | NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last index of every run of true flags."""
    padded = np.concatenate(([0], np.asarray(flags, np.int8), [0]))
    edges = np.diff(padded)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    for start, stop in zip(starts, stops, strict=True):
        yield int(start), int(stop) - 1


def longest_run(flags: Sequence[bool] | NDArray[np.bool_]) -> tuple[int, int] | None:
    """The longest run of true flags (the first of equals); None if there is none."""
    found = list(runs(flags))
    return max(found, key=lambda run: run[1] - run[0]) if found else None


def windows(count: int, length: int) -> Iterator[tuple[int, int]]:
    """Start and stop of windows of about `length` that cover `count`, half overlapping.

    The table's figures come from clips of some 40 frames; a long shot is judged by its worst
    window, so that a second of flicker is not thinned by a minute of calm.
    """
    if count <= length * 3 // 2:
        yield 0, count
        return
    half = length // 2
    for start in range(0, count - half, half):
        yield start, min(start + length, count)
