"""Is each prop where the stage puts it? Its outline, correlated with the picture's gradients.

The picture gives every pixel a double-angle gradient direction, A + iB, of a weight that grows with
its strength; a prop's staged outline gives normals. Their mean agreement at every displacement
peaks where the prop really is (right within 1.5 px of 272 rows in 96 % of trials). No depth
network, no optical flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import hypot
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.quality.filters import gaussian, sobel
from reelwright.quality.grid import MeasureGrid
from reelwright.quality.luma import area_resize
from reelwright.quality.report import Series, Status, Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged


@dataclass(frozen=True, slots=True)
class Outline:
    """A prop's staged outline.

    Attributes:
        rows: Row of each point.
        columns: Column of each point.
        cosine: Cosine of twice the normal's angle at each point.
        sine: Sine of twice the normal's angle.
    """

    rows: Tensor
    columns: Tensor
    cosine: Tensor
    sine: Tensor

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a prop was found in one frame.

    Attributes:
        frame: The frame.
        right: Displacement from its staged place, measured pixels.
        down: The same, downwards.
        peak: Agreement at the best displacement, -1 to 1.
        support: Agreement in place over the median of displacements around it.
        support_there: The same at the best displacement.
        stage_support: The same in the staged picture itself; NaN if that was not looked at.
        stage_peak: Agreement at the best displacement in the staged picture.
        stage_away: How far the staged picture itself seems displaced, measured pixels: more than
            a little, and this outline does not tell.
    """

    frame: int
    right: float
    down: float
    peak: float
    support: float
    support_there: float
    stage_support: float = float("nan")
    stage_peak: float = 0.0
    stage_away: float = 0.0

    @property
    def is_found(self) -> bool:
        """Whether an outline stands there that is a good part of what the stage shows."""
        gates = THRESHOLDS["prop_place"].gates
        return self.peak >= max(gates["peak"], gates["of_stage"] * self.stage_peak)

    def beside(self, stage: Placement) -> Placement:
        """With what the staged picture shows of the same outline."""
        away = hypot(stage.right, stage.down)
        return replace(self, stage_support=stage.support, stage_peak=stage.peak, stage_away=away)


@dataclass(slots=True)
class Placements:
    """Every prop's placements along a shot."""

    found: dict[str, list[Placement]] = field(default_factory=dict)

    def add(self, prop: str, placement: Placement) -> None:
        """Keep one."""
        self.found.setdefault(prop, []).append(placement)


