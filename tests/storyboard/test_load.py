from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import Problem, StoryboardError
from reelwright.storyboard import Film, Prop, Shot, check_film, load_film, parse_film
from reelwright.storyboard.load import MAX_BYTES

Problems = Callable[..., list[Problem]]


def refused(path: Path) -> Problem:
    with pytest.raises(StoryboardError) as caught:
        load_film(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.mend
    return problem


def test_a_storyboard_is_loaded_with_its_place(tmp_path: Path, small: str) -> None:
    path = tmp_path / "storyboard.toml"
    path.write_text(small)
    loaded = load_film(path)
    assert [shot.id for shot in loaded.film.shots] == ["one", "two"]
    assert loaded.root == tmp_path.resolve()
    assert loaded.text == small
    assert loaded.source.line("shots[1].continues") == 22
    assert load_film(tmp_path).film == loaded.film


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, small: str) -> None:
    path = tmp_path / "storyboard.toml"
    path.write_text(small, encoding="utf-8-sig")
    assert load_film(path).film.title == "Small"


def test_files_that_are_no_storyboard(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    assert "no such file" in refused(path).what
    path.write_bytes(b"")
    assert "empty" in refused(path).what
    path.write_bytes(b"# nothing here\n")
    assert refused(path).field == "shots"
    path.write_bytes(b'title = "a"\nx = "\xff"\n')
    assert (refused(path).line, refused(path).what) == (2, "The file is not UTF-8 (byte 0xff).")
    path.write_bytes(b"a = 1\nb = \0\n")
    assert (refused(path).line, "NUL" in refused(path).what) == (2, True)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "larger" in refused(path).what


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    assert "no folder" in refused(tmp_path / "none" / "s.toml").mend


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("x = 1")
    path.chmod(0)
    assert "cannot be read" in refused(path).what


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = [1,\n2", 2, "Close the list"),
        ("\n\nname = hello", 3, "quotes"),
        ("a = 1\na = 2\n", 2, "twice"),
        ("[film]\nx = 'abc\n", 2, "Close the text"),
        ("a = 1\n[film\n", 2, "]"),
        ('a = 1\nfile = "C:\\path"\n', 2, "backslash"),
        ("x = { a = 1,\n b = 2 }", 1, "one line"),
        ("a b = 1", 1, "name = value"),
        ("x = 1\ny = 1" + "0" * 5000, 2, "smaller"),
        ("x = 1\ny = " + "[" * 5000, 2, "four levels"),
        ("x = " + "{a=" * 5000, 1, "four levels"),
    ],
)
def test_what_is_not_toml_has_its_line(
    problems_of: Problems, text: str, line: int, words: str
) -> None:
    (problem,) = problems_of(text)
    assert problem.line == line
    assert words in problem.mend


def test_half_a_character_is_refused(problems_of: Problems) -> None:
    (problem,) = problems_of("a = 1\nb = '\ud800'")
    assert problem.line == 2


BROKEN = """\
title = "at the wrong place"
[film]
fps = 500
size = [1281, 720]
[props.bot]
shape = "box"
[[shots]]
id = "a"
seconds = -1
camra = {}
[[shots.place]]
prop = "boat"
[[shots]]
id = "a"
seconds = "5"
take = 2
"""


def test_all_problems_come_at_once_in_order_of_the_file(problems_of: Problems) -> None:
    problems = problems_of(BROKEN)
    assert [(p.line, p.field) for p in problems] == [
        (1, "title"),
        (3, "film.fps"),
        (4, "film.size[0]"),
        (9, "shots[0].seconds"),
        (10, "shots[0].camra"),
        (12, "shots[0].place[0].prop"),
        (14, "shots[1].id"),
        (15, "shots[1].seconds"),
        (16, "shots[1].take"),
    ]
    assert all(problem.mend for problem in problems)
    mends = {problem.field: problem.mend for problem in problems}
    assert mends["title"] == "It belongs in [film]."
    assert mends["shots[0].camra"] == "Did you mean `camera`?"
    assert mends["shots[0].place[0].prop"] == 'Did you mean "bot"?'


def test_a_key_of_another_table_is_sent_there(problems_of: Problems) -> None:
    (problem,) = problems_of('[[shots]]\nid = "a"\nseconds = 1\nlens_mm = 35\n')
    assert problem.mend == "It belongs in [shots.camera]."


