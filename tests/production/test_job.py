"""The job from storyboard to film, with real plans and toy stages."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reelwright.errors import InputError, ResourceError, StoryboardError
from reelwright.machine import Machine
from reelwright.plan import PlanLock, StageKind
from reelwright.production import events
from reelwright.production.collecting import clean
from reelwright.production.job import RenderResult, render
from reelwright.production.journal import Journal
from reelwright.production.local import LocalExecutor
from reelwright.production.planning import check_film, plan_film
from reelwright.production.process import WorkerSettings

GIB = 1 << 30
FILM = """\
[film]
title = "The Lighthouse, at dawn"
size = [64, 48]

[props.ball]
shape = "sphere"

[[music]]
file = "theme.wav"

[[shots]]
id = "one"
seconds = 0.5
[shots.camera]
lens_mm = 35
[[shots.place]]
prop = "ball"

[[shots]]
id = "two"
seconds = 0.5
[shots.camera]
move = "orbit-left"
look_at = [0, 0, 1]
[[shots.place]]
prop = "ball"

[[shots]]
id = "three"
continues = "two"
seconds = 0.5
"""
NEW = """\
[[shots]]
id = "new"
seconds = 0.5
[[shots.place]]
prop = "ball"
at = [2, 0, 0]

"""


def wav(path: Path, value: int) -> None:
    data = struct.pack("<h", value) * 4800
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                       48_000, 96_000, 2, 16, b"data", len(data))  # fmt: skip
    path.write_bytes(head + data)


class Studio:
    """A project that is rendered with toy stages by one warm worker."""

    def __init__(self, root: Path, executor: LocalExecutor) -> None:
        self.root = root
        self.executor = executor
        self.path = root / "storyboard.toml"
        self.events: list[events.Event] = []
        self.machine = Machine("bench", "Linux", "a CPU", 2, 16 * GIB, 12 * GIB,
                               disk_free_bytes=100 * GIB)  # fmt: skip
        wav(root / "theme.wav", 1)
        self.path.write_text(FILM)

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    def render(self, **options: Any) -> RenderResult:
        self.events.clear()
        options = {"executor": self.executor, "machine": self.machine, **options}
        film = options.pop("film", self.path)
        return render(film, on_event=self.events.append, **options)

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def executor(toys: ModuleType) -> Iterator[LocalExecutor]:
    workers = WorkerSettings(registry=toys.FILM_REGISTRY, threads=1, search_path=(toys.FOLDER,))
    executor = LocalExecutor(workers)
    yield executor
    executor.close()


@pytest.fixture
def studio(tmp_path: Path, executor: LocalExecutor) -> Studio:
    root = tmp_path / "film"
    root.mkdir()
    return Studio(root, executor)


SHOT = ("stage/{}", "keyframes/{}", "generate/{}#1", "finish/{}", "quality/{}")
FILM_STAGES = {"mix", "mux", "report"}


def of_shot(name: str) -> set[str]:
    return {stage.format(name) for stage in SHOT}


class TestAFilm:
    def test_it_lies_beside_its_storyboard_with_its_report(self, studio: Studio) -> None:
        result = studio.render()
        assert result.film == studio.root / "the-lighthouse-at-dawn-animatic.mp4"
        assert result.film.is_file()
        assert result.report == studio.root / "the-lighthouse-at-dawn-animatic.report.html"
        assert result.report.is_file()
        assert result.report.with_suffix(".json").is_file()
        assert set(result.ran) == {stage.id for stage in result.plan}
        assert not result.unchanged
        (finished,) = studio.of(events.JobFinished)
        assert finished.film == str(result.film)

    def test_an_unchanged_film_does_nothing_and_says_so(self, studio: Studio) -> None:
        first = studio.render()
        assert first.film is not None
        before = first.film.stat()
        result = studio.render()
        assert result.unchanged
        assert result.ran == ()
        assert set(result.reused) == {stage.id for stage in result.plan}
        assert first.film.stat().st_mtime_ns == before.st_mtime_ns
        assert not studio.of(events.StageStarted)
        assert not studio.of(events.Noted)
        (finished,) = studio.of(events.JobFinished)
        assert finished.unchanged

    @pytest.mark.parametrize("harm", ["gone", "altered", "cut"])
    def test_a_film_that_was_harmed_is_put_there_again(self, studio: Studio, harm: str) -> None:
        film = studio.render().film
        assert film is not None
        data = film.read_bytes()
        if harm == "gone":
            film.unlink()
        else:
            film.write_bytes(data[::-1] if harm == "altered" else data[:5])
        result = studio.render()
        assert result.ran == ()
        assert not result.unchanged
        assert film.read_bytes() == data

    def test_a_lost_report_is_put_there_again(self, studio: Studio) -> None:
        report = studio.render().report
        assert report is not None
        report.unlink()
        studio.render()
        assert report.is_file()

    def test_every_file_of_the_film_is_recorded_in_it(self, studio: Studio) -> None:
        result = studio.render()
        said = json.loads((result.folders["mux"] / "aside.json").read_text())["provenance"]
        assert set(said["files"]) == {"theme.wav"}
        assert said["storyboard"] == FILM
        assert [shot["start_frame"] for shot in said["shots"]] == [0, 12, 24]
        assert set(said["seeds"]) == {"one", "two", "three"}

    def test_a_film_of_another_root_has_the_same_results(
        self, studio: Studio, tmp_path: Path
    ) -> None:
        first = studio.render()
        other = tmp_path / "elsewhere"
        other.mkdir()
        moved = Studio(other, studio.executor).render()
        assert [stage.key for stage in moved.plan] == [stage.key for stage in first.plan]
        assert first.film is not None
        assert moved.film is not None
        assert moved.film.read_bytes() == first.film.read_bytes()


class TestWhatAChangeRuns:
    """The count of stages that run is the count that depends on the change."""

    def test_a_camera(self, studio: Studio) -> None:
        studio.render()
        studio.change("lens_mm = 35", "lens_mm = 50")
        assert set(studio.render().ran) == of_shot("one") | FILM_STAGES

    def test_a_camera_that_another_shot_continues(self, studio: Studio) -> None:
        studio.render()
        studio.change("orbit-left", "orbit-right")
        ran = studio.render(explain=True).ran
        assert set(ran) == of_shot("two") | of_shot("three") | FILM_STAGES
        why = {event.stage: event.why for event in studio.of(events.Explained)}
        assert why["stage/two"] == 'scene.camera.action: "orbit-left" -> "orbit-right"'
        assert why["finish/two"] == "made from what is new: generate/two#1"
        assert why["finish/one"] == "unchanged"

    def test_an_inserted_shot(self, studio: Studio) -> None:
        studio.render()
        studio.change('[[shots]]\nid = "two"', f'{NEW}[[shots]]\nid = "two"')
        assert set(studio.render().ran) == of_shot("new") | FILM_STAGES

    def test_a_music_file(self, studio: Studio) -> None:
        studio.render()
        wav(studio.root / "theme.wav", 2)
        assert set(studio.render().ran) == FILM_STAGES

    def test_what_was_once_made_is_found_again(self, studio: Studio) -> None:
        studio.render()
        studio.change("lens_mm = 35", "lens_mm = 50")
        studio.render()
        studio.change("lens_mm = 50", "lens_mm = 35")
        result = studio.render()
        assert result.ran == ()
        assert not result.unchanged  # the film beside the storyboard was the other one

    def test_a_comment(self, studio: Studio) -> None:
        studio.render()
        studio.change("[film]", "# for Ada\n[film]")
        assert studio.render().unchanged


class TestParts:
    def test_until_makes_no_film(self, studio: Studio) -> None:
        result = studio.render(until="keyframes")
        assert result.film is None
        assert result.report is None
        assert {name.partition("/")[0] for name in result.ran} == {"assets", "stage", "keyframes"}
        assert result.folders["keyframes/one"].is_dir()
        assert not list(studio.root.glob("*.mp4"))

    def test_until_something_that_is_no_stage(self, studio: Studio) -> None:
        with pytest.raises(InputError, match="no stage 'colour'") as caught:
            studio.render(until="colour")
        assert "keyframes" in caught.value.mend

    def test_some_shots_are_a_film_beside_the_whole_one(self, studio: Studio) -> None:
        whole = studio.render().film
        assert whole is not None
        data = whole.read_bytes()
        part = studio.render(shots=["three", "one"])
        assert part.film == studio.root / "the-lighthouse-at-dawn-animatic-one-three.mp4"
        assert set(part.ran) == FILM_STAGES
        assert whole.read_bytes() == data

    def test_all_shots_by_name_are_the_whole_film(self, studio: Studio) -> None:
        whole = studio.render()
        again = studio.render(shots=["one", "two", "three"])
        assert again.unchanged
        assert again.film == whole.film

    def test_choices_of_other_shots_stay(self, studio: Studio) -> None:
        studio.render()
        lock = (studio.root / "plan.lock").read_text()
        studio.render(shots=["one"])
        assert (studio.root / "plan.lock").read_text() == lock


class TestOut:
    @pytest.mark.parametrize("name", ["cut.mov", "cut.mkv", "cut.wav", "cut.mp4"])
    def test_the_suffix_decides_the_format(self, studio: Studio, name: str) -> None:
        out = studio.root / "out" / name
        result = studio.render(out=out)
        assert result.film == out
        assert out.is_file()
        assert (out.parent / "cut.report.html").is_file()

    def test_a_folder_takes_the_film_by_its_name(self, studio: Studio, tmp_path: Path) -> None:
        assert studio.render(out=tmp_path).film == tmp_path / "the-lighthouse-at-dawn-animatic.mp4"

    def test_pictures_are_a_folder(self, studio: Studio) -> None:
        studio.path.write_text(FILM + '\n[output]\nformat = "png"\n')
        film = studio.render().film
        assert film == studio.root / "the-lighthouse-at-dawn-animatic-png"
        assert (film / "000000.png").is_file()
        assert studio.render().unchanged
        (film / "000000.png").write_bytes(b"altered")
        assert not studio.render().unchanged
        assert (film / "000000.png").read_bytes() != b"altered"

    def test_a_suffix_of_nothing_is_refused(self, studio: Studio) -> None:
        with pytest.raises(InputError, match="avi") as caught:
            studio.render(out=studio.root / "film.avi")
        assert ".mp4" in caught.value.mend

    @pytest.mark.parametrize("name", ["theme.wav"])
    def test_what_the_film_is_made_from_is_not_written_over(
        self, studio: Studio, name: str
    ) -> None:
        data = (studio.root / name).read_bytes()
        with pytest.raises(InputError, match="made from"):
            studio.render(out=studio.root / name)
        assert (studio.root / name).read_bytes() == data

    def test_the_storyboard_says_where(self, studio: Studio) -> None:
        studio.path.write_text(FILM + '\n[output]\nfile = "final/cut.mp4"\n')
        assert studio.render().film == studio.root / "final" / "cut.mp4"

    def test_a_work_folder_elsewhere(self, studio: Studio, tmp_path: Path) -> None:
        work = tmp_path / "scratch"
        studio.render(work_dir=work)
        assert (work / "artifacts").is_dir()
        assert not (studio.root / ".reelwright").exists()
        assert studio.render(work_dir=work).unchanged


class TestLock:
    def test_it_is_written_and_read(self, studio: Studio) -> None:
        studio.render()
        lock = PlanLock.load(studio.root / "plan.lock")
        assert lock is not None
        assert lock.tier == "animatic"
        assert "stage/one" in lock.choices

    def test_stale_choices_go(self, studio: Studio) -> None:
        studio.render()
        studio.change('id = "one"', 'id = "uno"')
        studio.render()
        lock = PlanLock.load(studio.root / "plan.lock")
        assert lock is not None
        assert "stage/uno" in lock.choices
        assert "stage/one" not in lock.choices

    def test_a_locked_setting_stays_until_replanned(self, studio: Studio) -> None:
        studio.render()
        path = studio.root / "plan.lock"
        facts = json.loads(path.read_text())
        facts["stages"]["stage/one"]["settings"] = {"samples": 9}
        path.write_text(json.dumps(facts))
        assert set(studio.render().ran) == of_shot("one") | FILM_STAGES
        assert studio.render().unchanged
        assert studio.render(replan=True).ran == ()
        assert "samples" not in path.read_text()


def test_a_render_may_run_in_any_thread(studio: Studio) -> None:
    results: list[RenderResult] = []
    thread = threading.Thread(target=lambda: results.append(studio.render(until="stage")))
    thread.start()
    thread.join()
    assert results[0].ran


class TestBadInput:
    def test_nothing_is_begun_for_a_storyboard_that_is_wrong(self, studio: Studio) -> None:
        studio.change("lens_mm = 35", "lens_mm = -1")
        with pytest.raises(StoryboardError):
            studio.render()
        (failed,) = studio.events
        assert isinstance(failed, events.JobFailed)
        assert not (studio.root / ".reelwright").exists()

    def test_what_cannot_be_carried_out_yet_starts_nothing(self, studio: Studio) -> None:
        studio.change('[[shots]]\nid = "one"', '[[shots]]\nid = "one"\nfirst = "paint"')
        with pytest.raises(StoryboardError, match="painter"):
            studio.render()
        assert not studio.of(events.StageStarted)
        (failed,) = studio.of(events.JobFailed)
        assert failed.mend
        assert not (studio.root / "plan.lock").exists()

    @pytest.mark.parametrize("data", [b"", b"RIFF", b"this is text, not music" * 100])
    def test_sound_that_cannot_be_read_is_told_before_work_with_its_line(
        self, studio: Studio, data: bytes
    ) -> None:
        (studio.root / "theme.wav").write_bytes(data)
        with pytest.raises(StoryboardError) as caught:
            studio.render()
        (problem,) = caught.value.problems
        assert problem.field == "music[0].file"
        assert problem.line == FILM.splitlines().index('file = "theme.wav"') + 1
        assert not studio.of(events.StageStarted)

    def test_a_render_in_the_same_project_is_refused(self, studio: Studio) -> None:
        refused: list[ResourceError] = []

        def again(event: events.Event) -> None:
            if isinstance(event, events.JobStarted):
                with pytest.raises(ResourceError, match="being rendered already") as caught:
                    render(studio.path, machine=studio.machine)
                refused.append(caught.value)

        render(studio.path, executor=studio.executor, machine=studio.machine, on_event=again)
        assert len(refused) == 1

    def test_a_film_that_says_nothing_cannot_be_made_again(self, studio: Studio) -> None:
        with pytest.raises(InputError, match="does not say how it was made"):
            studio.render(film=studio.root / "theme.wav")


class TestPlanFilm:
    def test_it_says_what_is_made_and_writes_nothing(self, studio: Studio) -> None:
        planned = plan_film(studio.path, machine=studio.machine)
        assert planned.made == frozenset()
        assert not (studio.root / ".reelwright").exists()
        studio.render(until="stage")
        planned = plan_film(studio.path, machine=studio.machine)
        assert planned.made == {"assets/ball", "stage/one", "stage/two", "stage/three"}

    def test_a_check_says_the_film_in_a_sentence(self, studio: Studio) -> None:
        checked = check_film(studio.path, machine=studio.machine)
        assert checked.summary.startswith("3 shots, 1.50 s at 24 fps, 64x48, as animatic; ")
        assert any("cut off" in note for note in checked.notes)


class TestHistory:
    def test_what_was_measured_corrects_the_next_plan(self, studio: Studio) -> None:
        studio.render()
        planned = plan_film(studio.path, machine=None or studio.machine)
        assert planned.plan.stage("stage/one").estimate.samples == 0  # another machine's plan
        studio.change("lens_mm = 35", "lens_mm = 50")
        estimate = studio.render().plan.stage("stage/one").estimate
        assert estimate.samples == 3
        assert estimate.seconds < estimate.modelled_s


class TestClean:
    def test_what_the_film_needs_stays(self, studio: Studio) -> None:
        studio.render()
        studio.change("lens_mm = 35", "lens_mm = 50")
        result = studio.render()
        cleaned = clean(studio.path, machine=studio.machine)
        assert len(cleaned.removed) == len(of_shot("one") | FILM_STAGES)
        assert cleaned.freed_bytes > 0
        assert set(cleaned.kept) == {stage.key for stage in result.plan}
        assert studio.render().unchanged

    def test_every_storyboard_of_the_folder_counts(self, studio: Studio) -> None:
        studio.render()
        trailer = studio.root / "trailer.toml"
        trailer.write_text(FILM.replace("lens_mm = 35", "lens_mm = 85"))
        studio.render(film=trailer)
        assert clean(studio.path, machine=studio.machine).removed == ()
        trailer.write_text("[[shots]")
        with pytest.raises(StoryboardError):
            clean(studio.path, machine=studio.machine)
        trailer.unlink()
        assert clean(studio.path, machine=studio.machine).removed != ()

    def test_other_programs_toml_does_not_matter(self, studio: Studio) -> None:
        studio.render()
        (studio.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
        assert clean(studio.root, machine=studio.machine).removed == ()

    def test_a_cap_takes_films_last(self, studio: Studio) -> None:
        result = studio.render()
        whole = clean(studio.path, machine=studio.machine)
        cap = whole.kept_bytes // 4
        cleaned = clean(studio.path, machine=studio.machine, max_bytes=cap)
        assert cleaned.kept_bytes <= cap
        assert result.plan.stage("mux").key in cleaned.kept
        assert studio.render().ran == () or "mux" not in studio.render().ran

    def test_a_dry_run_removes_nothing(self, studio: Studio) -> None:
        studio.render()
        dry = clean(studio.path, machine=studio.machine, everything=True, dry_run=True)
        assert len(dry.removed) > 10
        assert studio.render().unchanged

    def test_everything_goes_when_asked(self, studio: Studio) -> None:
        studio.render()
        clean(studio.path, machine=studio.machine, everything=True)
        assert not list((studio.root / ".reelwright" / "artifacts").iterdir())
        assert studio.render().ran != ()

    def test_a_project_that_was_never_rendered(self, tmp_path: Path) -> None:
        (tmp_path / "storyboard.toml").write_text(FILM)
        assert clean(tmp_path).removed == ()


def test_an_unchanged_film_is_quick_and_needs_no_torch(studio: Studio) -> None:
    studio.render()
    code = (
        "import sys, json\nfrom pathlib import Path\n"
        "from reelwright.machine import Machine\n"
        "from reelwright.production import render\n"
        "machine = Machine.from_json(json.loads(sys.argv[2]))\n"
        "result = render(Path(sys.argv[1]), machine=machine)\n"
        "heavy = {'torch', 'av', 'trimesh', 'OpenEXR'} & set(sys.modules)\n"
        "sys.exit(0 if result.unchanged and not heavy else f'{result.ran} {heavy}')"
    )
    started = time.monotonic()
    facts = json.dumps(studio.machine.to_json())
    subprocess.run([sys.executable, "-c", code, str(studio.path), facts], check=True)
    assert time.monotonic() - started < 10  # 0.5 s on two quiet cores; this is no benchmark


def test_the_journal_can_be_asked(studio: Studio) -> None:
    result = studio.render()
    path = studio.root / ".reelwright" / "journal.sqlite"
    with Journal(path, lambda: (), lambda text: None) as journal:
        assert {row.stage for row in journal.attempts()} == set(result.ran)


def test_kinds_all_have_a_function() -> None:
    from reelwright.production.stages import STAGES

    assert set(STAGES) == set(StageKind)
