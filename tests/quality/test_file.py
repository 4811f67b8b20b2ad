"""Any video file: cuts first, the weaker set, and its sound."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.errors import MediaError
from reelwright.quality import FilmShot, FilmSound, Report, Status, measure_file, measure_film
from reelwright.quality.report import ShotReport

ALARMS = (Status.NOTE, Status.WARN, Status.FAIL)


def write(path: Path, frames: NDArray[np.uint8], sound: NDArray[Any] | None = None) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        video.options = {"crf": "18", "preset": "veryfast"}
        audio = (
            container.add_stream("aac", rate=48000, layout="stereo") if sound is not None else None
        )
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for start in range(0, sound.shape[1], 1024):
                block = np.ascontiguousarray(sound[:, start : start + 1024], np.float32)
                part = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                part.sample_rate, part.pts = 48000, start
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
    return path


def of(report: Report, measure: str) -> Any:
    (verdict,) = [item for item in report.verdicts if item.measure == measure]
    return verdict


@pytest.fixture(scope="module")
def clips(shot: Callable[..., Any]) -> list[NDArray[np.uint8]]:
    return [shot(kind).frames for kind in ("moving", "fast")]


def test_cuts_are_found_and_each_shot_is_measured(
    clips: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    frames = np.concatenate((clips[0], clips[1], clips[0][::-1][:15]))
    noise = 0.05 * np.random.default_rng(0).standard_normal((2, len(frames) * 2000))
    report = measure_file(write(tmp_path / "film.mp4", frames, noise))
    assert [item.num_frames for item in report.shots] == [25, 25, 15]
    assert [item.start_s for item in report.shots] == pytest.approx([0, 25 / 24, 50 / 24], abs=1e-5)
    assert of(report, "cuts").value == 2
    assert of(report, "av_length").status is Status.PASSED
    assert of(report, "clipping").status is Status.NOT_JUDGED
    assert of(report, "sound_gap").status is Status.PASSED
    assert report.title == "film.mp4"
    assert any("weaker set" in note for note in report.notes)
    alarms = [
        verdict
        for item in report.shots
        for verdict in item.verdicts
        if verdict.status in (Status.WARN, Status.FAIL)
    ]
    assert alarms == []


def test_a_bad_frame_is_no_cut(clips: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    frames = clips[0].copy()
    frames[11] = clips[1][3]
    report = measure_file(write(tmp_path / "film.mp4", frames))
    assert len(report.shots) == 1
    assert of(report, "cuts").value == 0
    bad = next(item for item in report.shots[0].verdicts if item.measure == "bad_frame_plain")
    assert bad.status is Status.WARN
    assert of(report, "av_length").status is Status.NOT_JUDGED
    assert of(report, "sound_gap").status is Status.NOT_JUDGED


def test_progress_reaches_the_end_in_order(clips: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    heard: list[float] = []

    class Progress:
        def step(self, fraction: float, note: str = "") -> None:
            heard.append(fraction)

        def warn(self, message: str) -> None:
            raise AssertionError(message)

        def preview(self, picture: NDArray[Any]) -> None:
            pass

    measure_file(write(tmp_path / "film.mp4", clips[0]), progress=Progress())
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)


@pytest.mark.parametrize("content", [b"", b"no film at all"])
def test_what_is_no_film_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        measure_file(path)
    assert caught.value.mend


def test_a_film_with_sound(sound: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal(4 * 48_000)
    samples[96_000:98_000] = 0
    shots = [
        FilmShot(ShotReport(name, "", 48, Fraction(24), (64, 64), (64, 64), raw=True, staged=False))
        for name in ("one", "two")
    ]
    report = measure_film(
        "film",
        shots,
        sound=FilmSound(sound(samples), loudness_lufs=-16),
        video_s=4.0,
        audio_s=4.005,
        notes=["No music."],
    )
    assert of(report, "sound_gap").status in (Status.WARN, Status.FAIL)
    assert of(report, "click").subject == "2.00 s"
    assert of(report, "loudness").value is not None
    assert of(report, "av_length").status is Status.PASSED
    loudness = report.find_series("loudness")
    assert loudness is not None
    assert len(loudness.values) == 96
    assert report.notes == ("No music.",)


def test_a_film_of_ours_is_measured_by_its_own_bounds_and_stages(
    shot: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelwright.media import Provenance, ShotRecord
    from reelwright.quality import ShotStage, file

    made = [shot("moving"), shot("fast")]
    path = write(tmp_path / "film.mp4", np.concatenate([item.frames for item in made]))
    record = Provenance(
        label="animatic",
        storyboard="",
        storyboard_name="storyboard.toml",
        shots=(ShotRecord("one", 0, 25), ShotRecord("two", 25, 25)),
    )
    monkeypatch.setattr(file, "read_provenance", lambda _: record)
    stages = {"one": ShotStage(made[0].stage), "two": ShotStage(made[1].stage)}
    report = measure_file(path, stages=stages)
    assert [(item.shot, item.label, item.staged, item.raw) for item in report.shots] == [
        ("one", "animatic", True, False),
        ("two", "animatic", True, False),
    ]
    assert not any(item.measure == "cuts" for item in report.verdicts)
    assert [v for item in report.shots for v in item.verdicts if v.status in ALARMS] == []
    assert report.label == "animatic"
