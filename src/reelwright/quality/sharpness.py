"""Sharpness of a frame against its own coarser detail, and where a shot loses it.

Band energy: the finest detail over coarser detail of the same frame, so that contrast cancels out.
It follows grain: frames of one clip at one stage are compared, never a keyframe with a decoded
frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.filters import gaussian
from reelwright.quality.luma import area_resize
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged

EVERY = 2
"""One frame in so many is looked at."""

_LEAST_DETAIL = 1e-2  # squared levels; below it there is nothing to be sharp


def band_ratio(luma: Float[Tensor, "H W"], scale: float) -> float:
    """Energy of the finest detail over that of coarser detail; NaN of a plain frame.

    Args:
        luma: Y of the frame.
        scale: Height over the table's: the filters' widths grow with it.
    """
    height, width = luma.shape
    half = area_resize(luma, (width // 2, height // 2))  # a quarter of the work
    middle, coarse = gaussian(half, scale), gaussian(half, 2 * scale)
    detail = float((middle - coarse).square().mean())
    if detail < _LEAST_DETAIL:
        return float("nan")
    return float((luma - gaussian(luma, scale)).square().mean()) / detail


def sharpness_verdict(
    bands: Sequence[float],
    num_frames: int,
    frame_rate: Fraction,
    moved: NDArray[np.float64] | None,
    stage_bands: Mapping[int, float] | None = None,
) -> Verdict:
    """Judge whether the end of a shot is blurred against its first two thirds.

    What the staged picture itself loses there (the camera turns to something plainer) is no fault
    and is taken off; what it gains accuses nobody.

    Args:
        bands: `band_ratio` of every `EVERY`th frame.
        num_frames: Frames of the shot.
        frame_rate: Frames per second.
        moved: Mean staged motion of each step, measured pixels; None without a stage.
        stage_bands: `band_ratio` of the staged picture at some frames.
    """
    row = THRESHOLDS["sharpness"]
    if num_frames < row.gates["least"]:
        return not_judged("sharpness", f"A shot of {num_frames} frames is too short to compare.")
    values = np.asarray(bands, np.float64)
    frames = np.arange(len(values)) * EVERY
    bound = num_frames - int(row.gates["last"])
    lost = _lost(frames, values, num_frames, bound)
    if np.isnan(lost):
        return not_judged("sharpness", "Too plain to judge: there is no detail to compare.")
    staged = np.array(sorted(stage_bands.items()) if stage_bands else []).reshape(-1, 2)
    excused = _lost(staged[:, 0], staged[:, 1], num_frames, bound)
    lost -= max(0.0, excused) if not np.isnan(excused) else 0.0
    scale = 1.0
    if moved is not None and _moves_otherwise(moved, bound):
        scale = row.gates["moved_warn"] / (row.warn or 1.0)
    word = "lost" if lost > 0 else "gained"
    message = (
        f"{at_frame(bound, frame_rate)} and after: fine detail has {word} a factor of "
        f"{2 ** abs(lost):.2f} against the first two thirds."
    )
    span = (bound, num_frames - 1)
    return judged("sharpness", lost, message, frames=span, frame_rate=frame_rate, scale=scale)


def sharpness_jump_verdicts(
    bands: Sequence[float], bounds: Sequence[int], frame_rate: Fraction
) -> list[Verdict]:
    """Judge the jump of sharpness at known chunk bounds.

    Args:
        bands: `band_ratio` of every `EVERY`th frame.
        bounds: First frame of each chunk after the first.
        frame_rate: Frames per second.
    """
    count = int(THRESHOLDS["sharpness_jump"].gates["samples"])
    values = np.asarray(bands, np.float64)
    verdicts = []
    for bound in bounds:
        index = -(-bound // EVERY)
        before, after = values[max(0, index - count) : index], values[index : index + count]
        subject = f"frame {bound}"
        if len(before) < count or len(after) < count:
            why = "Too few frames on one side of the bound."
            verdicts.append(not_judged("sharpness_jump", why, subject=subject))
            continue
        jump = abs(float(np.log2(_median(before) / _median(after))))
        message = f"{at_frame(bound, frame_rate)}: fine detail jumps by a factor of {2**jump:.2f}."
        verdicts.append(
            judged(
                "sharpness_jump",
                jump,
                message,
                subject=subject,
                frames=(bound, bound),
                frame_rate=frame_rate,
            )
        )
    return verdicts


def _lost(frames: NDArray[Any], values: NDArray[np.float64], num_frames: int, bound: int) -> float:
    """How much finer detail the first two thirds have than what follows `bound`, log2."""
    early = frames < min(THRESHOLDS["sharpness"].gates["first"] * num_frames, bound)
    first, last = _median(values[early]), _median(values[frames >= bound])
    return float(np.log2(first / last)) if first > 0 and last > 0 else float("nan")


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _moves_otherwise(moved: NDArray[np.float64], bound: int) -> bool:
    """Whether the end moves at another pace, so that motion blur may explain the loss."""
    factor = THRESHOLDS["sharpness"].gates["moved"]
    first, last = float(moved[:bound].mean()), float(moved[bound:].mean())
    return max(first, last) > 0.5 and max(first, last) > factor * min(first, last)
