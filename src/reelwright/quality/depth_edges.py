"""Does the picture keep the staged depth? Its edges where the depth steps, and who stands in front.

Where one thing hides another, the picture must have an edge along the nearer one's outline. If the
order is swapped, the farther thing paints over that outline and the edge is gone from the shared
border. No depth network: outlines of the staged masks and depth against the picture's gradients,
beside the same in the staged picture, which tells where an edge could be seen at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor

from reelwright.quality.filters import gaussian, sobel
from reelwright.quality.grid import TABLE_HEIGHT
from reelwright.quality.motion_compensation import SKY_DEPTH_M
from reelwright.quality.report import Series, Verdict
from reelwright.quality.steps import StagedFrame
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged

Direction = tuple[Tensor, Tensor]
"""Double-angle direction of a picture's gradient, [H, W] each: see `contours`."""


@dataclass(frozen=True, slots=True)
class EdgeFit:
    """How well some staged edge shows in one frame.

    Attributes:
        frame: The frame.
        fit: Mean agreement of the picture's gradient with the edge's normal, -1 to 1.
        stage_fit: The same in the staged picture.
    """

    frame: int
    fit: float
    stage_fit: float


@dataclass(slots=True)
class DepthEdges:
    """What was found along a shot.

    Attributes:
        edges: All steps of the staged depth together, by sampled frame.
        borders: Borders of props that touch, by names, nearer first.
    """

    edges: list[EdgeFit] = field(default_factory=list)
    borders: dict[tuple[str, str], list[EdgeFit]] = field(default_factory=dict)

    def add(
        self,
        frame: int,
        picture: Direction,
        reference: Direction,
        staged: StagedFrame,
        props: Sequence[str],
    ) -> None:
        """Look at one frame beside its staged picture."""
        edge, normal = depth_steps(staged.depth_m)
        least = _least("depth_edges", edge.shape[0])
        if int(edge.sum()) >= least:
            fits = [_fit(direction, edge, normal) for direction in (picture, reference)]
            self.edges.append(EdgeFit(frame, *fits))
        for (front, back), where in prop_borders(staged.mask, staged.depth_m).items():
            if int(where.sum()) < _least("depth_order", edge.shape[0]):
                continue
            outline = _normal(staged.mask == front)
            fits = [_fit(direction, where, outline) for direction in (picture, reference)]
            names = (props[front - 1], props[back - 1])
            self.borders.setdefault(names, []).append(EdgeFit(frame, *fits))


def depth_steps(
    depth_m: Float[Tensor, "H W"],
) -> tuple[Bool[Tensor, "H W"], Direction]:
    """Where the depth steps, and the double-angle direction of the step.

    A plane, however steep, is straight in inverse depth: only a step that its neighbours on both
    sides do not share is an edge.
    """
    near = torch.where(depth_m >= SKY_DEPTH_M, 0.0, 1 / depth_m.clamp(min=1e-3))
    edge = torch.zeros_like(near, dtype=torch.bool)
    share = THRESHOLDS["depth_edges"].gates["step"]
    for axis in (0, 1):
        plane, marked = (near, edge) if axis == 0 else (near.t(), edge.t())
        step = plane.diff(dim=0).abs()
        beside = torch.maximum(step[:-2], step[2:])
        nearer = torch.maximum(plane[1:-2], plane[2:-1])
        jump = step[1:-1] - beside > share * nearer
        marked[1:-2] |= jump
        marked[2:-1] |= jump
    return _inside(edge), _double_angle(*sobel(gaussian(near, 1.0)))


def prop_borders(
    mask: Float[Tensor, "H W"], depth_m: Float[Tensor, "H W"]
) -> dict[tuple[int, int], Bool[Tensor, "H W"]]:
    """Pixels along which two props touch with one plainly before the other, by (front, back)."""
    step = THRESHOLDS["depth_order"].gates["step"]
    pairs: dict[tuple[int, int], Tensor] = {}
    for axis in (0, 1):
        here, there = _neighbours(mask, axis)
        depth, next_depth = _neighbours(depth_m, axis)
        touch = (here != there) & (here > 0) & (there > 0)
        touch &= (depth - next_depth).abs() > step * torch.minimum(depth, next_depth)
        front = torch.where(depth < next_depth, here, there)
        back = torch.where(depth < next_depth, there, here)
        found = torch.stack((front[touch], back[touch]), dim=-1).int().cpu().numpy()
        for first, second in np.unique(found, axis=0).tolist():
            own = touch & (front == first) & (back == second)
            place = pairs.setdefault((first, second), torch.zeros_like(mask, dtype=torch.bool))
            for part in _neighbours(place, axis):
                part |= own
    return {pair: _inside(where) for pair, where in pairs.items()}


