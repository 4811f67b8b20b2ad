from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from reelwright.errors import InputError, ReelwrightError, ResourceError
from reelwright.storyboard import load_film, new_film, resolve_scenes


def test_a_new_film_is_sound_and_small(tmp_path: Path) -> None:
    loaded = load_film(new_film(tmp_path / "my film"))
    film = loaded.film
    assert (film.size, film.tier, len(film.shots)) == ((768, 448), "animatic", 3)
    assert 6 <= film.num_frames / film.frame_rate <= 8
    assert any(shot.continues for shot in film.shots)
    assert all(prop.shape for prop in film.props.values())
    assert loaded.text.count("#") > 10
    assert [entry.name for entry in (tmp_path / "my film").iterdir()] == ["storyboard.toml"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["my film"]


def test_its_balloon_is_large_and_in_frame_in_every_shot(tmp_path: Path) -> None:
    film = load_film(new_film(tmp_path / "film")).film
    for scene in resolve_scenes(film).values():
        assert scene is not None
        for frame in (0, scene.frames.delivered // 2, scene.frames.delivered - 1):
            camera = np.linalg.inv(scene.camera_pose(frame).world_from_camera)
            seen = scene.intrinsics(frame) @ (camera @ scene.prop_pose("balloon", frame)[:, 3])[:3]
            x, y = seen[:2] / seen[2]
            radius = 0.75 * scene.intrinsics(frame)[0, 0] / seen[2]
            assert radius > 40, "at least a sixth of the height"
            assert radius < x < 768 - radius
            assert radius < y < 448 - radius


def test_an_empty_folder_is_used_and_a_full_one_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    storyboard = new_film(tmp_path / "empty")
    before = storyboard.read_bytes()
    with pytest.raises(InputError, match="not empty"):
        new_film(tmp_path / "empty")
    assert storyboard.read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        new_film(tmp_path / "file")


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    assert new_film(tmp_path / "a" / "b").is_file()


@pytest.mark.parametrize("bad", ["x" * 400, "nul\0"])
def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ReelwrightError) as caught:
        new_film(tmp_path / bad)
    assert caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="No space left"):
        new_film(tmp_path / "film")
    assert list(tmp_path.iterdir()) == []
