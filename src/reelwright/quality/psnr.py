"""PSNR-Y between successive frames: a plot and a list of the worst moments, never a gate.

Clean clips reach from 20.7 dB (fast) to above 55 dB (static), so no fixed limit can hold. What is
judged is how far one step lies below those around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log10

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.report import Transition
from reelwright.quality.thresholds import THRESHOLDS

MAX_PSNR_DB = 99.0
"""What two equal frames are given."""


def psnr_y(one: Float[Tensor, "H W"], other: Float[Tensor, "H W"]) -> float:
    """PSNR of two lumas in dB, at most `MAX_PSNR_DB`."""
    return psnr_from_mse(float((one - other).square().mean()))


def psnr_of_difference(
    difference: Float[Tensor, "H W"], valid: Bool[Tensor, "H W"], floor: float
) -> float:
    """PSNR of what is left where pixels are valid; the squared error is at least `floor`."""
    count = max(int(valid.sum()), 1)
    mse = float((difference.square() * valid).sum()) / count
    return psnr_from_mse(max(mse, floor))


def psnr_from_mse(mse: float) -> float:
    """PSNR in dB of a mean squared error in levels, at most `MAX_PSNR_DB`."""
    return MAX_PSNR_DB if mse <= 0 else min(MAX_PSNR_DB, 10 * log10(255.0**2 / mse))


def drops(psnr_db: Sequence[float], around: int) -> NDArray[np.float64]:
    """How far each step lies below the median of its neighbours, dB.

    Args:
        psnr_db: One number a step; NaN where it could not be measured.
        around: Neighbours on each side.

    Returns:
        Positive where a step is worse than those around it; NaN with under two neighbours.
    """
    values = np.asarray(psnr_db, np.float64)
    result = np.full(len(values), np.nan)
    for index, value in enumerate(values):
        low = max(0, index - around)
        neighbours = np.concatenate((values[low:index], values[index + 1 : index + 1 + around]))
        neighbours = neighbours[~np.isnan(neighbours)]
        if len(neighbours) >= 2:
            result[index] = np.median(neighbours) - value
    return result


def worst_transitions(psnr_db: Sequence[float], frame_rate: Fraction) -> tuple[Transition, ...]:
    """The steps with the lowest PSNR-Y, worst first, some frames apart."""
    gates = THRESHOLDS["psnr_y"].gates
    below = drops(psnr_db, int(THRESHOLDS["bad_frame"].gates["around"]))
    chosen: list[int] = []
    for index in np.argsort(np.asarray(psnr_db), kind="stable"):
        if all(abs(int(index) - other) >= gates["apart"] for other in chosen):
            chosen.append(int(index))
        if len(chosen) == gates["worst"]:
            break
    return tuple(
        Transition(
            index,
            round(float(index / frame_rate), 3),
            round(float(psnr_db[index]), 2),
            round(float(np.nan_to_num(below[index])), 2),
        )
        for index in chosen
    )
