"""Retakes in a storyboard: within the shot, and of something."""

from __future__ import annotations

import pytest

from reelwright.errors import StoryboardError
from reelwright.storyboard import film_to_toml, parse_film

SHOT = '[[shots]]\nid = "a"\nseconds = 2\nprompt = "The sea."\n'


def with_retake(words: str, more: str = "") -> str:
    return f"{SHOT}{more}[[shots.retakes]]\n{words}"


@pytest.mark.parametrize(
    ("words", "field", "mend"),
    [
        ("from_s = 1.5\nto_s = 1.0", "retakes[0].to_s", "after it begins"),
        ("from_s = 1.0\nto_s = 2.5", "retakes[0].to_s", "Use 2 s or less"),
        ("from_s = 1.0\nto_s = 1.2", "retakes[0].from_s", "from_s = 0.708 and to_s = 1.042"),
        ("from_s = -1.0\nto_s = 1.2", "retakes[0].from_s", ""),
        ("from_s = 1.0", "retakes[0].to_s", ""),
        ('from_s = 0.5\nto_s = 1.5\nwords = "x"', "retakes[0].words", ""),
    ],
)
def test_a_range_that_cannot_be_is_refused(words: str, field: str, mend: str) -> None:
    with pytest.raises(StoryboardError) as caught:
        parse_film(with_retake(words))
    (problem,) = caught.value.problems
    assert problem.field.endswith(field)
    assert mend in problem.mend


def test_the_mend_is_a_range_that_can_be() -> None:
    film = parse_film(with_retake('from_s = 0.708\nto_s = 1.042\nsound = "gulls"'))
    (retake,) = film.shots[0].retakes
    assert (retake.prompt, retake.sound, retake.seed) == (None, "gulls", None)
    assert parse_film(film_to_toml(film)) == film
