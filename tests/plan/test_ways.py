from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reelwright.models import WeightSet
from reelwright.plan import Made, Plan, PlanLock, ShotTries, StageKind, Way, lock_of
from reelwright.plan.model_settings import ModelChoices
from reelwright.plan.ways import added_keyframe, frames_beyond, other_seed, ways_for
from reelwright.quality import Remedy
from reelwright.shapes import ShotFrames
from reelwright.storyboard import LoadedFilm

Write = Callable[..., LoadedFilm]
Planner = Callable[..., Plan]
PLAIN = ModelChoices((), None, "depth", 1.0, distilled=True)
FRAMES = ShotFrames(48, 49)


class Words:
    text, negative, notes = "words", "blurry", ()


@pytest.fixture
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightSet:
    home = tmp_path_factory.mktemp("weights")
    for name in ("model", "upsampler"):
        (home / f"{name}.safetensors").write_bytes(name.encode())
    (home / "text").mkdir()
    (home / "text" / "config.json").write_bytes(b"{}")
    return WeightSet(
        "pocket", (home / "model.safetensors",), home / "text", "pocket",
        upsampler=home / "upsampler.safetensors", control="depth",
    )  # fmt: skip


@pytest.fixture
def learned(plan: Planner, weights: WeightSet) -> Planner:
    def planner(loaded: LoadedFilm, made_with: WeightSet = weights, **options: Any) -> Plan:
        return plan(loaded, weights=[made_with], arrange=lambda *_: Words(), **options)

    return planner


def record(plan: Plan, shot: str, **facts: Any) -> dict[str, ShotTries]:
    """What was tried of a planned shot."""
    (guarded,) = (each for each in plan.guarded if each.shot == shot)
    return {shot: replace(guarded.tries, made=(Made("", ("black",)),), **facts)}


def keys(plan: Plan, *kinds: StageKind) -> dict[str, str]:
    return {stage.id: stage.key for stage in plan if stage.kind in kinds}


def test_every_way_is_a_remedy_that_can_be_said() -> None:
    assert {str(way) for way in Way} < {str(remedy) for remedy in Remedy}
    assert all(way.words for way in Way)


class TestOnlyWhatChangesSomething:
    def ways(self, choices: ModelChoices = PLAIN, **changes: Any) -> set[Way]:
        said = {"keyframes": [(0, 1.0), (47, 1.0)], "size": (256, 192), "staged": True, **changes}
        frames = said.pop("frames", FRAMES)
        return set(
            ways_for(choices, frames, said["keyframes"], said["size"], staged=said["staged"])
        )

    def test_a_plain_shot(self) -> None:
        usual = {Way.OTHER_SEED, Way.KEYFRAME_AT_MINUS_12, Way.ADD_KEYFRAME}
        assert self.ways() == usual
        assert self.ways(staged=False) == usual - {Way.ADD_KEYFRAME}
        assert self.ways(keyframes=[], staged=False) == {Way.OTHER_SEED}

    def test_guidance_that_is_1_already_is_no_remedy(self) -> None:
        assert Way.GUIDANCE_1 in self.ways(replace(PLAIN, guidance=3.0))
        assert Way.GUIDANCE_1 in self.ways(replace(PLAIN, distilled=False))
        assert Way.GUIDANCE_1 not in self.ways(replace(PLAIN, distilled=False, guidance=1.0))

    def test_nor_is_strength_that_is_full(self) -> None:
        assert Way.STRONGER_CONTROL in self.ways(replace(PLAIN, strength=0.5))
        none = replace(PLAIN, control="none", strength=0.0)
        assert Way.STRONGER_CONTROL not in self.ways(none)
        assert Way.KEYFRAME_STRENGTH_1 in self.ways(keyframes=[(47, 0.8)])

    def test_tiles_are_where_a_clip_is_large(self) -> None:
        assert Way.OTHER_TILES in self.ways(size=(1280, 768))
        assert Way.OTHER_TILES in self.ways(frames=ShotFrames(120, 121))

    def test_a_keyframe_that_is_far_from_the_end_stays(self) -> None:
        assert frames_beyond([(0, 1.0), (47, 1.0)], FRAMES) == 10
        assert frames_beyond([(37, 1.0)], FRAMES) == 0
        assert frames_beyond([(0, 1.0), (47, 0.0)], FRAMES) == 0

    def test_a_keyframe_is_added_in_the_longest_stretch(self) -> None:
        assert added_keyframe([(0, 1.0), (40, 1.0), (47, 1.0)], FRAMES) == 20
        assert added_keyframe([(0, 1.0), (16, 1.0), (31, 1.0), (47, 1.0)], FRAMES) in (8, 39)
        assert added_keyframe([], ShotFrames(9, 9)) is None


def test_another_seed_is_another_and_always_the_same() -> None:
    assert other_seed(7) == other_seed(7) != 7
    assert 0 <= other_seed(7) < 2**63


def test_what_was_tried_is_read_as_it_was_written() -> None:
    made = (Made("", ("black",), (3.0, 1.0, 0.5), 2.5), Made("other_seed", failed="no memory"))
    tries = ShotTries("k", made, "other_seed", hints=("other_seed",))
    assert ShotTries.from_json(tries.to_json()) == tries
    with pytest.raises(ValueError, match="magic"):
        ShotTries.from_json({**tries.to_json(), "kept": "magic"})


