"""Does the picture move as staged? What the staged motion explains, and the way things go.

`speed` asks how fast a picture moves along the staged vectors and stays silent where nothing fits;
here that very silence is judged. On pixels that the staged motion would change, the next frame is
carried back along the vectors: what is then left over what was there before is near 0 for a clip
that follows, near 1 for one that does not, above 1 for one that stands still or cross-fades. The
same vectors, turned, tell the way that things really go. No optical flow: it reads 0.88 of the
staged motion on clean clips and 0 on weak texture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import cos, pi, sin

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.motion_compensation import pixel_grid, sample, warp
from reelwright.quality.report import Series, Verdict
from reelwright.quality.steps import Step
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged

WHOLE = ""
"""Subject of the whole picture."""


@dataclass(frozen=True, slots=True)
class TurnedErrors:
    """What was left of one step over some pixels.

    Attributes:
        still: Sum of |next frame - this frame|.
        turned: Sum of |next frame at x + turned motion - this frame|, by turn.
        stage_still: `still` of the staged picture.
        stage_turned: `turned` of the staged picture.
    """

    still: float
    turned: NDArray[np.float64]
    stage_still: float
    stage_turned: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MotionSample:
    """One step's errors, of the whole picture and of each prop that can be told.

    Attributes:
        frame: The frame before the step.
        errors: By subject.
    """

    frame: int
    errors: Mapping[str, TurnedErrors] = field(default_factory=dict)


def motion_sample(
    step: Step,
    props: Sequence[str],
    stage_here: Float[Tensor, "H W"],
    stage_there: Float[Tensor, "H W"],
) -> MotionSample:
    """Errors of a step for every turn of the staged vectors.

    Args:
        step: The step.
        props: Names of the props.
        stage_here: Smoothed luma of the staged picture at this frame.
        stage_there: The same at the next.
    """
    gates = THRESHOLDS["motion_followed"].gates
    if step.compensated is None or step.here.staged is None:
        return MotionSample(step.here.index)
    motion, valid = step.compensated.motion, step.compensated.valid
    # where the staged picture would change, so that a blank clip is not let off
    change = (warp(stage_here, -motion) - stage_here).abs()
    usable = valid & (change > gates["predicted"])
    if float(usable.float().mean()) < gates["usable"]:
        return MotionSample(step.here.index)
    points = torch.nonzero(usable.flatten()).flatten()
    points = points[:: -(-len(points) // int(gates["points"]))]
    base = pixel_grid(change.shape[0], change.shape[1], motion.device).reshape(-1, 2)[points]
    moved = motion.reshape(-1, 2)[points]
    here, there = step.here.smooth, step.there.smooth
    still = (there - here).abs().flatten()[points]
    where = base[None] + _turned(moved)
    left = (sample(there, where) - here.flatten()[points]).abs()
    stage_still = (stage_there - stage_here).abs().flatten()[points]
    stage_left = (sample(stage_there, where) - stage_here.flatten()[points]).abs()
    labels = step.here.staged.mask.flatten()[points]
    found = {}
    for index, name in enumerate((WHOLE, *props)):
        own = labels >= 0 if name == WHOLE else labels == index
        if name == WHOLE or int(own.sum()) >= gates["least"]:
            found[name] = TurnedErrors(
                float(still[own].sum()),
                _total(left[:, own]),
                float(stage_still[own].sum()),
                _total(stage_left[:, own]),
            )
    return MotionSample(step.here.index, found)


def turns() -> NDArray[np.float64]:
    """The turns that are tried, degrees; the first is none."""
    count = int(THRESHOLDS["motion_direction"].gates["turns"])
    return np.arange(count) * 360.0 / count


def best_turn(turned: NDArray[np.float64]) -> tuple[float, float]:
    """The turn that leaves least, by a parabola through three points.

    Returns:
        Degrees from -180 to 180, and the mean of what all turns leave over the least.
    """
    least = int(turned.argmin())
    count = len(turned)
    before, here, after = (turned[(least + offset) % count] for offset in (-1, 0, 1))
    bend = before - 2 * here + after
    exact = least + (0.5 * (before - after) / bend if bend > 0 else 0.0)
    angle = (exact * 360.0 / count + 180.0) % 360.0 - 180.0
    return angle, float(min(turned.mean() / max(here, 1e-6), 999.0))


def motion_verdicts(
    samples: Sequence[MotionSample],
    props: Sequence[str],
    frame_rate: Fraction,
    *,
    still: bool,
    raw: bool,
) -> list[Verdict]:
    """Judge the picture, and each prop that can be told, by its worst stretch.

    Where the picture has been encoded, directions of small props are told less surely.
    """
    seen = [name for name in (WHOLE, *props) if any(name in item.errors for item in samples)]
    verdicts = []
    for subject in seen or [WHOLE]:
        groups = [
            group for group in _groups(samples) if any(subject in item.errors for item in group)
        ]
        followed = _followed(subject, groups, frame_rate, still)
        room = 1.0 if raw else THRESHOLDS["motion_direction"].gates["encoded"]
        verdicts += [followed, _direction(subject, groups, frame_rate, still, room)]
    return verdicts


def motion_series(samples: Sequence[MotionSample]) -> Series | None:
    """What is left of the change of the whole picture, along the shot."""
    if len(samples) < 2:
        return None
    values = tuple(
        round(_share([item.errors[WHOLE]]), 3) if WHOLE in item.errors else None for item in samples
    )
    apart = samples[1].frame - samples[0].frame
    return Series("motion_left", "times the change", values, samples[0].frame, apart)


def _followed(
    subject: str, groups: Sequence[Sequence[MotionSample]], frame_rate: Fraction, still: bool
) -> Verdict:
    measure = "motion_followed"
    gates = THRESHOLDS[measure].gates
    found = []
    for group in groups:
        errors = [item.errors[subject] for item in group if subject in item.errors]
        change = sum(item.stage_still for item in errors)
        along = sum(float(item.stage_turned[0]) for item in errors)
        if change and along <= gates["stage"] * change:
            found.append((_share(errors), (group[0].frame, group[-1].frame + 1)))
    if not found:
        return not_judged(measure, _why(still), subject=subject)
    value, frames = max(found)
    who = subject or "the picture"
    message = (
        f"{at_frames(*frames, frame_rate)}: with the staged motion taken out, {value:.2f} of the "
        f"change is left in {who}; 0 follows it, 1 does not."
    )
    return judged(measure, value, message, subject=subject, frames=frames, frame_rate=frame_rate)


def _direction(
    subject: str,
    groups: Sequence[Sequence[MotionSample]],
    frame_rate: Fraction,
    still: bool,
    room: float,
) -> Verdict:
    measure = "motion_direction"
    gates = THRESHOLDS[measure].gates
    found = []
    for group in groups:
        errors = [item.errors[subject] for item in group if subject in item.errors]
        angle, confidence = best_turn(np.sum([item.turned for item in errors], axis=0))
        own, sure = best_turn(np.sum([item.stage_turned for item in errors], axis=0))
        if min(confidence, sure) >= gates["confidence"] and abs(own) <= gates["stage"]:
            found.append((abs(angle), (group[0].frame, group[-1].frame + 1)))
    if not found:
        why = _why(still) if still else "No direction fits much better than the others."
        return not_judged(measure, why, subject=subject)
    value, frames = max(found)
    message = (
        f"{at_frames(*frames, frame_rate)}: {subject or 'the picture'} moves {value:.0f} degrees "
        "off the staged direction."
    )
    return judged(
        measure,
        value,
        message,
        subject=subject,
        frames=frames,
        frame_rate=frame_rate,
        scale=room,
    )


def _share(errors: Sequence[TurnedErrors]) -> float:
    """What is left along the staged motion over the picture's own change.

    A picture that stands still has none, and follows nothing.
    """
    left = sum(float(item.turned[0]) for item in errors)
    change = sum(item.still for item in errors)
    return min(left / max(change, 1e-6), 9.99)


def _why(still: bool) -> str:
    if still:
        return "Nothing moves in the staged shot, so there is no motion to follow."
    return "Too plain or too dark to judge: the staged picture itself hardly shows its motion."


def _groups(samples: Sequence[MotionSample]) -> list[Sequence[MotionSample]]:
    """Stretches of a few samples; a short rest joins the last."""
    size = int(THRESHOLDS["motion_followed"].gates["group"])
    starts = list(range(0, max(1, len(samples) - size + 1), size))
    stops = [*starts[1:], len(samples)]
    return [samples[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _total(errors: Float[Tensor, "A N"]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = errors.sum(dim=1).cpu().double().numpy()
    return total


def _turned(motion: Float[Tensor, "N 2"]) -> Float[Tensor, "A N 2"]:
    """Every vector at every turn."""
    rows = [
        torch.stack(
            (
                cos(angle) * motion[:, 0] - sin(angle) * motion[:, 1],
                sin(angle) * motion[:, 0] + cos(angle) * motion[:, 1],
            ),
            dim=-1,
        )
        for angle in (turns() * pi / 180).tolist()
    ]
    return torch.stack(rows)
