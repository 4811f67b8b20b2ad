"""A film whose clips a video model makes: its stages, their order, and what a change runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import StoryboardError
from reelwright.models import LoraUse, WeightSet
from reelwright.plan import (
    CAPABILITIES,
    Plan,
    PlanLock,
    StageKind,
    capabilities_for,
    lock_of,
    running_order,
)
from reelwright.storyboard import LoadedFilm

Write = Callable[..., LoadedFilm]
Planner = Callable[..., Plan]


@dataclass(frozen=True)
class Arranged:
    text: str
    negative: str = "blurry"
    notes: tuple[str, ...] = ()


def arrange(film: Any, shot: Any, scene: Any, weights: Any) -> Arranged:
    return Arranged(f"{shot.prompt} {film.style}".strip())


@pytest.fixture
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightSet:
    home = tmp_path_factory.mktemp("weights")
    for name in ("model", "upsampler", "refiner"):
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
        return plan(loaded, weights=[made_with], arrange=arrange, **options)

    return planner


def keys(plan: Plan, kind: StageKind) -> dict[str, str]:
    return {stage.id: stage.key for stage in plan.of_kind(kind)}


def changed(before: Plan, after: Plan) -> set[str]:
    had = {stage.key for stage in before}
    return {stage.id for stage in after if stage.key not in had}


class TestCapabilities:
    def test_without_weights_there_is_the_animatic(self) -> None:
        assert capabilities_for(()) is CAPABILITIES

    def test_the_best_tier_is_what_the_weights_have(self, weights: WeightSet) -> None:
        assert capabilities_for([weights]).tiers == ("animatic", "draft", "standard")
        refined = replace(weights, refiner=weights.upsampler)
        assert capabilities_for([refined]).best_tier == "final"
        assert "picture" in capabilities_for([weights]).keyframe_sources

    def test_the_first_set_is_used(self, weights: WeightSet) -> None:
        other = replace(weights, name="other", label="other")
        assert capabilities_for([other, weights]).backend_for("standard").label == "other"


def test_the_graph_of_a_generated_film(write: Write, learned: Planner) -> None:
    made = learned(write())
    needs = {stage.id: stage.needs for stage in made}
    assert made.tier == "standard"
    assert made.label == "pocket"
    assert needs["prompt/two"] == ()
    assert needs["draft/two#1"] == ("prompt/two", "stage/two", "keyframes/two")
    assert needs["refine/two#1"] == ("prompt/two", "stage/two", "keyframes/two", "draft/two#1")
    assert needs["decode/two#1"] == ("refine/two#1",)
    assert needs["decode/two#1-draft"] == ("draft/two#1",)
    assert needs["draft/three#1"] == (
        "prompt/three", "stage/three", "keyframes/three", "decode/two#1-draft",
    )  # fmt: skip
    assert needs["refine/three#1"][-2:] == ("draft/three#1", "decode/two#1")
    assert needs["decode/three#1"] == ("refine/three#1", "decode/two#1")
    assert needs["draft/words#1"] == ("prompt/words",)
    assert needs["finish/two"] == ("decode/two#1",)
    assert needs["quality/two"] == ("finish/two", "stage/two", "keyframes/two")
    assert "decode/one#1-draft" not in needs  # nothing goes on from it


def test_stages_run_in_waves_with_kinds_together(write: Write, learned: Planner) -> None:
    made = learned(write())
    ids = [stage.id for stage in made]
    for stage in made:
        assert all(ids.index(need) < ids.index(stage.id) for need in stage.needs)
    kinds = [stage.kind for stage in made]
    starts = [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] is not kind]
    assert starts.count(StageKind.DRAFT) == 2  # the chain's second shot waits for the first
    assert starts.count(StageKind.FINISH) == 1
    assert [s.id for s in made.of_kind(StageKind.DRAFT)][-1] == "draft/three#1"


def test_the_running_order_does_not_depend_on_how_stages_were_added(
    write: Write, learned: Planner
) -> None:
    made = learned(write())
    again = running_order(tuple(reversed(made.stages)))
    position = {stage.id: i for i, stage in enumerate(again)}
    assert all(position[n] < position[s.id] for s in again for n in s.needs)
    assert {s.id for s in again} == {s.id for s in made}


class TestTiers:
    def test_an_approved_draft_is_the_film(self, write: Write, learned: Planner) -> None:
        draft, standard = learned(write(), tier="draft"), learned(write(), tier="standard")
        assert draft.label == "pocket, draft"
        assert not draft.of_kind(StageKind.REFINE)
        assert keys(draft, StageKind.DRAFT) == keys(standard, StageKind.DRAFT)
        assert draft.stage("decode/two#1").key == standard.stage("decode/two#1-draft").key
        assert draft.stage("decode/two#1").key != standard.stage("decode/two#1").key

    def test_final_keeps_all_but_the_decode(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        refined = replace(weights, refiner=weights.checkpoint[0].with_name("refiner.safetensors"))
        standard, final = (learned(write(), refined, tier=tier) for tier in ("standard", "final"))
        assert keys(standard, StageKind.REFINE) == keys(final, StageKind.REFINE)
        assert changed(standard, final) >= {"decode/two#1", "mux"}
        assert final.stage("decode/two#1").aside["weights"]["refiner"] is not None
        assert standard.stage("decode/two#1").aside["weights"]["refiner"] is None

    def test_without_an_upsampler_there_is_one_pass_and_it_is_said(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        single = replace(weights, upsampler=None)
        draft, standard = (learned(write(), single, tier=t) for t in ("draft", "standard"))
        assert not standard.of_kind(StageKind.REFINE)
        assert keys(draft, StageKind.DECODE) == keys(standard, StageKind.DECODE)
        assert draft.label == "pocket"
        assert any("one pass at full size" in note for note in standard.notes)
        two_passes = learned(write(), weights)
        assert two_passes.stage("draft/two#1").key != standard.stage("draft/two#1").key

    def test_a_full_model_without_a_lora_that_refines_has_one_pass(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        full = replace(weights, distilled=False)
        assert not learned(write(), full).of_kind(StageKind.REFINE)
        lora = LoraUse(weights.checkpoint[0], (0.0, 1.0))
        assert learned(write(), replace(full, loras=(lora,))).of_kind(StageKind.REFINE)

    def test_a_tier_that_needs_more_is_refused(self, write: Write, learned: Planner) -> None:
        with pytest.raises(StoryboardError, match="pixel refiner") as caught:
            learned(write(), tier="final")
        assert "standard" in caught.value.problems[0].mend

    def test_the_animatic_can_be_asked_for(self, write: Write, learned: Planner) -> None:
        made = learned(write(), tier="animatic")
        assert not made.of_kind(StageKind.DRAFT)
        assert not made.weights


class TestWhatAChangeRuns:
    def test_words_run_no_stage(self, write: Write, learned: Planner) -> None:
        before = learned(write())
        ran = changed(before, learned(write(('prompt = "A ball."', 'prompt = "A red ball."'))))
        assert {"prompt/one", "draft/one#1", "refine/one#1", "decode/one#1"} <= ran
        assert not {"stage/one", "keyframes/one", "draft/two#1"} & ran

    def test_steps_of_the_second_pass_keep_the_draft(self, write: Write, learned: Planner) -> None:
        steps = [
            learned(write(("[shots.camera]\nlens_mm = 50", f"model.steps = [8, {n}]\n"
                           "[shots.camera]\nlens_mm = 50")))
            for n in (3, 4)
        ]  # fmt: skip
        ran = changed(steps[0], steps[1])
        assert "refine/two#1" in ran
        assert "draft/two#1" not in ran

    def test_a_lora_for_the_second_pass_keeps_the_strength_of_the_first(
        self, write: Write, learned: Planner, root: Path
    ) -> None:
        (root / "a.safetensors").write_bytes(b"lora")
        plans = [
            learned(write(("[shots.camera]\nlens_mm = 50",
                           f'model.loras = [{{ file = "a.safetensors", strength = [1, {s}] }}]\n'
                           "[shots.camera]\nlens_mm = 50")))
            for s in (0.5, 0.7)
        ]  # fmt: skip
        assert plans[0].stage("draft/two#1").key == plans[1].stage("draft/two#1").key
        assert plans[0].stage("refine/two#1").key != plans[1].stage("refine/two#1").key

    def test_other_weights_run_all_clips_and_no_stage(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        before = learned(write())
        weights.checkpoint[0].write_bytes(b"better")
        ran = changed(before, learned(write()))
        assert {"prompt/one", "draft/one#1", "decode/words#1"} <= ran
        assert "stage/one" not in ran

    def test_a_better_upsampler_keeps_the_drafts(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        before = learned(write())
        assert weights.upsampler is not None
        weights.upsampler.write_bytes(b"better")
        after = learned(write())
        assert keys(before, StageKind.DRAFT) == keys(after, StageKind.DRAFT)
        assert keys(before, StageKind.REFINE) != keys(after, StageKind.REFINE)

    def test_where_weights_lie_decides_nothing(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        moved = weights.checkpoint[0].rename(weights.checkpoint[0].with_name("renamed.safetensors"))
        after = learned(write(), replace(weights, checkpoint=(moved,)))
        moved.rename(weights.checkpoint[0])
        assert not changed(after, learned(write()))

    def test_a_take_shares_all_but_its_seed(self, write: Write, learned: Planner) -> None:
        made = learned(write(), takes=2)
        one, two = made.stage("draft/two#1"), made.stage("draft/two#2")
        assert one.needs == two.needs
        assert one.recipe["seed"] != two.recipe["seed"]
        assert made.stage("draft/three#2").needs[-1] == "decode/two#1-draft"


class TestKeyframes:
    def picture(self, root: Path, field: str) -> tuple[str, str]:
        (root / "own.png").write_bytes(b"png")
        return 'id = "two"', f'id = "two"\n{field}'

    def test_a_picture_takes_the_place_of_the_staged_frame(
        self, write: Write, learned: Planner, root: Path
    ) -> None:
        made = learned(write(self.picture(root, 'last = "own.png"')))
        recipe: Any = made.stage("keyframes/two").recipe
        assert [each["frame"] for each in recipe["requests"]] == [0]
        assert [(each["frame"], each["file"]) for each in recipe["pictures"]] == [(23, "own.png")]
        assert "own.png" in {use.path for use in made.stage("keyframes/two").files}

    def test_a_shot_of_words_can_begin_with_a_picture(
        self, write: Write, learned: Planner, root: Path
    ) -> None:
        (root / "own.png").write_bytes(b"png")
        made = learned(write(('id = "words"', 'id = "words"\nfirst = "own.png"')))
        assert made.stage("keyframes/words").needs == ()
        assert made.stage("draft/words#1").needs == ("prompt/words", "keyframes/words")

    def test_what_it_goes_on_from_wins_over_the_first_frame(
        self, write: Write, learned: Planner
    ) -> None:
        made = learned(write(('continues = "two"', 'continues = "two"\nfirst = "stage"')))
        recipe: Any = made.stage("keyframes/three").recipe
        assert [each["frame"] for each in recipe["requests"]] == [23]
        assert any("wins over its `first`" in note for note in made.notes)


def test_one_shot_alone_brings_the_clip_that_it_goes_on_from(
    write: Write, learned: Planner
) -> None:
    made, whole = learned(write(), shots=["three"]), learned(write())
    ids = {stage.id for stage in made}
    assert {"draft/two#1", "decode/two#1", "finish/three"} <= ids
    assert not {"finish/two", "draft/one#1"} & ids
    assert made.stage("decode/three#1").key == whole.stage("decode/three#1").key


def test_the_animatic_is_made_beside_and_is_the_one_that_would_be_made_alone(
    write: Write, learned: Planner, plan: Planner
) -> None:
    made, alone = learned(write()), plan(write())
    assert made.stage("mux/animatic").key == alone.stage("mux").key
    assert "mux/animatic" in {stage.id for stage in made.targets()}
    assert any("animatic is written beside" in note for note in made.notes)
    pictures = learned(write(extra='\n[output]\nformat = "png"\n'))
    assert "mux/animatic" not in {stage.id for stage in pictures}


def test_every_clip_is_what_generate_means(write: Write, learned: Planner) -> None:
    kinds = {stage.kind for stage in learned(write()).targets(StageKind.GENERATE)}
    assert kinds == {StageKind.GENERATE, StageKind.DECODE}


def test_weights_are_no_files_of_the_project(write: Write, learned: Planner) -> None:
    made = learned(write())
    files = {use.path for stage in made for use in stage.files}
    assert not any("safetensors" in name for name in files)
    assert any(use.path.endswith("model.safetensors") for use in made.stage("draft/two#1").weights)
    said = made.stage("mux").aside["provenance"]
    assert said["models"] == [{"name": "pocket", "sha256": made.weights["sha256"]}]
    assert not made.stage("mux/animatic").aside["provenance"]["models"]


class TestTheLock:
    def test_it_covers_the_weights(
        self, write: Write, learned: Planner, weights: WeightSet, tmp_path: Path
    ) -> None:
        path = tmp_path / "lock.json"
        lock_of(learned(write())).save(path)
        lock = PlanLock.load(path)
        assert lock is not None
        assert not any("other weights" in note for note in learned(write(), lock=lock).notes)
        weights.checkpoint[0].write_bytes(b"better")
        assert any("other weights" in note for note in learned(write(), lock=lock).notes)

    def test_only_a_persons_own_are_remembered_by_their_place(
        self, write: Write, learned: Planner, weights: WeightSet
    ) -> None:
        assert "set" not in lock_of(learned(write())).weights
        own = replace(weights, name="custom")
        assert WeightSet.from_json(lock_of(learned(write(), own)).weights["set"]) == own

    def test_a_plan_without_weights_forgets_none(self, write: Write, plan: Planner) -> None:
        before = PlanLock("standard", {}, {"name": "pocket"})
        assert before.merged(lock_of(plan(write()))).weights == {"name": "pocket"}


@pytest.mark.parametrize(
    ("setting", "says"),
    [("control = { kind = 'canny' }", "canny"), ("control = { strength = 1.5 }", "0 to 1")],
)
def test_a_control_that_the_weights_do_not_take_is_refused(
    write: Write, learned: Planner, setting: str, says: str
) -> None:
    camera = "[shots.camera]\nlens_mm = 50"
    with pytest.raises(StoryboardError, match=says):
        learned(write((camera, f"model.{setting}\n{camera}")))


def test_settings_that_have_no_effect_or_hurt_are_said(write: Write, learned: Planner) -> None:
    camera = "[shots.camera]\nlens_mm = 50"
    unread = learned(write((camera, f"model.negative = 'rain'\n{camera}")))
    assert any("no effect" in note for note in unread.notes)
    assert unread.stage("prompt/two").recipe["negative"] == ""
    guided = learned(write((camera, f"model.guidance = 3\n{camera}")))
    assert any("hurts" in note for note in guided.notes)
    assert guided.stage("prompt/two").recipe["negative"] == "blurry"


def test_a_model_runs_on_the_accelerator_and_the_rest_does_not(
    write: Write, learned: Planner, machine: Any
) -> None:
    from reelwright.machine import Accelerator, Vendor

    gpu = replace(machine, accelerators=(Accelerator(0, "a GPU", Vendor.NVIDIA),))
    made = learned(write(), on=gpu, accelerator="cuda:0")
    on = {stage.kind: stage.device for stage in made}
    assert on[StageKind.DRAFT] == on[StageKind.DECODE] == on[StageKind.PROMPT] == "cuda:0"
    assert on[StageKind.STAGE] == on[StageKind.FINISH] == "cpu"
    assert keys(made, StageKind.DRAFT) == keys(learned(write()), StageKind.DRAFT)


class TestWhereItRuns:
    def test_named_devices_of_generate_are_the_models(
        self, write: Write, learned: Planner, machine: Any
    ) -> None:
        made = learned(write(), devices={StageKind.GENERATE: "cpu", StageKind.DECODE: "cpu"})
        assert {s.device for s in made.of_kind(StageKind.DRAFT)} == {"cpu"}

    def test_a_locked_device_stays_until_other_weights_come(
        self, write: Write, learned: Planner, machine: Any, weights: WeightSet
    ) -> None:
        from reelwright.machine import Accelerator, Vendor

        lock = lock_of(learned(write()))
        gpu = replace(machine, accelerators=(Accelerator(0, "a GPU", Vendor.NVIDIA),))
        kept = learned(write(), on=gpu, accelerator="cuda:0", lock=lock)
        assert kept.stage("draft/two#1").device == "cpu"
        assert any("--replan moves it to cuda" in note for note in kept.notes)
        weights.checkpoint[0].write_bytes(b"another model")
        moved = learned(write(), on=gpu, accelerator="cuda:0", lock=lock)
        assert moved.stage("draft/two#1").device == "cuda:0"


def test_a_sound_that_drives_the_model_is_heard_in_the_animatic(
    write: Write, learned: Planner
) -> None:
    made = learned(write(('from_prop = "ball"', 'from_prop = "ball"\nmode = "drive"')))
    drafted: Any = made.stage("draft/one#1").recipe["sounds"]
    assert [sound["mode"] for sound in drafted] == ["drive"]
    staged: Any = made.stage("generate/one#1").recipe["sounds"]
    assert [sound["mode"] for sound in staged] == ["mix"]
