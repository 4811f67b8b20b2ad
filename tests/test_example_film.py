"""The example film is what the documents say it is; the film itself is made by `make film`."""

from __future__ import annotations

from pathlib import Path

from reelwright.production import check_film
from reelwright.storyboard import load_film

STORYBOARD = Path(__file__).parents[1] / "examples" / "lighthouse" / "storyboard.toml"


def test_it_is_fine_and_nothing_of_it_is_left_out() -> None:
    checked = check_film(STORYBOARD)
    assert checked.plan.label == "animatic"
    assert not [note for note in checked.notes if "skin" in note.lower()]


def test_it_shows_what_an_example_should() -> None:
    film = load_film(STORYBOARD).film
    assert len(film.shots) >= 3
    assert 8 <= sum(shot.seconds for shot in film.shots) <= 12
    assert any(shot.continues for shot in film.shots)
    cameras = [shot.camera for shot in film.shots if shot.camera is not None]
    assert len({camera.move for camera in cameras}) >= 3
    assert len({camera.lens_mm for camera in cameras}) >= 3
    assert all(prop.file is not None for prop in film.props.values())
    assert any(sound.from_prop for shot in film.shots for sound in shot.audio)


def test_its_files_stay_small() -> None:
    files = [path for path in STORYBOARD.parent.glob("*/*") if path.suffix in (".glb", ".ogg")]
    assert 0 < sum(path.stat().st_size for path in files) < 5_000_000
