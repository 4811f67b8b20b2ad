"""A film of the tier `final`, delivered at twice its size, end to end with a tiny refiner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reelwright.engine.codecs.esrgan import CompactShape
from reelwright.generate import Clip
from reelwright.media import open_video
from reelwright.models import WeightSet
from reelwright.production import RenderResult, render
from reelwright.production.artifacts import Artifact, ArtifactStore
from reelwright.production.local import LocalExecutor
from reelwright.production.process import WorkerSettings

from .conftest import _module

UPSCALE = '\n[finish.upscale]\nto = "2x"\n'


def size_of(film: Path | None) -> tuple[int, int]:
    assert film is not None
    _, height, width, _ = open_video(film).shape
    return width, height


class Made:
    """The film at the tier `final`: in its own size, then enlarged."""

    def __init__(self, folder: Path) -> None:
        film = _module("generated_film")
        named = film.write_weights(folder / "weights")
        torch.manual_seed(2)
        refiner = folder / "weights" / "refiner.safetensors"
        save_file(dict(CompactShape(16, 1, 2, 2).make().state_dict()), refiner)
        self.weights = WeightSet(
            "custom", (Path(named["REELWRIGHT_CHECKPOINT"]),),
            Path(named["REELWRIGHT_TEXT_ENCODER"]), "tiny",
            upsampler=Path(named["REELWRIGHT_UPSAMPLER"]), refiner=refiner, control="depth",
        )  # fmt: skip
        self.storyboard = film.write_film(folder / "film", steps=1)
        self._executor = LocalExecutor(WorkerSettings(threads=1))
        try:
            self.plain = self._render()
            self.plain_size = size_of(self.plain.film)
            with self.storyboard.open("a") as file:
                file.write(UPSCALE)
            self.large = self._render()
            self.again = self._render()
        finally:
            self._executor.close()

    def _render(self) -> RenderResult:
        return render(self.storyboard, weights=[self.weights], executor=self._executor)

    def folder(self, result: RenderResult, stage_id: str) -> Path:
        store = ArtifactStore(self.storyboard.parent / ".reelwright" / "artifacts")
        found = store.verified(result.plan.stage(stage_id).key)
        assert isinstance(found, Artifact)
        return found.folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("enlarged"))


def test_the_tier_is_final_where_there_is_a_refiner(made: Made) -> None:
    assert made.plain.plan.tier == "final"
    assert Clip.load(made.folder(made.plain, "decode/near#1")).provenance["refiner"]["scale"] == 2
    assert made.plain_size == (64, 64)


def test_the_film_is_larger_and_the_animatic_as_it_was(made: Made) -> None:
    assert size_of(made.large.film) == (128, 128)
    assert size_of(made.large.animatic) == (64, 64)
    assert made.again.unchanged


def test_only_pictures_and_what_follows_them_are_made_again(made: Made) -> None:
    kinds = {stage.partition("/")[0] for stage in made.large.ran}
    assert {"decode", "finish", "mux"} <= kinds
    assert not kinds & {"prompt", "draft", "refine", "stage", "keyframes"}


def test_it_is_measured_in_its_own_size(made: Made) -> None:
    """The clip that is judged is the clip; what is delivered lies beside it."""
    clip = Clip.load(made.folder(made.large, "finish/near"))
    assert clip.size == (64, 64)
    facts = [json.loads((made.folder(each, "quality/near") / "shot.json").read_bytes())
             for each in (made.plain, made.large)]  # fmt: skip
    assert facts[0] == facts[1]
