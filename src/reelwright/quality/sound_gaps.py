"""Missing sound: moments far below the sound's own floor.

Judged against the floor, not a fixed level: sound that is silent of its own accord (gated speech, a
single bell) cannot be judged by level, and then the mix's own bookkeeping must say where sound
ought to be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelwright.quality.report import Status, Verdict
from reelwright.quality.sound_levels import HOP_S, WINDOW_S
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged, runs

Span = tuple[float, float]
"""Start and end, seconds."""


def find_gaps(levels_db: NDArray[np.float32], floor_db: float) -> list[Span]:
    """Where the level lies under the floor, seconds."""
    return [(first * HOP_S, last * HOP_S + WINDOW_S) for first, last in runs(levels_db < floor_db)]


def gap_verdict(levels_db: NDArray[np.float32], spans: Sequence[Span] | None = None) -> Verdict:
    """Judge a sound for gaps.

    Args:
        levels_db: `window_levels_db` of the sound.
        spans: Where sound ought to be, if that is known: each is judged by its own floor.
    """
    gates = THRESHOLDS["sound_gap"].gates
    if not len(levels_db):
        return not_judged("sound_gap", "There is no sound.")
    parts = spans if spans is not None else [(0.0, len(levels_db) * HOP_S + WINDOW_S)]
    gaps: list[Span] = []
    judged_parts = 0
    for start, end in parts:
        first, last = round(start / HOP_S), round((end - WINDOW_S) / HOP_S) + 1
        own = levels_db[max(first, 0) : max(last, 0)]
        usual = float(np.quantile(own, gates["quantile"])) if len(own) >= 8 else -np.inf
        if usual <= gates["floor"]:
            continue
        judged_parts += 1
        floor = max(usual - gates["below"], gates["floor"])
        gaps += [(start + a, start + b) for a, b in find_gaps(own, floor)]
    if not judged_parts:
        why = "The sound is silent of its own accord in places, so a gap cannot be told by level."
        return not_judged("sound_gap", why)
    return _verdict(gaps, len(levels_db) * HOP_S + WINDOW_S, meant=spans is None)


def _verdict(gaps: Sequence[Span], duration_s: float, *, meant: bool) -> Verdict:
    """Judge the longest gap; a long silence may be meant, where nobody says otherwise."""
    longest = THRESHOLDS["sound_gap"].gates["meant"] / 1000 if meant else float("inf")
    inner = [gap for gap in gaps if gap[0] > HOP_S and gap[1] < duration_s - 2 * HOP_S]
    outer = [gap for gap in gaps if gap not in inner]
    silent = [gap for gap in inner if gap[1] - gap[0] > longest]
    inner = [gap for gap in inner if gap not in silent]
    if inner:
        start, end = max(inner, key=lambda gap: gap[1] - gap[0])
        more = f" ({len(inner) - 1} more)" if len(inner) > 1 else ""
        message = f"The sound drops out for {1000 * (end - start):.0f} ms at {start:.2f} s{more}."
        return judged("sound_gap", 1000 * (end - start), message, time_s=start)
    if silent:
        start, end = max(silent, key=lambda gap: gap[1] - gap[0])
        message = (
            f"The sound is silent for {end - start:.2f} s from {start:.2f} s; look whether that "
            "is meant."
        )
        return judged("sound_gap", 0, message, time_s=start, status=Status.NOTE)
    if outer:
        start, end = max(outer, key=lambda gap: gap[1] - gap[0])
        where = "begins" if start <= HOP_S else "ends"
        message = f"The sound {where} with {1000 * (end - start):.0f} ms of silence."
        return judged("sound_gap", 0, message, time_s=start, status=Status.NOTE)
    return judged("sound_gap", 0, "The sound never falls out of its own floor.")
