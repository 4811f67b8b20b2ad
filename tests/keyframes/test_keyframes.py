from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelwright.errors import MediaError, StageError
from reelwright.frames import ArrayFrames
from reelwright.keyframes import (
    Keyframe,
    KeyframeRequest,
    Painter,
    StagePainter,
    keyframes_from_stage,
    load_keyframes,
)


@pytest.fixture
def staged() -> Any:
    pictures = np.random.default_rng(3).integers(0, 256, (9, 12, 16, 3), dtype=np.uint8)
    return SimpleNamespace(color=ArrayFrames(pictures))


def test_the_pictures_are_the_staged_frames_bit_for_bit(staged: Any, tmp_path: Path) -> None:
    made = keyframes_from_stage(staged, [KeyframeRequest(8, 0.5), KeyframeRequest(0)], tmp_path)
    assert [keyframe.frame for keyframe in made] == [0, 8]
    assert [keyframe.strength for keyframe in made] == [1.0, 0.5]
    for keyframe in made:
        with Image.open(keyframe.image) as picture:
            assert picture.mode == "RGB"
            assert np.array_equal(np.asarray(picture), staged.color[keyframe.frame])


def test_what_is_loaded_is_what_was_made(staged: Any, tmp_path: Path) -> None:
    made = keyframes_from_stage(staged, [KeyframeRequest(3), KeyframeRequest(5, 0.9)], tmp_path)
    assert load_keyframes(tmp_path) == made


def test_no_request_is_an_empty_folder_that_loads(staged: Any, tmp_path: Path) -> None:
    assert keyframes_from_stage(staged, [], tmp_path / "none") == ()
    assert load_keyframes(tmp_path / "none") == ()


def test_the_same_request_gives_the_same_bytes(staged: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        keyframes_from_stage(staged, [KeyframeRequest(4)], tmp_path / name)
    for file in ("000004.png", "keyframes.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([KeyframeRequest(9)], "from 0 to 8"),
        ([KeyframeRequest(-1)], "from 0 to 8"),
        ([KeyframeRequest(2), KeyframeRequest(2)], "Keep one"),
        ([KeyframeRequest(2, 1.5)], "strength from 0 to 1"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_anything_is_written(
    staged: Any, tmp_path: Path, requests: list[KeyframeRequest], words: str
) -> None:
    with pytest.raises(StageError, match=words):
        keyframes_from_stage(staged, requests, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_picture_and_a_broken_list_are_said(staged: Any, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        load_keyframes(tmp_path)
    made = keyframes_from_stage(staged, [KeyframeRequest(1)], tmp_path)
    made[0].image.unlink()
    with pytest.raises(MediaError, match="frame 1 is missing"):
        load_keyframes(tmp_path)
    (tmp_path / "keyframes.json").write_text(json.dumps({"keyframes": [{"frame": 1}]}))
    with pytest.raises(MediaError, match="again"):
        load_keyframes(tmp_path)


def test_progress_hears_of_every_picture(staged: Any, tmp_path: Path) -> None:
    told: list[float] = []
    shown: list[Any] = []
    progress = SimpleNamespace(
        step=lambda fraction, note="": told.append(fraction),
        warn=lambda message: None,
        preview=shown.append,
    )
    keyframes_from_stage(staged, [KeyframeRequest(0), KeyframeRequest(1)], tmp_path, progress)
    assert told == [0.5, 1.0]
    assert len(shown) == 2


def test_the_stage_takes_the_painters_place(staged: Any, tmp_path: Path) -> None:
    painter: Painter = StagePainter()
    made = painter.paint(
        staged,
        [KeyframeRequest(2)],
        tmp_path,
        SimpleNamespace(step=lambda *_: None, warn=lambda *_: None, preview=lambda *_: None),
    )
    assert made == (Keyframe(tmp_path / "000002.png", 2, 1.0),)
