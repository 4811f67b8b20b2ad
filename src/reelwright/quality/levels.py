"""How bright each frame is, and black frames.

A dark scene is not a black frame: the limit is the bright end of the frame, not its mean, and it
is also taken against the shot's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, longest_run, not_judged


def bright_level(luma: Float[Tensor, "H W"]) -> float:
    """99th percentile of Y, on every second pixel."""
    values = luma[::2, ::2].flatten()
    return float(values.kthvalue(max(1, round(0.99 * values.numel()))).values)


def median_where(values: Float[Tensor, "H W"], where: Bool[Tensor, "H W"]) -> float:
    """Median over some pixels, on every second one; NaN where there are none."""
    picked = values[::2, ::2][where[::2, ::2]]
    return float(picked.median()) if picked.numel() else float("nan")


def middle_mean(values: Tensor, low: float, high: float) -> float:
    """Mean of the values between two quantiles; NaN of none.

    On 8-bit frames a plain median sticks at 0; this does not.
    """
    if not values.numel():
        return float("nan")
    ordered = torch.sort(values.flatten()).values
    first, last = int(low * len(ordered)), max(int(high * len(ordered)), 1)
    return float(ordered[min(first, last - 1) : last].mean())


def black_verdict(bright: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge the bright levels of a shot's frames."""
    gates = THRESHOLDS["black"].gates
    if not len(bright):
        return not_judged("black", "There are no frames.")
    levels = np.asarray(bright)
    usual = float(np.median(levels))
    black = levels < gates["level"]
    if usual > gates["median_above"]:
        black |= levels < gates["of_median"] * usual
    run = longest_run(black)
    if run is None:
        darkest = int(levels.argmin())
        message = f"No frame is black; the darkest reaches level {levels[darkest]:.0f}."
        return judged("black", 0, message, frames=(darkest, darkest), frame_rate=frame_rate)
    length = run[1] - run[0] + 1
    verb = "is" if length == 1 else "are"
    message = (
        f"{at_frames(*run, frame_rate)} {verb} black: nothing brighter than level "
        f"{levels[run[0] : run[1] + 1].max():.0f} where the shot reaches {usual:.0f}."
    )
    return judged("black", length, message, frames=run, frame_rate=frame_rate)


def too_dark(bright: Sequence[float], measure: str) -> str:
    """Why a level measure cannot judge this shot; empty where it can."""
    usual = float(np.median(bright)) if len(bright) else 0.0
    if usual >= THRESHOLDS[measure].gates["dark"]:
        return ""
    return (
        f"Too dark to judge: the brightest hundredth of the picture is at level {usual:.0f}, where "
        "a fault of a few percent is less than one level."
    )
