"""Errors keep their three parts, also across processes; environment values are checked."""

from __future__ import annotations

import pickle

import pytest

from reelwright import env
from reelwright.errors import (
    Cancelled,
    InputError,
    Problem,
    ReelwrightError,
    ResourceError,
    StoryboardError,
)


def tree(kind: type[ReelwrightError]) -> list[type[ReelwrightError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]


def test_codes_are_unique() -> None:
    kinds = set(tree(ReelwrightError))
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_an_error_survives_a_process_boundary() -> None:
    error = ResourceError("The disk is full.", "Free some.", where="a.mkv", free_bytes=3)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ResourceError
    assert (copy.what, copy.mend, copy.where, copy.facts) == (
        "The disk is full.",
        "Free some.",
        "a.mkv",
        {"free_bytes": 3},
    )


def test_a_storyboard_error_holds_every_problem() -> None:
    problems = (
        Problem("Unknown prop.", "Use `boat`.", "a.toml", 3, "shots[0].place[0].prop"),
        Problem("No such file.", "Add it.", "a.toml", 9, "props.boat.file"),
    )
    error = pickle.loads(pickle.dumps(StoryboardError(problems)))
    assert error.problems == problems
    assert error.exit_code == 2
    assert "and 1 more" in str(error)
    assert str(problems[0]).startswith("a.toml:3: shots[0].place[0].prop: Unknown prop.")


def test_exit_codes() -> None:
    assert InputError("x").exit_code == 2
    assert ResourceError("x").exit_code == 1
    assert Cancelled().exit_code == 130


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_bad_environment_value_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REELWRIGHT_THREADS", value)
    with pytest.raises(InputError, match="REELWRIGHT_THREADS"):
        env.count_from(env.THREADS)


def test_unset_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELWRIGHT_THREADS", raising=False)
    assert env.count_from(env.THREADS) is None
