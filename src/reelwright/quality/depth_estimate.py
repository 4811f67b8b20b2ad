"""Depth order against a depth estimate of the clip, where one is given.

An estimate from single pictures knows no scale and no offset, so only the order of pairs of pixels
is compared: the share of pairs that the stage puts plainly one behind the other and that the
estimate keeps so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.errors import QualityError
from reelwright.frames import Frames
from reelwright.quality.grid import MeasureGrid
from reelwright.quality.motion_compensation import edge_pixels
from reelwright.quality.report import Verdict
from reelwright.quality.steps import StagedFrame
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged


@dataclass(frozen=True, slots=True)
class DepthEstimate:
    """Depth of a clip as some model sees it.

    Attributes:
        frames: [F, h, w], any scale; as many frames as the clip, of the same shape at any size.
        nearer_is_larger: Large values are near (inverse depth, disparity); else far.
    """

    frames: Frames
    nearer_is_larger: bool = True


@dataclass(frozen=True, slots=True)
class OrderKept:
    """How one frame's pairs came out.

    Attributes:
        frame: The frame.
        kept: Share of pairs in the staged order, of all over the picture.
        kept_props: The same of pairs of which one lies on a prop; NaN without any.
    """

    frame: int
    kept: float
    kept_props: float


def check_estimate(estimate: DepthEstimate, num_frames: int) -> None:
    """Refuse an estimate that does not cover the clip.

    Raises:
        QualityError: It is no [F, h, w], or too short.
    """
    shape = estimate.frames.shape
    if len(shape) != 3 or len(estimate.frames) < num_frames:
        raise QualityError(
            f"A depth estimate of shape {list(shape)} does not cover {num_frames} frames.",
            "Give one map [h, w] for every frame of the clip.",
        )


def order_kept(
    estimate: DepthEstimate,
    frame: int,
    staged: StagedFrame,
    grid: MeasureGrid,
    size: tuple[int, int],
) -> OrderKept:
    """Compare pairs of pixels of one frame, the same ones in every run.

    Args:
        estimate: The clip's depth.
        frame: Which frame.
        staged: The stage under it.
        grid: What is measured on.
        size: Width and height of the clip's pictures.
    """
    gates = THRESHOLDS["depth_estimate"].gates
    depth = staged.depth_m.cpu().numpy()
    guess = _on_grid(np.asarray(estimate.frames[frame], np.float64), grid, size)
    guess = -guess if estimate.nearer_is_larger else guess
    mask = staged.mask.cpu().numpy()
    plain = np.flatnonzero(~edge_pixels(staged.mask).cpu().numpy())
    rng = np.random.default_rng(frame)
    one, other = rng.choice(plain, (2, int(gates["pairs"])))
    near, far = (
        np.minimum(depth.flat[one], depth.flat[other]),
        np.maximum(depth.flat[one], depth.flat[other]),
    )
    apart = far - near > gates["step"] * near
    staged_order = np.sign(depth.flat[one] - depth.flat[other])
    kept = (np.sign(guess.flat[one] - guess.flat[other]) == staged_order)[apart]
    on_prop = ((mask.flat[one] > 0) ^ (mask.flat[other] > 0)) | (
        (mask.flat[one] > 0) & (mask.flat[one] != mask.flat[other])
    )
    return OrderKept(frame, _mean(kept), _mean(kept[on_prop[apart]]))


def depth_estimate_verdict(found: Sequence[OrderKept], frame_rate: Fraction) -> Verdict:
    """Judge the share of pairs that keep their order: the frames' median of the worse of two."""
    measure = "depth_estimate"
    values = np.array([np.nanmin((item.kept, item.kept_props)) for item in found], np.float64)
    if not len(values) or np.isnan(values).all():
        return not_judged(measure, "The staged depth is all one: there is no order to keep.")
    value, worst = float(np.nanmedian(values)), int(np.nanargmin(values))
    frame = found[worst].frame
    message = (
        f"The estimated depth keeps {100 * value:.1f} % of the staged order; least, "
        f"{100 * values[worst]:.1f} %, in {at_frame(frame, frame_rate).lower()}."
    )
    return judged(measure, 100 * value, message, frames=(frame, frame), frame_rate=frame_rate)


def _on_grid(
    guess: NDArray[np.float64], grid: MeasureGrid, size: tuple[int, int]
) -> NDArray[np.float64]:
    """The estimate's values nearest to the centres of the measuring grid."""
    left, top, right, bottom = grid.picture
    rows = top + (np.arange(grid.height) + 0.5) * (bottom - top) / grid.height
    columns = left + (np.arange(grid.width) + 0.5) * (right - left) / grid.width
    height, width = guess.shape
    at = np.ix_(
        np.clip((rows * height / size[1]).astype(np.int64), 0, height - 1),
        np.clip((columns * width / size[0]).astype(np.int64), 0, width - 1),
    )
    return guess[at]


def _mean(kept: NDArray[np.bool_]) -> float:
    return float(kept.mean()) if len(kept) else float("nan")