def gradient_direction(
    luma: Float[Tensor, "H W"],
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Double-angle direction of the gradient, weighted by its strength: A and B."""
    across, down = sobel(luma)
    squared = across.square() + down.square()
    strength = squared.sqrt()
    weight = strength / (strength + THRESHOLDS["prop_place"].gates["weight"])
    scale = weight / squared.clamp(min=1e-12)
    return scale * (across.square() - down.square()), scale * 2 * across * down


def outline(
    mask: NDArray[Any], prop: int, size: tuple[int, int], device: str = "cpu"
) -> Outline | None:
    """The outline of a prop on the measuring grid; None if it is too small in the picture.

    Args:
        mask: Prop index as staged, [H, W].
        prop: Its index.
        size: Width and height of the measuring grid.
        device: Where to work.
    """
    gates = THRESHOLDS["prop_place"].gates
    own = mask == prop
    if own.mean() < gates["area"]:
        return None
    area = area_resize(torch.from_numpy(own).to(device).float(), size)
    across, down = sobel(gaussian(area, 1.0))
    strength = (across.square() + down.square()).sqrt()
    edge = strength > gates["edge"] * strength.max()
    border = int(gates["border"])
    inner = torch.zeros_like(edge)
    inner[border:-border, border:-border] = edge[border:-border, border:-border]
    points = torch.nonzero(inner)
    most = int(gates["points"])
    points = points[:: -(-len(points) // most)] if len(points) > most else points
    if len(points) < 40:
        return None
    rows, columns = points.unbind(dim=1)
    x, y = across[rows, columns], down[rows, columns]
    squared = x.square() + y.square()
    return Outline(rows, columns, (x.square() - y.square()) / squared, 2 * x * y / squared)


def place(
    direction: tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]], shape: Outline, frame: int
) -> Placement:
    """Find a prop's outline in a picture's gradient directions."""
    height = direction[0].shape[0]
    radius = max(3, round(THRESHOLDS["prop_place"].gates["search"] * height))
    near = max(3, round(THRESHOLDS["prop_missing"].gates["search"] * height))
    response = _responses(direction, shape, radius + 1)
    mean = response[:, 1:-1, 1:-1].mean(dim=0)
    best = int(mean.argmax())
    row, column = divmod(best, mean.shape[1])
    near = min(near, radius)
    support = _support(response, near)
    return Placement(
        frame,
        right=_refined(mean[row], column) - radius,
        down=_refined(mean[:, column], row) - radius,
        peak=float(mean[row, column]),
        support=float(support[radius, radius]),
        support_there=float(support[row, column]),
    )


def _responses(
    direction: tuple[Tensor, Tensor], shape: Outline, radius: int
) -> Float[Tensor, "N S S"]:
    """cos 2(angle difference) times weight, at every displacement of every point."""
    side = 2 * radius + 1
    total = torch.zeros(len(shape), side, side, device=shape.rows.device)
    for plane, part in zip(direction, (shape.cosine, shape.sine), strict=True):
        windows = F.pad(plane, (radius,) * 4).unfold(0, side, 1).unfold(1, side, 1)
        total.addcmul_(windows[shape.rows, shape.columns], part[:, None, None])
    return total


def _support(response: Float[Tensor, "N S S"], near: int) -> Float[Tensor, "s s"]:
    """Best of 3x3 at each point, averaged: over its median at displacements up to `near`."""
    wide = torch.maximum(torch.maximum(response[:, :-2], response[:, 1:-1]), response[:, 2:])
    best = torch.maximum(torch.maximum(wide[..., :-2], wide[..., 1:-1]), wide[..., 2:]).mean(dim=0)
    middle = best.shape[0] // 2
    around = best[middle - near : middle + near + 1, middle - near : middle + near + 1]
    return best / around.median().clamp(min=1e-3)


def _refined(line: Tensor, index: int) -> float:
    """The top of a parabola through a line's peak and its neighbours."""
    if not 0 < index < len(line) - 1:
        return float(index)
    before, here, after = (float(value) for value in line[index - 1 : index + 2])
    bend = before - 2 * here + after
    return index + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def place_series(placements: Placements, height: int) -> list[Series]:
    """How far each prop lies from its staged place along the shot, percent of the height."""
    result = []
    for prop, found in placements.found.items():
        if len(found) < 2:
            continue
        apart = min(after.frame - before.frame for before, after in pairwise(found))
        length = (found[-1].frame - found[0].frame) // apart + 1
        values: list[float | None] = [None] * length
        for item in found:
            if item.peak >= THRESHOLDS["prop_place"].gates["peak"]:
                at = (item.frame - found[0].frame) // apart
                values[at] = round(100 * float(np.hypot(item.right, item.down)) / height, 3)
        series = Series(f"place:{prop}", "% of height", tuple(values), found[0].frame, apart)
        result.append(series)
    return result


def place_verdicts(
    placements: Placements,
    props: Sequence[str],
    grid: MeasureGrid,
    frame_rate: Fraction,
    dark: str,
) -> list[Verdict]:
    """Judge whether each prop is there, and in its place.

    Args:
        placements: Where the props were found.
        props: Their names.
        grid: What was measured on.
        frame_rate: Frames per second.
        dark: Why the shot is too dark to miss a prop; empty if it is not.
    """
    verdicts = []
    for prop in props:
        found = placements.found.get(prop, [])
        if not found:
            why = "Too small in the picture to judge, or its outline is cut by the frame."
            verdicts.append(not_judged("prop_place", why, subject=prop))
            continue
        missing = _missing_verdict(prop, found, frame_rate, dark)
        verdicts += [missing, _place_verdict(prop, found, grid, frame_rate, missing)]
    return verdicts


def _missing_verdict(
    prop: str, found: Sequence[Placement], frame_rate: Fraction, dark: str
) -> Verdict:
    gates = THRESHOLDS["prop_missing"].gates
    shown = [item for item in found if not item.stage_support < gates["stage"]]
    if not shown:
        return not_judged("prop_missing", _UNCLEAR, subject=prop)
    supports = _running_median(
        [item.support_there if item.is_found else item.support for item in shown]
    )
    worst = int(np.argmin(supports))
    frame = shown[worst].frame
    message = (
        f"{at_frame(frame, frame_rate)}: {prop}'s outline fits the picture "
        f"{supports[worst]:.2f} times as well as it fits beside itself."
    )
    verdict = judged(
        "prop_missing",
        float(supports[worst]),
        message,
        subject=prop,
        frames=(frame, frame),
        frame_rate=frame_rate,
    )
    if verdict.status is Status.PASSED:
        return verdict
    if dark:
        return not_judged("prop_missing", dark, subject=prop, value=verdict.value)
    if supports[worst] > gates["of_stage"] * shown[worst].stage_support:
        return not_judged("prop_missing", _UNCLEAR, subject=prop, value=verdict.value)
    return verdict


def _place_verdict(
    prop: str,
    found: Sequence[Placement],
    grid: MeasureGrid,
    frame_rate: Fraction,
    missing: Verdict,
) -> Verdict:
    gates = THRESHOLDS["prop_place"].gates
    most = gates["stage_away"] / 100 * grid.height * grid.coarseness
    tells = [item for item in found if item.stage_away <= most]
    sure = [item for item in tells if item.peak >= gates["peak"]]
    if not sure:
        return not_judged("prop_place", _FAINT if tells else _UNCLEAR, subject=prop)
    if missing.status in (Status.WARN, Status.FAIL) and not any(item.is_found for item in sure):
        why = "The prop was not found, so its place cannot be told."
        return not_judged("prop_place", why, subject=prop)
    right = _running_median([item.right for item in sure])
    down = _running_median([item.down for item in sure])
    away = 100 * np.hypot(right, down) / grid.height
    worst = int(away.argmax())
    frame = sure[worst].frame
    message = (
        f"{at_frame(frame, frame_rate)}: {prop} lies {away[worst]:.2f} % of the height "
        f"{_toward(right[worst], down[worst])} its staged place{_growth(away)}."
    )
    return judged(
        "prop_place",
        float(away[worst]),
        message,
        subject=prop,
        frames=(frame, frame),
        frame_rate=frame_rate,
        scale=grid.coarseness,
    )


_UNCLEAR = "Its outline hardly shows in the staged picture itself."
_FAINT = "Too dark or too faint to judge: its outline hardly shows in the picture."


def _growth(away: NDArray[np.float64]) -> str:
    if len(away) < 4 or away[-1] < 0.5:
        return ""
    rising = bool(np.all(np.diff(away) >= -0.1) and away[-1] > 2 * max(away[0], 0.1))
    return ", and further with every frame" if rising else ""


def _toward(right: float, down: float) -> str:
    words = []
    if abs(down) > 0.4 * abs(right):
        words.append("below" if down > 0 else "above")
    if abs(right) > 0.4 * abs(down):
        words.append("right of" if right > 0 else "left of")
    return " and ".join(words) or "from"


def _running_median(values: Sequence[float]) -> NDArray[np.float64]:
    """Median of each value and its neighbours: single readings are wrong in 3 to 5 %."""
    row = np.asarray(values, np.float64)
    if len(row) < 3:
        return np.full(len(row), np.median(row))
    inner = np.median(np.stack((row[:-2], row[1:-1], row[2:])), axis=0)
    return np.concatenate((inner[:1], inner, inner[-1:]))
