"""A very small film through the real rooms, from storyboard to MP4."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reelwright.errors import StoryboardError
from reelwright.machine import Machine
from reelwright.plan import ROOM_VERSIONS, StageKind
from reelwright.production.job import RenderResult, render
from reelwright.production.local import LocalExecutor
from reelwright.production.process import WorkerSettings

MACHINE = Machine("bench", "Linux", "a CPU", 2, 16 << 30, 12 << 30, disk_free_bytes=100 << 30)
KEPT = {  # where a room keeps the version of its result itself
    (StageKind.STAGE, "builtin"): "reelwright.stage:STAGE_VERSION",
    (StageKind.GENERATE, "animatic"): "reelwright.generate.animatic:ANIMATIC_VERSION",
    **{
        (kind, "ltx"): "reelwright.generate.ltx:LTX_VERSION"
        for kind in StageKind
        if kind.runs_model
    },
    (StageKind.FINISH, "builtin"): "reelwright.finish:FINISH_VERSION",
    (StageKind.MIX, "builtin"): "reelwright.finish:MIX_VERSION",
}


@pytest.mark.parametrize("row", KEPT)
def test_versions_of_rooms_are_those_of_the_plan(row: tuple[StageKind, str]) -> None:
    module, _, name = KEPT[row].partition(":")
    assert getattr(importlib.import_module(module), name) == ROOM_VERSIONS[row]


class Small:
    """The film, rendered once for all tests here."""

    def __init__(self, path: Path, executor: LocalExecutor) -> None:
        self.path = path
        self.executor = executor
        self.first = self.render()

    def render(self, film: Path | None = None, **options: Any) -> RenderResult:
        return render(film or self.path, executor=self.executor, machine=MACHINE, **options)

    @property
    def film(self) -> Path:
        assert self.first.film is not None
        return self.first.film


@pytest.fixture(scope="module")
def small(small_film: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    executor = LocalExecutor(WorkerSettings(threads=1))
    try:
        yield Small(
            small_film.write_small_film(tmp_path_factory.mktemp("small") / "film"), executor
        )
    finally:
        executor.close()


def test_the_film_plays_as_planned(small: Small) -> None:
    import av

    with av.open(str(small.film)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height) == (64, 64)
        assert sum(1 for _ in container.decode(video=0)) == 9 + 6 + 6
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
        assert audio.sample_rate == 48_000
    assert chapters == ["near", "on", "words"]
    assert not small.first.unchanged


def test_it_says_how_it_was_made(small: Small) -> None:
    from reelwright.media import read_provenance

    said = read_provenance(small.film)
    assert said is not None
    assert said.label == "animatic"
    assert said.storyboard == small.path.read_text()
    assert set(said.files) == {"theme.wav", "bell.wav"}
    assert [shot.num_frames for shot in said.shots] == [9, 6, 6]


def test_the_report_knows_every_shot(small: Small) -> None:
    assert small.first.report is not None
    facts = json.loads(small.first.report.with_suffix(".json").read_bytes())
    assert [shot["shot"] for shot in facts["shots"]] == ["near", "on", "words"]
    assert "<html" in small.first.report.read_text()


def test_it_is_kept_and_does_not_run_again(small: Small) -> None:
    assert small.render().unchanged


def test_a_film_makes_itself_again(small: Small, tmp_path: Path) -> None:
    project = tmp_path / "moved"
    shutil.copytree(small.path.parent, project, ignore=shutil.ignore_patterns(".*", "*.toml"))
    film = project / small.film.name
    result = small.render(film)
    assert result.film == project / "small-animatic-again.mp4"
    assert set(result.ran) == {stage.id for stage in result.plan}
    assert result.film.read_bytes() == film.read_bytes()
    assert (project / "plan.lock").read_bytes() == (small.path.parent / "plan.lock").read_bytes()
    assert not list(project.glob("*.toml"))


def test_a_film_says_by_digest_what_it_lacks(small: Small, tmp_path: Path) -> None:
    film = Path(shutil.copy(small.film, tmp_path))
    shutil.copy(small.path.parent / "bell.wav", tmp_path / "theme.wav")
    with pytest.raises(StoryboardError) as caught:
        small.render(film)
    said = {problem.field: problem.what for problem in caught.value.problems}
    assert set(said) == {"bell.wav", "theme.wav"}
    assert "is not there (sha256 " in said["bell.wav"]
    assert "is not the one that was used" in said["theme.wav"]


def test_memory_and_time_are_measured(small: Small) -> None:
    from reelwright.production.journal import read_history

    history = read_history(small.path.parent / ".reelwright" / "journal.sqlite")
    ratio = history.ratio(StageKind.STAGE, "builtin", "cpu")
    assert ratio.samples == 2
    assert 0.5 <= ratio.ram <= 4.0
