"""One pass over a shot: every number of every frame and step, and nothing kept of the pictures.

What is kept grows by some twenty numbers a frame (and, of local flicker, a small map a second); the
pictures pass through two at a time. What the numbers mean is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Float
from torch import Tensor

from reelwright.frames import Frames
from reelwright.progress import Progress
from reelwright.quality.bad_frames import compensated_psnr
from reelwright.quality.contours import Placements, gradient_direction, outline, place
from reelwright.quality.depth_edges import DepthEdges
from reelwright.quality.depth_estimate import DepthEstimate, OrderKept, order_kept
from reelwright.quality.drift import DriftWatch
from reelwright.quality.filters import gaussian
from reelwright.quality.flash import FlashCounter
from reelwright.quality.flicker import LocalFlicker
from reelwright.quality.frozen import change_ratio
from reelwright.quality.ghosts import Ghosts, ghost_frames
from reelwright.quality.grid import MeasureGrid
from reelwright.quality.levels import bright_level, median_where
from reelwright.quality.luma import WEIGHTS, measured_rgb
from reelwright.quality.motion_adherence import MotionSample, motion_sample
from reelwright.quality.psnr import psnr_y
from reelwright.quality.sharpness import EVERY as SHARPNESS_EVERY
from reelwright.quality.sharpness import band_ratio
from reelwright.quality.speed import SpeedSample, sample_frames, speed_sample
from reelwright.quality.steps import (
    SMOOTH_SIGMA,
    Frame,
    Staged,
    Step,
    read_frames,
    steps,
)
from reelwright.quality.thresholds import THRESHOLDS

ACROSS = 3
"""Frames from t - 1 to t + 2: what tells a bad frame from a cut."""


@dataclass(slots=True)
class FrameNumbers:
    """Numbers of each frame.

    Attributes:
        means: Mean of Y.
        bright: 99th percentile of Y.
        bands: Band energy of every `SHARPNESS_EVERY`th frame.
        stage_bands: Band energy of the staged picture, by frame, at some frames.
        not_finite: Share of pixels that are no numbers.
    """

    means: list[float] = field(default_factory=list)
    bright: list[float] = field(default_factory=list)
    bands: list[float] = field(default_factory=list)
    stage_bands: dict[int, float] = field(default_factory=dict)
    not_finite: list[float] = field(default_factory=list)


@dataclass(slots=True)
class StepNumbers:
    """Numbers of each step from a frame to the next; NaN where one needs a stage.

    Attributes:
        psnr_db: PSNR-Y.
        across_db: PSNR-Y of the frame before against the frame after the next.
        changes: Mean |Y difference|.
        gains: Compensated level.
        compensated_db: Compensated PSNR.
        ratios: Change seen over change predicted.
        moved: Mean length of the staged motion, measured pixels.
        wavers: Worst block's change of compensated level.
    """

    psnr_db: list[float] = field(default_factory=list)
    across_db: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)
    compensated_db: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    wavers: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Collected:
    """Everything that one pass over a shot found."""

    frames: FrameNumbers
    steps: StepNumbers
    flashes: FlashCounter
    local_flicker: LocalFlicker
    drift: DriftWatch
    speeds: list[SpeedSample]
    placements: Placements
    motions: list[MotionSample] = field(default_factory=list)
    depth_edges: DepthEdges = field(default_factory=DepthEdges)
    depth_orders: list[OrderKept] = field(default_factory=list)
    ghosts: Ghosts = field(default_factory=Ghosts)

    @property
    def num_frames(self) -> int:
        """Frames that were seen."""
        return len(self.frames.means)


class Collector:
    """Takes a shot's frames and steps as they pass."""

    def __init__(
        self,
        num_frames: int,
        frame_rate: Fraction,
        grid: MeasureGrid,
        staged: Staged | None,
        device: str,
        *,
        size: tuple[int, int],
        estimate: DepthEstimate | None = None,
        keyframes: Sequence[int] = (),
    ) -> None:
        self._grid, self._staged, self._device = grid, staged, device
        self._size, self._estimate = size, estimate
        gates = THRESHOLDS["motion_followed"].gates
        self._motion_at = set(
            sample_frames(max(num_frames - 1, 0), int(gates["every"]), int(gates["samples"]))
        )
        gates = THRESHOLDS["speed"].gates
        self._speed_at = set(
            sample_frames(max(num_frames - 1, 0), int(gates["every"]), int(gates["group"]))
        )
        gates = THRESHOLDS["prop_place"].gates
        self._place_at = set(sample_frames(num_frames, int(gates["every"]), int(gates["samples"])))
        gates = THRESHOLDS["sharpness"].gates
        end = range(max(0, num_frames - int(gates["last"])), num_frames, int(gates["stage_every"]))
        self._stage_at = self._place_at | set(end)
        self._ring: list[Float[Tensor, "H W"]] = []
        self.collected = Collected(
            FrameNumbers(),
            StepNumbers(),
            FlashCounter(frame_rate),
            LocalFlicker(),
            DriftWatch(),
            [],
            Placements(),
        )
        if staged is not None:
            self._remember(ghost_frames(num_frames, keyframes))

    def frame(self, frame: Frame) -> None:
        """Take a frame."""
        numbers = self.collected.frames
        numbers.not_finite.append(frame.not_finite)
        numbers.means.append(float(frame.luma.mean()))
        numbers.bright.append(bright_level(frame.luma))
        if frame.index % SHARPNESS_EVERY == 0:
            numbers.bands.append(band_ratio(frame.luma, self._grid.scale))
        self.collected.flashes.add(frame.luma)
        self._across(frame.luma)
        if frame.staged is not None and frame.index in self._stage_at:
            self._beside_stage(frame, self._stage_luma(frame.index))

    def step(self, step: Step) -> None:
        """Take a step."""
        numbers, compensated = self.collected.steps, step.compensated
        numbers.psnr_db.append(psnr_y(step.here.luma, step.there.luma))
        numbers.changes.append(float((step.there.luma - step.here.luma).abs().mean()))
        if compensated is None or self._staged is None:
            return
        usable = float(compensated.valid.float().mean()) >= THRESHOLDS["level_step"].gates["usable"]
        gain = median_where(compensated.difference, compensated.valid) if usable else float("nan")
        numbers.gains.append(gain)
        numbers.compensated_db.append(compensated_psnr(step))
        numbers.ratios.append(change_ratio(step))
        numbers.moved.append(float(compensated.motion.square().sum(dim=-1).sqrt().mean()))
        numbers.wavers.append(self.collected.local_flicker.add(step))
        self.collected.drift.add(step)
        if step.here.index in self._speed_at:
            self.collected.speeds.append(speed_sample(step, self._staged.props))
        if step.here.index in self._motion_at:
            pair = [self._stage_smooth(frame.index) for frame in (step.here, step.there)]
            self.collected.motions.append(motion_sample(step, self._staged.props, *pair))

    def _across(self, luma: Float[Tensor, "H W"]) -> None:
        """PSNR over three frames; entry t stands for t - 1 against t + 2."""
        self._ring.append(luma)
        if len(self._ring) > ACROSS:
            first = self._ring.pop(0)
            self.collected.steps.across_db.append(psnr_y(first, luma))

    def _beside_stage(self, frame: Frame, stage: Float[Tensor, "H W"]) -> None:
        """Look at the staged picture: its sharpness, and how well its outlines show."""
        self.collected.frames.stage_bands[frame.index] = band_ratio(stage, self._grid.scale)
        if frame.staged is None or self._staged is None or frame.index not in self._place_at:
            return
        size = (self._grid.width, self._grid.height)
        direction, reference = gradient_direction(frame.luma), gradient_direction(stage)
        props, found = self._staged.props, self.collected
        found.depth_edges.add(frame.index, direction, reference, frame.staged, props)
        found.ghosts.look(frame.index, direction, reference, frame.staged.mask)
        if self._estimate is not None:
            kept = order_kept(self._estimate, frame.index, frame.staged, self._grid, self._size)
            found.depth_orders.append(kept)
        for index, name in enumerate(self._staged.props, start=1):
            shape = outline(frame.staged.full_mask, index, size, self._device)
            if shape is None:
                continue
            placed = place(direction, shape, frame.index)
            shown = place(reference, shape, frame.index)
            found.placements.add(name, placed.beside(shown))

    def _remember(self, frames: Sequence[int]) -> None:
        """Keep the outlines that a ghost would have."""
        if self._staged is None or self._grid.staged is None:
            return
        left, top, right, bottom = self._grid.staged
        size = (self._grid.width, self._grid.height)
        for index in frames:
            direction = gradient_direction(self._stage_luma(index))
            mask = self._staged.mask[index][top:bottom, left:right]
            for number, name in enumerate(self._staged.props, start=1):
                shape = outline(mask, number, size, self._device)
                if shape is not None:
                    self.collected.ghosts.remember(name, index, shape, direction)

    def _stage_smooth(self, index: int) -> Float[Tensor, "H W"]:
        return gaussian(self._stage_luma(index), SMOOTH_SIGMA * self._grid.scale)

    def _stage_luma(self, index: int) -> Float[Tensor, "H W"]:
        """Y of the staged picture on the measuring grid."""
        if self._staged is None or self._grid.staged is None:
            raise IndexError(f"no stage under frame {index}")
        size = (self._grid.width, self._grid.height)
        rgb = measured_rgb(self._staged.color[index], self._grid.staged, size, self._device)
        return rgb @ rgb.new_tensor(WEIGHTS)


