"""How fast the picture moves against the stage: a search along the staged vectors.

For each factor s the next frame is carried back by s times the staged motion; the s that fits best
is the speed. Unbiased on clean clips (median 1.00, 0.94 to 1.16), where optical flow reads 0.88
and falls to 0 on weak texture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import log2

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.filters import gaussian
from reelwright.quality.grid import TABLE_HEIGHT
from reelwright.quality.motion_compensation import edge_pixels, pixel_grid, sample
from reelwright.quality.report import Series, Verdict
from reelwright.quality.steps import SMOOTH_SIGMA, Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged

WHOLE = ""
"""Subject of the whole picture."""

GROUND = "ground"
"""Subject of what is no prop."""

_STEP = 0.125
_SLOWEST = 0.0625
_EDGE_SHARE = 0.002  # of an edge's own value, at the end of the blur


@dataclass(frozen=True, slots=True)
class SpeedSample:
    """What was left at each factor, for one step.

    Attributes:
        frame: The frame before the step.
        left: Mean of what was left at factors 0, 0.125, ... by subject, weighted by its pixels.
    """

    frame: int
    left: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Speed:
    """The factor that fits best.

    Attributes:
        factor: 1 is the staged speed.
        confidence: What standing still leaves over what the best factor leaves.
    """

    factor: float
    confidence: float


def sample_frames(num_steps: int, every: int, least: int) -> list[int]:
    """Which steps of a shot are looked at: one in `every`, at least `least` where there are."""
    apart = max(1, min(every, num_steps // max(least, 1)))
    return list(range(0, num_steps, apart))


def speed_sample(step: Step, props: Sequence[str]) -> SpeedSample:
    """What is left at each factor over the picture, over each prop and over the ground."""
    gates = THRESHOLDS["speed"].gates
    if step.compensated is None or step.here.staged is None:
        return SpeedSample(step.here.index)
    usable = step.compensated.valid & (step.compensated.predicted > gates["predicted"])
    if float(usable.float().mean()) < gates["usable"]:
        return SpeedSample(step.here.index)
    points = _points(usable, int(gates["points"]))
    errors = _errors(step, points, gates["fastest"])
    labels = step.here.staged.mask.flatten()[points]
    left = {WHOLE: _total(errors)}
    plain = _away_from_props(step).flatten()[points]
    for index, name in enumerate((GROUND, *props)):
        mine = (labels == index) & plain if name == GROUND else labels == index
        if int(mine.sum()) >= THRESHOLDS["prop_speed"].gates["least"]:
            left[name] = _total(errors[:, mine])
    return SpeedSample(step.here.index, left)


def best_speed(left: NDArray[np.float64]) -> Speed:
    """The factor at the least of a curve, by a parabola through three points."""
    least = int(left.argmin())
    factor = float(least)
    if 0 < least < len(left) - 1:
        before, here, after = left[least - 1 : least + 2]
        bend = before - 2 * here + after
        factor += 0.5 * (before - after) / bend if bend > 0 else 0.0
    confidence = float(left[0] / max(left[least], 1e-6))
    return Speed(factor * _STEP, min(confidence, 999.0))


def speed_series(samples: Sequence[SpeedSample], num_frames: int) -> Series | None:
    """The speed of each sample against the staged one; None where it is not to be told."""
    if len(samples) < 2:
        return None
    least = THRESHOLDS["speed"].gates["confidence"]
    values: list[float | None] = []
    for item in samples:
        speed = best_speed(item.left[WHOLE]) if WHOLE in item.left else None
        sure = speed is not None and speed.confidence >= least
        values.append(round(speed.factor, 3) if speed is not None and sure else None)
    apart = samples[1].frame - samples[0].frame
    return Series("speed", "times staged", tuple(values), samples[0].frame, apart)


def speed_verdicts(
    samples: Sequence[SpeedSample], props: Sequence[str], frame_rate: Fraction, still: bool
) -> list[Verdict]:
    """Judge the worst stretch of the picture, and of each prop that can be told."""
    verdicts = [_verdict("speed", WHOLE, samples, frame_rate, still)]
    seen = [name for name in (GROUND, *props) if any(name in item.left for item in samples)]
    return verdicts + [_verdict("prop_speed", name, samples, frame_rate, still) for name in seen]


def _verdict(
    measure: str, subject: str, samples: Sequence[SpeedSample], frame_rate: Fraction, still: bool
) -> Verdict:
    gates = THRESHOLDS[measure].gates
    found = []
    for group in _groups(samples, int(THRESHOLDS["speed"].gates["group"])):
        curves = [item.left[subject] for item in group if subject in item.left]
        if curves:
            found.append((best_speed(np.sum(curves, axis=0)), (group[0].frame, group[-1].frame)))
    sure = [item for item in found if item[0].confidence >= gates["confidence"]]
    if not sure:
        return not_judged(measure, _why(found, gates["confidence"], still), subject=subject)
    speed, frames = max(sure, key=lambda item: abs(_log_speed(item[0].factor)))
    who = "the picture" if not subject else f"the {subject}" if subject == GROUND else subject
    message = (
        f"{at_frames(*frames, frame_rate)}: {who} moves at {speed.factor:.2f} times the staged "
        f"speed (confidence {speed.confidence:.1f})."
    )
    return judged(
        measure,
        abs(_log_speed(speed.factor)),
        message,
        subject=subject,
        frames=frames,
        frame_rate=frame_rate,
    )


def _why(found: Sequence[tuple[Speed, tuple[int, int]]], least: float, still: bool) -> str:
    if still:
        return "Nothing moves in the staged shot, so its speed cannot be told."
    if not found:
        return "Too dark, too plain or too still to judge: the staged motion changes too little."
    best = max(speed.confidence for speed, _ in found)
    return (
        f"Not sure enough to judge: the best factor fits {best:.2f} times as well as standing "
        f"still, and it takes {least:g}."
    )


def _groups(samples: Sequence[SpeedSample], size: int) -> list[Sequence[SpeedSample]]:
    """Stretches of `size` samples; a short rest joins the last."""
    starts = list(range(0, max(1, len(samples) - size + 1), size))
    stops = [*starts[1:], len(samples)]
    return [samples[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _log_speed(factor: float) -> float:
    return log2(max(factor, _SLOWEST))


def _points(usable: Bool[Tensor, "H W"], most: int) -> Tensor:
    """Flat indices of the usable pixels, evenly thinned."""
    index = torch.nonzero(usable.flatten()).flatten()
    return index[:: -(-len(index) // most)] if len(index) > most else index


def _errors(step: Step, points: Tensor, fastest: float) -> Float[Tensor, "S N"]:
    """|next frame at x + s m - this frame at x| at the points, for every factor s."""
    motion = step.compensated.motion if step.compensated is not None else None
    if motion is None:
        return torch.zeros(1, len(points))
    height, width = step.here.smooth.shape
    base = pixel_grid(height, width, motion.device).reshape(-1, 2)[points]
    moved = motion.reshape(-1, 2)[points]
    here = step.here.smooth.flatten()[points]
    factors = torch.arange(0, fastest + _STEP / 2, _STEP, device=motion.device)
    where = base[None] + factors[:, None, None] * moved[None]
    return (sample(step.there.smooth, where) - here).abs()


def _away_from_props(step: Step) -> Bool[Tensor, "H W"]:
    """Pixels that no prop's blurred edge reaches: there the ground seems to move as it does."""
    if step.here.staged is None:
        return torch.ones_like(step.here.luma, dtype=torch.bool)
    reach = SMOOTH_SIGMA * step.here.luma.shape[0] / TABLE_HEIGHT
    return gaussian(edge_pixels(step.here.staged.mask).float(), reach) < _EDGE_SHARE


def _total(errors: Float[Tensor, "S N"]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = errors.sum(dim=1).cpu().double().numpy()
    return total


def speed_band() -> tuple[float, float]:
    """Slowest and fastest speed that passes, times the staged one."""
    warn = THRESHOLDS["speed"].warn or 0.0
    return float(2**-warn), float(2**warn)
