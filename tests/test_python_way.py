"""The same verbs from Python, without a storyboard file."""

from __future__ import annotations

from pathlib import Path

import pytest

import reelwright
from reelwright.errors import StoryboardError
from reelwright.media import open_video
from reelwright.storyboard import Camera, Place


def film(**more: object) -> reelwright.Film:
    shot = reelwright.Shot(
        id="ball",
        seconds=0.5,
        camera=Camera(move="orbit-left", at=(0, -4, 1.5), look_at=(0, 0, 0.5)),
        place=(Place(prop="ball"),),
    )
    ball = reelwright.Prop(shape="sphere", color="red")
    settings = {"title": "One ball", "size": (64, 64), "fps": 8, "props": {"ball": ball}, **more}
    return reelwright.Film(shots=(shot,), **settings)


def test_a_film_made_in_python_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = reelwright.render(film(), out="ball.mp4")
    assert result.film == tmp_path / "ball.mp4"
    with open_video(tmp_path / "ball.mp4") as video:
        assert video.shape == (4, 64, 64, 3)
    assert reelwright.render(film(), out="ball.mp4").unchanged


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoryboardError, match=r"none\.glb"):
        reelwright.render(film(props={"ball": reelwright.Prop(file="none.glb")}))


def test_the_package_names_what_it_has() -> None:
    assert all(hasattr(reelwright, name) for name in reelwright.__all__)
    assert "render" in dir(reelwright)
    with pytest.raises(AttributeError):
        _ = reelwright.no_such_thing
