from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import StoryboardError
from reelwright.plan import CAPABILITIES, Plan, problems_of, refused
from reelwright.storyboard import LoadedFilm

Write = Callable[..., LoadedFilm]
Planner = Callable[..., Plan]

SHOT = ('id = "two"', 'id = "two"\n{}')
CAMERA = "[shots.camera]\nlens_mm = 50"
LORA = 'loras = [{ file = "a.safetensors" }]'


def model(setting: str) -> tuple[str, str]:
    return CAMERA, f"model.{setting}\n{CAMERA}"


CASES = {
    "film.tier": (("seed = 7", 'seed = 7\ntier = "standard"'), "animatic"),
    "props.ball.prompt": (('shape = "sphere"', 'prompt = "a ball"'), "shape"),
    "props.ball.image": (('shape = "sphere"', 'image = "ball.png"'), "shape"),
    "shots[1].first": ((SHOT[0], SHOT[1].format('first = "paint"')), '"stage"'),
    "shots[1].last": ((SHOT[0], SHOT[1].format('last = { from = "ball.png" }')), "stage"),
    "shots[1].keyframes[0]": (
        (SHOT[0], SHOT[1].format('keyframes = [{ frame = 3, from = "paint" }]')),
        "stage",
    ),
    "shots[1].scene": ((SHOT[0], SHOT[1].format('scene = "set.blend"')), "place"),
    "shots[0].audio[0].mode": (
        ('from_prop = "ball"', 'from_prop = "ball"\nmode = "drive"'),
        "mix",
    ),
    "shots[1].model.backend": (model('backend = "ltx"'), "animatic"),
    "shots[1].model.guidance": (model("guidance = 3"), "away"),
    "shots[1].model.negative": (model('negative = "x"'), "away"),
    "shots[1].model.control": (model("control = {}"), "away"),
    "shots[1].model.steps": (model("steps = [8, 4]"), "away"),
    "shots[1].model.loras": (model(LORA), "away"),
    "finish.upscale": (
        ("[[music]]", '[finish]\nupscale = { to = "2x", with = "rtx-vsr" }\n[[music]]'),
        "lanczos",
    ),
}


@pytest.fixture(autouse=True)
def files(root: Path) -> None:
    for name in ("ball.png", "set.blend", "a.safetensors"):
        (root / name).write_bytes(b"x")


@pytest.mark.parametrize("field", CASES)
def test_each_setting_is_refused_by_name_with_line_and_mend(
    write: Write, plan: Planner, field: str
) -> None:
    change, mend = CASES[field]
    loaded = write(change)
    with pytest.raises(StoryboardError) as caught:
        plan(loaded)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert problem.file == str(loaded.path)
    assert mend in problem.mend
    assert problem.line is not None
    text = loaded.text.splitlines()[problem.line - 1]
    last = field.rpartition(".")[2].partition("[")[0]
    assert last in text


@pytest.mark.parametrize("field", CASES)
def test_what_a_build_can_do_is_not_refused(write: Write, everything: Any, field: str) -> None:
    loaded = write(CASES[field][0])
    tier = "standard" if "model" in field or "mode" in field else None
    assert not refused(loaded.film, everything, tier)


def test_all_of_a_film_is_refused_at_once_in_order_of_lines(write: Write, plan: Planner) -> None:
    loaded = write(
        CASES["film.tier"][0], CASES["props.ball.prompt"][0], CASES["shots[1].first"][0],
        CASES["shots[0].audio[0].mode"][0], CASES["finish.upscale"][0],
    )  # fmt: skip
    with pytest.raises(StoryboardError) as caught:
        plan(loaded)
    lines = [problem.line or 0 for problem in caught.value.problems]
    assert len(lines) == 5
    assert lines == sorted(lines)


def test_a_plain_film_is_not_refused(write: Write) -> None:
    assert not problems_of(write(), CAPABILITIES)


def test_the_animatic_may_be_named(write: Write) -> None:
    named = "model.backend = 'animatic'\n[shots.camera]\nlens_mm = 50"
    assert not problems_of(write(("[shots.camera]\nlens_mm = 50", named)), CAPABILITIES)


def test_a_tier_from_the_command_line_has_no_line(write: Write) -> None:
    (problem,) = problems_of(write(), CAPABILITIES, "final")
    assert (problem.field, problem.line) == ("", None)
    assert "animatic" in problem.mend


def test_a_backend_that_makes_another_tier_is_refused(write: Write, everything: Any) -> None:
    named = "model.backend = 'animatic'\n[shots.camera]\nlens_mm = 50"
    loaded = write(("[shots.camera]\nlens_mm = 50", named))
    (refusal,) = refused(loaded.film, everything, "draft")
    assert refusal.field == "shots[1].model.backend"
    assert "animatic" in refusal.mend


def _upscaled(asked: str) -> tuple[str, str]:
    return "[[music]]", f"[finish]\nupscale = {{ {asked} }}\n[[music]]"


@pytest.mark.parametrize("asked", ['to = "2x"', 'to = "4k"', 'to = "3x", with = "lanczos"'])
def test_any_build_enlarges_by_lanczos(write: Write, asked: str) -> None:
    assert not problems_of(write(_upscaled(asked)), CAPABILITIES)


def test_a_refiner_belongs_to_the_tier_that_refines(write: Write, everything: Any) -> None:
    able = replace(everything, upscalers=frozenset({"lanczos", "pocket"}))
    film = write(_upscaled('to = "2x", with = "pocket"')).film
    assert not refused(film, able, "final")
    (refusal,) = refused(film, able, "standard")
    assert (refusal.field, "final" in refusal.mend) == ("finish.upscale", True)
    (refusal,) = refused(film, everything, "final")
    assert "not installed" in refusal.what


@pytest.mark.parametrize(
    ("size", "to", "word"),
    [("1920, 1080", "1080p", "1920x1080"), ("2560, 1440", "1080p", "1920x1080"),
     ("4096, 2160", "3x", "12288x6480")],
)  # fmt: skip
def test_a_size_that_is_no_larger_or_too_large_is_refused(
    write: Write, size: str, to: str, word: str
) -> None:
    import re

    loaded = write(_upscaled(f'to = "{to}"'))
    text = re.sub(r"size = \[[^]]*\]", f"size = [{size}]", loaded.text)
    (problem,) = problems_of(write(text=text), CAPABILITIES)
    assert word in problem.what
    assert problem.field == "finish.upscale"