class TestATryInThePlan:
    def test_it_stands_beside_under_keys_of_its_own(self, write: Write, learned: Planner) -> None:
        loaded = write()
        plain = learned(loaded)
        trying = learned(loaded, tries=record(plain, "two", trying="other_seed"))
        assert {stage.id for stage in trying} - {stage.id for stage in plain} == {
            "prompt/two+other_seed", "draft/two#1+other_seed", "refine/two#1+other_seed",
            "decode/two#1+other_seed", "finish/two+other_seed", "quality/two+other_seed",
        }  # fmt: skip
        assert {stage.key for stage in plain} <= {stage.key for stage in trying}
        same = {stage.id for stage in trying if stage.key in plain.keys and "+" in stage.id}
        assert same == {"prompt/two+other_seed"}
        (guarded,) = (each for each in trying.guarded if each.shot == "two")
        assert guarded.try_quality == "quality/two+other_seed"

    def test_one_that_is_kept_is_planned_as_if_it_had_been_meant(
        self, write: Write, learned: Planner
    ) -> None:
        loaded = write()
        plain = learned(loaded)
        trying = learned(loaded, tries=record(plain, "two", trying="other_seed"))
        kept = learned(loaded, tries=record(plain, "two", kept="other_seed"))
        assert [stage.id for stage in kept] == [stage.id for stage in plain]
        for name in ("draft/two#1", "refine/two#1", "decode/two#1"):
            assert kept.stage(name).key == trying.stage(f"{name}+other_seed").key
        for name in ("finish/two", "quality/two"):
            assert kept.stage(name).key == trying.stage(f"{name}+other_seed").key
        assert any("two: made with another seed" in note for note in kept.notes)

    def test_what_continues_it_goes_on_from_what_is_kept(
        self, write: Write, learned: Planner
    ) -> None:
        loaded = write()
        plain = learned(loaded)
        kept = learned(loaded, tries=record(plain, "two", kept="other_seed"))
        assert kept.stage("draft/three#1").key != plain.stage("draft/three#1").key
        assert kept.stage("draft/one#1").key == plain.stage("draft/one#1").key

    def test_it_is_the_same_at_every_tier(self, write: Write, learned: Planner) -> None:
        loaded = write()
        tries = record(learned(loaded, tier="draft"), "two", kept="keyframe_at_minus_12")
        draft = learned(loaded, tier="draft", tries=tries)
        standard = learned(loaded, tier="standard", tries=tries)
        assert keys(draft, StageKind.DRAFT) == keys(standard, StageKind.DRAFT)
        assert draft.stage("draft/two#1").recipe["model"]["beyond"] > 0

    def test_what_was_tried_for_another_clip_is_void(self, write: Write, learned: Planner) -> None:
        loaded = write()
        tries = record(learned(loaded), "one", kept="other_seed")
        changed = write(('prompt = "A ball."', 'prompt = "A ball."\nseed = 5'))
        assert learned(changed, tries=tries).keys == learned(changed).keys

    @pytest.mark.parametrize("way", [str(way) for way in Way])
    def test_every_way_makes_another_clip_and_is_judged_alike(
        self, write: Write, learned: Planner, weights: WeightSet, way: str
    ) -> None:
        loaded = write(('prompt = "A ball."', 'prompt = "A ball."\nmodel.control.strength = 0.5'
                        '\nlast = { from = "stage", strength = 0.5 }'))  # fmt: skip
        full = replace(weights, distilled=False)
        plain = learned(loaded, full)
        trying = learned(loaded, full, tries=record(plain, "one", trying=way))
        clip, tried = trying.stage("decode/one#1"), trying.stage(f"decode/one#1+{way}")
        assert clip.key != tried.key
        judged, beside = trying.stage("quality/one"), trying.stage(f"quality/one+{way}")
        assert (judged.recipe, judged.needs[1:]) == (beside.recipe, beside.needs[1:])
        drafts = [trying.stage(f"draft/one#1{tag}").key for tag in ("", f"+{way}")]
        assert (drafts[0] == drafts[1]) == (way == Way.OTHER_TILES)

    def test_what_a_person_made_again_is_left(self, write: Write, learned: Planner) -> None:
        plan = learned(write())
        assert all(each.ways for each in plan.guarded)
        retaken = "\n[[shots.retakes]]\nfrom_s = 0.4\nto_s = 1.0\n"
        retook = learned(write(extra=retaken, text=_ONE))
        assert [each.ways for each in retook.guarded] == [()]

    def test_an_animatic_has_none(self, write: Write, learned: Planner) -> None:
        assert not learned(write(), tier="animatic").guarded


_ONE = """\
[film]
title = "One"
size = [64, 64]
seed = 7
[[shots]]
id = "one"
seconds = 1
prompt = "The sea."
"""


class TestTheLock:
    def test_it_remembers_what_was_tried_and_nothing_unfinished(
        self, write: Write, learned: Planner
    ) -> None:
        loaded = write()
        plain = learned(loaded)
        tried = record(plain, "two", kept="other_seed")
        tried["two"] = replace(
            tried["two"], made=(*tried["two"].made, Made("other_seed")), trying="add_keyframe"
        )
        lock = lock_of(learned(loaded, tries=tried))
        assert lock.tries == {"two": replace(tried["two"], trying="")}
        assert not [name for name in lock.choices if "+" in name]
        path = PlanLock.path_for(loaded.path)
        lock.save(path)
        assert PlanLock.load(path) == lock
        assert lock_of(plain).merged(lock).tries == lock.tries
        assert lock.merged(lock_of(plain)).tries == lock.tries
