from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import InputError, PlanError
from reelwright.machine import Accelerator, Machine, Vendor
from reelwright.plan import (
    CAPABILITIES,
    Choice,
    DigestStore,
    History,
    Plan,
    PlanLock,
    Sample,
    StageKind,
    canonical_json,
    keyframe_requests,
)
from reelwright.storyboard import LoadedFilm

from .conftest import FILM, wav

Write = Callable[..., LoadedFilm]
Planner = Callable[..., Plan]


def changed(before: Plan, after: Plan) -> set[str]:
    """Ids of the stages that have to run after a change."""
    had = {stage.key for stage in before}
    return {stage.id for stage in after if stage.key not in had}


def test_the_graph_is_that_of_the_film(write: Write, plan: Planner) -> None:
    made = plan(write())
    needs = {stage.id: stage.needs for stage in made}
    assert needs == {
        "assets/ball": (),
        "assets/box": (),
        "stage/one": ("assets/ball",),
        "stage/two": ("assets/ball", "assets/box"),
        "stage/three": ("assets/ball", "assets/box"),
        "keyframes/one": ("stage/one",),
        "keyframes/two": ("stage/two",),
        "keyframes/three": ("stage/three",),
        "generate/one#1": ("stage/one",),
        "generate/two#1": ("stage/two",),
        "generate/three#1": ("stage/three",),
        "generate/words#1": (),
        "finish/one": ("generate/one#1",),
        "finish/two": ("generate/two#1",),
        "finish/three": ("generate/three#1",),
        "finish/words": ("generate/words#1",),
        "quality/one": ("finish/one", "stage/one"),
        "quality/two": ("finish/two", "stage/two"),
        "quality/three": ("finish/three", "stage/three"),
        "quality/words": ("finish/words",),
        "mix": ("finish/one", "finish/two", "finish/three", "finish/words"),
        "mux": ("finish/one", "finish/two", "finish/three", "finish/words", "mix"),
        "report": (
            "quality/one", "quality/two", "quality/three", "quality/words", "finish/two",
            "finish/three", "stage/two", "stage/three", "mix", "mux",
        ),
    }  # fmt: skip


def test_stages_run_kind_by_kind_each_after_what_it_needs(write: Write, plan: Planner) -> None:
    made = plan(write())
    orders = [stage.kind.order for stage in made]
    assert orders == sorted(orders)
    seen: set[str] = set()
    for stage in made:
        assert set(stage.needs) <= seen
        seen.add(stage.id)


def test_the_same_film_has_the_same_plan(write: Write, plan: Planner) -> None:
    one, other = plan(write()), plan(write())
    assert canonical_json(one.to_json()) == canonical_json(other.to_json())


def test_a_plan_is_plain_json(write: Write, plan: Planner) -> None:
    facts = json.loads(json.dumps(plan(write()).to_json(), allow_nan=False))
    assert facts["tier"] == "animatic"
    assert {stage["id"] for stage in facts["stages"]} >= {"mix", "mux", "report"}
    assert all(stage["why"].endswith(".") for stage in facts["stages"])


