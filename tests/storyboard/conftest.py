from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import Problem, StoryboardError
from reelwright.storyboard import parse_film

SMALL = """\
[film]
title = "Small"
fps = 24

[props.boat]
shape = "box"

[[shots]]
id = "one"
seconds = 2

[shots.camera]
at = [0, -8, 1.6]
look_at = [0, 0, 1]

[[shots.place]]
prop = "boat"

[[shots]]
id = "two"
seconds = 1
continues = "one"
"""


@pytest.fixture
def small() -> str:
    return SMALL


@pytest.fixture
def problems_of() -> Callable[..., list[Problem]]:
    """The problems of a text, which must have some."""

    def problems(text: str, root: Path | None = None) -> list[Problem]:
        with pytest.raises(StoryboardError) as caught:
            parse_film(text, root)
        return list(caught.value.problems)

    return problems
