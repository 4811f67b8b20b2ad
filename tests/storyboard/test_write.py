from __future__ import annotations

import tomllib

import pytest

from reelwright.errors import InputError
from reelwright.storyboard import (
    Film,
    Prop,
    Shot,
    edit_toml,
    film_to_toml,
    parse_film,
    resolve_scenes,
)
from reelwright.storyboard.write import toml_value

COMMENTED = """\
# My film
[film]
title = "Old"   # a title

[[shots]]
id = "a"        # the first
seconds = 2

  # moved by hand
  [shots.camera]
  lens_mm = 35  # wide

[[shots]]
id = "b"
seconds = 3
keyframes = [ { frame = 1, from = "paint" } ]
"""


def test_only_what_is_not_default_is_written(small: str) -> None:
    assert film_to_toml(parse_film(small)) == small.replace("fps = 24\n", "")


def test_short_forms_are_written() -> None:
    film = Film(
        fps="24000/1001",
        props={"boat": Prop(shape="box")},
        shots=[
            Shot(
                id="a",
                seconds=2,
                first="stage",
                last={"from": "paint", "frame": -12},
                place=[{"prop": "boat", "scale": 2, "keys": [{"t_s": 1, "scale": [1, 2, 3]}]}],
                model={"loras": [{"file": "a.safetensors", "strength": 0.5}]},
            )
        ],
    )
    text = film_to_toml(film)
    for line in (
        'fps = "24000/1001"',
        'first = "stage"',
        'last = { frame = -12, from = "paint" }',
        "scale = 2",
        "  { t_s = 1, scale = [1, 2, 3] },",
        'loras = [{ file = "a.safetensors", strength = 0.5 }]',
    ):
        assert line in text.splitlines()
    assert parse_film(text) == film


def test_empty_tables_that_mean_something_are_kept() -> None:
    shot = Shot(id="a", seconds=1, camera={}, model={"control": {}})
    film = Film(shots=[shot])
    assert parse_film(film_to_toml(film)) == film
    assert "[shots.camera]" in film_to_toml(film)


def test_what_a_shots_light_names_is_kept_even_if_default() -> None:
    shot = Shot(id="a", seconds=1, camera={}, light={"exposure_ev": 0, "haze_m": 0})
    film = Film(light={"exposure_ev": 2, "haze_m": 9}, shots=[shot])
    again = parse_film(film_to_toml(film))
    scene = resolve_scenes(again)["a"]
    assert scene is not None
    assert (scene.light.exposure_ev, scene.light.haze_m) == (0, None)
    assert scene == resolve_scenes(film)["a"]


@pytest.mark.parametrize(
    "words", ["a\nb", "a\r\nb", 'say "hi"', "C:\\x", "tab\t", "ünïcödé 🎬", "'''", '"""', "", " "]
)
def test_any_words_are_written_and_read_back(words: str) -> None:
    film = Film(style=words, shots=[Shot(id="a", seconds=1)])
    assert parse_film(film_to_toml(film)).style == words
    assert tomllib.loads(f"x = {toml_value(words)}")["x"] == words


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e-300, 5.0, -0.0, 123456789.125, 2**62])
def test_numbers_are_kept_to_the_last_bit(number: float) -> None:
    assert tomllib.loads(f"x = {toml_value(number)}")["x"] == number


def test_an_edit_keeps_a_persons_comments() -> None:
    text = edit_toml(COMMENTED, "shots[0].camera.lens_mm", 50)
    assert text == COMMENTED.replace("lens_mm = 35", "lens_mm = 50")
    text = edit_toml(COMMENTED, "film.title", 'New "one"')
    assert "# a title" in text
    assert parse_film(text).title == 'New "one"'


def test_an_edit_adds_and_removes() -> None:
    text = edit_toml(COMMENTED, "shots[1].camera.at", [1, 2.5, 3])
    text = edit_toml(text, "shots[1].seconds", 4.5)
    text = edit_toml(text, "light.sun_color", "red")
    text = edit_toml(text, "shots[1].keyframes[0].strength", 0.5)
    film = parse_film(text)
    assert film.shots[1].camera is not None
    assert film.shots[1].camera.at == (1, 2.5, 3)
    assert (film.shots[1].seconds, film.light.sun_color) == (4.5, "#ff0000")
    assert film.shots[1].keyframes[0].strength == 0.5
    gone = edit_toml(text, "shots[1].keyframes", None)
    assert parse_film(gone).shots[1].keyframes == ()
    assert "# the first" in gone


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        (COMMENTED, "shots[7].seconds", 1),
        (COMMENTED, "shots[0].seconds.x", 1),
        (COMMENTED, "shots[0].prompt", None),
        (COMMENTED, "", 1),
        (COMMENTED, "[0]", 1),
        (COMMENTED, "film.title", object()),
        (COMMENTED, "film.title", [float("nan"), object]),
        ("not toml", "film.title", "x"),
    ],
)
def test_an_edit_that_cannot_be_made_is_refused(text: str, field: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        edit_toml(text, field, value)
    assert caught.value.mend
