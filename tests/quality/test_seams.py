"""Seams at known tile lines and chunk bounds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelwright.frames import ArrayFrames
from reelwright.quality import Decode, SeamLine, ShotReport, Status, Verdict, measure_clip

SIZE = (480, 272)


def of(report: ShotReport, measure: str) -> Verdict:
    (verdict,) = [v for v in report.verdicts if v.measure == measure]
    return verdict


@pytest.mark.parametrize(("axis", "at"), [("column", 236), ("row", 236)])
@pytest.mark.parametrize(
    ("step", "status"), [(0, Status.PASSED), (1, Status.WARN), (4, Status.FAIL)]
)
def test_a_step_between_tiles(
    shot: Callable[..., Any], rate: Fraction, axis: Any, at: int, step: int, status: Status
) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    frames = made.frames * 0.9
    (frames[:, :, at:] if axis == "column" else frames[:, at:])[...] += step
    decode = Decode(seams=(SeamLine(axis, at),))
    clip = ArrayFrames(made.with_frames(frames).frames)
    verdict = of(measure_clip(clip, rate, decode=decode), "seam")
    assert (verdict.status, verdict.subject) == (status, f"{axis} {at}")
    coded = of(measure_clip(clip, rate, decode=decode, raw=False), "seam")
    assert coded.status is Status.NOT_JUDGED


@pytest.mark.parametrize("at", [0, 2, 478])
def test_a_line_at_the_border_is_not_judged(
    shot: Callable[..., Any], rate: Fraction, at: int
) -> None:
    made = shot("static", size=SIZE, num_frames=3)
    decode = Decode(seams=(SeamLine("column", at),))
    verdict = of(measure_clip(ArrayFrames(made.frames), rate, decode=decode), "seam")
    assert verdict.status is Status.NOT_JUDGED


def test_a_busy_line_is_not_judged(rate: Fraction) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 136, 240, 3), dtype=np.uint8)
    decode = Decode(seams=(SeamLine("column", 120),))
    verdict = of(measure_clip(ArrayFrames(noise), rate, decode=decode), "seam")
    assert verdict.status is Status.NOT_JUDGED


def test_a_step_at_a_chunk_bound(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving")
    decode = Decode(bounds=(9, 16))
    frames = made.frames * 0.9
    frames[16:] += 2.5
    report = measure_clip(
        ArrayFrames(made.with_frames(frames).frames), rate, staged=made.stage, decode=decode
    )
    found = {v.subject: v.status for v in report.verdicts if v.measure == "seam_time"}
    assert found == {"frame 9": Status.PASSED, "frame 16": Status.WARN}


def test_a_blurred_chunk(shot: Callable[..., Any], rate: Fraction) -> None:
    from reelwright.quality.sharpness import sharpness_jump_verdicts

    made = [1.0, 1.02, 0.99, 1.0, 0.98, 0.6, 0.61, 0.6]
    (found,) = sharpness_jump_verdicts(made, [10], rate)
    assert found.status is Status.WARN
    (early,) = sharpness_jump_verdicts(made, [2], rate)
    assert early.status is Status.NOT_JUDGED
    (calm,) = sharpness_jump_verdicts([1.0] * 8, [8], rate)
    assert calm.status is Status.PASSED
