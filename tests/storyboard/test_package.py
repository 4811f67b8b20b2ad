from __future__ import annotations

import subprocess
import sys

import pytest

import reelwright.storyboard as room


def test_public_names_are_sorted_and_there() -> None:
    assert room.__all__ == sorted(
        room.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert set(room.__all__) == set(room._HOME_OF)
    for name in room.__all__:
        assert getattr(room, name) is not None
    assert set(room.__all__) <= set(dir(room))
    with pytest.raises(AttributeError):
        _ = room.no_such_name


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import reelwright.storyboard", {"pydantic", "numpy", "tomlkit", "torch"}),
        ("from reelwright.storyboard import load_film, Film", {"numpy", "tomlkit", "torch", "PIL"}),
        ("from reelwright.storyboard import resolve_scenes", {"torch", "tomlkit", "av"}),
    ],
)
def test_an_import_brings_no_more_than_it_must(statement: str, absent: set[str]) -> None:
    code = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not absent & set(run.stdout.split())
