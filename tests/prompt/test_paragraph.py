from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import InputError
from reelwright.prompt import DEFAULT_NEGATIVE, ArrangedPrompt, arrange, max_words_from_tokens
from reelwright.storyboard import Film, load_film, resolve_scenes

EXAMPLE = Path(__file__).parents[2] / "examples" / "lighthouse" / "storyboard.toml"

Make = Callable[..., tuple[Film, ArrangedPrompt]]
WordsOnly = Callable[..., ArrangedPrompt]


def test_the_parts_stand_in_the_order_that_the_model_likes(arranged: Make) -> None:
    _, prompt = arranged(
        film='style = "oil paint"',
        shot='prompt = "A kite falls."\nsound = "wind"\ndialogue = "Anna: Look out."',
        camera='move = "dolly-in"\nlens_mm = 85',
    )
    assert prompt.text == (
        "Style: oil paint. A kite falls. Also in view: a red ball. The ground is grey. Clear "
        "daylight, sun from behind. The camera dollies in. Long 85 mm lens. Sound: wind. "
        'Anna says: "Look out."'
    )
    assert prompt.named == ("ball",)
    assert "Added from the camera: The camera dollies in." in prompt.notes


def test_a_shot_without_words_is_told_by_what_is_staged(arranged: Make) -> None:
    _, prompt = arranged()
    assert prompt.text.startswith("A red ball. The ground is grey. Clear daylight")
    assert prompt.text.endswith("The camera is still.")


def test_words_that_were_said_are_not_said_again(arranged: Make) -> None:
    words = 'At sea, soft dusk: the camera meets two balls, a bell rings, a girl calls "Ahoy!"'
    _, prompt = arranged(
        film='style = "soft dusk"',
        shot=f"prompt = '{words}'\nsound = 'A bell rings'\ndialogue = 'The girl: Ahoy!'",
    )
    assert prompt.text == words
    assert prompt.notes == ()


def test_a_word_that_is_only_seen_is_still_heard(words_only: WordsOnly) -> None:
    prompt = words_only(prompt="He says yes to the wind.", sound="wind", dialogue="Yes")
    assert prompt.text == 'He says yes to the wind. Sound: wind. A voice says: "Yes".'


def test_a_long_prompt_is_told_nothing_of_the_place(arranged: Make) -> None:
    words = "A long and winding tale of words " * 4
    _, prompt = arranged(shot=f'prompt = "{words.strip()}"')
    assert "ball" not in prompt.text
    assert prompt.text.endswith("The camera is still.")


def test_added_words_make_room_and_the_directors_never_do(arranged: Make) -> None:
    words = {"shot": 'prompt = "A kite falls over the town."', "camera": 'move = "tilt-up"'}
    full = arranged(**words)[1].text
    assert len(full.split()) > 20
    for limit in range(8, 30):
        _, prompt = arranged(**words, max_words=limit)
        assert "A kite falls over the town." in prompt.text
        assert len(prompt.text.split()) <= max(limit, 6)
    _, tight = arranged(**words, max_words=12)
    assert tight.text == "A kite falls over the town. The camera slowly tilts up."
    assert any(note.startswith("Left out, 12 words are the limit: Also") for note in tight.notes)
    _, over = arranged(shot=f'prompt = "{"one two " * 8}"', max_words=8)
    assert over.text == f"{('one two ' * 8).strip()}."
    assert "own words are 16, the limit is 8" in over.notes[-1]


def test_a_limit_that_holds_nothing_is_refused(arranged: Make) -> None:
    with pytest.raises(InputError, match="at least 8"):
        arranged(max_words=7)


def test_words_alone(words_only: WordsOnly) -> None:
    prompt = words_only(style="Style: noir", prompt="Rain", sound="Sound: rain.", dialogue="Oh!")
    assert prompt.text == 'Style: noir. Rain. Sound: rain. A voice says: "Oh!"'
    nothing = words_only()
    assert nothing.text == ""
    assert nothing.notes == ("The shot has no words: the model is free in what it makes.",)


def test_a_shot_staged_by_hand_is_not_guessed_at() -> None:
    shot = {
        "id": "a",
        "seconds": 1,
        "prompt": "A hall.",
        "scene": "set.blend",
        "camera": {"move": "dolly-in"},
    }
    film = Film.model_validate({"shots": [shot]})
    prompt = arrange(film, film.shots[0], scene=resolve_scenes(film)["a"])
    assert prompt.text == "A hall."


def test_the_negative_prompt_joins_both_and_spares_what_is_wanted(words_only: WordsOnly) -> None:
    assert words_only(prompt="A cat").negative == DEFAULT_NEGATIVE
    own = words_only(prompt="A cat", model={"negative": "dogs, Flicker."}).negative
    assert own.startswith("dogs, Flicker, blurred")
    assert own.lower().count("flicker") == 1
    neon = words_only(prompt="A neon logo flickering in a sudden rain")
    assert "flicker" not in neon.negative
    assert "logo" not in neon.negative
    assert "sudden cuts" in neon.negative
    fire = words_only(prompt="Night.", sound="a crackling fire")
    assert "crackle" not in fire.negative
    assert neon.notes[-1].endswith("because the shot asks for it: flicker, logo.")


def test_the_example_film() -> None:
    film = load_film(EXAMPLE).film
    scenes = resolve_scenes(film)
    for shot in film.shots:
        prompt = arrange(film, shot, scene=scenes[shot.id])
        assert shot.prompt in prompt.text
        assert shot.sound in prompt.text
        assert film.style in prompt.text
        assert "\n" not in prompt.text
        assert prompt == arrange(film, shot, scene=scenes[shot.id])
        short = arrange(film, shot, scene=scenes[shot.id], max_words=max_words_from_tokens(64))
        assert shot.prompt in short.text
    first = arrange(film, film.shots[0], scene=scenes["approach"])
    assert "a gull moving to the right" in first.text
    assert "The camera slowly dollies in." in first.text
    # the continued shot knows what its scene took over
    assert "lighthouse" in arrange(film, film.shots[1], scene=scenes["rising"]).text


def test_how_many_words_an_encoder_is_given() -> None:
    assert max_words_from_tokens(64) == 35
    assert max_words_from_tokens(1024) == 200
    assert max_words_from_tokens(2) == 8


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60)


@settings(max_examples=40, deadline=None)
@given(style=_TEXT, prompt=_TEXT, sound=_TEXT, dialogue=_TEXT)
def test_every_word_of_the_director_is_in_it(
    style: str, prompt: str, sound: str, dialogue: str
) -> None:
    shot = {"id": "a", "seconds": 1, "prompt": prompt, "sound": sound, "dialogue": dialogue}
    film = Film.model_validate({"style": style, "shots": [shot]})
    text = arrange(film, film.shots[0]).text
    for words in (style, prompt, sound):
        assert " ".join(words.split()).rstrip(" ,;") in text or _is_in(words, prompt)
    for word in dialogue.split():
        assert word.rstrip(",;:") in text or _is_in(word, prompt + sound)
    assert not any(c in text for c in "\r\n")


def _is_in(words: str, prompt: str) -> bool:
    """Said before, but for capitals and signs."""
    plain = ["".join(c for c in text.lower() if c.isalnum()) for text in (words, prompt)]
    return plain[0] in plain[1]
