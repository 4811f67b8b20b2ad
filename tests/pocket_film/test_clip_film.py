"""`reelwright clip`: a clip with no storyboard, and a range of it made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelwright.cli import main
from reelwright.errors import StoryboardError
from reelwright.media import open_video, read_provenance
from reelwright.production import retake
from reelwright.storyboard import parse_film

from .conftest import psnr

RED, BLUE = (190, 60, 50), (60, 80, 180)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    """Workers take one thread each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELWRIGHT_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clips are made; the pictures lie elsewhere."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "away").mkdir()
    (folder / "made").mkdir()
    for name, color in (("red", RED), ("blue", BLUE)):
        Image.new("RGB", (96, 96), color).save(folder / "away" / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    """A clip that begins red and ends blue."""
    made = folder / "made" / "turn.mp4"
    words = ["clip", "A wall changes its colour.", "-o", str(made), "--seed", "4"]
    words += ["--first", str(folder / "away" / "red.png")]
    words += ["--image", str(folder / "away" / "blue.png"), "-1", "1.0"]
    words += ["--num-frames", "25", "--width", "64", "--height", "64", "--steps", "4", "2"]
    assert main(words) == 0
    return made


def frames_of(path: Path) -> np.ndarray:
    with open_video(path) as video:
        return np.stack([video[i] for i in range(len(video))])


def test_it_passes_through_its_pictures(clip: Path) -> None:
    frames = frames_of(clip)
    assert frames.shape == (25, 64, 64, 3)
    for frame, color in ((0, RED), (24, BLUE)):
        assert psnr(frames[frame], np.broadcast_to(color, (64, 64, 3))) > 20


def test_it_carries_its_storyboard_inside(clip: Path) -> None:
    provenance = read_provenance(clip)
    assert provenance is not None
    film = parse_film(provenance.storyboard)
    assert [shot.prompt for shot in film.shots] == ["A wall changes its colour."]
    assert provenance.label == "pocket"
    assert len(provenance.files) == 2
    assert {path.name for path in clip.parent.iterdir()} == {
        ".reelwright", "turn.mp4", "turn.report.html", "turn.report.json",
    }  # fmt: skip


@pytest.fixture(scope="module")
def retaken(clip: Path) -> Path:
    """A range of it again, with other words."""
    assert main(["clip", "It turns green.", "--retake", str(clip), "0.3", "0.75"]) == 0
    return clip.with_name("turn-retake.mp4")


def test_a_retake_is_a_film_of_its_own_of_which_the_rest_is_the_clip(
    clip: Path, retaken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = frames_of(clip), frames_of(retaken)
    difference = np.abs(after.astype(float) - before).mean(axis=(1, 2, 3))
    assert difference[9:17].max() > 1
    # H.264 looks back and ahead; what is lossless is held to the bit in test_film.
    assert difference[:7].max() < 1
    provenance = read_provenance(retaken)
    assert provenance is not None
    (shot,) = parse_film(provenance.storyboard).shots
    assert [(each.from_s, each.to_s, each.prompt) for each in shot.retakes] == [
        (0.3, 0.75, "It turns green.")
    ]


def test_a_range_that_is_not_in_it_is_refused(
    retaken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clip", "--retake", str(retaken), "0.5", "9"]) == 2
    assert "the shot at 1.04167 s" in capsys.readouterr().err
    assert main(["clip", "--retake", str(retaken), "0.5", "0.6"]) == 2
    assert "from_s = 0.375 and to_s = 0.708" in capsys.readouterr().err
    assert main(["clip", "--retake", str(retaken), "0.3", "0.8", "-o", str(retaken)]) == 2
    assert "take the place of the old one" in capsys.readouterr().err


def test_a_picture_that_is_gone_is_asked_for(clip: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.mp4"
    alone.write_bytes(clip.read_bytes())
    with pytest.raises(StoryboardError, match="is not there"):
        retake(alone, 0.3, 0.8)
