"""What one pass over a shot's pictures found, judged: with a stage, and without one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from reelwright.quality.bad_frames import bad_frame_verdict
from reelwright.quality.collect import Collected, is_still
from reelwright.quality.contours import place_verdicts
from reelwright.quality.depth_edges import (
    depth_edges_verdict,
    depth_order_verdicts,
)
from reelwright.quality.drift import drift_verdict
from reelwright.quality.flash import flash_verdict, level_step_verdict
from reelwright.quality.flicker import flicker_verdict
from reelwright.quality.frozen import frozen_plain_verdict, frozen_verdict
from reelwright.quality.ghosts import doubled_verdicts
from reelwright.quality.grid import MeasureGrid
from reelwright.quality.group_pops import group_pop_verdict, left_after_motion
from reelwright.quality.levels import black_verdict, too_dark
from reelwright.quality.motion_adherence import motion_verdicts
from reelwright.quality.not_finite import not_finite_verdict
from reelwright.quality.report import Verdict
from reelwright.quality.sharpness import sharpness_verdict
from reelwright.quality.speed import speed_verdicts
from reelwright.quality.steps import Staged
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frames, judged, not_judged


def group_verdicts(
    collected: Collected, groups: Sequence[int], frame_rate: Fraction, *, staged: bool
) -> list[Verdict]:
    """Judge the borders between the groups of frames that a codec coded together."""
    numbers = collected.steps
    verdicts = [group_pop_verdict("group_pop", numbers.changes, groups, frame_rate)]
    if staged:
        left = left_after_motion(numbers.compensated_db).tolist()
        verdicts.append(group_pop_verdict("group_pop_staged", left, groups, frame_rate))
    return verdicts


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
        not_finite_verdict(frames.not_finite, frame_rate),
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
        *motion_verdicts(collected.motions, staged.props, frame_rate, still=still, raw=raw),
        *place_verdicts(collected.placements, staged.props, grid, frame_rate, dark),
        depth_edges_verdict(collected.depth_edges, frame_rate, dark),
        *depth_order_verdicts(collected.depth_edges, frame_rate, dark),
        *doubled_verdicts(collected.ghosts, staged.props, frame_rate),
    ]


_STAGE_ROWS = tuple(
    THRESHOLDS[name]
    for name in (
        "local_flicker",
        "drift",
        "speed",
        "motion_followed",
        "motion_direction",
        "prop_place",
        "prop_missing",
        "depth_edges",
        "depth_order",
        "doubled",
    )
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
