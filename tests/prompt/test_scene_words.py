from __future__ import annotations

from collections.abc import Callable

import pytest

from reelwright.prompt import ArrangedPrompt, arrange
from reelwright.prompt.color_words import COLORS, word_from_color
from reelwright.prompt.scene_words import thing_name
from reelwright.storyboard import Film, resolve_scenes

Make = Callable[..., tuple[Film, ArrangedPrompt]]


def _placed(*places: str) -> str:
    return "".join(f"\n[[shots.place]]\n{place}\n" for place in places)


def test_things_out_of_the_picture_are_not_named(arranged: Make) -> None:
    behind = _placed('prop = "ball"\nat = [0, -12, 1]')
    aside = _placed('prop = "ball"\nat = [30, 0, 1]')
    enters = _placed(
        'prop = "ball"\nkeys = [{ t_s = 0, at = [30, 0, 1] }, { t_s = 2, at = [0, 0, 1] }]'
    )
    assert "ball" not in arranged(place=behind)[1].text
    assert "ball" not in arranged(place=aside)[1].text
    assert arranged(place=enters)[1].text.startswith("A red ball moving to the left.")


def test_the_same_thing_twice_is_counted(arranged: Make) -> None:
    place = _placed(
        'prop = "ball"', 'prop = "tall-fir"', 'prop = "tall-fir"\nname = "two"\nat = [1, 0, 0]'
    )
    assert arranged(place=place)[1].text.startswith("A red ball and two green tall firs.")


@pytest.mark.parametrize(
    ("end", "way"),
    [
        ("[0, 0, 2]", "rising"),
        ("[0, 0, -1]", "sinking"),
        ("[2, 0, 0]", "moving to the right"),
        ("[-2, 0, 0]", "moving to the left"),
        ("[0, 3, 0]", "moving away"),
        ("[0, -3, 0]", "moving closer"),
        ("[0.05, 0, 0]", ""),
    ],
)
def test_which_way_a_thing_goes(arranged: Make, end: str, way: str) -> None:
    place = _placed(
        f'prop = "ball"\nkeys = [{{ t_s = 0, at = [0, 0, 0] }}, {{ t_s = 2, at = {end} }}]'
    )
    assert arranged(place=place)[1].text.startswith(f"A red ball {way}".strip() + ".")


@pytest.mark.parametrize(
    ("ground", "words"),
    [
        ('pattern = "water"', "There is water all around."),
        ('pattern = "checker"', "The floor is checkered."),
        ('pattern = "grid"', "The floor has a grid."),
        ('color = "#5b8a3c"', "The ground is green."),
    ],
)
def test_the_ground(arranged: Make, ground: str, words: str) -> None:
    assert words in arranged(ground=ground)[1].text
    assert words not in arranged(ground=f"{ground}\nshow = false")[1].text


def test_ground_that_is_not_seen_is_not_named(arranged: Make) -> None:
    high = _placed('prop = "ball"\nat = [0, -4, 8]')
    film, seen = arranged(place=high)
    assert "The ground" in seen.text
    camera = film.shots[0].camera
    assert camera is not None
    up = camera.model_copy(update={"look_at": (0.0, -4.0, 8.0)})
    shot = film.shots[0].model_copy(update={"camera": up})
    film = film.model_copy(update={"shots": (shot,)})
    text = arrange(film, shot, scene=resolve_scenes(film)["one"]).text
    assert text.startswith("A red ball.")
    assert "ground" not in text


@pytest.mark.parametrize(
    ("name", "said"),
    [("bell_buoy-2", "bell buoy"), ("fir12", "fir"), ("RedBalloon", "red balloon"), ("a", "a")],
)
def test_names_as_one_says_them(name: str, said: str) -> None:
    assert thing_name(name) == said


@pytest.mark.parametrize("word", sorted(COLORS))
def test_a_typical_colour_has_its_own_name(word: str) -> None:
    assert word_from_color(COLORS[word]) == word


@pytest.mark.parametrize(
    ("color", "word"),
    [
        ("navy", "blue"),
        ("darkgreen", "green"),
        ("silver", "grey"),
        ("gold", "yellow"),
        ("crimson", "red"),
        ("#3f5670", "blue"),
        ("ivory", "white"),
        ("saddlebrown", "brown"),
    ],
)
def test_other_colours_have_the_nearest_name(color: str, word: str) -> None:
    assert word_from_color(color) == word


@pytest.mark.parametrize(
    ("light", "words"),
    [
        ("sun_elevation_deg = 40\nsun_azimuth_deg = 90", "Clear daylight, sun from the right."),
        ("sun_elevation_deg = 40\nsun_azimuth_deg = 270", "Clear daylight, sun from the left."),
        ("sun_elevation_deg = 40\nsun_azimuth_deg = 0", "Clear daylight, sun ahead."),
        ('sun_elevation_deg = 12\nsun_color = "#ffb066"', "Warm low sun from behind."),
        ('sun_elevation_deg = 12\nsun_color = "#ffffff"', "Low sun from behind."),
        ("sun_elevation_deg = 70", "High sun, clear daylight."),
        ("sun_elevation_deg = 40\nhaze_m = 200", "sun from behind, light haze."),
        ("haze_m = 40", "Mist."),
        ("sun_strength = 0.2", "Soft light under an overcast sky."),
        ("sun_softness_deg = 9", "Soft light."),
        ("sun_elevation_deg = -3", "Twilight."),
        ("sun_elevation_deg = -30", "Night."),
        ("sun_strength = 0\nsky_strength = 0", "Darkness."),
    ],
)
def test_the_light(arranged: Make, light: str, words: str) -> None:
    if "azimuth" not in light:
        light += "\nsun_azimuth_deg = 180"
    assert words in arranged(light=f"[light]\n{light}")[1].text
