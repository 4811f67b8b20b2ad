"""Flicker of the whole picture, and flicker of parts of it, with the motion taken out.

Both are the sigma of independent errors from frame to frame that would give what was seen: the
square root of the mean squared second difference over 6. A long shot is judged by its worst
window.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.quality.motion_compensation import block_means
from reelwright.quality.report import Status, Verdict
from reelwright.quality.steps import Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged, windows


def flicker_levels(gains: Sequence[float]) -> float:
    """Sigma of per-frame level errors that would give these steps; NaN of under two pairs.

    A flash or two among steady frames is no flicker and is left to `flash`: second differences far
    outside the rest do not count, as long as they are few.
    """
    gates = THRESHOLDS["flicker"].gates
    second = np.diff(np.asarray(gains, np.float64))
    second = second[~np.isnan(second)]
    if len(second) < 2:
        return float("nan")
    usual = max(1.4826 * float(np.median(np.abs(second))), gates["quiet"])
    single = np.abs(second) > gates["single"] * usual
    if single.mean() <= gates["singles"]:
        second = second[~single]
    return float(np.sqrt(np.mean(second**2) / 6))


def flicker_verdict(
    measure: str, gains: Sequence[float], frame_rate: Fraction, dark: str
) -> Verdict:
    """Judge the level of each step for flicker of the whole picture.

    Args:
        measure: `flicker` for compensated levels, `flicker_plain` for differences of means.
        gains: Change of level of each step.
        frame_rate: Frames per second.
        dark: Why the shot is too dark to pass; empty if it is not.
    """
    gates = THRESHOLDS[measure].gates
    if np.count_nonzero(~np.isnan(np.asarray(gains, np.float64))) < gates["least"]:
        return not_judged(measure, "Too few steps to judge.")
    spans = list(windows(len(gains), int(gates["window"])))
    sizes = np.array([flicker_levels(gains[start:stop]) for start, stop in spans])
    if np.isnan(sizes).all():
        return not_judged(measure, "Too little of the picture stays in view to compare.")
    worst = int(np.nanargmax(sizes))
    frames = (spans[worst][0], spans[worst][1])
    message = (
        f"{_when(frames, len(gains), frame_rate)}: the level wavers by {sizes[worst]:.2f} from "
        "frame to frame."
    )
    verdict = judged(measure, float(sizes[worst]), message, frames=frames, frame_rate=frame_rate)
    return not_passed_in_the_dark(verdict, dark)


def not_passed_in_the_dark(verdict: Verdict, dark: str) -> Verdict:
    """A pass that darkness made worthless becomes `not judged`; an alarm stands."""
    if dark and verdict.status is Status.PASSED:
        return not_judged(verdict.measure, dark, subject=verdict.subject, value=verdict.value)
    return verdict


class LocalFlicker:
    """Adds up how each block's level wavers, with the motion taken out."""

    def __init__(self) -> None:
        self._gates = THRESHOLDS["local_flicker"].gates
        self._half = int(self._gates["window"]) // 2
        self._previous: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None
        self._sums: list[NDArray[np.float64]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._steps = 0
        self._side = 1

    def add(self, step: Step) -> float:
        """Look at the next step; gives the worst block's change, levels (NaN at the first)."""
        if step.compensated is None:
            return float("nan")
        rows = int(self._gates["rows"])
        means, usable = block_means(
            step.compensated.difference, step.compensated.valid, rows, self._gates["valid"]
        )
        level, counts = means.cpu().numpy(), usable.cpu().numpy()
        self._side = max(1, step.here.luma.shape[0] // rows)
        worst = self._accumulate(level, counts)
        self._previous = (level, counts)
        self._steps += 1
        return worst

    def _accumulate(self, level: NDArray[np.float32], usable: NDArray[np.bool_]) -> float:
        index = self._steps // self._half
        while len(self._sums) <= index:
            self._sums.append(np.zeros(level.shape))
            self._counts.append(np.zeros(level.shape, np.int64))
        if self._previous is None:
            return float("nan")
        both = usable & self._previous[1]
        second = np.where(both, level - self._previous[0], 0.0)
        self._sums[index] += second**2
        self._counts[index] += both
        return float(np.quantile(np.abs(second[both]), 0.98)) if both.any() else float("nan")

    def verdict(self, frame_rate: Fraction, dark: str) -> Verdict:
        """Judge the worst window's 98th percentile over blocks."""
        if self._steps < self._gates["least"]:
            return not_judged("local_flicker", "Too few steps to judge.")
        found = [self._window(*span) for span in self._windows()]
        usable = [item for item in found if item is not None]
        if not usable:
            return not_judged(
                "local_flicker", "Too little of the picture stays in view to compare."
            )
        size, frames, (row, column) = max(usable, key=lambda item: item[0])
        where = (int((column + 0.5) * self._side), int((row + 0.5) * self._side))
        message = (
            f"{_when(frames, self._steps, frame_rate)}: parts of the picture waver by "
            f"{size:.2f} levels from frame to frame, most of all {_place(where, self._shape())}."
        )
        verdict = judged("local_flicker", size, message, frames=frames, frame_rate=frame_rate)
        return not_passed_in_the_dark(verdict, dark)

    def _windows(self) -> list[tuple[int, int]]:
        """Spans of half windows, as `windows` would cut them."""
        halves = len(self._sums)
        if halves <= 3:
            return [(0, halves)]
        return [(start, start + 2) for start in range(halves - 1)]

    def _window(
        self, start: int, stop: int
    ) -> tuple[float, tuple[int, int], tuple[int, int]] | None:
        counts = np.sum(self._counts[start:stop], axis=0)
        enough = counts >= max(4, counts.max() // 2)
        if not enough.any():
            return None
        sigma = np.sqrt(np.sum(self._sums[start:stop], axis=0) / np.maximum(counts, 1) / 6)
        sigma = np.where(enough, sigma, 0.0)
        row, column = np.unravel_index(int(sigma.argmax()), sigma.shape)
        size = float(np.quantile(sigma[enough], self._gates["quantile"]))
        frames = (start * self._half, min(stop * self._half, self._steps))
        return size, frames, (int(row), int(column))

    def _shape(self) -> tuple[int, int]:
        rows, columns = self._sums[0].shape
        return columns * self._side, rows * self._side


def _when(frames: tuple[int, int], num_steps: int, frame_rate: Fraction) -> str:
    """`All through the shot`, or the frames of a window."""
    whole = frames[0] == 0 and frames[1] >= num_steps
    return "All through the shot" if whole else at_frames(*frames, frame_rate)


def _place(point: tuple[int, int], size: tuple[int, int]) -> str:
    """Where a point lies, in words: `at the top left`."""
    across = ("left", "middle", "right")[min(2, 3 * point[0] // size[0])]
    down = ("top", "middle", "bottom")[min(2, 3 * point[1] // size[1])]
    if across == down:
        return "in the middle"
    return (
        f"at the {down} {across}"
        if "middle" not in (across, down)
        else (f"at the {across if down == 'middle' else down}")
    )
