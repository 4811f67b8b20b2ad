"""Does the clip follow its stage: motion, depth, no prop seen twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from reelwright.errors import QualityError
from reelwright.frames import ArrayFrames
from reelwright.quality import DepthEstimate, Remedy, ShotReport, Status, Verdict, measure_clip
from reelwright.quality.depth_edges import depth_steps, prop_borders
from reelwright.quality.filters import gaussian

Make = Callable[..., Any]
ALARMS = (Status.WARN, Status.FAIL)
SIZE = (192, 120)
APART = {"size": SIZE, "num_frames": 25}
OVERLAP = {"size": SIZE, "num_frames": 17, "spread": 0.7, "behind": 1.6, "seed": 11}


def of(report: ShotReport, measure: str, subject: str = "") -> Verdict:
    (found,) = [v for v in report.verdicts if v.measure == measure and v.subject == subject]
    return found


def measured(made: Any, rate: Fraction, **more: Any) -> ShotReport:
    return measure_clip(ArrayFrames(made.frames), rate, staged=made.stage, generated=True, **more)


def alarmed(report: ShotReport, measure: str) -> list[str]:
    return [v.subject for v in report.verdicts if v.measure == measure and v.status in ALARMS]


def cross_faded(frames: np.ndarray) -> np.ndarray:
    way = np.linspace(0, 1, len(frames))[:, None, None, None]
    return (1 - way) * frames[:1] + way * frames[-1:]


def test_a_cross_fade_of_the_keyframes_follows_nothing(shot: Make, rate: Fraction) -> None:
    made = shot("moving", **APART)
    clean = measured(made, rate)
    for measure in ("motion_followed", "motion_direction", "doubled", "depth_edges"):
        assert alarmed(clean, measure) == []
    report = measured(made.with_frames(cross_faded(made.frames)), rate)
    verdict = of(report, "motion_followed")
    assert verdict.status is Status.FAIL
    assert verdict.hints[0] is Remedy.STRONGER_CONTROL
    assert alarmed(report, "doubled")
    assert report.find_series("motion_left") is not None
    assert report.find_series("depth_edges") is not None


def test_a_still_picture_and_a_blank_one_follow_nothing(shot: Make, rate: Fraction) -> None:
    made = shot("moving", **APART)
    still = measured(made.with_frames(np.repeat(made.frames[:1], 25, axis=0)), rate)
    assert of(still, "motion_followed").status is Status.FAIL
    blank = measured(made.with_frames(np.full_like(made.frames, 90)), rate)
    assert of(blank, "motion_followed").status is not Status.PASSED
    assert of(blank, "depth_edges").status is Status.FAIL


def test_a_static_shot_has_no_motion_to_follow(shot: Make, rate: Fraction) -> None:
    report = measured(shot("static", size=SIZE), rate)
    for measure in ("motion_followed", "motion_direction"):
        assert of(report, measure).status is Status.NOT_JUDGED
        assert "Nothing moves" in of(report, measure).message


@pytest.mark.parametrize("degrees", [0, 45, -90, 180])
def test_another_direction(shot: Make, rate: Fraction, degrees: float) -> None:
    """A flat world that slides right, staged to slide another way."""
    rng, count, (width, height) = np.random.default_rng(0), 17, SIZE
    noise = torch.from_numpy(rng.normal(0, 900, (height, width)).astype(np.float32))
    sheet = gaussian(noise, 4.0).numpy() + 110
    slides = np.stack([np.roll(sheet, 3 * index, axis=1) for index in range(count)])
    angle = np.deg2rad(degrees)
    way = np.round(3 * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    staged = np.stack([np.roll(sheet, way * index, axis=(1, 0)) for index in range(count)])
    shape = (count, height, width)
    stage = replace(
        shot("moving").stage,
        color=ArrayFrames(np.repeat(staged[..., None], 3, -1).clip(0, 255).astype(np.uint8)),
        depth=ArrayFrames(np.full(shape, 5, np.float32)),
        mask=ArrayFrames(np.zeros(shape, np.uint16)),
        motion=ArrayFrames(np.broadcast_to(way.astype(np.float32), (count - 1, *shape[1:], 2))),
    )
    frames = np.repeat(slides[..., None], 3, -1).clip(0, 255).astype(np.uint8)
    report = measure_clip(ArrayFrames(frames), rate, staged=stage, generated=True)
    verdict = of(report, "motion_direction")
    assert (verdict.status in ALARMS) is (degrees != 0)
    assert verdict.value == pytest.approx(abs(degrees), abs=6)


def test_props_in_the_wrong_order(shot: Make, rate: Fraction) -> None:
    made = shot("moving", **OVERLAP)
    clean = [v for v in measured(made, rate).verdicts if v.measure == "depth_order"]
    assert any(verdict.status is Status.PASSED for verdict in clean)
    assert all(verdict.status not in ALARMS for verdict in clean)
    nearer, farther = clean[0].subject.split(" before ")
    back = made.stage.props.index(farther) + 1
    report = measured(shot("moving", **OVERLAP, front=back), rate)
    verdict = of(report, "depth_order", clean[0].subject)
    assert verdict.status in ALARMS
    assert nearer in verdict.message


def test_a_border_is_where_one_prop_stands_before_another() -> None:
    mask = torch.zeros(40, 60)
    mask[10:30, 10:30], mask[10:30, 30:50] = 1, 2
    depth = torch.full((40, 60), 9.0)
    depth[mask == 1], depth[mask == 2] = 3.0, 5.0
    ((pair, where),) = prop_borders(mask, depth).items()
    assert pair == (1, 2)
    assert set(torch.nonzero(where)[:, 1].tolist()) == {29, 30}
    assert prop_borders(mask, torch.full((40, 60), 4.0)) == {}


def test_a_slope_is_no_step_of_depth() -> None:
    rows = torch.arange(1, 41, dtype=torch.float32)[:, None].expand(40, 60)
    plain, _ = depth_steps(40 / rows)  # a floor seen at a slant
    assert not plain.any()
    depth = (40 / rows).clone()
    depth[15:25, 20:40] = 0.9
    edge, _ = depth_steps(depth)
    rows_hit, columns_hit = torch.nonzero(edge).unbind(dim=1)
    assert edge.any()
    assert rows_hit.min() >= 13
    assert rows_hit.max() <= 26
    assert columns_hit.min() >= 18
    assert columns_hit.max() <= 41


def test_a_prop_left_standing_where_the_first_frame_had_it(shot: Make, rate: Fraction) -> None:
    made = shot("moving", **APART)
    frames = made.frames.astype(np.float32)
    inside = (made.stage.mask[0] == 1)[..., None]
    frames = np.where(inside, 0.5 * frames + 0.5 * frames[:1], frames)
    report = measured(made.with_frames(frames), rate)
    verdict = of(report, "doubled", "ball")
    assert verdict.status in ALARMS
    assert "outline of frame 0" in verdict.message


def test_a_prop_that_stays_is_not_seen_twice(shot: Make, rate: Fraction) -> None:
    report = measured(shot("static", size=SIZE), rate)
    found = [v for v in report.verdicts if v.measure == "doubled"]
    assert {verdict.status for verdict in found} == {Status.NOT_JUDGED}


def near_of(made: Any) -> np.ndarray:
    depth = made.stage.depth.array
    return np.where(np.isfinite(depth), 5 / np.maximum(depth, 0.1), 0.0).astype(np.float32) + 7


def test_order_by_an_estimate(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    near = near_of(made)
    kept = measured(made, rate, depth=DepthEstimate(ArrayFrames(near[:, ::2, ::2])))
    assert of(kept, "depth_estimate").status is Status.PASSED
    far = DepthEstimate(ArrayFrames(-near), nearer_is_larger=False)
    assert of(measured(made, rate, depth=far), "depth_estimate").value == pytest.approx(100)
    wrong = measured(made, rate, depth=DepthEstimate(ArrayFrames(-near)))
    assert of(wrong, "depth_estimate").value == pytest.approx(0)
    behind = near.copy()
    behind[made.stage.mask.array > 0] = near.min()  # every prop behind the ground
    report = measured(made, rate, depth=DepthEstimate(ArrayFrames(behind)))
    assert of(report, "depth_estimate").status is Status.FAIL


def test_an_estimate_that_is_too_short_is_refused(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    with pytest.raises(QualityError, match="does not cover") as caught:
        measured(made, rate, depth=DepthEstimate(ArrayFrames(near_of(made)[:4])))
    assert caught.value.mend
