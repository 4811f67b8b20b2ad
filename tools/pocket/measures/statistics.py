"""From what was measured of clips to one number, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Clips = Sequence[Sequence[Any]]
"""What was measured: for each clip, one value for each seed."""

Summary = Callable[[Clips], float]

RESAMPLES = 200


def mean(clips: Clips) -> float:
    """Mean over clips of the mean over seeds."""
    return float(np.mean([np.mean(seeds) for seeds in clips]))


def pooled_median_size(clips: Clips) -> float:
    """Median of the sizes of all values of all clips; each is a list."""
    values = [abs(value) for seeds in clips for listed in seeds for value in listed]
    return float(np.median(values)) if values else float("nan")


def pooled_share_within(most: float) -> Summary:
    """Share of all values of all clips whose size is at most so large; each is a list."""

    def share(clips: Clips) -> float:
        values = [abs(value) <= most for seeds in clips for listed in seeds for value in listed]
        return float(np.mean(values)) if values else float("nan")

    return share


def pooled_ratio(clips: Clips) -> float:
    """Sum of all firsts over the sum of all seconds; each is a pair."""
    pairs = np.array([pair for seeds in clips for pair in seeds], np.float64)
    return float(pairs[:, 0].sum() / max(pairs[:, 1].sum(), 1e-12))


def pooled_correlation(clips: Clips) -> float:
    """Correlation of all firsts with all seconds; each is a pair of lists."""
    one, other = (
        np.concatenate([np.asarray(pair[k], np.float64) for seeds in clips for pair in seeds])
        for k in (0, 1)
    )
    if len(one) < 3 or not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def standard_error(clips: Clips, summary: Summary, seed: int = 0) -> float:
    """By drawing clips anew, with repetition; NaN for fewer than two."""
    if len(clips) < 2:
        return float("nan")
    rng = np.random.default_rng(seed)
    drawn = [
        summary([clips[int(i)] for i in rng.integers(0, len(clips), len(clips))])
        for _ in range(RESAMPLES)
    ]
    return float(np.nanstd(drawn, ddof=1)) if not np.isnan(drawn).all() else float("nan")


def tolerance(error: float, whole: int, part: int, floor: float) -> float:
    """How far a measure of some of the clips may lie from that of all of them.

    3.5 standard errors of a draw of `part` of the `whole` clips, none where they are the same, and
    what arithmetic of another machine may change.

    Args:
        error: Standard error over all clips.
        whole: How many they are.
        part: How many were measured again.
        floor: What another machine may change.
    """
    left = max(whole / max(part, 1) - 1, 0.0)
    known = 0.0 if math.isnan(error) else error
    return floor + 3.5 * known * math.sqrt(left)
