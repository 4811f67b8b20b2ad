from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import MediaError
from reelwright.frames import ArrayFrames
from reelwright.media import FilmMetadata, FilmSpan, Provenance, read_provenance, write_film
from reelwright.media.names import unsafe_name
from reelwright.media.provenance import FORMAT, ShotRecord

DIGEST = "0123456789abcdef" * 4
NAMES = st.from_regex(r"[a-z\u4e00-\u4e20]{1,8}(/[a-z]{1,8}){0,2}\.glb", fullmatch=True)
RECORDS = st.builds(
    Provenance,
    label=st.text(),
    storyboard=st.text(),
    storyboard_name=st.just("storyboard.toml"),
    plan=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
    files=st.dictionaries(NAMES, st.just(DIGEST), max_size=4),
    seeds=st.dictionaries(st.text(), st.integers()),
    shots=st.lists(
        st.builds(ShotRecord, st.text(), st.integers(0), st.integers(1), st.text()), max_size=3
    ).map(tuple),
    notes=st.lists(st.text()).map(tuple),
    title=st.text(),
)  # fmt: skip


@given(RECORDS)
@settings(max_examples=60, deadline=None)
def test_text_round_trips(record: Provenance) -> None:
    text = record.to_text()
    assert Provenance.from_text(text) == record
    assert Provenance.from_text(text).to_text() == text


def test_the_version_comes_first(record: Provenance) -> None:
    assert next(iter(record.to_json())) == "reelwright"
    assert record.to_json()["label"] == "animatic"


def test_a_newer_format_is_refused_with_its_version(record: Provenance) -> None:
    facts = record.to_json() | {"reelwright": "9.1.0", "format": FORMAT + 1}
    with pytest.raises(MediaError, match=r"9\.1\.0") as caught:
        Provenance.from_json(facts, "film.mp4")
    assert caught.value.mend == "Update Reelwright to 9.1.0 or later."
    assert caught.value.where == "film.mp4"


def test_a_newer_program_of_the_same_format_is_read(record: Provenance) -> None:
    facts = record.to_json() | {"reelwright": "9.1.0", "something": "new"}
    assert Provenance.from_json(facts).version == "9.1.0"


def test_what_may_be_left_out() -> None:
    facts = {
        "reelwright": "0.1.0",
        "format": 1,
        "label": "animatic",
        "storyboard": "",
        "storyboard_name": "s.toml",
    }
    assert Provenance.from_json(facts) == Provenance("animatic", "", "s.toml", version="0.1.0")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reelwright", None),
        ("format", "1"),
        ("format", True),
        ("label", 3),
        ("storyboard", ["x"]),
        ("storyboard_name", "../storyboard.toml"),
        ("storyboard_name", "C:/storyboard.toml"),
        ("plan", []),
        ("files", {"../../etc/passwd": DIGEST}),
        ("files", {"/etc/passwd": DIGEST}),
        ("files", {"a.glb": "short"}),
        ("files", {"a.glb": DIGEST.upper()}),
        ("seeds", {"a": "7"}),
        ("seeds", {"a": True}),
        ("models", [{"sha256": DIGEST}]),
        ("models", ["pocket"]),
        ("shots", [{"id": "a", "start_frame": 0}]),
        ("shots", {"id": "a"}),
        ("notes", [1]),
    ],
)
def test_damaged_records_name_the_field(record: Provenance, field: str, value: Any) -> None:
    with pytest.raises(MediaError) as caught:
        Provenance.from_json(record.to_json() | {field: value})
    assert str(caught.value.facts["field"]).startswith(field)
    assert caught.value.mend


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"x"', "[" * 100_000])
def test_not_a_record(text: str) -> None:
    with pytest.raises(MediaError, match="damaged"):
        Provenance.from_text(text, "film.mp4")


def test_a_damaged_record_in_a_film(clip: Callable[..., ArrayFrames], tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    metadata = FilmMetadata(tags={"reelwright": '{"reelwright": "0.1.0"}'})
    write_film([FilmSpan("one", clip(2))], None, out, metadata=metadata)
    with pytest.raises(MediaError, match="`format` is missing") as caught:
        read_provenance(out)
    assert caught.value.where == str(out)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"provenance": 3}', "\x00\x01"])
def test_a_damaged_sidecar(content: str, tmp_path: Path) -> None:
    (tmp_path / "reelwright.json").write_text(content)
    with pytest.raises(MediaError) as caught:
        read_provenance(tmp_path)
    assert caught.value.mend


def test_json_is_plain(record: Provenance) -> None:
    assert json.loads(json.dumps(record.to_json())) == record.to_json()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "../a",
        "a/../b",
        "a\\b",
        "C:a",
        "C:/a",
        "a\0b",
        "a\nb",
        "con",
        "sub/NUL.txt",
        "com1.glb",
        "a.",
        "a ",
        "dir./a",
        "x" * 2000,
        "a*",
        "\ud800",
    ],
)
def test_names_that_cannot_be_trusted(name: str) -> None:
    assert unsafe_name(name)


@pytest.mark.parametrize(
    "name", ["a", "a.glb", "dir/a b.glb", "灯台/船.png", "..a", "a..b", ".env", "console.txt"]
)
def test_names_that_can(name: str) -> None:
    assert unsafe_name(name) is None
