from __future__ import annotations

import pytest

from reelwright.storyboard import linear_from_color, normal_color, srgb_from_color


def test_colours_are_kept_as_hex() -> None:
    assert normal_color("#ABC") == "#aabbcc"
    assert normal_color("RebeccaPurple") == "#663399"
    assert normal_color("#12aB34") == "#12ab34"


@pytest.mark.parametrize("bad", ["", "#12", "#12345g", "hsl(0,0%,0%)", "rgb(1,2,3)", "#11223344"])
def test_what_is_no_colour_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a colour") as caught:
        normal_color(bad)
    assert caught.value.args[1]


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(ValueError, match="colour") as caught:
        normal_color("tomatoe")
    assert "tomato" in caught.value.args[1]


def test_linear_light_follows_srgb() -> None:
    assert linear_from_color("white") == (1.0, 1.0, 1.0)
    assert linear_from_color("#808080")[0] == pytest.approx(0.2158605, abs=1e-6)
    assert srgb_from_color("#ff8000") == (1.0, 128 / 255, 0.0)
