"""Slow drift of brightness along a shot, with the motion taken out.

Every few frames the frame is compared with the one before along the composed staged motion; the
small differences add up. Pictures of far-apart moments are never compared: shading changes as
camera and props turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import sqrt

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from reelwright.quality.flicker import not_passed_in_the_dark
from reelwright.quality.levels import middle_mean
from reelwright.quality.motion_compensation import carry_labels, compose, warp
from reelwright.quality.report import Verdict
from reelwright.quality.steps import Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged

_MEASURED_FRAMES = 41  # the clips that the limits come from


class DriftWatch:
    """Follows a shot's level from one frame in four to the next."""

    def __init__(self) -> None:
        self._gates = THRESHOLDS["drift"].gates
        self._start: Float[Tensor, "H W"] | None = None
        self._motion: Float[Tensor, "H W 2"] | None = None
        self._valid: Bool[Tensor, "H W"] | None = None
        self._held = 0
        self.changes: list[float] = []

    def add(self, step: Step) -> None:
        """Look at the next step."""
        if step.compensated is None:
            return
        if self._motion is None or self._valid is None:
            self._start = step.here.luma
            self._motion, self._valid = step.compensated.motion, step.compensated.valid
        else:
            there = carry_labels(step.compensated.valid[None].float(), self._motion)[0]
            self._valid = self._valid & (there > 0)
            self._motion = compose(self._motion, step.compensated.motion)
        self._held += 1
        if self._held == int(self._gates["every"]):
            self._close(step.there.luma)

    def _close(self, luma: Float[Tensor, "H W"]) -> None:
        if self._start is None or self._motion is None or self._valid is None:
            return
        difference = warp(luma, self._motion) - self._start
        picked = difference[::2, ::2][self._valid[::2, ::2]]
        enough = picked.numel() >= self._gates["usable"] * self._start.numel() / 4
        change = middle_mean(picked, self._gates["low"], self._gates["high"])
        self.changes.append(change if enough else float("nan"))
        self._start = self._motion = self._valid = None
        self._held = 0


def drift_verdict(
    changes: Sequence[float], num_frames: int, frame_rate: Fraction, dark: str
) -> Verdict:
    """Judge the sum of a shot's slow changes.

    The limits hold for some 41 frames. Of a longer shot they grow with the square root of its
    length, as the sum of small errors does.

    Args:
        changes: Change of level over every fourth frame, levels; NaN where unusable.
        num_frames: Frames of the shot.
        frame_rate: Frames per second.
        dark: Why the shot is too dark to pass; empty if it is not.
    """
    row = THRESHOLDS["drift"]
    values = np.asarray(changes, np.float64)
    if num_frames < row.gates["least"] or np.isnan(values).sum() > len(values) / 2:
        return not_judged("drift", "Too few frames stay comparable to follow the level.")
    total = float(np.nansum(values))
    word = "brighter" if total > 0 else "darker"
    last = len(values) * int(row.gates["every"])
    message = (
        f"{at_frames(0, last, frame_rate)}: the picture grows {abs(total):.1f} levels {word} with "
        "the motion taken out."
    )
    scale = max(1.0, sqrt(num_frames / _MEASURED_FRAMES))
    verdict = judged(
        "drift", abs(total), message, frames=(0, last), frame_rate=frame_rate, scale=scale
    )
    return not_passed_in_the_dark(verdict, dark)


def drift_levels(changes: Sequence[float]) -> list[float]:
    """The level along the shot against its start, levels: the changes added up."""
    added = np.concatenate(([0.0], np.cumsum(np.nan_to_num(np.asarray(changes, np.float64)))))
    return [float(value) for value in added]
