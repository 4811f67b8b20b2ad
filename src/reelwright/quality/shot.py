"""One shot measured, and its numbers judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from reelwright.audio import Audio
from reelwright.errors import QualityError
from reelwright.frames import Frames
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.quality.av_length import av_length_verdict
from reelwright.quality.collect import Collected, collect
from reelwright.quality.contours import place_series
from reelwright.quality.depth_edges import (
    depth_edges_series,
)
from reelwright.quality.depth_estimate import (
    DepthEstimate,
    check_estimate,
    depth_estimate_verdict,
)
from reelwright.quality.drift import drift_levels
from reelwright.quality.grid import MeasureGrid, measure_grid
from reelwright.quality.group_pops import latent_groups
from reelwright.quality.keyframe_match import KeyframeImage, keyframe_verdicts
from reelwright.quality.motion_adherence import motion_series
from reelwright.quality.not_finite import sound_not_finite_verdict
from reelwright.quality.picture import group_verdicts, picture_verdicts
from reelwright.quality.psnr import worst_transitions
from reelwright.quality.report import Series, ShotReport, Status, Verdict
from reelwright.quality.seams import SeamLine, seam_time_verdicts, seam_verdicts
from reelwright.quality.sharpness import EVERY as SHARPNESS_EVERY
from reelwright.quality.sharpness import sharpness_jump_verdicts
from reelwright.quality.sound import sound_verdicts
from reelwright.quality.sound_gaps import Span
from reelwright.quality.sound_levels import frame_levels_db, window_levels_db
from reelwright.quality.speed import speed_series
from reelwright.quality.steps import Staged, check_stage
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.shapes import GenerationSize

WEAKER_SET = "Measured after the encoder: a weaker set of measures, and small faults are hidden."


@dataclass(frozen=True, slots=True)
class Decode:
    """How a clip was decoded, where faults of decoding may lie.

    Attributes:
        seams: Lines between tiles.
        bounds: First frame of each chunk in time after the first.
        groups: First frame of each group of frames that a codec coded together, after frame 0;
            see `latent_groups`.
    """

    seams: tuple[SeamLine, ...] = ()
    bounds: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ShotSound:
    """A shot's own sound.

    Attributes:
        audio: The sound.
        spans: Where sound ought to be, seconds; None if that is not known.
        joins_s: Where two sounds meet, seconds.
        events_s: When something in the picture should be heard, seconds.
    """

    audio: Audio
    spans: tuple[Span, ...] | None = None
    joins_s: tuple[float, ...] = ()
    events_s: tuple[float, ...] = field(default=())


def measure_clip(
    frames: Frames,
    frame_rate: Fraction,
    *,
    shot: str = "",
    label: str = "",
    staged: Staged | None = None,
    size: GenerationSize | None = None,
    audio: ShotSound | Audio | None = None,
    raw: bool = True,
    keyframes: Sequence[KeyframeImage] = (),
    decode: Decode | None = None,
    generated: bool = False,
    depth: DepthEstimate | None = None,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
) -> ShotReport:
    """Measure one shot: one pass over its frames, in bounded memory.

    Args:
        frames: [F, H, W, 3], uint8, uint16 or float32.
        frame_rate: Frames per second.
        shot: Its id.
        label: What the pictures are, e.g. `animatic`.
        staged: The stage that it was made from; what needs it is left out without.
        size: How the delivered size was cut from the staged one; needed where they differ.
        audio: The shot's own sound.
        raw: The frames come from before the encoder.
        keyframes: Pictures that the shot had to pass through, with their frame and strength.
        decode: Tile lines, chunk bounds and groups of frames, where they are known.
        generated: A video model made the frames: keyframes are given the room that its codec
            takes, groups of 8 frames are looked at, and the sound must be as long as the picture.
        depth: Depth of the clip as a model sees it, if there is one.
        device: Where to compute.
        progress: Told after every frame.

    Returns:
        Verdicts, series and the worst transitions.

    Raises:
        QualityError: No frames, too small, not RGB, or a stage that does not fit.
        Cancelled: The person asked to stop.
    """
    grid = _grid_of(frames, staged, size)
    if depth is not None:
        check_estimate(depth, len(frames))
    collected = collect(
        frames,
        frame_rate,
        grid,
        staged,
        progress,
        device,
        estimate=depth,
        keyframes=[keyframe.frame for keyframe in keyframes],
    )
    verdicts = picture_verdicts(collected, frame_rate, grid, staged, raw=raw)
    if depth is not None and staged is not None:
        verdicts.append(depth_estimate_verdict(collected.depth_orders, frame_rate))
    if decode is not None:
        verdicts += _decode_verdicts(frames, collected, frame_rate, decode, staged, raw=raw)
    groups = decode.groups if decode is not None else ()
    if generated or groups:
        groups = groups or latent_groups(len(frames))
        verdicts += group_verdicts(collected, groups, frame_rate, staged=staged is not None)
    verdicts += keyframe_verdicts(
        frames, keyframes, grid, frame_rate, raw=raw, generated=generated, device=device
    )
    extra: tuple[Series, ...] = ()
    if audio is not None:
        sound = audio if isinstance(audio, ShotSound) else ShotSound(audio)
        verdicts += _heard_verdicts(sound, raw=raw)
        if generated:
            length_s = float(len(frames) / frame_rate)
            verdicts.append(av_length_verdict(length_s, sound.audio.duration_s))
        heard = frame_levels_db(window_levels_db(sound.audio), len(frames), frame_rate)
        extra = (kept("sound_level", "dBFS", heard, 1),)
    progress.step(1.0, "measured")
    return shot_report(
        collected,
        tuple(verdicts),
        frame_rate,
        grid,
        shot=shot,
        label=label,
        size=(frames.shape[2], frames.shape[1]),
        staged=staged is not None,
        raw=raw,
        extra=extra,
    )


def _heard_verdicts(sound: ShotSound, *, raw: bool) -> list[Verdict]:
    """Judge a shot's sound; what is no number stops every other measure of it."""
    numbers = sound_not_finite_verdict(sound.audio)
    if numbers.status is not Status.PASSED:
        return [numbers]
    verdicts = sound_verdicts(
        sound.audio,
        raw=raw,
        spans=sound.spans,
        joins_s=sound.joins_s,
        events_s=sound.events_s,
    )
    return [numbers, *verdicts]


