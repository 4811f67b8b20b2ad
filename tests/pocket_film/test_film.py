"""A small film on the package's own weights, as a person makes it: rendered, killed, gone on with.

One film of two shots, of which the second goes on from the first and has a range made again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reelwright.cli import main
from reelwright.generate import Clip
from reelwright.media import open_video, read_provenance
from reelwright.production import RenderResult, plan_film, render
from reelwright.production.artifacts import Artifact, ArtifactStore

FILM = """\
[film]
title = "Ball"
size = [128, 128]
fps = 24
seed = 3

[props.ball]
shape = "sphere"
color = "#c02020"

[[shots]]
id = "near"
seconds = 0.7
prompt = "A red sphere stands on the floor."
sound = "a soft hum"
first = "stage"
last = "stage"
[shots.camera]
move = "dolly-in"
distance = 0.5
at = [0, -5, 1.4]
look_at = [0, 0, 0.5]
[[shots.place]]
prop = "ball"

[[shots]]
id = "on"
seconds = 0.7
continues = "near"
prompt = "It stands still."
[[shots.retakes]]
from_s = 0.3
to_s = 0.7
prompt = "It rolls away."
"""

WORDS = """\
[film]
size = [128, 128]
[[shots]]
id = "a"
seconds = 1
prompt = "A red sphere rolls over the floor."
model = { steps = [40] }
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    """Workers take one thread each, as everything here does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELWRIGHT_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def storyboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "storyboard.toml"
    path.write_text(FILM)
    return path


@pytest.fixture(scope="module")
def film(storyboard: Path) -> Path:
    """The film, rendered from the command line with nothing said."""
    assert main(["render", str(storyboard)]) == 0
    (made,) = [p for p in storyboard.parent.glob("*.mp4") if "animatic" not in p.name]
    return made


@pytest.fixture(scope="module")
def again(film: Path, storyboard: Path) -> RenderResult:
    """What a second render finds."""
    return render(storyboard)


def clip_of(result: RenderResult, storyboard: Path, stage: str) -> Clip:
    store = ArtifactStore(storyboard.parent / ".reelwright" / "artifacts")
    found = store.verified(result.plan.stage(stage).key)
    assert isinstance(found, Artifact)
    return Clip.load(found.folder)


class TestAFilm:
    def test_it_says_what_made_it(self, film: Path) -> None:
        assert film.name == "ball-pocket.mp4"
        provenance = read_provenance(film)
        assert provenance is not None
        assert provenance.label == "pocket"
        assert [model.name for model in provenance.models] == ["pocket"]
        report = json.loads(film.with_name("ball-pocket.report.json").read_text())
        assert report["label"] == "pocket"

    def test_it_has_pictures_and_sound(self, film: Path) -> None:
        with open_video(film) as video:
            assert video.shape == (34, 128, 128, 3)
            facts = video.facts
            frames = np.stack([video[i] for i in (0, 16, 33)])
        assert facts.audio is not None
        assert abs(float(facts.audio.duration_s - facts.duration_s)) < 0.03
        assert frames.std() > 5

    def test_its_sound_is_the_models(self, again: RenderResult, storyboard: Path) -> None:
        for stage in ("decode/near#1", "decode/on#1~1"):
            clip = clip_of(again, storyboard, stage)
            stem = clip.stems["generated"]
            assert np.abs(stem.read(0, stem.num_samples)).max() > 1e-4

    def test_the_animatic_lies_beside_it(self, film: Path) -> None:
        animatic = read_provenance(film.with_name("ball-animatic.mp4"))
        assert animatic is not None
        assert animatic.label == "animatic"

    def test_nothing_is_made_twice(self, again: RenderResult) -> None:
        assert again.unchanged

    def test_a_retake_in_the_storyboard_leaves_the_rest(
        self, again: RenderResult, storyboard: Path
    ) -> None:
        before, after = (
            clip_of(again, storyboard, stage) for stage in ("decode/on#1", "decode/on#1~1")
        )
        differ = [(before.frames[i] != after.frames[i]).any() for i in range(17)]
        # Shown frames come in whole groups of 8 here; the last one reaches the end.
        assert differ == [False] * 8 + [True] * 9


def test_a_retake_changes_no_key_of_the_clip_it_is_of(tmp_path: Path) -> None:
    plans = []
    for text in (FILM, FILM[: FILM.index("[[shots.retakes]]")]):
        path = tmp_path / "storyboard.toml"
        path.write_text(text)
        plans.append(plan_film(path).plan)
    retaken, plain = ({stage.id: stage.key for stage in plan} for plan in plans)
    assert {"draft/on#1~1", "decode/on#1~1", "prompt/on~1"} <= retaken.keys() - plain.keys()
    for stage in ("draft/on#1", "decode/on#1", "prompt/on", "decode/near#1"):
        assert retaken[stage] == plain[stage]
    assert retaken["finish/on"] != plain["finish/on"]


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_a_render_killed_in_a_denoise_is_the_undisturbed_one(tmp_path: Path) -> None:
    latents = {}
    for name in ("calm", "killed"):
        storyboard = tmp_path / name / "storyboard.toml"
        storyboard.parent.mkdir()
        storyboard.write_text(WORDS)
        if name == "killed":
            fraction = kill_in_draft(storyboard)
            (left,) = storyboard.parent.rglob("state.safetensors")
            assert left.stat().st_size
        told: list[float] = []
        result = render(
            storyboard,
            until="draft",
            on_event=lambda event, told=told: (
                told.append(event.fraction) if ": step" in getattr(event, "note", "") else None
            ),
        )
        assert told
        if name == "killed":
            assert told[0] >= fraction  # it goes on from its last step, not from the first
        latents[name] = (result.folders["draft/a#1"] / "latents.safetensors").read_bytes()
    assert latents["calm"] == latents["killed"]


def kill_in_draft(storyboard: Path) -> float:
    """Render, and kill all of it in the middle of a draft; returns how far it said it was."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reelwright.cli", "render", str(storyboard), "--events"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    fraction = 0.0
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "stage-step" and ": step" in event["note"]:
            fraction = event["fraction"]
            if fraction > 0.3:
                os.killpg(process.pid, signal.SIGKILL)
                break
    process.communicate(timeout=120)
    assert 0.3 < fraction < 1
    return float(fraction)
