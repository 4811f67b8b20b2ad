"""Guards of generated clips: what is broken, in what order, and the remedies by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelwright.audio import Audio
from reelwright.frames import ArrayFrames
from reelwright.quality import (
    GUARDS,
    THRESHOLDS,
    Remedy,
    ShotReport,
    Status,
    Verdict,
    badness,
    broken_guards,
    broken_words,
    guard_verdicts,
    measure_clip,
    remedies_of,
    shot_report_from_json,
    shot_report_to_json,
)

Make = Callable[..., Any]


def of(report: ShotReport, measure: str, subject: str = "") -> Any:
    (found,) = [v for v in report.verdicts if v.measure == measure and v.subject == subject]
    return found


def test_every_guard_says_what_to_try() -> None:
    assert {"black", "frozen", "not_finite", "group_pop", "keyframe_psnr", "flicker"} <= set(GUARDS)
    for row in THRESHOLDS.values():
        assert bool(row.hints) == row.gated, row.id
        assert not row.guard or row.hints


def test_a_clean_clip_breaks_no_guard(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    report = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage, generated=True)
    assert broken_guards(report, Status.WARN) == ()
    assert len(guard_verdicts(report)) >= 8


def test_a_black_clip_asks_for_guidance_1_first(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    report = measure_clip(ArrayFrames(np.zeros_like(made.frames)), rate, generated=True)
    broken = broken_guards(report)
    assert broken[0].measure == "black"
    assert remedies_of(broken)[0] is Remedy.GUIDANCE_1
    assert Remedy.GUIDANCE_1.denoises
    assert not Remedy.OTHER_TILES.denoises


def broken_shot(*values: tuple[str, float]) -> ShotReport:
    """A shot whose keyframe measures have failed with these values."""
    verdicts = tuple(
        Verdict(
            name, Status.FAIL, "seen", value, THRESHOLDS[name].fail, hints=THRESHOLDS[name].hints
        )
        for name, value in values
    )
    rate = Fraction(24)
    return ShotReport("one", "toy", 9, rate, (64, 64), (64, 64), True, True, verdicts=verdicts)


def test_the_better_of_two_clips() -> None:
    """By the gravest guard that is broken, then by how many are, then by how far."""
    fine, near, far = (
        broken_shot(),
        broken_shot(("keyframe_psnr", 20.0)),
        broken_shot(("keyframe_psnr", 10.0)),
    )
    two = broken_shot(("keyframe_psnr", 23.0), ("keyframe_color", 3.1))
    black = broken_shot(("black", 2.0))
    ranked = [fine, near, far, two, black]
    assert sorted(ranked, key=badness) == ranked
    assert badness(fine) == (0.0, 0.0, 0.0)
    assert badness(broken_shot(("keyframe_psnr", float("-inf"))))[2] == 10.0


def test_a_warning_is_not_bad() -> None:
    warned = replace(broken_shot(), verdicts=(Verdict("black", Status.WARN, "seen", 1.0, 1.0),))
    assert badness(warned) == badness(broken_shot())


def test_broken_guards_in_words_each_once() -> None:
    verdict = broken_shot(("keyframe_psnr", 17.0)).verdicts[0]
    twice = [replace(verdict, subject="frame 48"), replace(verdict, subject="frame 0")]
    assert broken_words(twice) == ("Keyframe's PSNR-Y 17 dB (frame 48)",)


def test_hints_go_through_json(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[-3:] = frames[-4]
    report = measure_clip(ArrayFrames(frames), rate, staged=made.stage)
    assert of(report, "frozen").hints[-1] is Remedy.KEYFRAME_AT_MINUS_12
    data = json.loads(json.dumps(shot_report_to_json(report)))
    assert "keyframe_at_minus_12" in str(data)
    assert shot_report_from_json(data) == report
    for verdict in data["verdicts"]:
        del verdict["hints"]  # a report from before there were any
    assert broken_guards(shot_report_from_json(data))[0].hints == ()


def test_remedies_are_each_named_once_firsts_first(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = np.zeros_like(made.frames)
    report = measure_clip(ArrayFrames(frames), rate, staged=made.stage)
    broken = broken_guards(report)
    found = remedies_of(broken)
    assert len(found) == len(set(found))
    firsts = {verdict.hints[0] for verdict in broken}
    assert set(found[: len(firsts)]) == firsts


def test_one_pixel_that_is_no_number_is_found_and_stops_nothing(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.astype(np.float32) / 255
    frames[7, 40, 30, 1] = np.nan
    frames[9, 41, 31, 0] = np.inf
    report = measure_clip(ArrayFrames(frames), rate, staged=made.stage, generated=True)
    verdict = of(report, "not_finite")
    assert (verdict.status, verdict.value, verdict.frames) == (Status.FAIL, 2, (7, 9))
    assert verdict.hints[0] is Remedy.FULL_PRECISION
    assert of(report, "black").status is Status.PASSED
    clean = measure_clip(ArrayFrames(made.frames), rate)
    assert of(clean, "not_finite").status is Status.PASSED


def test_sound_of_no_numbers_is_found(
    shot: Make, rate: Fraction, sound: Callable[..., Audio]
) -> None:
    made = shot("moving")
    samples = np.random.default_rng(0).normal(0, 0.1, 50_000).astype(np.float32)
    samples[24_000] = np.nan
    report = measure_clip(ArrayFrames(made.frames), rate, audio=sound(samples), generated=True)
    verdict = of(report, "not_finite", "sound")
    assert verdict.status is Status.FAIL
    assert verdict.time_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("off_ms", "status"), [(10, Status.PASSED), (30, Status.WARN), (60, Status.FAIL)]
)
def test_sound_of_another_length(
    shot: Make, rate: Fraction, sound: Callable[..., Audio], off_ms: int, status: Status
) -> None:
    made = shot("moving")
    count = round(48_000 * (len(made.frames) / 24 - off_ms / 1000))
    audio = sound(np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32))
    report = measure_clip(ArrayFrames(made.frames), rate, audio=audio, generated=True)
    assert of(report, "av_length").status is status
    plain = measure_clip(ArrayFrames(made.frames), rate, audio=audio)
    assert not [v for v in plain.verdicts if v.measure == "av_length"]
