"""Seams of decode tiles, at the lines where they are known to lie.

Never a search over all lines: the static edges of props look just like seams. Raw frames only: a
seam of one level is found in every raw clip, and after x264 CRF 23 one of four levels in 40 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reelwright.frames import Frames
from reelwright.quality.luma import WEIGHTS
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged


@dataclass(frozen=True, slots=True)
class SeamLine:
    """A line between two tiles.

    Attributes:
        axis: `column` or `row`.
        at: The first column (or row) after the line.
    """

    axis: Literal["column", "row"]
    at: int


def seam_score(lumas: Iterable[NDArray[Any]], line: SeamLine) -> float:
    """The step across a line in levels, over flat rows alone; NaN with too few of them.

    Args:
        lumas: Y of some frames at full size, [H, W].
        line: The line.
    """
    gates = THRESHOLDS["seam"].gates
    near = int(gates["near"])
    steps, busy = [], []
    for luma in lumas:
        plane = luma if line.axis == "column" else luma.T
        if not near < line.at < plane.shape[1] - near:
            return float("nan")
        gradient = np.diff(plane[:, line.at - near - 1 : line.at + near + 1].astype(np.float64))
        here = gradient[:, near]  # from the column before the line to the one after
        steps.append(here - (gradient[:, near - 1] + gradient[:, near + 1]) / 2)
        busy.append(np.abs(np.delete(gradient, near, axis=1)).mean(axis=1))
    if not steps:
        return float("nan")
    flat = np.mean(busy, axis=0) < gates["flat"]
    if flat.sum() < gates["least"]:
        return float("nan")
    return abs(float(np.median(np.mean(steps, axis=0)[flat])))


def seam_verdicts(frames: Frames, lines: Sequence[SeamLine], *, raw: bool) -> list[Verdict]:
    """Judge every known line over a few frames spread along the shot."""
    verdicts = []
    count = min(len(frames), int(THRESHOLDS["seam"].gates["frames"]))
    picked = [round(index) for index in np.linspace(0, len(frames) - 1, count)]
    for line in lines:
        subject = f"{line.axis} {line.at}"
        if not raw:
            why = "Measured after the encoder, which hides seams and makes its own."
            verdicts.append(not_judged("seam", why, subject=subject))
            continue
        score = seam_score((_full_luma(frames[index]) for index in picked), line)
        if np.isnan(score):
            why = "Too little flat picture along the line, or too near the border, to judge."
            verdicts.append(not_judged("seam", why, subject=subject))
            continue
        message = f"The picture steps by {score:.2f} levels across {subject}."
        verdicts.append(judged("seam", score, message, subject=subject))
    return verdicts


def seam_time_verdicts(
    gains: Sequence[float], bounds: Sequence[int], frame_rate: Fraction
) -> list[Verdict]:
    """Judge the step of the compensated level at known chunk bounds.

    Args:
        gains: Compensated level of each step, levels.
        bounds: First frame of each chunk after the first.
        frame_rate: Frames per second.
    """
    values = np.asarray(gains, np.float64)
    usual = float(np.nanmedian(values)) if not np.isnan(values).all() else float("nan")
    verdicts = []
    for bound in bounds:
        subject = f"frame {bound}"
        size = abs(float(values[bound - 1]) - usual) if 0 < bound <= len(values) else float("nan")
        if np.isnan(size):
            why = "Too little of the picture stays in view to compare."
            verdicts.append(not_judged("seam_time", why, subject=subject))
            continue
        message = f"{at_frame(bound, frame_rate)}: the level steps by {size:.2f} at a chunk bound."
        verdicts.append(
            judged(
                "seam_time",
                size,
                message,
                subject=subject,
                frames=(bound - 1, bound),
                frame_rate=frame_rate,
            )
        )
    return verdicts


def _full_luma(frame: NDArray[Any]) -> NDArray[np.float32]:
    scale = np.float32(255 / 65535 if frame.dtype == np.uint16 else 1)
    luma: NDArray[np.float32] = (frame.astype(np.float32) @ np.array(WEIGHTS, np.float32)) * scale
    return luma