def depth_edges_verdict(found: DepthEdges, frame_rate: Fraction, dark: str) -> Verdict:
    """Judge how many of the staged depth's edges the picture has, against the staged picture."""
    measure = "depth_edges"
    gates = THRESHOLDS[measure].gates
    tells = [item for item in found.edges if item.stage_fit >= gates["stage"]]
    if not tells:
        why = "The staged depth has too few steps, or they hardly show in the staged picture."
        return not_judged(measure, why)
    shares = _running_median([item.fit / item.stage_fit for item in tells])
    worst = int(np.argmin(shares))
    frame = tells[worst].frame
    message = (
        f"{at_frame(frame, frame_rate)}: the picture's edges agree with the staged depth's "
        f"{shares[worst]:.2f} times as well as the staged picture's do."
    )
    verdict = judged(
        measure, float(shares[worst]), message, frames=(frame, frame), frame_rate=frame_rate
    )
    if dark and verdict.status.rank > 1:
        return not_judged(measure, dark, value=verdict.value)
    return verdict


def depth_order_verdicts(found: DepthEdges, frame_rate: Fraction, dark: str) -> list[Verdict]:
    """Judge every pair of props that touch: is the nearer one in front in the picture?"""
    measure = "depth_order"
    gates = THRESHOLDS[measure].gates
    verdicts = []
    for (front, back), fits in found.borders.items():
        subject = f"{front} before {back}"
        tells = [item for item in fits if item.stage_fit >= gates["stage"]]
        if len(tells) < gates["frames"]:
            why = "Their shared border is too short, or hardly shows in the staged picture."
            verdicts.append(not_judged(measure, why, subject=subject))
            continue
        value = float(np.median([item.fit / item.stage_fit for item in tells]))
        frames = (tells[0].frame, tells[-1].frame)
        message = (
            f"{front}'s outline shows before {back} {value:.2f} times as well as in the staged "
            f"picture (median of {len(tells)} frames)."
        )
        verdict = judged(
            measure, value, message, subject=subject, frames=frames, frame_rate=frame_rate
        )
        if dark and verdict.status.rank > 1:
            verdict = not_judged(measure, dark, subject=subject, value=value)
        verdicts.append(verdict)
    if not verdicts:
        verdicts.append(not_judged(measure, "No prop stands before another in the picture."))
    return verdicts


def depth_edges_series(found: DepthEdges) -> Series | None:
    """Agreement with the staged depth's edges along the shot, times the staged picture's."""
    least = THRESHOLDS["depth_edges"].gates["stage"]
    if len(found.edges) < 2:
        return None
    apart = min(after.frame - before.frame for before, after in pairwise(found.edges))
    first = found.edges[0].frame
    values: list[float | None] = [None] * ((found.edges[-1].frame - first) // apart + 1)
    for item in found.edges:
        if item.stage_fit >= least:
            values[(item.frame - first) // apart] = round(item.fit / item.stage_fit, 3)
    return Series("depth_edges", "times staged", tuple(values), first, apart)


def _fit(direction: Direction, where: Bool[Tensor, "H W"], normal: Direction) -> float:
    """Mean over some pixels of the best of 3x3 of cos 2(angle difference) times weight."""
    rows, columns = torch.nonzero(where).unbind(dim=1)
    wide = [F.pad(plane, (1,) * 4) for plane in direction]
    own = [plane[rows, columns] for plane in normal]
    best = torch.full_like(own[0], -1.0)
    for down in range(3):
        for right in range(3):
            at = (rows + down, columns + right)
            best = torch.maximum(best, wide[0][at] * own[0] + wide[1][at] * own[1])
    return float(best.mean())


def _normal(inside: Bool[Tensor, "H W"]) -> Direction:
    return _double_angle(*sobel(gaussian(inside.float(), 1.0)))


def _double_angle(across: Tensor, down: Tensor) -> Direction:
    squared = (across.square() + down.square()).clamp(min=1e-20)
    return (across.square() - down.square()) / squared, 2 * across * down / squared


def _neighbours(plane: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    return (plane[:-1], plane[1:]) if axis == 0 else (plane[:, :-1], plane[:, 1:])


def _inside(where: Bool[Tensor, "H W"]) -> Bool[Tensor, "H W"]:
    """Without the picture's border, where gradients are not to be trusted."""
    border = int(THRESHOLDS["prop_place"].gates["border"])
    kept = torch.zeros_like(where)
    kept[border:-border, border:-border] = where[border:-border, border:-border]
    return kept


def _least(measure: str, height: int) -> int:
    return max(12, round(THRESHOLDS[measure].gates["least"] * height / TABLE_HEIGHT))


def _running_median(values: Sequence[float]) -> np.ndarray:
    row = np.asarray(values, np.float64)
    if len(row) < 3:
        return np.full(len(row), np.median(row))
    inner = np.median(np.stack((row[:-2], row[1:-1], row[2:])), axis=0)
    return np.concatenate((inner[:1], inner, inner[-1:]))