class TestWhatAChangeRuns:
    FILM_STAGES = frozenset({"mix", "mux", "report"})

    def of_shot(self, name: str) -> set[str]:
        return {
            f"stage/{name}", f"keyframes/{name}", f"generate/{name}#1", f"finish/{name}",
            f"quality/{name}",
        }  # fmt: skip

    def test_a_camera_runs_its_shot_and_the_film(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        after = plan(write(('move = "dolly-in"', 'move = "dolly-out"')))
        assert changed(before, after) == self.of_shot("one") | self.FILM_STAGES

    def test_a_camera_runs_the_shots_that_continue_it(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        after = plan(write(("lens_mm = 50", "lens_mm = 65")))
        expected = self.of_shot("two") | self.of_shot("three") | self.FILM_STAGES
        assert changed(before, after) == expected

    def test_an_inserted_shot_runs_no_other(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        new = '[[shots]]\nid = "new"\nseconds = 0.5\n[[shots.place]]\nprop = "ball"\n\n'
        after = plan(write(('[[shots]]\nid = "two"', f'{new}[[shots]]\nid = "two"')))
        assert changed(before, after) == self.of_shot("new") | self.FILM_STAGES

    def test_a_removed_shot_runs_no_other(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        shorter = FILM[: FILM.index('[[shots]]\nid = "words"')]
        assert changed(before, plan(write(text=shorter))) == self.FILM_STAGES

    def test_shots_that_change_places_run_no_other(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        head, *shots = FILM.split("[[shots]]\n")
        moved = "[[shots]]\n".join([head, shots[3], *shots[:3]])
        assert changed(before, plan(write(text=moved))) == self.FILM_STAGES

    def test_another_music_file_runs_the_sound(
        self, write: Write, plan: Planner, root: Path
    ) -> None:
        before = plan(write())
        wav(root / "theme.wav", 9)
        assert changed(before, plan(write())) == self.FILM_STAGES

    def test_another_sound_file_runs_its_shot(
        self, write: Write, plan: Planner, root: Path
    ) -> None:
        before = plan(write())
        wav(root / "bell.wav", 9)
        expected = {"generate/one#1", "finish/one", "quality/one"} | self.FILM_STAGES
        assert changed(before, plan(write())) == expected

    def test_another_mesh_runs_the_shots_it_stands_in(
        self, write: Write, plan: Planner, root: Path
    ) -> None:
        before = plan(write())
        (root / "box.obj").write_text("v 0 0 0\nv 2 0 0\nv 0 1 0\nf 1 2 3\n")
        expected = {"assets/box"} | self.of_shot("two") | self.of_shot("three") | self.FILM_STAGES
        assert changed(before, plan(write())) == expected

    def test_words_of_a_staged_shot_only_change_what_the_film_says(
        self, write: Write, plan: Planner
    ) -> None:
        before = plan(write())
        after = plan(write(('prompt = "A ball."', 'prompt = "A red ball."')))
        assert changed(before, after) == {"mux", "report"}

    def test_words_of_a_slate_are_seen(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        after = plan(write(('prompt = "A title."', 'prompt = "Another."')))
        expected = {"generate/words#1", "finish/words", "quality/words"} | self.FILM_STAGES
        assert changed(before, after) == expected

    def test_comments_and_layout_run_nothing(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        assert not changed(before, plan(write(extra="\n# the end\n")))

    def test_a_seed_runs_only_shots_that_chance_moves(self, write: Write, plan: Planner) -> None:
        shaken = ('move = "dolly-in"', 'move = "dolly-in"\nshake = 0.5')
        before = plan(write(shaken))
        after = plan(write(shaken, ("seed = 7", "seed = 8")))
        own = {stage.replace("stage/one", "stage/one#1") for stage in self.of_shot("one")}
        assert changed(before, after) == own | self.FILM_STAGES

    def test_loudness_runs_the_sound_and_crf_the_file(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        louder = plan(write(extra="\n[finish]\nloudness_lufs = -14\n"))
        coarser = plan(write(extra="\n[output]\ncrf = 23\n"))
        assert changed(before, louder) == self.FILM_STAGES
        assert changed(before, coarser) == {"mux", "report"}

    def test_a_title_changes_no_shot(self, write: Write, plan: Planner) -> None:
        before = plan(write())
        assert changed(before, plan(write(("Three shots", "Four")))) == {"mux", "report"}

    def test_where_the_film_goes_changes_nothing_but_its_words(
        self, write: Write, plan: Planner
    ) -> None:
        before = plan(write())
        after = plan(write(extra='\n[output]\nfile = "elsewhere.mp4"\n'))
        assert changed(before, after) <= {"mux", "report"}


class TestTakes:
    SHAKEN = ('move = "dolly-in"', 'move = "handheld"')
    THREE = ('id = "one"', 'id = "one"\ntakes = 3')

    def test_takes_that_would_be_alike_are_made_once_and_said(
        self, write: Write, plan: Planner
    ) -> None:
        made = plan(write(self.THREE))
        assert [s.id for s in made if s.shot == "one" and s.kind is StageKind.GENERATE] == [
            "generate/one#1"
        ]
        assert any("3 takes" in note for note in made.notes)

    def test_chance_makes_takes_differ(self, write: Write, plan: Planner) -> None:
        made = plan(write(self.SHAKEN, self.THREE))
        stages = [f"stage/one#{take}" for take in (1, 2, 3)]
        assert [s.id for s in made.of_kind(StageKind.STAGE) if s.shot == "one"] == stages
        assert len({made.stage(each).key for each in stages}) == 3
        assert made.stage("finish/one").needs == ("generate/one#1",)

    def test_the_chosen_take_is_finished(self, write: Write, plan: Planner) -> None:
        made = plan(write(self.SHAKEN, ('id = "one"', 'id = "one"\ntakes = 3\ntake = 2')))
        assert made.stage("finish/one").needs == ("generate/one#2",)
        assert made.stage("quality/one").needs == ("finish/one", "stage/one#2")
        assert made.stage("keyframes/one").needs == ("stage/one#2",)

    def test_more_takes_run_no_take_again(self, write: Write, plan: Planner) -> None:
        before = plan(write(self.SHAKEN))
        after = plan(write(self.SHAKEN), takes=2)
        assert changed(before, after) == {"stage/one#2", "generate/one#2"}


class TestShots:
    def test_some_shots_make_a_film_of_their_own(self, write: Write, plan: Planner) -> None:
        made = plan(write(), shots=["three", "one"])
        assert made.shots == ("one", "three")
        assert not made.whole
        assert made.stage("mix").needs == ("finish/one", "finish/three")
        assert any("music is left out" in note for note in made.notes)

    def test_their_own_stages_are_those_of_the_whole(self, write: Write, plan: Planner) -> None:
        whole, part = plan(write()), plan(write(), shots=["one"])
        assert changed(whole, part) == {"mix", "mux", "report"}

    @pytest.mark.parametrize("shots", [["four"], []])
    def test_unknown_shots_are_refused_with_the_known(
        self, write: Write, plan: Planner, shots: list[str]
    ) -> None:
        with pytest.raises(InputError) as caught:
            plan(write(), shots=shots)
        assert "one, two, three, words" in caught.value.mend


class TestNotes:
    def test_what_is_trimmed_cropped_and_unheard_is_said(self, write: Write, plan: Planner) -> None:
        made = plan(write(('prompt = "A ball."', 'prompt = "A ball."\nsound = "wind"')))
        said = " ".join(made.notes)
        assert "25 frames are generated (8k+1) for the 24 that are shown" in said
        assert "64x48 is generated as 64x64" in said
        assert "No video model is installed" in said
        assert "(one) are not heard" in said

    def test_a_slate_is_not_said_to_be_staged(self, write: Write, plan: Planner) -> None:
        text = '[film]\nsize = [64, 64]\n[[shots]]\nid = "a"\nseconds = 1\nprompt = "x"\n'
        assert "Prompts and style" not in " ".join(plan(write(text=text)).notes)


class TestKeyframes:
    def test_first_and_last_shown_frames_unless_said(self, write: Write) -> None:
        shot = write().film.shot("one")
        assert keyframe_requests(shot, 24) == ((0, 1.0), (23, 1.0))

    def test_what_is_said_wins(self, write: Write) -> None:
        last = 'last = { from = "stage", frame = -12, strength = 0.5 }\nfirst = "none"'
        shot = write(('id = "one"', f'id = "one"\n{last}')).film.shot("one")
        assert keyframe_requests(shot, 24) == ((12, 0.5),)

    def test_no_keyframes_no_stage(self, write: Write, plan: Planner) -> None:
        made = plan(write(('id = "one"', 'id = "one"\nfirst = "none"\nlast = "none"')))
        assert "keyframes/one" not in {stage.id for stage in made}


class TestEstimates:
    def test_more_pixels_cost_more(self, write: Write, plan: Planner) -> None:
        small = plan(write()).total()
        large = plan(write(("[64, 48]", "[1280, 720]"))).total()
        assert large.seconds > 5 * small.seconds
        assert large.disk_bytes > 50 * small.disk_bytes
        assert large.peak_ram_bytes > small.peak_ram_bytes

    def test_length_costs_time_and_disk_but_no_memory(self, write: Write, plan: Planner) -> None:
        short = plan(write()).stage("stage/one").estimate
        long = plan(write(("seconds = 1\nprompt", "seconds = 100\nprompt"))).stage("stage/one")
        assert long.estimate.disk_bytes > 50 * short.disk_bytes
        assert long.estimate.seconds > 10 * (short.seconds - 2.5)
        assert long.estimate.peak_ram_bytes == short.peak_ram_bytes

    def test_history_corrects_the_model(self, write: Write, plan: Planner) -> None:
        sample = Sample(StageKind.STAGE, "builtin", "cpu", 3.0, 1.0, 2 << 30, 1 << 30)
        slow = plan(write(), history=History.of([sample] * 3))
        plain = plan(write())
        one, other = slow.stage("stage/one").estimate, plain.stage("stage/one").estimate
        assert one.seconds == pytest.approx(3 * other.seconds)
        assert one.peak_ram_bytes == pytest.approx(2 * other.peak_ram_bytes, rel=1e-6)
        assert (one.samples, one.modelled_s) == (3, other.modelled_s)
        assert slow.stage("mix").estimate == plain.stage("mix").estimate

    def test_too_little_memory_is_refused_with_the_size_that_fits(
        self, write: Write, plan: Planner, machine: Machine
    ) -> None:
        small = replace(machine, ram_bytes=700 << 20)
        loaded = write(("[64, 48]", "[3840, 2160]"))
        with pytest.raises(PlanError) as caught:
            plan(loaded, small)
        width, height = caught.value.facts["fitting_size"]  # type: ignore[misc]
        assert f"[{width}, {height}]" in caught.value.mend
        plan(write(("[64, 48]", f"[{width}, {height}]")), small)

    def test_memory_that_fits_no_size_is_said(
        self, write: Write, plan: Planner, machine: Machine
    ) -> None:
        with pytest.raises(PlanError, match="needs about") as caught:
            plan(write(), replace(machine, ram_bytes=1 << 20))
        assert "No size would fit" in caught.value.mend

    def test_too_little_disk_is_refused_with_what_is_missing(
        self, write: Write, plan: Planner, machine: Machine
    ) -> None:
        full = replace(machine, disk_free_bytes=10_000)
        plan(write(), full)
        with pytest.raises(PlanError, match="of disk") as caught:
            plan(write(), full, check_disk=True)
        assert caught.value.facts["available_bytes"] == 10_000
        plan(write(), replace(full, preset=True), check_disk=True)


class TestDevices:
    GPU = Accelerator(0, "a GPU", Vendor.NVIDIA)

    def test_all_runs_on_the_cpu_unless_said(
        self, write: Write, plan: Planner, machine: Machine
    ) -> None:
        made = plan(write(), replace(machine, accelerators=(self.GPU,)))
        assert {stage.device for stage in made} == {"cpu"}

    def test_a_device_changes_no_key(self, write: Write, plan: Planner, machine: Machine) -> None:
        gpu = replace(machine, accelerators=(self.GPU,))
        made = plan(write(), gpu, devices={StageKind.STAGE: "cuda:0"})
        assert {s.device for s in made.of_kind(StageKind.STAGE)} == {"cuda:0"}
        assert not changed(plan(write()), made)

    def test_a_device_that_is_not_here_is_refused_with_those_that_are(
        self, write: Write, plan: Planner, machine: Machine
    ) -> None:
        gpu = replace(machine, accelerators=(self.GPU,))
        with pytest.raises(PlanError, match='no "cuda:1"') as caught:
            plan(write(), gpu, devices={StageKind.STAGE: "cuda:1"})
        assert "cpu, cuda:0" in caught.value.mend
        assert plan(write(), gpu, devices={StageKind.MIX: "cuda"}).stage("mix").device == "cuda:0"

    def test_a_locked_device_that_is_not_here_is_said(self, write: Write, plan: Planner) -> None:
        lock = PlanLock("animatic", {"stage/one": Choice("builtin", "cuda")})
        made = plan(write(), lock=lock)
        assert made.stage("stage/one").device == "cpu"
        assert any("cuda" in note and "bit-identical" in note for note in made.notes)


class TestLockedChoices:
    def test_locked_settings_stay(self, write: Write, plan: Planner) -> None:
        lock = PlanLock("animatic", {"stage/one": Choice("builtin", "cpu", {"samples": 4})})
        before, after = plan(write()), plan(write(), lock=lock)
        assert after.stage("stage/one").recipe["settings"] == {"samples": 4}
        assert "stage/one" in changed(before, after)
        assert "stage/two" not in changed(before, after)

    def test_a_better_tier_tomorrow_changes_nothing_until_asked(
        self, write: Write, plan: Planner, everything: Any
    ) -> None:
        lock = PlanLock("animatic")
        kept = plan(write(), lock=lock, capabilities=everything)
        assert kept.tier == "animatic"
        assert any("--replan" in note for note in kept.notes)
        assert plan(write(), lock=None, capabilities=CAPABILITIES).tier == "animatic"


def test_a_film_says_what_it_is_made_from_and_no_more(write: Write, plan: Planner) -> None:
    said = plan(write()).stage("mux").aside["provenance"]
    kinds = {stage["kind"] for stage in said["plan"]["stages"]}
    assert kinds == {"assets", "stage", "generate", "finish", "mix"}
    assert set(said["files"]) == {"bell.wav", "box.obj", "theme.wav"}


def test_a_file_that_is_missing_is_named(write: Write, plan: Planner, root: Path) -> None:
    loaded = write()
    (root / "bell.wav").unlink()
    with pytest.raises(InputError) as caught:
        plan(loaded, digests=DigestStore(None, root))
    assert caught.value.where == "bell.wav"
