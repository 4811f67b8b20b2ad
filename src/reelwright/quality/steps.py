"""A shot, one step from a frame to the next at a time.

Streamed: two frames and the stage under them are held, never the shot, so ten minutes cost the
memory of one second. What several measures need (the blurred luma, the compensated next frame, the
valid pixels) is made once, here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.errors import QualityError
from reelwright.frames import Frames
from reelwright.quality.filters import gaussian
from reelwright.quality.grid import Box, MeasureGrid
from reelwright.quality.luma import lumas
from reelwright.quality.motion_compensation import surface_planes, valid_pixels, warp

SMOOTH_SIGMA = 1.2
"""Blur before differences are taken, pixels at the table's height."""

_CHUNK = 1  # a chunk is a copy; one frame of motion at 1080p is 17 MB


class Staged(Protocol):
    """What the measures read of a staged shot; `StagedShot` has it all."""

    @property
    def color(self) -> Frames:
        """Colour, uint8 [F, H, W, 3]."""

    @property
    def depth(self) -> Frames:
        """Depth in metres, float32 [F, H, W]; inf is sky."""

    @property
    def mask(self) -> Frames:
        """Prop index, uint16 [F, H, W]; 0 is ground and sky."""

    @property
    def motion(self) -> Frames:
        """Pixels to the next frame, right and down, float32 [F - 1, H, W, 2]."""

    @property
    def intrinsics(self) -> NDArray[Any]:
        """[F, 3, 3], pixels."""

    @property
    def world_from_camera(self) -> NDArray[Any]:
        """[F, 4, 4]."""

    @property
    def props(self) -> tuple[str, ...]:
        """Names of mask values 1, 2 ..."""


