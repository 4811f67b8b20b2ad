"""What it costs to measure a 1280x720 frame, and how often measures find planted faults.

    python benchmarks/bench_quality.py [--num-frames 49] [--device cpu]
    python benchmarks/bench_quality.py --faults [--clips 16] [--write docs/quality.md]

Frames and stage are in memory, so this is the measuring alone, without decoding. Counts of work
(pixels measured, warps a step) do not change with the machine; milliseconds are a trend.
"""

from __future__ import annotations

import argparse
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from card import show
from reelwright.frames import ArrayFrames
from reelwright.quality import bad_frames, contours, frozen, keyframe_match, lab, levels, speed
from reelwright.quality.drift import DriftWatch
from reelwright.quality.flash import FlashCounter
from reelwright.quality.flicker import LocalFlicker
from reelwright.quality.grid import MeasureGrid, measure_grid
from reelwright.quality.luma import measured_luma, measured_rgb
from reelwright.quality.psnr import psnr_y
from reelwright.quality.sharpness import EVERY as SHARPNESS_EVERY
from reelwright.quality.sharpness import band_ratio
from reelwright.quality.shot import measure_clip
from reelwright.quality.steps import Step, read_frames, steps
from reelwright.quality.thresholds import THRESHOLDS

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

SIZE = (1280, 720)
RATE = Fraction(24)
PROPS = ("left", "middle", "right")


@dataclass(frozen=True)
class Stage:
    color: ArrayFrames
    depth: ArrayFrames
    mask: ArrayFrames
    motion: ArrayFrames
    intrinsics: np.ndarray
    world_from_camera: np.ndarray
    props: tuple[str, ...] = PROPS


def make_shot(num_frames: int) -> tuple[np.ndarray, Stage]:
    """A textured plane with three discs, all moving by (3, 1) pixels a frame."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    room = (height + num_frames, width + 3 * num_frames)
    y, x = np.mgrid[: room[0], : room[1]].astype(np.float32)
    sheet = np.full((*room, 3), 120.0, np.float32)
    for _ in range(24):
        across, down = rng.uniform(-0.25, 0.25, 2)
        sheet += 10 * np.cos(across * x + down * y + rng.uniform(0, 6))[..., None]
    names = np.zeros(room, np.uint16)
    for index in range(3):
        centre = (width * (1 + index) / 4 + num_frames, height / 2)
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < (0.18 * height) ** 2
        names[inside] = index + 1
        sheet[inside] += np.roll([55.0, -45.0, 10.0], index)
    sheet += rng.normal(0, 1.5, (*room, 1))
    cuts = [(num_frames - 1 - t, 3 * (num_frames - 1 - t)) for t in range(num_frames)]
    whole = np.clip(np.rint(sheet), 0, 255).astype(np.uint8)
    frames = np.stack([whole[a : a + height, b : b + width] for a, b in cuts])
    masks = np.stack([names[a : a + height, b : b + width] for a, b in cuts])
    still = np.broadcast_to(np.float32(5), (num_frames, height, width))
    move = np.broadcast_to(np.array([3, 1], np.float32), (num_frames - 1, height, width, 2))
    poses = np.stack([np.eye(4)] * num_frames)
    stage = Stage(
        ArrayFrames(frames),
        ArrayFrames(still),
        ArrayFrames(masks),
        ArrayFrames(move),
        np.stack([np.eye(3)] * num_frames),
        poses,
    )
    return frames, stage


class Watched:
    """Frames that count how many of them are alive, and how often all are read."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self._alive: weakref.WeakSet[_Counted] = weakref.WeakSet()
        self.shape, self.dtype = array.shape, str(array.dtype)
        self.most_alive = self.passes = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frame: int) -> np.ndarray:
        return self._array[frame]

    def chunks(self, num_frames: int) -> Iterator[np.ndarray]:
        self.passes += 1
        for start in range(0, len(self), num_frames):
            chunk = self._array[start : start + num_frames].copy().view(_Counted)
            self._alive.add(chunk)
            self.most_alive = max(self.most_alive, sum(len(item) for item in self._alive))
            yield chunk


class _Counted(np.ndarray):
    __hash__ = object.__hash__  # type: ignore[assignment]


