"""A frame that does not fit those around it: bad, dropped, or the end of a decode chunk."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from reelwright.quality.psnr import drops, psnr_of_difference
from reelwright.quality.report import Verdict
from reelwright.quality.steps import Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged


def compensated_psnr(step: Step) -> float:
    """PSNR of the carried next frame against this one, dB; NaN with too few valid pixels."""
    if step.compensated is None:
        return float("nan")
    gates = THRESHOLDS["bad_frame"].gates
    valid = step.compensated.valid
    if float(valid.float().mean()) < gates["usable"]:
        return float("nan")
    return psnr_of_difference(step.compensated.difference, valid, gates["floor"])


def bad_frame_verdict(measure: str, psnr_db: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge how far the worst step lies below those around it.

    Args:
        measure: `bad_frame` for compensated PSNR, `bad_frame_plain` for PSNR-Y.
        psnr_db: One number a step, NaN where unusable.
        frame_rate: Frames per second.
    """
    gates = THRESHOLDS[measure].gates
    ceiling = 10 * np.log10(255.0**2 / gates["floor"])  # equal frames are no better than this
    below = drops(np.minimum(np.asarray(psnr_db, np.float64), ceiling).tolist(),
                  int(gates["around"]))  # fmt: skip
    if np.isnan(below).all():
        return not_judged(measure, "Too few steps to compare with one another.")
    worst = int(np.nanargmax(below))
    compensated = " with the motion taken out" if measure == "bad_frame" else ""
    message = (
        f"{at_frames(worst, worst + 1, frame_rate)}: the step is {max(below[worst], 0.0):.1f} dB "
        f"worse than those around it{compensated}."
    )
    return judged(
        measure, float(below[worst]), message, frames=(worst, worst + 1), frame_rate=frame_rate
    )
