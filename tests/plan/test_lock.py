from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import PlanError
from reelwright.plan import Choice, Plan, PlanLock, lock_of
from reelwright.storyboard import LoadedFilm

LOCK = PlanLock(
    "animatic", {"stage/a": Choice("builtin", "cpu", {"samples": 4}), "mix": Choice("x")}
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.lock"
    assert LOCK.save(path)
    assert PlanLock.load(path) == LOCK
    assert not LOCK.save(path)


def test_it_lies_beside_its_storyboard(tmp_path: Path) -> None:
    assert PlanLock.path_for(tmp_path / "storyboard.toml") == tmp_path / "plan.lock"
    assert PlanLock.path_for(tmp_path / "trailer.toml") == tmp_path / "trailer.plan.lock"


def test_no_lock_is_none(tmp_path: Path) -> None:
    assert PlanLock.load(tmp_path / "plan.lock") is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": 1}', '{"version": 99, "tier": "", "stages": {}}',
     '{"version": 1, "tier": "", "stages": {"a": {}}}', '{"version": 1, "tier": "", "stages": []}'],
)  # fmt: skip
def test_a_damaged_one_is_refused_with_the_mend(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.lock"
    path.write_text(text)
    with pytest.raises(PlanError) as caught:
        PlanLock.load(path)
    assert "--replan" in caught.value.mend
    assert caught.value.where == str(path)


def test_newer_choices_win_and_stale_ones_go() -> None:
    newer = PlanLock("draft", {"mix": Choice("y")})
    assert LOCK.merged(newer, ["mix"]) == newer
    assert LOCK.merged(newer).choices == {"stage/a": LOCK.choices["stage/a"], "mix": Choice("y")}


def test_a_plan_tells_its_choices(
    write: Callable[..., LoadedFilm], plan: Callable[..., Plan]
) -> None:
    made = plan(write())
    lock = lock_of(made)
    assert lock.tier == "animatic"
    assert set(lock.choices) == {stage.id for stage in made}
    assert lock.choices["generate/one#1"] == Choice("animatic", "cpu")
    again = plan(write(), lock=lock)
    assert [stage.key for stage in again] == [stage.key for stage in made]


def test_it_reads_well_in_a_diff(tmp_path: Path) -> None:
    path = tmp_path / "plan.lock"
    LOCK.save(path)
    text = path.read_text()
    assert list(json.loads(text)["stages"]) == ["mix", "stage/a"]
    assert text.endswith("}\n")
