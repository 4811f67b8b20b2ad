"""Pops between groups of frames: a video codec codes 8 frames at a time, and each group by itself.

A codec of eight frames a cell shows frame 0 alone and then groups of eight; where it has no numbers
left for what joins them, the picture jumps from frame 8 to 9, 16 to 17 and so on. Invisible in any
still, plain as a pulse of three a second in motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.quality.psnr import MAX_PSNR_DB
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged

GROUP = 8
"""Frames that are coded together."""


def latent_groups(num_frames: int, dropped: int = 0, size: int = GROUP) -> tuple[int, ...]:
    """First frame of each group after frame 0, in a clip of k groups and one frame.

    Args:
        num_frames: Frames that are kept.
        dropped: Frames of the same decode that were taken off before them (a shot that continues
            another loses the tail that it was given).
        size: Frames of a group: 8 for LTX-2's codec.
    """
    first = 1 - dropped
    while first < 1:
        first += size
    return tuple(range(first, num_frames, size))


def pop_ratio(changes: Sequence[float], groups: Sequence[int], floor: float) -> float:
    """Change at the groups' borders over the change of the two steps on either side.

    Args:
        changes: Change of each step; NaN where it was not measured.
        groups: First frame of each group; step g - 1 leads into it.
        floor: Added to both, so that a still picture's noise makes no ratio.

    Returns:
        1 where borders are like any other step; NaN without one that has neighbours on both sides.
    """
    values = np.asarray(changes, np.float64)
    borders = np.array([group - 1 for group in groups], np.int64)
    inner = borders[(borders >= 2) & (borders < len(values) - 2)]
    if not len(inner):
        return float("nan")
    around = np.stack([values[inner + offset] for offset in (-2, -1, 1, 2)])
    usable = ~np.isnan(values[inner]) & ~np.isnan(around).any(axis=0)
    if not usable.any():
        return float("nan")
    at_border = float(values[inner][usable].mean())
    return (at_border + floor) / (float(around[:, usable].mean()) + floor)


def group_pop_verdict(
    measure: str, changes: Sequence[float], groups: Sequence[int], frame_rate: Fraction
) -> Verdict:
    """Judge the borders between groups; a long shot by its worst stretch.

    Args:
        measure: `group_pop` for plain changes, `group_pop_staged` for those along the stage.
        changes: Change of each step.
        groups: First frame of each group after frame 0.
        frame_rate: Frames per second.
    """
    gates = THRESHOLDS[measure].gates
    window = int(gates["borders"])
    inner = [group for group in groups if 3 <= group < len(changes) - 1]
    starts = range(0, max(1, len(inner) - window + 1), max(1, window // 2))
    stretches = [inner[start : start + window] for start in starts]
    ratios = [pop_ratio(changes, stretch, gates["floor"]) for stretch in stretches]
    if not inner or np.isnan(ratios).all():
        return not_judged(measure, "Too few groups of frames to compare their borders.")
    worst = int(np.nanargmax(ratios))
    frames = (stretches[worst][0] - 1, stretches[worst][-1])
    message = (
        f"{at_frames(*frames, frame_rate)}: the picture changes {ratios[worst]:.2f} times as much "
        "where a group of 8 frames ends as in the steps around it."
    )
    return judged(measure, ratios[worst], message, frames=frames, frame_rate=frame_rate)


def left_after_motion(compensated_db: Sequence[float]) -> NDArray[np.float64]:
    """Root mean square of what is left of each step along the staged motion, levels."""
    values = np.asarray(compensated_db, np.float64)
    return np.where(values >= MAX_PSNR_DB, 0.0, 255.0 * 10 ** (-values / 20))
