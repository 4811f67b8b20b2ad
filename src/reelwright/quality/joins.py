"""Colour where one shot continues another.

The two shots share the staged timeline there, so the first frame of the second is carried back to
the last frame of the first along the staged motion and the colours are compared pixel by pixel.
Without a stage only the means of the two frames can be compared. Raw is compared with raw, or
decoded with decoded: an encoder alone costs dE 0.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.frames import Frames
from reelwright.quality.grid import MeasureGrid, measure_grid
from reelwright.quality.lab import lab_from_rgb
from reelwright.quality.luma import measured_rgb
from reelwright.quality.motion_compensation import pixel_grid, valid_pixels, warp_planes
from reelwright.quality.report import Verdict
from reelwright.quality.steps import Staged, measured_motion, staged_frame
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged
from reelwright.shapes import GenerationSize

_VISIBLE = 0.5  # dE: of less, no direction is named


@dataclass(frozen=True, slots=True)
class JoinSide:
    """One of the two shots at a join.

    Attributes:
        shot: Its id.
        frames: Its frames.
        staged: Its stage, if there is one.
        size: How the delivered size was cut from the generated one.
    """

    shot: str
    frames: Frames
    staged: Staged | None = None
    size: GenerationSize | None = None


@dataclass(frozen=True, slots=True)
class JoinColor:
    """The colour of the second shot's start less that of the first shot's end.

    Attributes:
        difference: L*, a*, b*.
        compensated: Compared pixel by pixel along the staged motion.
    """

    difference: tuple[float, float, float]
    compensated: bool

    @property
    def delta_e(self) -> float:
        """Its length."""
        return float(np.linalg.norm(self.difference))


def join_color(before: JoinSide, after: JoinSide, device: str = "cpu") -> JoinColor:
    """Compare the last frame of one shot with the first of the next."""
    if before.staged is not None and after.staged is not None:
        found = _compensated(before, after, before.staged, after.staged, device)
        if found is not None:
            return found
    means = []
    for side, index in ((before, len(before.frames) - 1), (after, 0)):
        grid = _grid(side, staged=False)
        size = (grid.width, grid.height)
        lab = lab_from_rgb(measured_rgb(side.frames[index], grid.picture, size, device))
        means.append(lab.mean(dim=(0, 1)))
    return JoinColor(_triple(means[1] - means[0]), compensated=False)


def join_verdict(
    before: str, after: str, color: JoinColor, *, staged: bool, time_s: float
) -> Verdict:
    """Judge the colour at a join.

    Args:
        before: Id of the first shot.
        after: Id of the shot that continues it.
        color: The difference.
        staged: Whether both shots have a stage: without the motion the weaker measure is used.
        time_s: When the join is, seconds from the start of the film.
    """
    subject = f"{before} → {after}"
    measure = "join_color" if color.compensated else "join_color_plain"
    if staged and not color.compensated:
        why = "The two shots show too little of the same to compare their colour."
        return not_judged("join_color", why, subject=subject)
    lightness, red, yellow = color.difference
    words = (
        (lightness, "brighter", "darker"),
        (red, "redder", "greener"),
        (yellow, "yellower", "bluer"),
    )
    most = max(words, key=lambda word: abs(word[0]))
    toward = most[1] if most[0] > 0 else most[2]
    mostly = f", mostly {toward}" if color.delta_e >= _VISIBLE else ""
    message = f"“{after}” begins dE {color.delta_e:.2f} off where “{before}” ends{mostly}."
    return judged(measure, color.delta_e, message, subject=subject, time_s=time_s)


def chain_verdict(
    chain: Sequence[str], joins: Sequence[JoinColor], drifts: Sequence[float], time_s: float
) -> Verdict:
    """Show how far a chain of shots has drifted from its first: joins and drifts added up.

    Args:
        chain: Ids of the shots, in order.
        joins: The joins between them.
        drifts: Drift of luma inside each shot but the last, levels.
        time_s: When the last shot begins.
    """
    total = np.sum([join.difference for join in joins], axis=0)
    total[0] += sum(drifts) * 100 / 255  # L* is near linear in gamma-coded luma
    size = float(np.linalg.norm(total))
    message = f"“{chain[-1]}” begins dE {size:.1f} away from the colour of “{chain[0]}”."
    subject = " → ".join(chain)
    return judged("chain_drift", size, message, subject=subject, time_s=time_s)


def _compensated(
    before: JoinSide, after: JoinSide, stage: Staged, next_stage: Staged, device: str
) -> JoinColor | None:
    grid, next_grid = _grid(before), _grid(after)
    if (grid.width, grid.height) != (next_grid.width, next_grid.height):
        return None
    last = len(before.frames) - 1
    here = staged_frame(stage.mask[last], stage.depth[last], grid, device)
    mask = _renamed(next_stage.mask[0], next_stage.props, stage.props)
    there = staged_frame(mask, next_stage.depth[0], next_grid, device)
    motion = _motion(stage, next_stage, last, grid, here.depth_m, device)
    valid = valid_pixels(motion, here.surface, there.surface)
    if float(valid.float().mean()) < THRESHOLDS["join_color"].gates["usable"]:
        return None
    size = (grid.width, grid.height)
    lab = lab_from_rgb(measured_rgb(before.frames[last], grid.picture, size, device))
    next_lab = lab_from_rgb(measured_rgb(after.frames[0], next_grid.picture, size, device))
    carried = warp_planes(next_lab.movedim(-1, 0), motion).movedim(0, -1)
    return JoinColor(_triple((carried - lab)[valid].median(dim=0).values), compensated=True)


def _motion(
    stage: Staged,
    next_stage: Staged,
    last: int,
    grid: MeasureGrid,
    depth_m: Float[Tensor, "H W"],
    device: str,
) -> Float[Tensor, "H W 2"]:
    """Staged motion across the join.

    A stage that is longer than the delivered shot holds it, props and all. Else it follows from
    depth and the two cameras, and props that move drop out as not valid or stay within a pixel.
    """
    pose, next_pose = stage.world_from_camera, next_stage.world_from_camera[0]
    goes_on = len(stage.motion) > last and np.allclose(pose[last + 1], next_pose, atol=1e-4)
    if goes_on and np.allclose(stage.intrinsics[last + 1], next_stage.intrinsics[0], atol=1e-2):
        return measured_motion(stage.motion[last], grid, device)
    return camera_motion(
        depth_m,
        _measured_intrinsics(stage.intrinsics[last], grid),
        _measured_intrinsics(next_stage.intrinsics[0], grid),
        np.linalg.inv(next_pose) @ pose[last],
    )


def camera_motion(
    depth_m: Float[Tensor, "H W"],
    intrinsics: NDArray[Any],
    next_intrinsics: NDArray[Any],
    next_from_here: NDArray[Any],
) -> Float[Tensor, "H W 2"]:
    """Motion of a world that stands still, from depth and two cameras, pixels right and down."""
    height, width = depth_m.shape
    pixels = (pixel_grid(height, width, depth_m.device) + 0.5).cpu().double()
    ones = torch.ones(height, width, 1, dtype=torch.float64)
    rays = torch.cat((pixels, ones), dim=-1) @ torch.from_numpy(np.linalg.inv(intrinsics)).t()
    depth = depth_m.cpu().double()
    turned = rays @ torch.from_numpy(np.ascontiguousarray(next_from_here[:3, :3])).t()
    points = turned * depth[..., None] + torch.from_numpy(next_from_here[:3, 3].copy())
    seen = points @ torch.from_numpy(np.ascontiguousarray(next_intrinsics)).t()
    ahead = seen[..., 2:].clamp(min=1e-6)
    motion = torch.where(seen[..., 2:] > 1e-6, seen[..., :2] / ahead - pixels, 1e6)
    return motion.float().to(depth_m.device)


def _measured_intrinsics(intrinsics: NDArray[Any], grid: MeasureGrid) -> NDArray[np.float64]:
    """Intrinsics of the staged picture, cut and thinned to the measuring grid."""
    left, top = (grid.staged or (0, 0, 0, 0))[:2]
    across, down = grid.motion_scale
    cut = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    thinned: NDArray[np.float64] = np.diag([across, down, 1.0]) @ cut @ intrinsics
    return thinned


def _renamed(mask: NDArray[Any], props: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """A mask with the indices that the props have in another shot; strangers get new ones."""
    known = {name: index for index, name in enumerate(names, start=1)}
    table = np.zeros(len(props) + 1, np.int64)
    for index, name in enumerate(props, start=1):
        table[index] = known.get(name, len(names) + index)
    renamed: NDArray[np.int64] = table[mask]
    return renamed


def _grid(side: JoinSide, *, staged: bool = True) -> MeasureGrid:
    height, width = side.frames.shape[1:3]
    under = None
    if staged and side.staged is not None:
        under = (side.staged.mask.shape[2], side.staged.mask.shape[1])
    return measure_grid((width, height), under, side.size)


def _triple(values: Tensor) -> tuple[float, float, float]:
    lightness, red, yellow = (float(value) for value in values)
    return lightness, red, yellow