def shot_report(
    collected: Collected,
    verdicts: tuple[Verdict, ...],
    frame_rate: Fraction,
    grid: MeasureGrid,
    *,
    shot: str,
    label: str,
    size: tuple[int, int],
    staged: bool,
    raw: bool,
    start_s: float = 0.0,
    extra: tuple[Series, ...] = (),
) -> ShotReport:
    """Put a shot's report together."""
    return ShotReport(
        shot=shot,
        label=label,
        num_frames=collected.num_frames,
        frame_rate=frame_rate,
        size=size,
        measured_size=(grid.width, grid.height),
        raw=raw,
        staged=staged,
        start_s=round(start_s, 6),
        verdicts=verdicts,
        series=(*_series(collected, grid), *extra),
        worst=worst_transitions(collected.steps.psnr_db, frame_rate),
        notes=() if raw else (WEAKER_SET,),
    )


def _series(collected: Collected, grid: MeasureGrid) -> list[Series]:
    numbers, frames = collected.steps, collected.frames
    found = [
        kept("psnr_y", "dB", numbers.psnr_db, 2),
        kept("level", "levels", frames.means, 2),
        kept("bright", "levels", frames.bright, 1),
        kept("change", "levels", numbers.changes, 3),
        kept("sharpness", "log2", _log2(frames.bands), 3, step=SHARPNESS_EVERY),
    ]
    if numbers.gains:
        every = int(THRESHOLDS["drift"].gates["every"])
        found += [
            kept("flicker", "levels", numbers.gains, 3),
            kept("local_flicker", "levels", numbers.wavers, 3),
            kept("compensated_psnr", "dB", numbers.compensated_db, 2),
            kept("change_ratio", "times staged", numbers.ratios, 3),
            kept("staged_motion", "% of height",
                 [100 * value / grid.height for value in numbers.moved], 3),
            kept("drift", "levels", drift_levels(collected.drift.changes), 2, step=every),
        ]  # fmt: skip
        speed = speed_series(collected.speeds, collected.num_frames)
        found += [speed] if speed is not None else []
        found += place_series(collected.placements, grid.height)
        along = (motion_series(collected.motions), depth_edges_series(collected.depth_edges))
        found += [series for series in along if series is not None]
    return found


def kept(name: str, unit: str, values: Sequence[float], digits: int, *, step: int = 1) -> Series:
    """A series rounded for keeping; what is not a number becomes None."""
    return Series(
        name,
        unit,
        tuple(round(float(value), digits) if np.isfinite(value) else None for value in values),
        step=step,
    )


def _log2(bands: Sequence[float]) -> list[float]:
    return [float(np.log2(band)) if band > 0 else float("nan") for band in bands]


def _decode_verdicts(
    frames: Frames,
    collected: Collected,
    frame_rate: Fraction,
    decode: Decode,
    staged: Staged | None,
    *,
    raw: bool,
) -> list[Verdict]:
    verdicts = seam_verdicts(frames, decode.seams, raw=raw)
    if staged is not None:
        verdicts += seam_time_verdicts(collected.steps.gains, decode.bounds, frame_rate)
    verdicts += sharpness_jump_verdicts(collected.frames.bands, decode.bounds, frame_rate)
    return verdicts


def _grid_of(frames: Frames, staged: Staged | None, size: GenerationSize | None) -> MeasureGrid:
    if len(frames.shape) != 4 or not len(frames):
        raise QualityError(
            f"Frames of shape {list(frames.shape)} cannot be measured.",
            "Give RGB frames [F, H, W, 3], at least one.",
        )
    under = None
    if staged is not None:
        check_stage(frames, staged)
        under = (staged.mask.shape[2], staged.mask.shape[1])
    return measure_grid((frames.shape[2], frames.shape[1]), under, size)
