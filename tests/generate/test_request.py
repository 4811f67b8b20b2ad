from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reelwright.errors import InputError
from reelwright.generate import listener_from_scene, placements_from_storyboard
from reelwright.generate.panning import prop_gains
from reelwright.shapes import generation_size, shot_frames
from reelwright.storyboard import parse_film, resolve_scenes


@pytest.fixture
def scene() -> Any:
    def pose(name: str, frame: int) -> Any:
        matrix = np.eye(4)
        matrix[:3, 3] = [frame, {"boat": 1, "bell": 2}[name], 0]
        return matrix

    camera = np.eye(4)
    return SimpleNamespace(
        shot="lamp",
        frames=shot_frames(0.2, 24),  # type: ignore[arg-type]
        size=generation_size((100, 60)),
        props=(SimpleNamespace(name="boat"), SimpleNamespace(name="bell")),
        prop_pose=pose,
        camera_pose=lambda frame: SimpleNamespace(world_from_camera=camera * (frame + 1)),
        intrinsics=lambda frame: np.diag([200.0 + frame, 200.0 + frame, 1.0]),
    )


def test_the_listener_follows_camera_lens_and_asked_props(scene: Any) -> None:
    listener = listener_from_scene(scene, ["bell", "bell"])
    assert listener.world_from_camera.shape == (9, 4, 4)
    assert listener.half_width == pytest.approx(50 / (200.0 + np.arange(9)))
    assert list(listener.props) == ["bell"]
    assert listener.props["bell"][4] == pytest.approx([4, 2, 0])


def test_a_sound_from_a_prop_that_is_not_there_is_refused(scene: Any) -> None:
    with pytest.raises(InputError, match=r'"lamp" places no prop named "gull"'):
        listener_from_scene(scene, ["gull"])


STORYBOARD = """
[film]
title = "Crossing"
size = [640, 360]

[props.boat]
shape = "box"

[[shots]]
id = "pass"
seconds = 2

[[shots.audio]]
file = "bell.wav"
at_s = 0.5
from_prop = "boat"
mode = "duck"
gain_db = -3

[shots.camera]
at = [0, -6, 1]
look_at = [0, 0, 1]
lens_mm = 24

[[shots.place]]
prop = "boat"
keys = [{ t_s = 0, at = [-4, 0, 0] }, { t_s = 2, at = [4, 0, 0] }]
"""


def test_a_prop_of_a_storyboard_that_crosses_the_picture_is_heard_to_cross(tmp_path: Path) -> None:
    """From TOML to gains: the world's axes and the camera's agree."""
    (tmp_path / "bell.wav").touch()
    film = parse_film(STORYBOARD, tmp_path, "storyboard.toml")
    scene = resolve_scenes(film)["pass"]
    assert scene is not None
    left, right = prop_gains(listener_from_scene(scene, ["boat"]), "boat").T
    balance_db = 20 * np.log10(right / left)
    assert balance_db[0] < -8
    assert balance_db[24] == pytest.approx(0, abs=0.5)
    assert balance_db[48] > 8
    assert np.all(np.diff(balance_db) >= 0)


def test_the_storyboards_sounds_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "bell.wav").touch()
    film = parse_film(STORYBOARD, tmp_path, "storyboard.toml")
    (placed,) = placements_from_storyboard(film.shots[0].audio, tmp_path)
    assert placed.file == tmp_path.resolve() / "bell.wav"
    assert (placed.name, placed.at_s, placed.gain_db, placed.length_s) == (
        "bell.wav",
        0.5,
        -3,
        None,
    )
    assert (placed.from_prop, placed.mode, placed.pan) == ("boat", "duck", None)
    assert (placed.fade_in_s, placed.fade_out_s, placed.loop) == (0.01, 0.01, False)
