from __future__ import annotations

from collections.abc import Callable

import pytest

from reelwright.prompt import ArrangedPrompt, arrange
from reelwright.storyboard import Film

Make = Callable[..., tuple[Film, ArrangedPrompt]]


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("", "The camera is still."),
        ('move = "dolly-in"\ndistance = 1', "The camera slowly dollies in."),
        ('move = "dolly-out"\ndistance = 4', "The camera dollies out."),
        ('move = "truck-left"', "The camera slides to the left."),
        ('move = "pan-right"\nangle_deg = 40', "The camera pans right."),
        ('move = "tilt-up"\nangle_deg = 5', "The camera slowly tilts up."),
        ('move = "orbit-left"', "The camera circles to the left."),
        ('move = "crane-down"', "The camera sinks."),
        ('move = "handheld"', "The camera is held in the hand."),
        ("shake = 0.2", "The camera is held in the hand."),
        (
            'move = "truck-right"\ndistance = 6\nshake = 0.2',
            "The camera slides to the right, held in the hand.",
        ),
        ('follow = "ball"', "The camera follows the ball."),
        (
            "keys = [{ t_s = 2, at = [0, -4, 1.6] }]",
            "The camera moves forward.",
        ),
        (
            "keys = [{ t_s = 2, at = [3, -8, 4] }]",
            "The camera moves to the right and up.",
        ),
        (
            "keys = [{ t_s = 0, lens_mm = 30 }, { t_s = 2, lens_mm = 60 }]",
            "The camera zooms in.",
        ),
        (
            "keys = [{ t_s = 2, look_at = [-6, 0, 1.6] }]",
            "The camera pans left.",
        ),
        (
            "keys = [{ t_s = 2, look_at = [0, 0, 6] }]",
            "The camera tilts up.",
        ),
    ],
)
def test_the_move(arranged: Make, camera: str, words: str) -> None:
    assert words in arranged(camera=camera)[1].text


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("lens_mm = 24", "Wide 24 mm lens."),
        ("lens_mm = 50", " 50 mm lens."),
        ("lens_mm = 85", "Long 85 mm lens."),
        ('lens_mm = 24\nsensor = "super-16"', " 24 mm lens."),
    ],
)
def test_the_lens(arranged: Make, camera: str, words: str) -> None:
    text = arranged(camera=camera)[1].text
    assert words in text
    assert "Wide" not in text or "Wide" in words


@pytest.mark.parametrize(
    "said", ["the camera waits", "slow dolly in", "a tracking shot", "he zooms"]
)
def test_a_move_that_was_spoken_of_is_not_said_again(arranged: Make, said: str) -> None:
    text = arranged(shot=f'prompt = "A room, {said}."', camera='move = "tilt-up"')[1].text
    assert "tilts" not in text


def test_without_a_scene_the_written_move_is_told() -> None:
    shot = {"id": "a", "seconds": 1, "prompt": "Rain.", "camera": {"move": "pan-left"}}
    film = Film.model_validate({"shots": [shot]})
    assert arrange(film, film.shots[0]).text == "Rain. The camera pans left."