def collect(
    frames: Frames,
    frame_rate: Fraction,
    grid: MeasureGrid,
    staged: Staged | None,
    progress: Progress,
    device: str = "cpu",
    *,
    estimate: DepthEstimate | None = None,
    keyframes: Sequence[int] = (),
) -> Collected:
    """Measure a shot in one pass."""
    total = len(frames)
    collector = Collector(
        total,
        frame_rate,
        grid,
        staged,
        device,
        size=(frames.shape[2], frames.shape[1]),
        estimate=estimate,
        keyframes=keyframes,
    )

    def seen() -> Iterator[Frame]:
        for frame in read_frames(frames, grid, staged, device):
            collector.frame(frame)
            progress.step(frame.index / max(total, 1), f"frame {frame.index + 1} of {total}")
            yield frame

    for step in steps(seen(), grid, staged, device):
        collector.step(step)
    return pad_across(collector.collected)


def pad_across(collected: Collected) -> Collected:
    """Bring `across_db` to one number a step: there is none at the two ends."""
    numbers = collected.steps
    missing = len(numbers.psnr_db) - len(numbers.across_db)
    ends = [float("nan")] * missing
    numbers.across_db = [*ends[: missing // 2], *numbers.across_db, *ends[missing // 2 :]]
    return collected


def is_still(moved: Sequence[float]) -> bool:
    """Whether nothing moves in the staged shot: under a fiftieth of a pixel a frame."""
    return not len(moved) or float(np.max(np.asarray(moved))) < 0.02