@pytest.mark.parametrize(
    ("text", "field", "mend"),
    [
        ("shots = 3", "shots", "Write each as a table of its own, headed [[shots]]."),
        ('file = "x"', "file", "It belongs in [props.NAME] or [[music]] or"),
        ("[film]\nsize = [640]", "film.size", "Write 2 numbers."),
        ("[film]\nsize = 640", "film.size", "Write a list of numbers"),
        ("[film]\nseed = 1.5", "film.seed", "Write a whole number"),
        ('[film]\nfit = "corp"', "film.fit", 'Did you mean "crop"? Choose one of: crop, pad.'),
        ("[props.x]\nshape = true", "props.x.shape", "Choose one of: sphere, box"),
        ('[props."a b"]\nshape = "box"', 'props."a b"', 'such as "a-b"'),
        ("[light]\nsun_softness_deg = 90", "light.sun_softness_deg", "at most 45"),
        ('[light]\nsun_color = "blu"', "light.sun_color", 'Did you mean "blue"?'),
        ("[ground]\nshow = 1", "ground.show", "true or false"),
        ('[[music]]\nfile = ""', "music[0].file", "Put something in"),
        ("[[music]]", "music[0].file", "Add `file = ...`. A sound or video file"),
        ('[output]\nformat = "\\u0001"', "output.format", "Choose one of: mp4"),
        ('[film]\ntitle = "\\u0007"', "film.title", "Take the character out."),
        ("[film]\ntitle = 1979-05-27", "film.title", "Write text in quotes"),
        ("[finish.upscale]", "finish.upscale.to", "Add `to = ...`."),
    ],
)
def test_each_kind_of_mistake_has_its_mend(
    problems_of: Problems, text: str, field: str, mend: str
) -> None:
    shot = '[[shots]]\nid = "a"\nseconds = 1\n'
    text = text if text.startswith("shots") else f"{text}\n{shot}"
    (problem,) = problems_of(text)
    assert problem.field == field
    assert mend in problem.mend
    assert problem.line


def test_python_names_of_fields_are_no_keys(problems_of: Problems) -> None:
    shot = '[[shots]]\nid = "a"\nseconds = 1\nprompt = "x"\n'
    fields = [p.field for p in problems_of(shot + 'keyframes = [{ frame = 0, from_ = "paint" }]')]
    assert fields == ["shots[0].keyframes[0].from", "shots[0].keyframes[0].from_"]


def test_many_problems_are_cut_and_said(problems_of: Problems) -> None:
    problems = problems_of("".join(f"a{i} = 1\n" for i in range(3000)))
    assert len(problems) == 501
    assert problems[-1].what == "More problems follow."
    assert problems[-1].line


def test_a_film_made_in_python_is_checked_at_once() -> None:
    with pytest.raises(StoryboardError) as caught:
        Film(fps=500, shots=[Shot(id="a", seconds=1)], size=(3, 4))
    assert [p.field for p in caught.value.problems] == ["size[0]", "size[1]", "fps"]
    with pytest.raises(StoryboardError) as caught:
        Film(shots=[Shot(id="a", seconds=1), Shot(id="a", seconds=1, continues="b")])
    assert [p.field for p in caught.value.problems] == ["shots[1].id", "shots[1].continues"]


def test_a_film_made_in_python_is_the_same_as_one_read(small: str) -> None:
    film = Film(
        title="Small",
        props={"boat": Prop(shape="box")},
        shots=[
            Shot(
                id="one",
                seconds=2,
                camera={"at": (0, -8, 1.6), "look_at": (0, 0, 1)},
                place=[{"prop": "boat"}],
            ),
            Shot(id="two", seconds=1, continues="one"),
        ],
    )
    assert film == parse_film(small)


def test_check_film_looks_for_files(tmp_path: Path) -> None:
    film = Film(props={"boat": Prop(file="boat.glb")}, shots=[Shot(id="a", seconds=1)])
    (problem,) = check_film(film, tmp_path)
    assert problem.field == "props.boat.file"
    (tmp_path / "boat.glb").touch()
    assert check_film(film, tmp_path) == ()
