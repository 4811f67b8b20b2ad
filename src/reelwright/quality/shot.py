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
from reelwright.quality.bad_frames import bad_frame_verdict
from reelwright.quality.collect import Collected, collect, is_still
from reelwright.quality.contours import place_series, place_verdicts
from reelwright.quality.drift import drift_levels, drift_verdict
from reelwright.quality.flash import flash_verdict, level_step_verdict
from reelwright.quality.flicker import flicker_verdict
from reelwright.quality.frozen import frozen_plain_verdict, frozen_verdict
from reelwright.quality.grid import MeasureGrid, measure_grid
from reelwright.quality.keyframe_match import KeyframeImage, keyframe_verdicts
from reelwright.quality.levels import black_verdict, too_dark
from reelwright.quality.psnr import worst_transitions
from reelwright.quality.report import Series, ShotReport, Verdict
from reelwright.quality.seams import SeamLine, seam_time_verdicts, seam_verdicts
from reelwright.quality.sharpness import EVERY as SHARPNESS_EVERY
from reelwright.quality.sharpness import sharpness_jump_verdicts, sharpness_verdict
from reelwright.quality.sound import sound_verdicts
from reelwright.quality.sound_gaps import Span
from reelwright.quality.sound_levels import frame_levels_db, window_levels_db
from reelwright.quality.speed import speed_series, speed_verdicts
from reelwright.quality.steps import Staged, check_stage
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged
from reelwright.shapes import GenerationSize

WEAKER_SET = "Measured after the encoder: a weaker set of measures, and small faults are hidden."


@dataclass(frozen=True, slots=True)
class Decode:
    """How a clip was decoded, where faults of decoding may lie.

    Attributes:
        seams: Lines between tiles.
        bounds: First frame of each chunk in time after the first.
    """

    seams: tuple[SeamLine, ...] = ()
    bounds: tuple[int, ...] = ()


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
        keyframes: Pictures that the shot had to pass through.
        decode: Tile lines and chunk bounds, where they are known.
        device: Where to compute.
        progress: Told after every frame.

    Returns:
        Verdicts, series and the worst transitions.

    Raises:
        QualityError: No frames, too small, not RGB, or a stage that does not fit.
        Cancelled: The person asked to stop.
    """
    grid = _grid_of(frames, staged, size)
    collected = collect(frames, frame_rate, grid, staged, progress, device)
    verdicts = picture_verdicts(collected, frame_rate, grid, staged, raw=raw)
    if decode is not None:
        verdicts += _decode_verdicts(frames, collected, frame_rate, decode, staged, raw=raw)
    verdicts += keyframe_verdicts(frames, keyframes, grid, frame_rate, raw=raw, device=device)
    extra: tuple[Series, ...] = ()
    if audio is not None:
        sound = audio if isinstance(audio, ShotSound) else ShotSound(audio)
        verdicts += sound_verdicts(
            sound.audio,
            raw=raw,
            spans=sound.spans,
            joins_s=sound.joins_s,
            events_s=sound.events_s,
        )
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


def picture_verdicts(
    collected: Collected,
    frame_rate: Fraction,
    grid: MeasureGrid,
    staged: Staged | None,
    *,
    raw: bool,
) -> list[Verdict]:
    """Judge what one pass over the frames found."""
    frames = collected.frames
    verdicts = [
        psnr_verdict(collected.steps.psnr_db, frame_rate),
        black_verdict(frames.bright, frame_rate),
        flash_verdict(frames.means, frame_rate),
        collected.flashes.verdict(),
    ]
    if staged is None:
        verdicts += plain_verdicts(collected, frame_rate)
    else:
        verdicts += staged_verdicts(collected, frame_rate, grid, staged, raw=raw)
    return verdicts


def plain_verdicts(collected: Collected, frame_rate: Fraction) -> list[Verdict]:
    """Judge what needs no stage where there is none."""
    numbers = collected.steps
    gains = np.diff(np.asarray(collected.frames.means)).tolist()
    dark = too_dark(collected.frames.bright, "flicker_plain")
    return [
        bad_frame_verdict("bad_frame_plain", numbers.psnr_db, frame_rate),
        frozen_plain_verdict(numbers.changes, frame_rate),
        flicker_verdict("flicker_plain", gains, frame_rate, dark),
        sharpness_verdict(collected.frames.bands, collected.num_frames, frame_rate, None),
        *[not_judged(row.id, "It takes the stage, and none is known.") for row in _STAGE_ROWS],
    ]


def staged_verdicts(
    collected: Collected,
    frame_rate: Fraction,
    grid: MeasureGrid,
    staged: Staged,
    *,
    raw: bool,
) -> list[Verdict]:
    """Judge the picture against its stage."""
    numbers, count = collected.steps, collected.num_frames
    still = is_still(numbers.moved)
    dark = too_dark(collected.frames.bright, "flicker")
    moved = np.asarray(numbers.moved, np.float64)
    return [
        level_step_verdict(numbers.gains, frame_rate),
        bad_frame_verdict("bad_frame", numbers.compensated_db, frame_rate),
        frozen_verdict(numbers.ratios, frame_rate, raw=raw, still=still),
        flicker_verdict("flicker", numbers.gains, frame_rate, dark),
        collected.local_flicker.verdict(frame_rate, dark),
        sharpness_verdict(
            collected.frames.bands, count, frame_rate, moved, collected.frames.stage_bands
        ),
        drift_verdict(collected.drift.changes, count, frame_rate, dark),
        *speed_verdicts(collected.speeds, staged.props, frame_rate, still),
        *place_verdicts(collected.placements, staged.props, grid, frame_rate, dark),
    ]


_STAGE_ROWS = tuple(
    THRESHOLDS[name] for name in ("local_flicker", "drift", "speed", "prop_place", "prop_missing")
)


def psnr_verdict(psnr_db: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Show the lowest PSNR-Y; it is never judged."""
    if not len(psnr_db):
        return not_judged("psnr_y", "There is only one frame.")
    lowest = int(np.argmin(np.asarray(psnr_db)))
    message = (
        f"{at_frames(lowest, lowest + 1, frame_rate)} differ most: {psnr_db[lowest]:.1f} dB. "
        "Shown, not judged: fast shots are low by nature."
    )
    frames = (lowest, lowest + 1)
    return judged("psnr_y", psnr_db[lowest], message, frames=frames, frame_rate=frame_rate)


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
