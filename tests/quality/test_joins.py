"""Colour where one shot continues another, and drift along a chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from reelwright.frames import ArrayFrames
from reelwright.quality import FilmShot, Report, Status, measure_clip, measure_film
from reelwright.quality.joins import JoinSide, camera_motion, join_color, join_verdict

COUNT = 9


@pytest.fixture
def pair(shot: Callable[..., Any]) -> tuple[Any, Any]:
    return shot("moving", num_frames=COUNT), shot("moving", num_frames=COUNT, start=COUNT)


def sides(pair: tuple[Any, Any], *, staged: bool = True, gain: Any = 1.0) -> list[JoinSide]:
    before, after = pair
    tinted = after.with_frames(after.frames * np.asarray(gain))
    return [
        JoinSide(name, ArrayFrames(made.frames), made.stage if staged else None)
        for name, made in (("one", before), ("two", tinted))
    ]


@pytest.mark.parametrize("staged", [True, False])
def test_a_clean_join_passes(pair: Any, staged: bool) -> None:
    color = join_color(*sides(pair, staged=staged))
    assert color.compensated is staged
    assert color.delta_e < (0.3 if staged else 0.7)
    verdict = join_verdict("one", "two", color, staged=staged, time_s=1.0)
    assert verdict.status is Status.PASSED


@pytest.mark.parametrize("staged", [True, False])
def test_a_jump_in_colour_is_found(pair: Any, staged: bool) -> None:
    color = join_color(*sides(pair, staged=staged, gain=[1.0, 0.97, 0.94]))
    verdict = join_verdict("one", "two", color, staged=staged, time_s=1.0)
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.subject == "one → two"
    assert "yellower" in verdict.message or "redder" in verdict.message


def test_a_stage_that_goes_on_gives_the_motion_itself(shot: Callable[..., Any], pair: Any) -> None:
    whole, (_, after) = shot("moving", num_frames=COUNT + 2), pair
    before = JoinSide("one", ArrayFrames(whole.frames[:COUNT]), whole.stage)
    color = join_color(before, JoinSide("two", ArrayFrames(after.frames), after.stage))
    assert color.compensated
    assert color.delta_e < 0.3


def test_shots_that_show_nothing_of_the_same_are_not_judged(
    shot: Callable[..., Any], pair: Any
) -> None:
    before, after = pair
    turned = after.stage.world_from_camera.copy()
    turned[:, :3, :3] = turned[:, :3, :3] @ np.diag([-1.0, 1.0, -1.0])
    away = replace(after.stage, world_from_camera=turned)
    color = join_color(
        JoinSide("one", ArrayFrames(before.frames), before.stage),
        JoinSide("two", ArrayFrames(after.frames), away),
    )
    verdict = join_verdict("one", "two", color, staged=True, time_s=1.0)
    assert verdict.status is Status.NOT_JUDGED


def test_camera_motion_agrees_with_the_staged_motion(shot: Callable[..., Any]) -> None:
    made = shot("moving", num_frames=COUNT)
    stage = made.stage
    depth = torch.from_numpy(np.nan_to_num(stage.depth[0], posinf=1e6))
    motion = camera_motion(
        depth,
        stage.intrinsics[0],
        stage.intrinsics[1],
        np.linalg.inv(stage.world_from_camera[1]) @ stage.world_from_camera[0],
    ).numpy()
    ground = stage.mask[0] == 0
    assert np.abs(motion - stage.motion[0])[ground].max() < 0.02


def test_a_chain_adds_up_its_joins(shot: Callable[..., Any], rate: Fraction) -> None:
    parts = [shot("moving", num_frames=COUNT, start=COUNT * k) for k in range(3)]
    film = []
    for index, part in enumerate(parts):
        made = part.with_frames(part.frames * 0.9 + 3 * index)
        name = f"link {index}"
        report = measure_clip(ArrayFrames(made.frames), rate, shot=name, staged=made.stage)
        film.append(
            FilmShot(
                report,
                ArrayFrames(made.frames),
                made.stage,
                continues=f"link {index - 1}" if index else None,
            )
        )
    report: Report = measure_film("chain", film)
    joins = [v for v in report.verdicts if v.measure == "join_color"]
    (chain,) = [v for v in report.verdicts if v.measure == "chain_drift"]
    assert [verdict.status for verdict in joins] == [Status.NOTE, Status.NOTE]
    assert chain.status is Status.NOT_JUDGED
    assert chain.value == pytest.approx(sum(v.value or 0 for v in joins), rel=0.15)
    assert chain.subject == "link 0 → link 1 → link 2"
    assert [shot.start_s for shot in report.shots] == [0, 0.375, 0.75]