def milliseconds(work: Callable[[], object], device: str, times: int = 6) -> float:
    """Median of a few runs after one to warm up: CPU time, or wall time on an accelerator."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    taken = []
    for _ in range(times + 1):
        start = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        taken.append(1000 * (clock() - start))
    return float(np.median(taken[1:]))


def follow(watch: DriftWatch, found: list[Step]) -> None:
    for step in found:
        watch.add(step)


def per_measure(
    frames: np.ndarray, stage: Stage, grid: MeasureGrid, device: str
) -> dict[str, float]:
    """Milliseconds a frame of each measure, counting how often it is asked for."""
    every = int(THRESHOLDS["prop_place"].gates["every"])
    rows = list(read_frames(ArrayFrames(frames[:9]), grid, stage, device))
    found: list[Step] = list(steps(iter(rows), grid, stage, device))
    here, step, size = rows[0], found[0], (grid.width, grid.height)
    direction = contours.gradient_direction(here.luma)
    outlines = [contours.outline(stage.mask[0], k, size, device) for k in (1, 2, 3)]
    rgb = measured_rgb(frames[0], grid.picture, size, device)
    work: dict[str, tuple[Callable[[], object], float]] = {
        "luma": (lambda: measured_luma(frames[0], grid, device), 1),
        "frame and stage": (
            lambda: list(read_frames(ArrayFrames(frames[:2]), grid, stage, device)), 0.5),
        "compensation": (lambda: list(steps(iter(rows[:2]), grid, stage, device)), 1),
        "psnr": (lambda: psnr_y(here.luma, rows[1].luma), 2),
        "black": (lambda: levels.bright_level(here.luma), 1),
        "flashes": (lambda: FlashCounter(RATE).add(here.luma), 1),
        "frozen": (lambda: frozen.change_ratio(step), 1),
        "bad frame": (lambda: bad_frames.compensated_psnr(step), 1),
        "level": (lambda: levels.median_where(step.compensated.difference,
                                              step.compensated.valid), 1),
        "local flicker": (lambda: LocalFlicker().add(step), 1),
        "drift": (lambda: follow(DriftWatch(), found[:4]), 0.25),
        "speed": (lambda: speed.speed_sample(step, PROPS), 1 / every),
        "place of props": (
            lambda: [contours.place(direction, item, 0) for item in outlines if item], 2 / every),
        "sharpness": (lambda: band_ratio(here.luma, grid.scale), 1 / SHARPNESS_EVERY),
        "keyframe (once)": (lambda: keyframe_match.match_keyframe(rgb, rgb, grid.scale), 0),
        "lab (once)": (lambda: lab.lab_from_rgb(rgb), 0),
    }  # fmt: skip
    return {
        name: round(milliseconds(run, device) * (share or 1), 2)
        for name, (run, share) in work.items()
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-frames", type=int, default=49)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--faults", action="store_true", help="found rates instead of costs")
    parser.add_argument("--clips", type=int, default=16, help="clips for each strength")
    parser.add_argument("--write", type=Path, help="put the table of rates into this page")
    asked = parser.parse_args()
    if asked.faults:
        from quality_rates import measure_rates

        return measure_rates(asked.clips, asked.write)
    frames, stage = make_shot(asked.num_frames)
    shot, grid = Watched(frames), measure_grid(SIZE, SIZE)
    measure_clip(ArrayFrames(frames[:9]), RATE, staged=stage, device=asked.device)
    rows: dict[str, object] = {
        "device": asked.device if asked.device == "cpu" else torch.cuda.get_device_name(),
        "size": f"{SIZE[0]}x{SIZE[1]}",
        "measured_size": f"{grid.width}x{grid.height}",
        "num_frames": asked.num_frames,
        "torch_threads": torch.get_num_threads(),
    }
    for name, under in (("with_stage", stage), ("without_stage", None)):
        wall, cpu = time.perf_counter(), time.process_time()
        report = measure_clip(shot, RATE, staged=under, device=asked.device)
        rows[f"{name}_ms"] = round(1000 * (time.perf_counter() - wall) / len(shot), 1)
        rows[f"{name}_cpu_ms"] = round(1000 * (time.process_time() - cpu) / len(shot), 1)
        rows[f"{name}_status"] = report.status.value
    for name, spent in per_measure(frames, stage, grid, asked.device).items():
        rows[f"{name}_ms"] = spent
    if resource is not None:
        rows["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    gates = {
        "frames held at once": (shot.most_alive, 6),
        "passes over the frames": (shot.passes // 2, 1),
    }
    return show("quality", rows, gates)


if __name__ == "__main__":
    sys.exit(main())
