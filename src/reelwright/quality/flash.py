"""One-frame flashes, steps in brightness, and flashing that can cause seizures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, at_frames, judged, not_judged

_BLOCK_ROWS = 18


def spikes(means: Sequence[float]) -> NDArray[np.float64]:
    """How far each frame's mean jumps away and back, levels; 0 at the ends.

    A cut has one step, not two, and does not show.
    """
    steps = np.diff(np.asarray(means, np.float64))
    result = np.zeros(len(means))
    if len(steps) >= 2:
        before, after = steps[:-1], steps[1:]
        opposite = np.sign(before) * np.sign(after) < 0
        result[1:-1] = np.where(opposite, np.minimum(np.abs(before), np.abs(after)), 0.0)
    return result


def flash_verdict(means: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge the means of a shot's frames for a flash of one frame."""
    if len(means) < 3:
        return not_judged("flash", "Too few frames to judge.")
    sizes = spikes(means)
    frame = int(sizes.argmax())
    brighter = "brighter" if means[frame] > means[frame - 1] else "darker"
    message = (
        f"{at_frame(frame, frame_rate)} is {sizes[frame]:.2f} levels {brighter} than the frames "
        "around it."
    )
    return judged(
        "flash", float(sizes[frame]), message, frames=(frame, frame), frame_rate=frame_rate
    )


def level_step_verdict(gains: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge the compensated level of each step for a jump.

    Args:
        gains: Median of the carried next luma less this one, levels; NaN where unusable.
        frame_rate: Frames per second.
    """
    values = np.asarray(gains, np.float64)
    if np.count_nonzero(~np.isnan(values)) < 3:
        return not_judged("level_step", "Too little of the picture stays in view to compare.")
    away = np.nan_to_num(np.abs(values - np.nanmedian(values)))
    step = int(away.argmax())
    message = (
        f"{at_frames(step, step + 1, frame_rate)}: the level steps by {away[step]:.2f} with the "
        "motion taken out."
    )
    return judged(
        "level_step", float(away[step]), message, frames=(step, step + 1), frame_rate=frame_rate
    )


class FlashCounter:
    """Finds opposite changes of luminance over a large part of the picture (WCAG 2.3.1).

    Each block remembers the last extreme of its relative luminance; it has changed once it lies a
    tenth of full luminance away from it, with the darker side below 0.80. Blocks that rise count
    against blocks that fall, so that a moving pattern is not a flash.
    """

    def __init__(self, frame_rate: Fraction) -> None:
        gates = THRESHOLDS["flashes"].gates
        self._change, self._dark, self._area = gates["change"], gates["dark"], gates["area"]
        self._frame_rate = frame_rate
        self._low: NDArray[np.float64] | None = None
        self._high: NDArray[np.float64] | None = None
        self._last = 0
        self._turns: list[int] = []
        self._frame = 0

    def add(self, luma: Float[Tensor, "H W"]) -> None:
        """Look at the next frame."""
        light = _block_luminance(luma)
        if self._low is None or self._high is None:
            self._low, self._high = light.copy(), light.copy()
        rose = (light - self._low >= self._change) & (self._low < self._dark)
        fell = (self._high - light >= self._change) & (light < self._dark)
        self._low = np.where(rose | fell, light, np.minimum(self._low, light))
        self._high = np.where(rose | fell, light, np.maximum(self._high, light))
        net = float(rose.mean() - fell.mean())
        direction = int(net >= self._area) - int(net <= -self._area)
        if direction and direction != self._last:
            self._turns.append(self._frame)
            self._last = direction
        self._frame += 1

    def verdict(self) -> Verdict:
        """Judge the most flashes in any second."""
        flashes = self._turns[1::2]  # a flash is a pair of opposite changes
        if self._frame < 3:
            return not_judged("flashes", "Too few frames to judge.")
        second = ceil(self._frame_rate)
        counts = [sum(1 for other in flashes if 0 <= frame - other < second) for frame in flashes]
        if not counts:
            return judged("flashes", 0, "The picture does not flash.")
        most = max(counts)
        frame = flashes[counts.index(most)]
        first = max(0, frame - second)
        message = (
            f"{at_frames(first, frame, self._frame_rate)}: {most} "
            f"flash{'es' if most > 1 else ''} over a quarter of the picture within a second."
        )
        return judged("flashes", most, message, frames=(first, frame), frame_rate=self._frame_rate)


def _block_luminance(luma: Float[Tensor, "H W"]) -> NDArray[np.float64]:
    """Relative luminance of blocks, 0 to 1, by the sRGB curve."""
    side = max(1, luma.shape[0] // _BLOCK_ROWS)
    height, width = (length // side * side for length in luma.shape)
    blocks = luma[:height, :width].reshape(height // side, side, width // side, side)
    value = blocks.mean(dim=(1, 3)).cpu().numpy().astype(np.float64) / 255
    linear: NDArray[np.float64] = np.where(
        value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4
    )
    return linear
