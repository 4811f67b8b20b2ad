"""A film that a model makes, end to end in real workers: a very small random model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from reelwright.errors import InputError
from reelwright.generate import Clip
from reelwright.media import read_provenance
from reelwright.models import WeightSet
from reelwright.plan import StageKind
from reelwright.production import (
    Event,
    Noted,
    RemedyTried,
    RenderResult,
    StageStep,
    render,
)
from reelwright.production.artifacts import Artifact, ArtifactStore
from reelwright.production.local import LocalExecutor
from reelwright.production.process import WorkerSettings

from .conftest import HERE, _module

Environment = dict[str, str]


@pytest.fixture(scope="session")
def generated_film() -> ModuleType:
    return _module("generated_film")


@pytest.fixture(scope="session")
def environment(
    generated_film: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """The variables that name the tiny weights."""
    named: Environment = generated_film.write_weights(tmp_path_factory.mktemp("tiny") / "weights")
    return named


@pytest.fixture(scope="session")
def weights(environment: Environment) -> WeightSet:
    return WeightSet(
        "custom", (Path(environment["REELWRIGHT_CHECKPOINT"]),),
        Path(environment["REELWRIGHT_TEXT_ENCODER"]), "tiny",
        upsampler=Path(environment["REELWRIGHT_UPSAMPLER"]), control="depth",
    )  # fmt: skip


def kinds_of(ran: tuple[str, ...]) -> set[str]:
    return {stage.partition("/")[0] for stage in ran}


class Made:
    """The film as a draft, then as standard, and again."""

    def __init__(self, storyboard: Path, weights: WeightSet) -> None:
        self.events: list[Event] = []
        self.storyboard = storyboard
        self._executor = LocalExecutor(WorkerSettings(threads=1))
        try:
            self.draft = self._render(weights, "draft")
            self.standard = self._render(weights, "standard")
            self.again = self._render(weights, "standard")
        finally:
            self._executor.close()

    def _render(self, weights: WeightSet, tier: str) -> RenderResult:
        return render(
            self.storyboard,
            weights=[weights],
            tier=tier,
            executor=self._executor,
            on_event=self.events.append,
        )

    def clip(self, result: RenderResult, stage_id: str) -> Clip:
        found = ArtifactStore(self.storyboard.parent / ".reelwright" / "artifacts").verified(
            result.plan.stage(stage_id).key
        )
        assert isinstance(found, Artifact)
        return Clip.load(found.folder)


@pytest.fixture(scope="module")
def made(
    generated_film: ModuleType, weights: WeightSet, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    return Made(generated_film.write_film(tmp_path_factory.mktemp("made") / "film"), weights)


class TestAFilmThatAModelMakes:
    def test_the_standard_is_made_of_the_draft(self, made: Made) -> None:
        assert {"prompt", "draft", "decode", "mux"} <= kinds_of(made.draft.ran)
        assert "refine" not in kinds_of(made.draft.ran)
        assert {"refine", "decode", "mux"} <= kinds_of(made.standard.ran)
        assert not {"prompt", "draft", "stage", "keyframes"} & kinds_of(made.standard.ran)
        assert {"draft/near#1", "draft/on#1"} <= set(made.standard.reused)

    def test_nothing_runs_twice(self, made: Made) -> None:
        assert made.again.unchanged

    def test_both_lie_beside_the_animatic(self, made: Made) -> None:
        names = {path.name for path in made.storyboard.parent.glob("*.mp4")}
        assert names == {"tiny-tiny.mp4", "tiny-tiny-draft.mp4", "tiny-animatic.mp4"}
        assert made.standard.animatic == made.storyboard.with_name("tiny-animatic.mp4")

    def test_each_says_what_made_it(self, made: Made) -> None:
        assert made.standard.film is not None
        assert made.standard.animatic is not None
        film, animatic = map(read_provenance, (made.standard.film, made.standard.animatic))
        assert film is not None
        assert animatic is not None
        assert (film.label, animatic.label) == ("tiny", "animatic")
        assert [model.name for model in film.models] == ["tiny"]
        assert not animatic.models
        assert set(film.files) == {"bell.wav", "lora.safetensors", "red.png"}
        notes = [event.message for event in made.events if isinstance(event, Noted)]
        assert any("generated as standard, with the tiny (custom) weights" in n for n in notes)

    def test_it_can_be_made_again_from_itself_with_the_same_weights(
        self, made: Made, weights: WeightSet
    ) -> None:
        film, lock = made.standard.film, made.storyboard.with_name("plan.lock")
        assert film is not None
        again = render(film).film  # plan.lock says where the weights lie
        kept = lock.read_bytes()
        lock.unlink()
        with pytest.raises(InputError, match="not here") as caught:
            render(film)
        lock.write_bytes(kept)
        assert made.standard.plan.weights["sha256"] in str(caught.value)
        named = render(film, weights=[weights])
        assert not named.ran
        assert again == named.film
        assert again is not None
        assert again.read_bytes() == film.read_bytes()
        again.unlink()

    def test_clips_have_the_models_sound_and_the_next_goes_on(self, made: Made) -> None:
        near = made.clip(made.standard, "decode/near#1")
        on = made.clip(made.standard, "decode/on#1")
        assert set(near.stems) == {"generated"}
        assert set(on.stems) == {"generated", "placed"}
        assert near.num_frames == 9
        assert on.provenance["continued_frames"] > 0
        draft = made.clip(made.draft, "decode/near#1")
        assert draft.size == near.size == (64, 64)
        assert draft.label == made.draft.plan.label

    def test_words_a_picture_and_a_sound_are_enough_for_a_shot(self, made: Made) -> None:
        clip = made.clip(made.standard, "decode/words#1")
        assert clip.provenance["driven"]
        assert clip.provenance["keyframes"] == [0]
        assert [each[0] for each in clip.provenance["passes"][0]["loras"]] == ["lora.safetensors"]

    def test_a_place_for_the_film_is_one_for_its_animatic(
        self, made: Made, weights: WeightSet, tmp_path: Path
    ) -> None:
        result = render(made.storyboard, weights=[weights], tier="draft", out=tmp_path / "my.mp4")
        assert not result.ran
        assert result.animatic == tmp_path / "my-animatic.mp4"
        assert result.animatic.is_file()

    def test_steps_are_told(self, made: Made) -> None:
        notes = {e.note for e in made.events if isinstance(e, StageStep) and "draft" in e.stage}
        assert any("step" in note for note in notes)

    def test_what_a_random_model_breaks_is_tried_once_and_told(self, made: Made) -> None:
        said = [event for event in made.events if isinstance(event, RemedyTried)]
        assert [event.shot for event in said] == sorted(
            {event.shot for event in said}, key=made.draft.plan.shots.index
        )
        assert said  # all of it in the draft: the standard is made of what was kept there
        tries = made.draft.plan.tries
        assert {event.shot for event in said} == set(tries)
        assert made.standard.plan.tries == tries
        assert made.draft.report is not None
        shots = json.loads(made.draft.report.with_suffix(".json").read_text())["shots"]
        told = {shot["shot"]: shot["tries"] for shot in shots}
        for name, each in tries.items():
            first, second = told[name]
            assert (first["remedy"], second["remedy"]) == (None, each.made[1].way)
            assert [row["kept"] for row in told[name]] == [not each.kept, bool(each.kept)]
            assert first["broken"]
            assert second["seconds"] > 0
        assert "Remedies tried" in made.draft.report.read_text()

    def test_the_next_shot_goes_on_from_what_was_kept(self, made: Made) -> None:
        store = ArtifactStore(made.storyboard.parent / ".reelwright" / "artifacts")
        (near,) = made.draft.plan.stage("draft/on#1").needs[-1:]
        found = store.verified(made.draft.plan.stage("draft/on#1").key)
        assert isinstance(found, Artifact)
        assert found.manifest.upstream[near] == made.draft.plan.stage(near).key

    def test_it_is_held_against_its_keyframes_and_what_is_heard(self, made: Made) -> None:
        assert made.standard.report is not None
        facts = json.loads(made.standard.report.with_suffix(".json").read_text())
        said = json.dumps(facts)
        assert "keyframe" in said
        assert facts["label"] == "tiny"


@pytest.mark.slow  # three renders, each in workers of its own
@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_a_render_killed_in_a_draft_goes_on_from_its_last_step(
    generated_film: ModuleType, environment: Environment, tmp_path: Path
) -> None:
    calm = generated_film.write_film(tmp_path / "calm", steps=60)
    killed = generated_film.write_film(tmp_path / "killed", steps=60)
    assert not list(driven(calm, environment, kill_at=None))
    draft = "draft/near#1"
    tried = f"{draft}+other_seed"  # what a random model makes breaks guards
    told = list(driven(killed, environment, kill_at=draft))
    (left,) = (killed.parent / ".reelwright" / "artifacts").glob("*/r-*/state.safetensors")
    assert left.stat().st_size
    assert told
    after = list(driven(killed, environment, kill_at=tried, watch=draft))
    assert after[0] >= told[-1] > 0  # the first step that is told is a later one
    (left,) = (killed.parent / ".reelwright" / "artifacts").glob("*/r-*/state.safetensors")
    assert left.stat().st_size
    last = list(driven(killed, environment, kill_at=None, watch=tried))
    assert last[0] > 0.2
    assert not list((killed.parent / ".reelwright" / "artifacts").glob("*/*/state.safetensors"))
    film = "tiny-model-draft.mp4"
    assert frames_of(killed) == frames_of(calm)
    assert killed.with_name(film).stat().st_size == calm.with_name(film).stat().st_size


def frames_of(storyboard: Path) -> list[bytes]:
    """Every clip's pictures and sound, byte for byte."""
    artifacts = storyboard.parent / ".reelwright" / "artifacts"
    manifests = [json.loads(path.read_bytes()) for path in artifacts.glob("*/manifest.json")]
    return [
        (artifacts / each["key"] / each["attempt"] / name).read_bytes()
        for each in sorted(manifests, key=lambda each: str(each["stage"]))
        if each["kind"] == StageKind.DECODE
        for name in sorted(each["files"])
        if name.endswith((".mkv", ".wav"))
    ]


def driven(
    storyboard: Path, environment: Environment, *, kill_at: str | None, watch: str | None = None
) -> Iterator[float]:
    """Render as a person would, and kill all of it in the middle of a stage if asked.

    Yields:
        The fractions of that stage, or of the one that is watched, that were told.
    """
    process = subprocess.Popen(
        [sys.executable, str(HERE / "render_driver.py"), str(storyboard), "draft"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] != "stage-step":
            continue
        if event["stage"] == (watch or kill_at) and ": step" in event["note"]:
            yield event["fraction"]
        if event["stage"] == kill_at and event["fraction"] > 0.3:
            os.killpg(process.pid, signal.SIGKILL)
            break
    _, said = process.communicate(timeout=120)
    assert kill_at is not None or process.returncode == 0, said
