"""Props, pictures and sounds that cannot be used: all named at once, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "lighthouse"
STORYBOARD = """
[film]
title = "Bad"
size = [128, 64]
tier = "animatic"
[props.cut]
file = "cut.glb"
[props.empty]
file = "empty.glb"
[props.words]
file = "words.glb"
[props.skin]
shape = "sphere"
texture = "words.png"
[props.sound]
file = "whole.ogg"
[[shots]]
id = "one"
seconds = 1
[[shots.place]]
prop = "skin"
[[shots.audio]]
file = "empty.ogg"
[[shots.audio]]
file = "cut.glb"
"""


@pytest.mark.parametrize("verb", ["check", "render"])
def test_every_bad_file_is_named_with_its_line_and_a_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    (tmp_path / "storyboard.toml").write_text(STORYBOARD, encoding="utf-8")
    (tmp_path / "cut.glb").write_bytes((EXAMPLE / "props" / "gull.glb").read_bytes()[:3000])
    (tmp_path / "whole.ogg").write_bytes((EXAMPLE / "sounds" / "bell.ogg").read_bytes())
    for name in ("empty.glb", "empty.ogg"):
        (tmp_path / name).write_bytes(b"")
    for name in ("words.glb", "words.png"):
        (tmp_path / name).write_text("only words")
    assert main([verb, str(tmp_path / "storyboard.toml")]) == 2
    text = capsys.readouterr().err
    expected = [
        (7, "props.cut.file"),
        (9, "props.empty.file"),
        (11, "props.words.file"),
        (14, "props.skin.texture"),
        (16, "props.sound.file"),
        (23, "shots[0].audio[0].file"),
        (25, "shots[0].audio[1].file"),
    ]
    if verb == "render":  # a prop that no shot shows is not made, and so not looked at
        expected = [row for row in expected if row[1].startswith(("props.skin", "shots"))]
    for line, field in expected:
        assert f"storyboard.toml:{line}: {field}" in text
    assert text.count(" mend:") == len(expected)
    assert not list(tmp_path.glob("*.mp4"))
