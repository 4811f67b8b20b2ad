"""Props: in their place, aside, gone, and where nothing can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelwright.frames import ArrayFrames
from reelwright.quality import ShotReport, Status, Verdict, measure_clip
from reelwright.quality.contours import gradient_direction, outline, place
from reelwright.quality.grid import measure_grid
from reelwright.quality.luma import measured_luma

SIZE = (480, 272)


def of(report: ShotReport, measure: str, subject: str) -> Verdict:
    (verdict,) = [v for v in report.verdicts if v.measure == measure and v.subject == subject]
    return verdict


def measured(made: Any, rate: Fraction) -> ShotReport:
    return measure_clip(ArrayFrames(made.frames), rate, staged=made.stage)


@pytest.mark.parametrize("aside", [(0, 0), (3, 0), (0, -4), (-6, 5)])
def test_displacement_is_found_within_a_pixel(shot: Callable[..., Any], aside: Any) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    moved = np.roll(made.frames[0], (aside[1], aside[0]), axis=(0, 1))
    direction = gradient_direction(measured_luma(moved, measure_grid(SIZE)))
    for prop in (2, 3):
        shape = outline(made.stage.mask[0], prop, SIZE)
        assert shape is not None
        found = place(direction, shape, 0)
        assert (found.right, found.down) == pytest.approx(aside, abs=1.0)


def test_a_prop_aside_is_found_and_the_others_are_not_blamed(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("static", size=SIZE, num_frames=3, aside=0.09)
    report = measured(made, rate)
    verdict = of(report, "prop_place", "ball")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert "right of its staged place" in verdict.message
    assert of(report, "prop_missing", "ball").status is Status.PASSED
    for other in ("crate", "globe"):
        assert of(report, "prop_place", other).status is Status.PASSED
        assert of(report, "prop_missing", other).status is Status.PASSED


@pytest.mark.parametrize(("prop", "name"), [(2, "crate"), (3, "globe")])
def test_a_missing_prop_is_found(
    shot: Callable[..., Any], rate: Fraction, prop: int, name: str
) -> None:
    report = measured(shot("static", size=SIZE, num_frames=3, missing=prop), rate)
    verdict = of(report, "prop_missing", name)
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.value is not None
    assert verdict.value < 1.5
    assert of(report, "prop_place", name).status is Status.NOT_JUDGED


def test_a_prop_that_the_stage_does_not_show_is_not_judged(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    flat = ArrayFrames(np.full_like(made.frames, 128))
    hidden = replace(made, stage=replace(made.stage, color=flat))
    report = measured(hidden, rate)
    for measure in ("prop_missing", "prop_place"):
        verdict = of(report, measure, "crate")
        assert verdict.status is Status.NOT_JUDGED
        assert "staged picture itself" in verdict.message


def test_a_dark_picture_misses_no_prop(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    dark = made.with_frames(np.random.default_rng(0).integers(0, 3, made.frames.shape))
    for name in ("ball", "crate", "globe"):
        for measure in ("prop_missing", "prop_place"):
            assert of(measured(dark, rate), measure, name).status is Status.NOT_JUDGED


def test_a_prop_too_small_to_judge_says_so(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    mask = made.stage.mask.array.copy()
    mask[mask == 2] = 0
    mask[:, 100:104, 100:104] = 2
    small = replace(made, stage=replace(made.stage, mask=ArrayFrames(mask)))
    verdict = of(measured(small, rate), "prop_place", "crate")
    assert verdict.status is Status.NOT_JUDGED
    assert "Too small" in verdict.message
