from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reelwright.prompt import ArrangedPrompt, arrange
from reelwright.storyboard import Film, parse_film, resolve_scenes

Make = Callable[..., tuple[Film, ArrangedPrompt]]

STAGED = """
[film]
size = [768, 448]
{film}
{light}
[ground]
{ground}

[props.ball]
shape = "sphere"
color = "#cf2f25"

[props.tall-fir]
shape = "cone"
dimensions = [1, 1, 2]
color = "#3f6b4a"

[[shots]]
id = "one"
seconds = 2
{shot}

[shots.camera]
at = [0, -8, 1.6]
look_at = [0, 0, 1]
{camera}
{place}
"""

BALL = """
[[shots.place]]
prop = "ball"
at = [0, 0, 0.5]
"""


@pytest.fixture
def arranged() -> Make:
    """A film of one staged shot, and its prompt."""

    def make(max_words: int = 200, place: str = BALL, **more: str) -> tuple[Film, ArrangedPrompt]:
        parts = {"film": "", "light": "", "ground": "", "shot": "", "camera": "", **more}
        film = parse_film(STAGED.format(place=place, **parts))
        scene = resolve_scenes(film)["one"]
        return film, arrange(film, film.shots[0], scene=scene, max_words=max_words)

    return make


@pytest.fixture
def words_only() -> Callable[..., ArrangedPrompt]:
    """The prompt of a shot with words alone."""

    def make(style: str = "", **shot: Any) -> ArrangedPrompt:
        film = Film.model_validate({"style": style, "shots": [{"id": "a", "seconds": 1, **shot}]})
        return arrange(film, film.shots[0])

    return make
