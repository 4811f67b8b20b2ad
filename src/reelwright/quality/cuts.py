"""Cuts in a stranger's file: a step that is far worse than those around it and does not recover.

Clean clips drop by 9.8 dB at most, 21 hard cuts by 10.7 and up. A bad frame drops too, but the
frames on either side of it are alike: that is recovery, and `bad_frames` has it. Dissolves are not
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from reelwright.quality.psnr import drops
from reelwright.quality.thresholds import THRESHOLDS


def find_cuts(psnr_db: Sequence[float], across_db: Sequence[float]) -> list[int]:
    """The first frame of every shot but the first.

    Steps above 42 dB count as equal, so that a still picture which begins to move is no cut.

    Args:
        psnr_db: PSNR-Y of each step t, from frame t to t + 1.
        across_db: PSNR-Y of frame t - 1 against t + 2, for the same t; NaN where there are none.
    """
    row, plain = THRESHOLDS["cuts"], THRESHOLDS["bad_frame_plain"]
    ceiling = 10 * np.log10(255.0**2 / plain.gates["floor"])
    values = np.minimum(np.asarray(psnr_db, np.float64), ceiling)
    across = np.minimum(np.asarray(across_db, np.float64), ceiling)
    below = np.nan_to_num(drops(values.tolist(), int(plain.gates["around"])))
    cuts: list[int] = []
    for step in np.flatnonzero(below > row.gates["drop"]):
        recovered = across[step] > values[step] + plain.gates["recovery"] * below[step]
        if recovered:  # NaN compares false: at the very ends nothing can recover
            continue
        frame = int(step) + 1
        if not cuts or frame - cuts[-1] >= row.gates["shortest"]:
            cuts.append(frame)
    return cuts


def shots_between(cuts: Sequence[int], num_frames: int) -> list[tuple[int, int]]:
    """Start and stop of every shot."""
    bounds = [0, *cuts, num_frames]
    return [(start, stop) for start, stop in pairwise(bounds) if stop > start]
