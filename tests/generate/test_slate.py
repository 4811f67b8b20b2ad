from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reelwright.frames import open_frames
from reelwright.generate import animatic_clip
from reelwright.generate.lettering import clip_text, lettering, wrap
from reelwright.generate.slate import write_slate
from reelwright.shapes import generation_size

LONG = "A small boat turns toward the lighthouse while gulls call over the grey water. " * 12


def _progress(warnings: list[str]) -> Any:
    return SimpleNamespace(step=lambda *_: None, warn=warnings.append, preview=lambda picture: None)


def _slate(request: Any, tmp_path: Path) -> Any:
    write_slate(request, tmp_path / "slate.mkv", _progress([]))
    return open_frames(tmp_path / "slate.mkv")


def test_a_slate_has_the_shots_length_and_size_and_says_what_it_is(
    make_request: Any, tmp_path: Path
) -> None:
    request = make_request(1.0, prompt="A boat.", size=generation_size((320, 180)))
    clip = animatic_clip(request, None, tmp_path / "clip")
    assert clip.frames.shape == (25, 192, 320, 3)
    assert clip.label == "animatic"
    assert clip.provenance["picture"] == "slate"


def test_only_the_bar_moves_and_it_is_full_at_the_last_delivered_frame(
    make_request: Any, tmp_path: Path
) -> None:
    frames = _slate(make_request(1.0, prompt="A boat.", size=generation_size((320, 180))), tmp_path)
    pictures = next(frames.chunks(25)).astype(int)
    moving = np.abs(np.diff(pictures, axis=0)).max(axis=(0, 3)) > 0
    rows = np.flatnonzero(moving.any(axis=1))
    assert rows.size
    assert rows.max() - rows.min() < 6
    bar = pictures[:, rows[0], :, 0]
    lengths = (bar > 180).sum(axis=1)
    assert np.all(np.diff(lengths[:24]) > 0)
    assert lengths[24] == lengths[23] == bar[23, 16:304].size  # the page's width
    assert not (pictures[24] - pictures[23]).any()


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (320, 180), (96, 64), (640, 64)])
@pytest.mark.parametrize("prompt", ["", "A boat.", LONG, "Donaudampfschifffahrt" * 12])
def test_words_stay_inside_what_is_delivered(
    make_request: Any, tmp_path: Path, size: tuple[int, int], prompt: str
) -> None:
    covering = generation_size(size)
    request = make_request(
        0.04,
        prompt=prompt,
        sound=LONG,
        dialogue=LONG,
        shot="a-very-long-name-of-a-shot" * 3,
        size=covering,
    )
    picture = _slate(request, tmp_path)[0].astype(int)
    ground = np.abs(picture - picture[0, 0]).max(axis=2) > 8
    left, top, right, bottom = covering.crop_box
    ys, xs = np.nonzero(ground)
    assert xs.min() >= left
    assert xs.max() < right
    assert ys.min() >= top
    assert ys.max() < bottom


def test_the_words_are_drawn(make_request: Any, tmp_path: Path) -> None:
    size = generation_size((640, 360))
    one = _slate(make_request(0.04, prompt="A boat.", size=size), tmp_path / "1")[0]
    two = _slate(make_request(0.04, prompt="A bird.", size=size), tmp_path / "2")[0]
    assert (one != two).any()


def test_the_same_words_give_the_same_bytes(make_request: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        _slate(make_request(0.2, prompt="A boat."), tmp_path / name)
    one, two = ((tmp_path / name / "slate.mkv").read_bytes() for name in ("a", "b"))
    assert one == two


def test_letters_that_no_font_has_are_said(
    make_request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwright.generate.lettering._SYSTEM_FONTS", ())
    lettering.cache_clear()
    warnings: list[str] = []
    request = make_request(0.04, prompt="日本, café")
    write_slate(request, tmp_path / "slate.mkv", _progress(warnings))
    lettering.cache_clear()
    assert len(warnings) == 1
    assert "日" in warnings[0]
    assert "é" not in warnings[0]


def test_a_font_of_the_system_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwright.generate.lettering._SYSTEM_FONTS", ("/no/such/font.ttf",))
    lettering.cache_clear()
    letters = lettering("un café — «là»", "plain\nwords")
    lettering.cache_clear()
    assert letters.words == ("un cafe - «la»", "plain words")
    assert letters.font_file is None
    assert letters.lost == ""


def test_lines_are_no_wider_than_asked() -> None:
    font = lettering("x").font(20)
    for text in (LONG, "Donaudampfschifffahrt" * 5, "", "a"):
        lines = wrap(text, font, 150)
        assert all(font.getlength(line) <= 150 for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())
    cut = clip_text(LONG, font, 150)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 150
