"""Pops between groups of 8 frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelwright.frames import ArrayFrames
from reelwright.quality import Decode, Remedy, ShotReport, Status, latent_groups, measure_clip
from reelwright.quality.group_pops import group_pop_verdict, pop_ratio

Make = Callable[..., Any]


def of(report: ShotReport, measure: str) -> Any:
    (found,) = [v for v in report.verdicts if v.measure == measure]
    return found


def popped(frames: np.ndarray, groups: tuple[int, ...], levels: float) -> np.ndarray:
    """Every group off by a pattern of its own."""
    rng, out = np.random.default_rng(0), frames.astype(np.float32)
    for start in groups:
        pattern = rng.normal(0, levels, (frames.shape[1] // 8, frames.shape[2] // 8, 1))
        out[start : start + 8] += np.kron(pattern, np.ones((8, 8, 1)))
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def test_groups_of_a_decode() -> None:
    assert latent_groups(33) == (1, 9, 17, 25)
    assert latent_groups(9) == (1,)
    assert latent_groups(1) == ()
    # a shot that continues another loses the 9 frames that it was given
    assert latent_groups(24, dropped=9) == (8, 16)


def test_ratio_is_what_it_says() -> None:
    changes = np.full(32, 2.0)
    assert pop_ratio(changes.tolist(), latent_groups(33), 0.0) == 1
    changes[[8, 16, 24]] = 5.0
    assert pop_ratio(changes.tolist(), latent_groups(33), 0.0) == pytest.approx(2.5)
    changes[7] = np.nan
    assert pop_ratio(changes.tolist(), latent_groups(33), 0.0) == pytest.approx(2.5)


def test_one_stretch_of_pops_is_not_thinned_by_a_calm_minute(rate: Fraction) -> None:
    changes = np.full(481, 2.0)
    changes[[8, 16, 24, 32, 40, 48]] = 4.0
    verdict = group_pop_verdict("group_pop", changes.tolist(), latent_groups(482), rate)
    assert verdict.value == pytest.approx(4.25 / 2.25, rel=1e-3)
    assert verdict.frames == (8, 49)


def test_pops_are_found_and_clean_clips_pass(shot: Make, rate: Fraction) -> None:
    made = shot("moving", num_frames=33)
    groups = latent_groups(33)
    clean = measure_clip(ArrayFrames(made.frames), rate, staged=made.stage, generated=True)
    assert of(clean, "group_pop").status is Status.PASSED
    assert of(clean, "group_pop_staged").status is Status.PASSED
    frames = popped(made.frames, groups, 3.0)
    report = measure_clip(ArrayFrames(frames), rate, staged=made.stage, generated=True)
    for measure in ("group_pop", "group_pop_staged"):
        verdict = of(report, measure)
        assert verdict.status in (Status.WARN, Status.FAIL)
        assert verdict.hints[0] is Remedy.SMOOTH_GROUPS


def test_pops_of_a_continued_shot_lie_elsewhere(shot: Make, rate: Fraction) -> None:
    made = shot("moving", num_frames=33)
    groups = latent_groups(33, dropped=9)
    frames = ArrayFrames(popped(made.frames, groups, 4.0))
    told = measure_clip(frames, rate, decode=Decode(groups=groups))
    assert of(told, "group_pop").status in (Status.WARN, Status.FAIL)
    assert of(measure_clip(frames, rate, generated=True), "group_pop").status is Status.PASSED


def test_a_clip_that_is_not_generated_is_not_asked(shot: Make, rate: Fraction) -> None:
    report = measure_clip(ArrayFrames(shot("moving").frames), rate)
    assert not [v for v in report.verdicts if v.measure.startswith("group_pop")]
    short = measure_clip(ArrayFrames(shot("moving", num_frames=9).frames), rate, generated=True)
    assert of(short, "group_pop").status is Status.NOT_JUDGED
