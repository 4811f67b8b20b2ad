"""Clean shots raise no alarm, and what cannot be judged is never called passed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from reelwright.frames import ArrayFrames
from reelwright.quality import THRESHOLDS, Status, measure_clip

ALARMS = (Status.NOTE, Status.WARN, Status.FAIL)


@pytest.mark.parametrize("kind", ["moving", "fast", "static", "handheld", "dark"])
def test_a_clean_shot_raises_no_alarm_against_its_stage(
    shot: Callable[..., Any], rate: Fraction, kind: str
) -> None:
    made = shot(kind)
    report = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage)
    assert [verdict for verdict in report.verdicts if verdict.status in ALARMS] == []
    assert report.staged
    assert report.status is Status.PASSED


@pytest.mark.parametrize("kind", ["moving", "fast", "static", "handheld", "dark"])
def test_a_clean_shot_raises_no_alarm_without_a_stage(
    shot: Callable[..., Any], rate: Fraction, kind: str
) -> None:
    report = measure_clip(ArrayFrames(shot(kind).frames), rate)
    assert [verdict for verdict in report.verdicts if verdict.status in ALARMS] == []


def test_every_verdict_has_a_row_in_the_table(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving")
    for staged in (made.stage, None):
        report = measure_clip(ArrayFrames(made.frames), rate, staged=staged)
        assert {verdict.measure for verdict in report.verdicts} <= set(THRESHOLDS)


def test_a_still_shot_is_not_judged_where_only_motion_tells(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("static")
    report = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage)
    for measure in ("frozen", "speed"):
        (verdict,) = [item for item in report.verdicts if item.measure == measure]
        assert verdict.status is Status.NOT_JUDGED
        assert "Nothing moves" in verdict.message
        assert verdict.remedy == ""


def test_a_dark_shot_is_not_judged_where_a_fault_would_not_show(
    shot: Callable[..., Any], rate: Fraction
) -> None:
    made = shot("dark")
    report = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage)
    for measure in ("flicker", "local_flicker", "drift"):
        (verdict,) = [item for item in report.verdicts if item.measure == measure]
        assert verdict.status is Status.NOT_JUDGED
        assert "Too dark" in verdict.message


def test_what_needs_the_stage_says_so_without_one(shot: Callable[..., Any], rate: Fraction) -> None:
    report = measure_clip(ArrayFrames(shot("moving").frames), rate)
    for measure in ("local_flicker", "drift", "speed", "prop_place", "prop_missing"):
        (verdict,) = [item for item in report.verdicts if item.measure == measure]
        assert verdict.status is Status.NOT_JUDGED
        assert "stage" in verdict.message


def test_steadiness_is_shown_and_never_judged(shot: Callable[..., Any], rate: Fraction) -> None:
    report = measure_clip(ArrayFrames(shot("fast").frames), rate)
    (verdict,) = [item for item in report.verdicts if item.measure == "psnr_y"]
    assert verdict.status is Status.NOT_JUDGED
    assert verdict.value is not None
