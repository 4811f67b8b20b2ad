from __future__ import annotations

import io
import json
from types import ModuleType

import pytest

from reelwright.errors import AssetError, Cancelled, ReelwrightError, ResourceError, StageError
from reelwright.plan import DigestStore, Plan, StageKind
from reelwright.production import events
from reelwright.production.artifacts import Artifact, ArtifactStore
from reelwright.production.journal import Outcome
from reelwright.production.local import LocalExecutor
from reelwright.production.stop import StopSwitch

from .conftest import Bench

ALL = {
    "stage/s0", "stage/s1", "generate/s0", "generate/s1", "finish/s0", "finish/s1", "mix", "mux",
}  # fmt: skip


def outcomes(bench: Bench, stage: str) -> list[Outcome]:
    return [row.outcome for row in bench.journal() if row.stage == stage]


def attempts_on_disk(bench: Bench) -> int:
    return sum(1 for _ in bench.project.artifacts.glob("*/a-*"))


class TestAFilm:
    def test_everything_runs_once_and_then_nothing(self, bench: Bench, toys: ModuleType) -> None:
        plan: Plan = toys.toy_plan()
        first = bench.run(plan)
        assert set(first.ran) == ALL
        assert first.reused == ()
        second = bench.run(plan)
        assert second.ran == ()
        assert set(second.reused) == ALL
        assert not bench.of(events.StageStarted)
        assert [row.outcome for row in bench.journal()] == [Outcome.FINISHED] * len(ALL)

    def test_it_runs_kind_by_kind(self, bench: Bench, toys: ModuleType) -> None:
        ran = bench.run(toys.toy_plan()).ran
        kinds = [StageKind(name.partition("/")[0]).order for name in ran]
        assert kinds == sorted(kinds)

    def test_one_worker_stays_warm_for_all(self, bench: Bench, toys: ModuleType) -> None:
        executor = LocalExecutor(bench.workers)
        pids = set()
        bench.on_event = lambda event: pids.update(executor.pids().values())
        try:
            bench.run(toys.toy_plan(), executor=executor)
            bench.run(toys.toy_plan(note=1), executor=executor)
        finally:
            executor.close()
        assert len(pids) == 1

    def test_its_fingerprint_is_recorded(self, bench: Bench, toys: ModuleType) -> None:
        fingerprint = bench.run(toys.toy_plan()).outcome.found["mux"].manifest.fingerprint
        assert fingerprint["device"] == "cpu"
        assert fingerprint["threads"] == "1"
        assert "reelwright" in fingerprint

    def test_a_change_runs_what_depends_on_it(self, bench: Bench, toys: ModuleType) -> None:
        bench.run(toys.toy_plan())
        changed = toys.toy_plan(changes={"generate/s1": {"camera": 2}})
        carried = bench.run(changed, explain=True)
        assert set(carried.ran) == {"generate/s1", "finish/s1", "mix", "mux"}
        why = {event.stage: event.why for event in bench.of(events.Explained)}
        assert why["generate/s1"] == "camera is new: 2"
        assert why["finish/s1"] == "made from what is new: generate/s1"
        assert why["finish/s0"] == "unchanged"
        assert {event.stage for event in bench.of(events.Explained) if event.runs} == set(
            carried.ran
        )

    def test_a_result_that_two_stages_share_is_made_once(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        from dataclasses import replace

        one = toys.toy_stage("assets/a")
        twin = replace(one, id="assets/b")
        last = toys.toy_stage("mux", (one, twin))
        carried = bench.run(Plan("Twins", "animatic", "", (one, twin, last)))
        assert carried.ran == ("assets/a", "mux")
        assert carried.outcome.found["assets/b"].folder == carried.outcome.found["assets/a"].folder

    def test_until_stops_after_a_kind(self, bench: Bench, toys: ModuleType) -> None:
        carried = bench.run(toys.toy_plan(), until=StageKind.GENERATE)
        assert set(carried.ran) == {"stage/s0", "stage/s1", "generate/s0", "generate/s1"}
        assert bench.run(toys.toy_plan()).ran == ("finish/s0", "finish/s1", "mix", "mux")

    def test_collected_intermediates_are_not_missed(self, bench: Bench, toys: ModuleType) -> None:
        plan = toys.toy_plan()
        bench.run(plan)
        store = ArtifactStore(bench.project.artifacts)
        for stage in plan.stages:
            if stage.id != "mux":
                store.remove(stage.key)
        assert bench.run(plan).ran == ()

    def test_results_do_not_depend_on_what_was_there(self, bench: Bench, toys: ModuleType) -> None:
        plan = toys.toy_plan()
        bench.run(plan)
        one = bench.result(plan, "mux")
        store = ArtifactStore(bench.project.artifacts)
        for stage in plan.stages:
            if stage.kind in (StageKind.GENERATE, StageKind.MIX, StageKind.MUX):
                store.remove(stage.key)
        assert set(bench.run(plan).ran) == {"mix", "mux"}
        assert bench.result(plan, "mux") == one


class TestEvents:
    def test_every_event_is_a_line_of_json(self, bench: Bench, toys: ModuleType) -> None:
        stream = io.StringIO()
        bench.on_event = events.ndjson_to(stream)
        bench.run(toys.toy_plan(changes={"mix": {"act": "chatty"}}), explain=True)
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert len(lines) == len(bench.events)
        assert {line["event"] for line in lines} == {
            "job-started", "explained", "stage-started", "stage-step", "stage-finished", "warned",
            "stage-preview",
        }  # fmt: skip
        assert all(isinstance(line["time"], float) for line in lines)

    def test_progress_only_grows_and_ends_at_one(self, bench: Bench, toys: ModuleType) -> None:
        bench.run(toys.toy_plan(steps=8, pause_s=0.02))
        steps = bench.of(events.StageStep)
        film = [step.film_fraction for step in steps]
        assert film == sorted(film)
        assert film[-1] == pytest.approx(1.0)
        assert all(step.film_seconds_left is not None for step in steps)
        assert [event.finished for event in bench.of(events.StageFinished)] == list(range(1, 9))

    def test_a_stage_that_talks_is_heard_once(self, bench: Bench, toys: ModuleType) -> None:
        plan = toys.toy_plan(changes={"mux": {"act": "chatty"}})
        carried = bench.run(plan)
        assert [event.message for event in bench.of(events.Warned)] == ["The moon is not to scale."]
        assert carried.outcome.found["mux"].manifest.warnings == ("The moon is not to scale.",)
        (preview,) = bench.of(events.StagePreview)
        assert preview.path.endswith("mux.jpg")
        log = (bench.project.logs / "worker-cpu.log").read_text()
        assert "a library that prints" in log


class TestFaults:
    @pytest.mark.parametrize(("act", "words"), [("kill", "SIGKILL"), ("abort", "SIGABRT")])
    def test_a_worker_that_dies_once_is_replaced(
        self, bench: Bench, toys: ModuleType, act: str, words: str
    ) -> None:
        plan = toys.toy_plan(changes={"generate/s0": {"act": act, "once": True}})
        assert set(bench.run(plan).ran) == ALL
        (lost,) = bench.of(events.WorkerLost)
        assert words in lost.why
        assert lost.stage == "generate/s0"
        assert outcomes(bench, "generate/s0") == [Outcome.LOST, Outcome.FINISHED]
        assert attempts_on_disk(bench) == len(ALL)

    def test_a_stage_that_always_kills_its_worker_fails_and_the_rest_goes_on(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan(changes={"generate/s0": {"act": "kill"}})
        with pytest.raises(ResourceError, match="generate/s0 lost its worker") as caught:
            bench.run(plan)
        assert outcomes(bench, "generate/s0") == [Outcome.LOST, Outcome.LOST]
        assert set(caught.value.facts["ran"]) == {  # type: ignore[arg-type]
            "stage/s0", "stage/s1", "generate/s1", "finish/s1",
        }  # fmt: skip
        assert {event.stage for event in bench.of(events.StageSkipped)} == {
            "finish/s0", "mix", "mux",
        }  # fmt: skip
        assert [event.will_retry for event in bench.of(events.StageFailed)] == [True, False]

    def test_a_stage_that_fails_is_not_tried_again_and_costs_nothing_else(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan(changes={"generate/s1": {"act": "fail", "once": True}})
        with pytest.raises(StageError, match="fell over") as caught:
            bench.run(plan)
        assert caught.value.mend == "Prop it up."
        assert outcomes(bench, "generate/s1") == [Outcome.FAILED]
        assert bench.run(plan).ran == ("generate/s1", "finish/s1", "mix", "mux")

    def test_a_fault_of_ours_is_named_with_its_trace(self, bench: Bench, toys: ModuleType) -> None:
        with pytest.raises(ReelwrightError, match="KeyError") as caught:
            bench.run(toys.toy_plan(changes={"mix": {"act": "bug"}}))
        assert "report it" in caught.value.mend
        (failed,) = bench.of(events.StageFailed)
        assert "nobody expected this" in failed.trace

    def test_too_little_memory_is_a_resource(self, bench: Bench, toys: ModuleType) -> None:
        with pytest.raises(ResourceError, match="not enough memory for mix"):
            bench.run(toys.toy_plan(changes={"mix": {"act": "memory"}}))

    def test_a_full_disk_ends_the_render_and_loses_nothing(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan(changes={"generate/s0": {"act": "disk", "once": True}})
        with pytest.raises(ResourceError, match="The disk is full") as caught:
            bench.run(plan)
        assert "what was finished is kept" in caught.value.mend
        assert set(caught.value.facts["ran"]) == {"stage/s0", "stage/s1"}  # type: ignore[arg-type]
        assert attempts_on_disk(bench) == 2
        assert set(bench.run(plan).ran) == ALL - {"stage/s0", "stage/s1"}

    def test_a_worker_that_falls_silent_is_replaced(self, bench: Bench, toys: ModuleType) -> None:
        executor = LocalExecutor(bench.workers, silence_s=1.2)
        plan = toys.toy_plan(changes={"mix": {"act": "silent"}})
        try:
            with pytest.raises(ResourceError, match="said nothing for 1 s"):
                bench.run(plan, executor=executor)
        finally:
            executor.close()
        assert outcomes(bench, "mix") == [Outcome.LOST, Outcome.LOST]

    def test_a_file_that_changes_meanwhile_is_refused(self, bench: Bench, toys: ModuleType) -> None:
        from dataclasses import replace

        path = bench.project.root / "bell.wav"
        path.write_bytes(b"ding")
        use = DigestStore(None, bench.project.root).use(path)
        ringing = replace(toys.toy_stage("mix", act="touch"), files=(use,))
        with pytest.raises(AssetError, match="changed while"):
            bench.run(Plan("Bell", "animatic", "", (ringing,)))
        path.write_bytes(b"dong")
        quiet = replace(toys.toy_stage("mux"), files=(use,))
        with pytest.raises(AssetError, match="changed while"):
            bench.run(Plan("Bell", "animatic", "", (quiet,)))
        assert attempts_on_disk(bench) == 0

    def test_peak_memory_is_measured(self, bench: Bench, toys: ModuleType) -> None:
        bench.run(toys.toy_plan(changes={"mix": {"act": "greedy"}}))
        peaks = {row.stage: row.peak_ram_bytes for row in bench.journal()}
        assert peaks["mix"] > 200 << 20
        assert 1 << 20 < peaks["finish/s0"] < 150 << 20
        assert peaks["mux"] < 150 << 20


class TestDamage:
    def test_a_truncated_result_is_seen_and_made_again(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan()
        carried = bench.run(plan)
        one = bench.result(plan, "mux")
        path = carried.outcome.found["mux"].folder / "data.bin"
        path.write_bytes(path.read_bytes()[:100])
        again = bench.run(plan, explain=True)
        assert again.ran == ("mux",)
        assert any("damaged" in event.message for event in bench.of(events.Warned))
        assert bench.result(plan, "mux") == one

    def test_a_truncated_intermediate_is_made_again_when_it_is_needed(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan()
        carried = bench.run(plan)
        (carried.outcome.found["mix"].folder / "data.bin").write_bytes(b"")
        assert bench.run(plan).ran == ()
        (carried.outcome.found["mux"].folder / "data.bin").write_bytes(b"")
        assert bench.run(plan).ran == ("mix", "mux")

    def test_a_corrupt_manifest_is_made_again(self, bench: Bench, toys: ModuleType) -> None:
        plan = toys.toy_plan()
        bench.run(plan)
        store = ArtifactStore(bench.project.artifacts)
        (store.folder(plan.stage("mux").key) / "manifest.json").write_bytes(b"\x00garbage")
        assert bench.run(plan).ran == ("mux",)

    def test_a_deleted_journal_is_made_again_and_nothing_runs(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        plan = toys.toy_plan()
        bench.run(plan)
        for path in bench.project.work.glob("journal.sqlite*"):
            path.unlink()
        assert bench.run(plan).ran == ()
        assert any("made again from 8" in event.message for event in bench.of(events.Warned))
        assert {row.outcome for row in bench.journal()} == {Outcome.FINISHED}


class TestStopping:
    def test_a_wish_is_heeded_at_the_next_step(self, bench: Bench, toys: ModuleType) -> None:
        stop = StopSwitch()
        plan = toys.toy_plan(changes={"generate/s1": {"act": "hang"}})
        bench.on_event = lambda event: (
            stop.request() if getattr(event, "note", "") == "hanging" else None
        )
        with pytest.raises(Cancelled) as caught:
            bench.run(plan, stop=stop)
        assert caught.value.exit_code == 130
        assert outcomes(bench, "generate/s1") == [Outcome.CANCELLED]
        assert attempts_on_disk(bench) == 3
        assert not bench.of(events.WorkerLost)

    def test_a_stage_that_does_not_listen_is_ended_after_a_grace(
        self, bench: Bench, toys: ModuleType
    ) -> None:
        stop = StopSwitch()
        plan = toys.toy_plan(changes={"generate/s1": {"act": "deaf"}})
        bench.on_event = lambda event: (
            stop.request() if getattr(event, "stage", "") == "generate/s1" else None
        )
        with pytest.raises(Cancelled):
            bench.run(plan, stop=stop, grace_s=0.3)
        assert outcomes(bench, "generate/s1") == [Outcome.CANCELLED]

    def test_who_insists_does_not_wait(self, bench: Bench, toys: ModuleType) -> None:
        stop = StopSwitch()
        plan = toys.toy_plan(changes={"generate/s1": {"act": "deaf"}})
        bench.on_event = lambda event: (
            (stop.request(), stop.request())
            if getattr(event, "stage", "") == "generate/s1"
            else None
        )
        with pytest.raises(Cancelled):
            bench.run(plan, stop=stop, grace_s=60)

    def test_a_stopped_render_goes_on(self, bench: Bench, toys: ModuleType) -> None:
        stop = StopSwitch()
        bench.on_event = lambda event: (
            stop.request() if isinstance(event, events.StageFinished) else None
        )
        with pytest.raises(Cancelled):
            bench.run(toys.toy_plan(steps=10, pause_s=0.01), stop=stop)
        bench.on_event = lambda event: None
        ran = bench.run(toys.toy_plan(steps=10, pause_s=0.01)).ran
        assert set(ran) == ALL - {"stage/s0"}


def test_a_disk_that_is_too_small_is_told_before_work(
    bench: Bench, toys: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwright.production.carrying.free_bytes", lambda path: 10_000)
    with pytest.raises(ResourceError, match=r"needs about 0\.00 GB") as caught:
        bench.run(toys.toy_plan())
    assert caught.value.facts["free_bytes"] == 10_000
    assert not bench.of(events.StageStarted)


class TestGoingOnWithinAStage:
    """A pass of a model goes on from what an attempt that was cut short has left."""

    def plan(self, toys: ModuleType, act: str) -> Plan:
        draft = toys.toy_stage("draft/s0", act=act, once=True)
        return Plan("Toys", "draft", "toy", (draft,), ("s0",))

    def attempts(self, bench: Bench, plan: Plan) -> int:
        found = ArtifactStore(bench.project.artifacts).verified(plan.stages[0].key)
        assert isinstance(found, Artifact)
        return len((found.folder / "attempts.txt").read_text().splitlines())

    def test_a_lost_worker_is_gone_on_from(self, bench: Bench, toys: ModuleType) -> None:
        plan = self.plan(toys, "note-kill")
        bench.run(plan)
        assert outcomes(bench, "draft/s0") == [Outcome.LOST, Outcome.FINISHED]
        assert self.attempts(bench, plan) == 2

    def test_a_stopped_render_is_gone_on_from(self, bench: Bench, toys: ModuleType) -> None:
        plan, stop = self.plan(toys, "note-stop"), StopSwitch()

        def stop_when_hanging(event: events.Event) -> None:
            if isinstance(event, events.StageStep) and event.note == "hanging":
                stop.request()

        bench.on_event = stop_when_hanging
        with pytest.raises(Cancelled):
            bench.run(plan, stop=stop)
        bench.on_event = lambda event: None
        bench.run(plan)
        assert self.attempts(bench, plan) == 2

    def test_what_failed_by_itself_begins_anew(self, bench: Bench, toys: ModuleType) -> None:
        plan = self.plan(toys, "note-fail")
        with pytest.raises(StageError):
            bench.run(plan)
        bench.run(plan)
        assert self.attempts(bench, plan) == 1

    def test_what_kills_its_worker_twice_is_not_kept(self, bench: Bench, toys: ModuleType) -> None:
        draft = toys.toy_stage("draft/s0", act="note-kill")
        with pytest.raises(ResourceError):
            bench.run(Plan("Toys", "draft", "toy", (draft,), ("s0",)))
        assert not list(bench.project.artifacts.glob("*/r-*"))
