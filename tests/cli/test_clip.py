"""`reelwright clip` on the command line: what it hands on, and what it refuses before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import reelwright
from reelwright.cli import main
from reelwright.errors import InputError
from reelwright.production import ClipPicture
from reelwright.production.one_clip import bring_inside


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path)
    return path


class StopError(Exception):
    """Raised where the work would begin."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a render was asked for; nothing is rendered."""
    seen: dict[str, Any] = {}

    def render(film: Any, **options: Any) -> None:
        seen.update(options, film=film)
        raise StopError

    monkeypatch.setattr("reelwright.production.one_clip.render", render)
    monkeypatch.setattr("reelwright.production.one_clip.weights_for", lambda named, lock: ("one",))
    return seen


def test_words_and_options_become_a_film_of_one_shot(
    asked: dict[str, Any], picture: Path, tmp_path: Path
) -> None:
    words = ["clip", "A boat turns toward the lighthouse.", "-o", str(tmp_path / "boat.mov")]
    words += ["--seconds", "2", "--frame-rate", "12", "--width", "320", "--seed", "9"]
    words += ["--last", str(picture), "--image", str(picture), "-6", "0.5", "--sound", "gulls"]
    words += ["--steps", "4", "2", "--guidance", "2", "--negative", "fog", "--tier", "draft"]
    with pytest.raises(StopError):
        main(words)
    film, (shot,) = asked["film"].film, asked["film"].film.shots
    assert (film.size, film.fps, film.tier) == ((320, 448), 12, "draft")
    assert film.frames_of(shot).delivered == 24
    assert (shot.prompt, shot.sound, shot.seed) == (words[1], "gulls", 9)
    keys = [(frame, spec.from_, spec.strength) for frame, spec in shot.resolved_keyframes(24)]
    assert keys == [(18, "red.png", 0.5), (23, "red.png", 1.0)]
    model = shot.model
    assert (model.steps, model.guidance, model.negative) == ((4, 2), 2.0, "fog")
    assert asked["out"] == tmp_path / "boat.mov"
    assert asked["film"].root == tmp_path.resolve()


def test_it_leaves_a_storyboards_lock_alone(asked: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(StopError):
        reelwright.clip("The sea.", out=tmp_path / "sea.mp4")
    assert asked["film"].path.parent == tmp_path / ".reelwright" / "clips"


def test_a_file_from_elsewhere_is_brought_inside(picture: Path, tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    name = bring_inside(picture, root)
    assert name.startswith(".reelwright/given/")
    assert (root / name).read_bytes() == picture.read_bytes()
    assert bring_inside(picture, tmp_path) == "red.png"
    assert bring_inside(picture, root) == name


def test_pictures_that_cannot_be_are_refused(
    picture: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture.read_bytes()[:60])
    bad: list[tuple[dict[str, Any], str]] = [
        ({"pictures": [ClipPicture(picture, 120)]}, "from 0 to 119"),
        ({"pictures": [ClipPicture(picture, -121)]}, "-120 to -1"),
        ({"pictures": [ClipPicture(picture, 5, 1.5)]}, "Use 0 to 1"),
        ({"first": picture, "pictures": [ClipPicture(picture, -120)]}, "Move one of them"),
        ({"first": tmp_path / "none.png"}, "Check the path"),
        ({"last": broken}, "save it as PNG"),
        ({"audio": picture}, "Name a file that has"),
        ({"audio": tmp_path / "none.wav"}, "Check the path"),
        ({"seconds": 2, "num_frames": 9}, "one of the two"),
        ({"num_frames": 0}, "at least one"),
        ({"tier": "animatic"}, "draft, standard or final"),
        ({"size": (63, 64)}, "multiple of 2"),
    ]
    for fields, mend in bad:
        with pytest.raises(InputError) as caught:
            reelwright.clip("A boat.", out=tmp_path / "out.mp4", **fields)
        assert mend in caught.value.mend, fields
        assert not asked
        assert not (tmp_path / ".reelwright").exists()


def test_without_a_model_there_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No video model"):
        reelwright.clip("A boat.", out=tmp_path / "out.mp4")


def test_the_command_line_refuses_what_says_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["clip"]) == 2
    assert "Say what is seen" in capsys.readouterr().err
    film = str(tmp_path / "boat.mp4")
    assert main(["clip", "Again.", "--retake", film, "1", "2", "--seconds", "3"]) == 2
    assert "--seconds cannot be changed" in capsys.readouterr().err
    assert main(["clip", "Again.", "--retake", film, "1", "2"]) == 2
    assert "no such film" in capsys.readouterr().err


def test_a_film_of_others_cannot_be_retaken(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import av
    import numpy as np

    path = tmp_path / "foreign.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(9):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    assert main(["clip", "Again.", "--retake", str(path), "0", "0.3"]) == 2
    said = capsys.readouterr().err
    assert "latents and the lossless frames" in said
    assert "reelwright clip" in said
