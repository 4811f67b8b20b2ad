from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.storyboard.source import SourceMap, TooDeep, field_path, path_from_field

TEXT = '''\
# a comment with [brackets] and = signs
title = "x # not a comment"   # one

[film]
size = [1280,   # width
  720]          # height
style = """
[not.a.table]
key = "no"
"""
note = \'\'\'
it's = fine\'\'\'\'

[props.boat]
file = "a.glb"
"odd name" = 1
'single.quoted' = 2

[[music]]
file = "m.wav"
[[shots]]
id = "one"
camera = { move = "static", keys = [ { t_s = 0, at = [1, 2, 3] },
  { t_s = 1, at = [4, 5,

6] } ] }
model.guidance = 1.0
[[shots.place]]
prop = "boat"
[[shots.place]]
prop = "boat"
name = "two"
when = 1979-05-27 07:32:00
[[shots]]
id = "two"
[shots.camera]
move = "static"
'''


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("title", 2),
        ("film", 4),
        ("film.size", 5),
        ("film.size[0]", 5),
        ("film.size[1]", 6),
        ("film.style", 7),
        ("film.note", 11),
        ("props.boat", 14),
        ("props.boat.file", 15),
        ('props.boat."odd name"', 16),
        ('props.boat."single.quoted"', 17),
        ("music[0].file", 20),
        ("shots[0]", 21),
        ("shots[0].camera", 23),
        ("shots[0].camera.keys[0].at[2]", 23),
        ("shots[0].camera.keys[1]", 24),
        ("shots[0].camera.keys[1].at", 24),
        ("shots[0].camera.keys[1].at[1]", 24),
        ("shots[0].camera.keys[1].at[2]", 26),
        ("shots[0].model.guidance", 27),
        ("shots[0].place[0].prop", 29),
        ("shots[0].place[1]", 30),
        ("shots[0].place[1].name", 32),
        ("shots[0].place[1].when", 33),
        ("shots[1]", 34),
        ("shots[1].id", 35),
        ("shots[1].camera.move", 37),
    ],
)
def test_each_value_has_its_line(field: str, line: int) -> None:
    tomllib.loads(TEXT)
    assert SourceMap.of(TEXT).line(field) == line


def test_what_is_not_written_has_the_line_of_its_table() -> None:
    source = SourceMap.of(TEXT)
    assert source.line("shots[1].seconds") == 34
    assert source.line("shots[1].camera.keys[3].at") == 36
    assert source.line("output.file") is None


def test_windows_line_ends_count_once() -> None:
    assert SourceMap.of("a = 1\r\nb = 2\r\n\r\n[c]\r\nd = 3\r\n").line("c.d") == 5


def test_scan_of_broken_text_stops_where_it_breaks() -> None:
    source = SourceMap.of("a = 1\nb = = 2\nc = 3\n")
    assert source.line("a") == 1
    assert source.line("c") is None


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 100, ".".join("a" * 100) + " = 1", "[" + "a." * 50]
)
def test_depth_is_limited(text: str) -> None:
    with pytest.raises(TooDeep) as caught:
        SourceMap.of("ok = 1\n" + text)
    assert caught.value.line == 2


names = st.text(min_size=1, max_size=8).filter(lambda name: name < "\ud800" or name > "\udfff")
leaves = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text(max_size=12), st.floats(allow_nan=False, width=32)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, part in parts:
        found.append((*path, name))
        if isinstance(part, dict | list):
            found += paths_in(part, (*path, name))
    return found


@settings(deadline=None, max_examples=300, database=None)
@given(st.dictionaries(names, values, max_size=4))
def test_every_key_and_element_of_valid_toml_is_found(document: dict[str, Any]) -> None:
    import tomlkit

    text = tomlkit.dumps(document)
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # tomlkit writes some odd documents wrong; not this test's matter
    lines = SourceMap.of(text).lines
    assert set(paths_in(read)) <= set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@settings(deadline=None, max_examples=300, database=None)
@given(st.lists(names | st.integers(0, 99), min_size=1, max_size=5))
def test_a_path_reads_back_as_written(path: list[str | int]) -> None:
    assert path_from_field(field_path(("first", *path))) == ("first", *path)


@settings(deadline=None, max_examples=300, database=None)
@given(st.text(alphabet="ab.=[]{}\"'\\#, \n\t1", max_size=60))
def test_any_text_can_be_scanned(text: str) -> None:
    try:
        source = SourceMap.of(text)
    except TooDeep:
        return
    assert all(1 <= line <= text.count("\n") + 1 for line in source.lines.values())
