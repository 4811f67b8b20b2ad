"""Frozen and repeated frames: change that the stage asks for and the picture does not show.

A stare at the change alone cannot tell a stuck picture from a still shot (clean static clips reach
0.000 after an encoder); the staged motion can.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.quality.report import Status, Verdict
from reelwright.quality.steps import Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, longest_run, not_judged, runs

STILL = "Nothing moves in the staged shot, so a frozen picture looks like a good one."
PLAIN = (
    "Too dark or too plain to judge: the staged motion would change less than 0.5 % of the "
    "picture by a level."
)


def change_ratio(step: Step) -> float:
    """Change seen over change predicted by the staged motion; NaN where too little is predicted."""
    if step.compensated is None:
        return float("nan")
    gates = THRESHOLDS["frozen"].gates
    predicted = step.compensated.predicted
    moving = predicted > gates["predicted"]
    if float(moving.float().mean()) < gates["usable"]:
        return float("nan")
    seen = (step.there.smooth - step.here.smooth).abs()
    return float((seen * moving).sum() / (predicted * moving).sum())


def frozen_verdict(
    ratios: Sequence[float], frame_rate: Fraction, *, raw: bool, still: bool
) -> Verdict:
    """Judge the change ratios of a shot's steps.

    Args:
        ratios: `change_ratio` of each step.
        frame_rate: Frames per second.
        raw: Measured before the encoder; after it a skipped block repeats a frame by itself.
        still: Nothing moves in the staged shot.
    """
    row = THRESHOLDS["frozen"]
    values = np.asarray(ratios, np.float64)
    if np.count_nonzero(~np.isnan(values)) < row.gates["least"]:
        return not_judged("frozen", STILL if still else PLAIN)
    usual = float(np.nanmedian(values))
    stuck = usual < row.gates["stuck"]
    base = 1.0 if stuck else usual
    frozen = np.nan_to_num(values / base, nan=1.0) < row.gates["ratio"]
    run = longest_run(frozen)
    if run is None:
        lowest = int(np.nanargmin(values))
        message = (
            f"Every step shows the change that the stage asks for; the least is "
            f"{values[lowest] / base:.2f} of the usual."
        )
        return judged("frozen", 0, message, frames=(lowest, lowest + 1), frame_rate=frame_rate)
    length = run[1] - run[0] + 1
    message = _message(run, stuck, frame_rate)
    mild = not raw and length < row.gates["after_encoder"]
    return judged(
        "frozen",
        length,
        message,
        frames=(run[0], run[1] + 1),
        frame_rate=frame_rate,
        status=Status.NOTE if mild else None,
    )


def _message(run: tuple[int, int], stuck: bool, frame_rate: Fraction) -> str:
    frames = at_frames(run[0] + 1, run[1] + 1, frame_rate)
    if stuck:
        return f"{frames}: the picture hardly moves at all while the stage does."
    verb = "repeats the one" if run[0] == run[1] else "repeat those"
    return f"{frames} {verb} before while the stage moves on."


def frozen_plain_verdict(changes: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge the mean change of each step without a stage: a warning at most.

    Args:
        changes: Mean |Y difference| of each step, levels.
        frame_rate: Frames per second.
    """
    row = THRESHOLDS["frozen_plain"]
    values: NDArray[np.float64] = np.asarray(changes, np.float64)
    if len(values) < row.gates["least"]:
        return not_judged("frozen_plain", "Too few frames to judge.")
    usual = float(np.median(values))
    if usual < row.gates["moving"]:
        why = f"A still shot: {usual:.2f} levels of change from frame to frame. It needs a stage."
        return not_judged("frozen_plain", why)
    stops = [
        run
        for run in runs(values < row.gates["ratio"] * usual)
        if _is_sudden(values, run, row.gates["ratio"])
    ]
    if not stops:
        message = f"Every step changes the picture; {usual:.1f} levels is usual."
        return judged("frozen_plain", 0, message)
    run = max(stops, key=lambda item: item[1] - item[0])
    length = run[1] - run[0] + 1
    verb = "seems to repeat the one" if length == 1 else "seem to repeat those"
    message = (
        f"{at_frames(run[0] + 1, run[1] + 1, frame_rate)} {verb} before: "
        f"{values[run[0] : run[1] + 1].min():.2f} levels of change where {usual:.1f} is usual."
    )
    frames = (run[0], run[1] + 1)
    return judged("frozen_plain", length, message, frames=frames, frame_rate=frame_rate)


def _is_sudden(values: NDArray[np.float64], run: tuple[int, int], ratio: float) -> bool:
    """Whether a run of small changes breaks off the motion; a camera that eases in does not."""
    first, last = run
    falls = first == 0 or values[first] < ratio * values[first - 1]
    rises = last == len(values) - 1 or values[last] < ratio * values[last + 1]
    return bool(falls and rises and (first > 0 or last < len(values) - 1))