@dataclass(frozen=True, slots=True)
class StagedFrame:
    """The stage under one frame, on the measuring grid.

    Attributes:
        surface: Prop index, and depth in metres with the sky at `SKY_DEPTH_M`.
        full_mask: The mask as staged, cut to the picture: outlines are taken from it.
    """

    surface: Float[Tensor, "2 H W"]
    full_mask: NDArray[Any]

    @property
    def mask(self) -> Float[Tensor, "H W"]:
        """Prop index of every pixel."""
        return self.surface[0]

    @property
    def depth_m(self) -> Float[Tensor, "H W"]:
        """Depth of every pixel in metres."""
        return self.surface[1]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame on the measuring grid.

    Attributes:
        index: Its number in the shot.
        luma: Y, 0 to 255.
        smooth: Y, blurred by `SMOOTH_SIGMA`.
        staged: The stage under it, if there is one.
        not_finite: Share of the measured pixels that were no numbers; they stand as 0.
    """

    index: int
    luma: Float[Tensor, "H W"]
    smooth: Float[Tensor, "H W"]
    staged: StagedFrame | None
    not_finite: float = 0.0


@dataclass(frozen=True, slots=True)
class Compensated:
    """The next frame carried back to this one.

    Attributes:
        motion: Staged motion, measured pixels, [H, W, 2].
        valid: Where the two must agree.
        difference: The carried luma less this one.
        predicted: How much the staged motion changes the picture, blurred: |carried on - as is|.
    """

    motion: Float[Tensor, "H W 2"]
    valid: Bool[Tensor, "H W"]
    difference: Float[Tensor, "H W"]
    predicted: Float[Tensor, "H W"]


@dataclass(frozen=True, slots=True)
class Step:
    """From a frame to the next.

    Attributes:
        here: The frame.
        there: The frame after it.
        compensated: The two brought together; None without a stage.
    """

    here: Frame
    there: Frame
    compensated: Compensated | None


def read_frames(
    frames: Frames, grid: MeasureGrid, staged: Staged | None = None, device: str = "cpu"
) -> Iterator[Frame]:
    """Every frame on the measuring grid, in order."""
    stage = _staged_frames(staged, grid, len(frames), device) if staged is not None else None
    sigma = SMOOTH_SIGMA * grid.scale
    floats = "float" in frames.dtype
    for index, luma in enumerate(lumas(frames, grid, device)):
        wrong = float((~luma.isfinite()).float().mean()) if floats else 0.0
        if wrong:
            luma = torch.nan_to_num(luma, nan=0.0, posinf=0.0, neginf=0.0)
        yield Frame(index, luma, gaussian(luma, sigma), next(stage) if stage else None, wrong)


def steps(
    frames: Iterator[Frame], grid: MeasureGrid, staged: Staged | None = None, device: str = "cpu"
) -> Iterator[Step]:
    """Every step from a frame to the next, in order."""
    motions = _motions(staged, grid, device) if staged is not None else None
    here = next(frames, None)
    for there in frames:
        if here is None:
            return
        compensated = compensate(here, there, next(motions)) if motions else None
        yield Step(here, there, compensated)
        here = there


def compensate(here: Frame, there: Frame, motion: Float[Tensor, "H W 2"]) -> Compensated:
    """Carry the next frame back along the staged motion."""
    if here.staged is None or there.staged is None:
        raise QualityError("This shot has no stage.", "Measure it without staged motion.")
    valid = valid_pixels(motion, here.staged.surface, there.staged.surface)
    predicted = (warp(here.smooth, -motion) - here.smooth).abs()
    return Compensated(motion, valid, warp(there.luma, motion) - here.luma, predicted)


def check_stage(frames: Frames, staged: Staged) -> None:
    """Refuse a stage that is shorter than the shot.

    Raises:
        QualityError: It has too few frames.
    """
    lengths = {
        "depth": len(staged.depth),
        "mask": len(staged.mask),
        "motion": len(staged.motion) + 1,
    }
    name, shortest = min(lengths.items(), key=lambda item: item[1])
    if shortest < len(frames):
        raise QualityError(
            f"The stage's {name} covers {shortest} frames and the shot has {len(frames)}.",
            "Stage the shot again at its length, or measure it without its stage.",
        )


def staged_frame(
    mask: NDArray[Any], depth_m: NDArray[Any], grid: MeasureGrid, device: str = "cpu"
) -> StagedFrame:
    """The stage under one frame, cut and thinned to the measuring grid."""
    left, top, right, bottom = _staged_box(grid)
    planes = [
        torch.from_numpy(thinned(plane, grid).astype(np.float32, copy=False)).to(device)
        for plane in (mask, depth_m)
    ]
    return StagedFrame(surface_planes(*planes), mask[top:bottom, left:right])


def measured_motion(
    motion: NDArray[Any], grid: MeasureGrid, device: str = "cpu"
) -> Float[Tensor, "H W 2"]:
    """Staged motion, cut and thinned to the measuring grid, in its pixels."""
    moved = torch.from_numpy(thinned(motion, grid).astype(np.float32, copy=False)).to(device)
    across, down = grid.motion_scale
    if (across, down) != (1.0, 1.0):
        moved = moved * moved.new_tensor((across, down))
    return moved if bool(moved.sum().isfinite()) else torch.nan_to_num(moved, posinf=0, neginf=0)


def thinned(plane: NDArray[Any], grid: MeasureGrid) -> NDArray[Any]:
    """The staged values nearest to the centres of the measuring grid, [H, W, ...]."""
    left, top, right, bottom = _staged_box(grid)
    cut = plane[top:bottom, left:right]
    across, down = (right - left) // grid.width, (bottom - top) // grid.height
    if (across * grid.width, down * grid.height) == (right - left, bottom - top):
        return np.require(cut[down // 2 :: down, across // 2 :: across], requirements=("C", "W"))
    rows, columns = _centres(grid)
    return np.take(np.take(cut, rows, axis=0), columns, axis=1)


def _staged_frames(
    staged: Staged, grid: MeasureGrid, num_frames: int, device: str
) -> Iterator[StagedFrame]:
    planes = zip(_each(staged.mask), _each(staged.depth), strict=False)
    for _, (mask, depth_m) in zip(range(num_frames), planes, strict=False):
        yield staged_frame(mask, depth_m, grid, device)


def _motions(staged: Staged, grid: MeasureGrid, device: str) -> Iterator[Tensor]:
    for motion in _each(staged.motion):
        yield measured_motion(motion, grid, device)


def _each(frames: Frames) -> Iterator[NDArray[Any]]:
    for chunk in frames.chunks(_CHUNK):
        yield from chunk


def _staged_box(grid: MeasureGrid) -> Box:
    if grid.staged is None:
        raise QualityError("This shot has no stage.", "Measure it without staged motion.")
    return grid.staged


def _centres(grid: MeasureGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Staged row and column under the centre of every measured one."""
    left, top, right, bottom = _staged_box(grid)
    rows = (np.arange(grid.height) + 0.5) * (bottom - top) / grid.height
    columns = (np.arange(grid.width) + 0.5) * (right - left) / grid.width
    return rows.astype(np.int64), columns.astype(np.int64)
