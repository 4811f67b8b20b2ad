"""Guards that are broken, and what is tried: toy stages, real workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from reelwright.errors import Cancelled, NumericsError, StageError
from reelwright.plan import GuardedShot, Plan, PlannedStage, ShotTries, StageKind, Way, artifact_key
from reelwright.plan.graph import running_order
from reelwright.production.artifacts import ArtifactStore
from reelwright.production.events import RemedyJudged, RemedyTried, StageFinished, event_json
from reelwright.production.journal import Outcome
from reelwright.production.stop import StopSwitch

Bench = Any
WAYS = (Way.KEYFRAME_AT_MINUS_12, Way.OTHER_SEED)


class ToyFilm:
    """Two shots of a model, the second going on from the first, planned as the tries say.

    Attributes:
        psnr_db: How well a clip reaches its keyframe, by shot and way.
        changes: What else is in the recipe of a draft, by shot and way.
    """

    def __init__(self, toys: ModuleType, ways: tuple[Way, ...] = WAYS) -> None:
        self.toys, self.ways = toys, ways
        self.psnr_db: dict[tuple[str, str], float] = {}
        self.changes: dict[tuple[str, str], dict[str, object]] = {}

    def __call__(self, tries: Mapping[str, ShotTries]) -> Plan:
        stages: list[PlannedStage] = []
        guarded, finished, judged = [], [], []
        before: tuple[PlannedStage, ...] = ()
        for shot, previous in (("near", None), ("on", "near")):
            of = artifact_key({"shot": shot}, [each.key for each in before])
            known = tries.get(shot)
            held = known if known is not None and known.of == of else ShotTries(of)
            clip = self.clip(shot, held.kept, "", before)
            beside = self.clip(shot, held.trying, f"+{held.trying}", before) if held.trying else []
            stages += [*clip, *beside]
            tried = beside[-1].id if beside else ""
            guarded.append(GuardedShot(shot, previous, held, self.ways, clip[-1].id, tried))
            before = (clip[1],)
            finished.append(clip[2])
            judged.append(clip[3])
        mix = self.toys.toy_stage("mix", tuple(finished))
        report = self.toys.toy_stage("report", (*judged, mix))
        ordered = running_order((*stages, mix, report))
        return Plan("Toys", "draft", "toy", ordered, ("near", "on"), guarded=tuple(guarded))

    def clip(
        self, shot: str, way: str, tag: str, before: tuple[PlannedStage, ...]
    ) -> list[PlannedStage]:
        """The draft, the clip, and what is made of it."""
        found = self.psnr_db.get((shot, way), 30.0)
        made: list[PlannedStage] = []
        facts: dict[str, object] = {"way": way, **self.changes.get((shot, way), {})}
        for kind, needs in ((StageKind.DRAFT, before), (StageKind.DECODE, None),
                            (StageKind.FINISH, None), (StageKind.QUALITY, None)):  # fmt: skip
            more = facts if kind is StageKind.DRAFT else {}
            if kind is StageKind.QUALITY:
                more = {"psnr_db": found}
            stage = self.toys.toy_stage(
                f"{kind}/{shot}", (made[-1],) if needs is None else needs, **more
            )
            made.append(replace(stage, id=f"{kind}/{shot}{tag}", shot=shot))
        return made


@pytest.fixture
def film(toys: ModuleType) -> ToyFilm:
    return ToyFilm(toys)


def tried(bench: Bench) -> list[tuple[str, str]]:
    return [(event.shot, event.remedy) for event in bench.of(RemedyTried)]


def kept(carried: Any) -> dict[str, str]:
    return {each.shot: each.tries.kept for each in carried.plan.guarded}


class TestATry:
    def test_nothing_is_tried_where_nothing_is_broken(self, bench: Bench, film: ToyFilm) -> None:
        carried = bench.run_judged(film, 3)
        assert not tried(bench)
        assert len(carried.ran) == 10
        assert carried.plan.keys == film({}).keys

    def test_the_better_clip_is_kept_and_told(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 28.0}
        carried = bench.run_judged(film, 1)
        assert kept(carried) == {"near": "keyframe_at_minus_12", "on": ""}
        (said,) = bench.of(RemedyTried)
        assert said.message == (
            "near: Keyframe's PSNR-Y 12 dB (frame 8) broken; trying with the last keyframe at -12"
        )
        (judged,) = bench.of(RemedyJudged)
        assert judged.kept
        assert "breaks no guard; kept" in judged.message
        assert event_json(judged)["event"] == "remedy-judged"

    def test_one_that_is_no_better_is_not_kept(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 11.0}
        carried = bench.run_judged(film, 1)
        assert kept(carried) == {"near": "", "on": ""}
        assert [event.kept for event in bench.of(RemedyJudged)] == [False]
        made = carried.plan.tries["near"].made
        assert [each.way for each in made] == ["", "keyframe_at_minus_12"]
        assert all(each.seconds > 0 for each in made)

    def test_equals_leave_the_first(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 12.0}
        assert kept(bench.run_judged(film, 1))["near"] == ""

    def test_the_next_shot_goes_on_from_what_is_kept(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 28.0}
        carried = bench.run_judged(film, 1)
        drafts = [e for e in bench.of(StageFinished) if e.stage == "draft/on"]
        assert [each.key for each in drafts] == [carried.plan.stage("draft/on").key]
        assert drafts[0].key != film({}).stage("draft/on").key
        assert carried.ran.index("quality/near+keyframe_at_minus_12") < carried.ran.index(
            "draft/on"
        )

    def test_nothing_is_made_of_a_clip_that_is_not_kept(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("on", ""): 12.0}
        carried = bench.run_judged(film, 1)
        assert carried.ran.count("mix") == 1
        assert carried.ran[-2:] == ("mix", "report")
        last = bench.of(StageFinished)[-1]
        assert last.finished == last.total == len(carried.ran) == 18


class TestTheBound:
    def both_bad(self, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 10.0, ("near", "keyframe_at_minus_12"): 11.0,
                        ("near", "other_seed"): 12.0}  # fmt: skip

    @pytest.mark.parametrize(("bound", "expected"), [(0, 0), (1, 1), (2, 2), (9, 2)])
    def test_it_is_respected(self, bench: Bench, film: ToyFilm, bound: int, expected: int) -> None:
        self.both_bad(film)
        carried = bench.run_judged(film, bound)
        assert len(tried(bench)) == expected
        assert kept(carried)["near"] == ("", "keyframe_at_minus_12", "other_seed")[expected]

    def test_it_ends_with_the_first_that_is_fine(self, bench: Bench, film: ToyFilm) -> None:
        self.both_bad(film)
        film.psnr_db["near", "keyframe_at_minus_12"] = 30.0
        bench.run_judged(film, 9)
        assert tried(bench) == [("near", "keyframe_at_minus_12")]

    def test_only_what_changes_something_is_tried(self, bench: Bench, toys: ModuleType) -> None:
        film = ToyFilm(toys, (Way.OTHER_SEED,))
        self.both_bad(film)
        bench.run_judged(film, 9)
        assert tried(bench) == [("near", "other_seed")]

    def test_more_can_be_asked_for_later(self, bench: Bench, film: ToyFilm) -> None:
        self.both_bad(film)
        first = bench.run_judged(film, 1)
        bench.run_judged(lambda tries: film({**first.plan.tries, **tries}), 2)
        assert tried(bench) == [("near", "other_seed")]


class TestAgain:
    def test_a_second_run_does_nothing_and_says_nothing(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 28.0}
        first = bench.run_judged(film, 1)
        again = bench.run_judged(film, 1)
        assert not again.ran
        assert not tried(bench)
        assert not bench.of(RemedyJudged)
        assert again.plan.keys == first.plan.keys

    def test_what_is_remembered_needs_no_loser(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 28.0}
        first = bench.run_judged(film, 1)
        store = ArtifactStore(bench.project.artifacts)
        losers = set(store.all_keys()) - first.plan.keys
        assert len(losers) == 4
        for key in losers:
            store.retire(key)
        again = bench.run_judged(lambda tries: film({**first.plan.tries, **tries}), 1)
        assert not again.ran

    @pytest.mark.parametrize("at", ["draft/near+keyframe_at_minus_12", "decode/near"])
    def test_a_run_that_was_stopped_goes_on_and_comes_to_the_same(
        self, bench: Bench, film: ToyFilm, at: str
    ) -> None:
        film.psnr_db = {("near", ""): 12.0, ("near", "keyframe_at_minus_12"): 28.0}
        for way in ("", "keyframe_at_minus_12"):
            film.changes["near", way] = {"steps": 20, "pause_s": 0.02}
        stop = StopSwitch()

        def stop_there(event: Any) -> None:
            if getattr(event, "stage", "") == at and event_json(event)["event"] == "stage-step":
                stop.request()

        bench.on_event = stop_there
        with pytest.raises(Cancelled) as caught:
            bench.run_judged(film, 1, stop=stop)
        bench.on_event = lambda event: None
        ran = set(caught.value.facts["ran"])
        assert at not in ran
        after = bench.run_judged(film, 1)
        assert not ran & set(after.ran)
        assert kept(after)["near"] == "keyframe_at_minus_12"
        assert len(tried(bench)) == 1
        finished = [row for row in bench.journal() if row.outcome is Outcome.FINISHED]
        assert len({row.key for row in finished}) == len(finished)


class TestFaults:
    def test_a_try_that_fails_is_no_failure_of_the_film(self, bench: Bench, film: ToyFilm) -> None:
        film.psnr_db = {("near", ""): 12.0}
        film.changes["near", "keyframe_at_minus_12"] = {"act": "fail"}
        carried = bench.run_judged(film, 1)
        assert "mix" in carried.ran
        assert kept(carried)["near"] == ""
        (judged,) = bench.of(RemedyJudged)
        assert "The set fell over" in judged.message

    def test_a_clip_that_fails_is_not_tried_and_holds_nothing_up(
        self, bench: Bench, film: ToyFilm
    ) -> None:
        film.changes["near", ""] = {"act": "fail"}
        with pytest.raises(StageError):
            bench.run_judged(film, 1)
        assert not tried(bench)

    def test_a_clip_of_no_numbers_is_made_with_another_seed(
        self, bench: Bench, film: ToyFilm
    ) -> None:
        film.changes["near", ""] = {"act": "numbers"}
        carried = bench.run_judged(film, 1)
        assert tried(bench) == [("near", "other_seed")]
        assert kept(carried)["near"] == "other_seed"
        assert "report" in carried.ran

    def test_if_that_has_none_either_the_film_fails(self, bench: Bench, film: ToyFilm) -> None:
        film.changes["near", ""] = film.changes["near", "other_seed"] = {"act": "numbers"}
        with pytest.raises(NumericsError):
            bench.run_judged(film, 1)
        assert not [row for row in bench.journal() if row.stage == "mix"]
