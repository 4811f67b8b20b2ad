"""A small film from the command line: rendered, looked at, packed, made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reelwright.cli import main
from reelwright.frames import open_frames, read_exr
from reelwright.media import open_video, read_provenance

FILM = """
[film]
title = "Two balls"
size = [128, 64]
fps = 8
tier = "animatic"

[props.ball]
shape = "sphere"
color = "red"

[[shots]]
id = "one"
seconds = 1
[shots.camera]
move = "orbit-left"
at = [0, -4, 1.5]
look_at = [0, 0, 0.5]
[[shots.place]]
prop = "ball"

[[shots]]
id = "words"
seconds = 0.5
prompt = "A door that nobody has staged yet."
"""


@pytest.fixture(scope="module")
def storyboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "storyboard.toml"
    path.write_text(FILM, encoding="utf-8")
    return path


def output_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_last_line_is_a_film_that_plays(
    storyboard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(storyboard)]) == 0
    film = Path(output_of(capsys)[-1])
    assert "animatic" in film.name
    with open_video(film) as video:
        assert video.shape == (12, 64, 128, 3)
        facts = video.facts
        assert [chapter.title for chapter in facts.chapters] == ["one", "words"]
        assert facts.audio is not None
        assert abs(float(facts.audio.duration_s - facts.duration_s)) < 0.0214
    provenance = read_provenance(film)
    assert provenance is not None
    assert provenance.label == "animatic"
    assert provenance.storyboard == FILM
    report = film.with_name(f"{film.stem}.report.html").read_text(encoding="utf-8")
    assert "animatic" in report.lower()


def test_an_unchanged_film_is_left_alone(
    storyboard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["render", str(storyboard)])
    film = Path(output_of(capsys)[-1])
    before = film.stat().st_mtime_ns
    assert main(["render", str(storyboard)]) == 0
    assert "Nothing has changed" in capsys.readouterr().err
    assert film.stat().st_mtime_ns == before


def test_events_are_lines_of_json(storyboard: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(storyboard), "--events", "--explain"]) == 0
    events = [json.loads(line) for line in output_of(capsys)]
    assert events[0]["event"] == "job-started"
    assert events[-1]["event"] == "job-finished"
    assert any(event["event"] == "explained" for event in events)


def test_a_staged_shot_can_be_opened(
    storyboard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage", str(storyboard), "-o", str(tmp_path / "stage")]) == 0
    assert output_of(capsys) == [str(tmp_path / "stage" / "one")]
    folder = tmp_path / "stage" / "one"
    depth = read_exr(folder / "depth" / "000000.exr")["Z"]
    assert depth.shape == (64, 128)
    assert json.loads((folder / "camera.json").read_text())["version"] >= 1
    assert open_frames(folder / "mask.mkv")[0].max() == 1
    assert (folder / "contact_sheet.png").stat().st_size > 1000
    with open_video(folder / "preview.mp4") as preview:
        assert preview.shape[0] == 9
    assert main(["stage", str(storyboard), "-o", str(tmp_path / "stage")]) == 0


def test_keyframes_are_pictures(
    storyboard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keyframes", str(storyboard), "-o", str(tmp_path)]) == 0
    names = [Path(line).name for line in output_of(capsys)]
    assert names == ["one-0000.png", "one-0007.png"]


def test_a_film_is_made_again_from_itself(
    storyboard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["render", str(storyboard)])
    film = Path(output_of(capsys)[-1])
    shutil.copy(film, tmp_path / "found.mp4")
    assert main(["render", str(tmp_path / "found.mp4")]) == 0
    again = Path(output_of(capsys)[-1])
    with open_video(film) as first, open_video(again) as second:
        assert all((first[i] == second[i]).all() for i in range(len(first)))


def test_a_pack_renders_anywhere(
    storyboard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "two-balls.reelpack"
    assert main(["pack", str(storyboard), "-o", str(pack)]) == 0
    assert output_of(capsys) == [str(pack)]
    assert main(["render", str(pack), "--until", "assets"]) == 0
    assert (tmp_path / "two-balls" / "storyboard.toml").read_text() == FILM
    assert main(["render", str(pack), "--until", "assets"]) == 0


def test_a_report_of_any_file(
    storyboard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["render", str(storyboard)])
    film = output_of(capsys)[-1]
    page = tmp_path / "report.html"
    assert main(["report", film, "-o", str(page), "--everything"]) == 0
    assert "passed" in capsys.readouterr().out
    assert "<html" in page.read_text(encoding="utf-8")
    assert main(["report", film, film]) == 0
    assert main(["report"]) == 2


def test_clean_keeps_what_the_film_needs(
    storyboard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["render", str(storyboard)])
    capsys.readouterr()
    assert main(["clean", str(storyboard)]) == 0
    capsys.readouterr()
    main(["render", str(storyboard)])
    assert "Nothing has changed" in capsys.readouterr().err
    assert main(["clean", str(storyboard), "--max-size", "lots"]) == 2
