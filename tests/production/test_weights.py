"""Which weights make a film's clips, and where they run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelwright.errors import CheckpointError, InputError
from reelwright.machine import Accelerator, Machine, Vendor
from reelwright.models import WeightSet
from reelwright.plan import PlanLock
from reelwright.production.weights import (
    accelerator_for,
    arrange_words,
    named_weights,
    weights_for,
)

GIB = 1 << 30


@pytest.fixture
def model(tmp_path: Path) -> WeightSet:
    """Files that look like weights."""
    import struct

    for name in ("model", "upsampler", "lora"):
        (tmp_path / f"{name}.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    encoder = tmp_path / "text"
    encoder.mkdir()
    (encoder / "config.json").write_text("{}")
    (encoder / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    return WeightSet("installed", (tmp_path / "model.safetensors",), encoder, "installed")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def installer(*sets: WeightSet) -> None:
        monkeypatch.setattr("reelwright.models.installed_weights", lambda: sets)

    return installer


class TestWhichWeights:
    def test_what_is_installed(self, model: WeightSet, install: Callable[..., None]) -> None:
        assert weights_for(None, None) == ()
        install(model)
        assert weights_for(None, None) == (model,)

    def test_what_a_person_names_wins(self, model: WeightSet, install: Callable[..., None]) -> None:
        install(model)
        own = replace(model, name="custom")
        assert weights_for([own], None) == (own,)
        assert weights_for([], None) == ()

    def test_what_the_environment_names(
        self, model: WeightSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REELWRIGHT_CHECKPOINT", f"{model.checkpoint[0]}{os.pathsep}")
        with pytest.raises(InputError, match="text encoder"):
            weights_for(None, None)
        monkeypatch.setenv("REELWRIGHT_TEXT_ENCODER", str(model.text_encoder))
        (found,) = weights_for(None, None)
        assert (found.name, found.checkpoint) == ("custom", model.checkpoint)

    def test_what_the_film_was_last_made_with_as_long_as_it_is_there(
        self, model: WeightSet, install: Callable[..., None]
    ) -> None:
        own = replace(model, name="custom", label="own")
        lock = PlanLock("standard", {}, {"name": "custom", "set": own.to_json()})
        assert weights_for(None, lock) == (own,)
        install(model)
        assert weights_for(None, lock) == (own, model)
        model.checkpoint[0].unlink()
        assert weights_for(None, lock) == (model,)
        damaged = PlanLock("standard", {}, {"name": "custom", "set": {"name": "custom"}})
        assert weights_for(None, damaged) == (model,)

    def test_paths_are_from_where_the_person_is(
        self, model: WeightSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(model.text_encoder.parent)
        own = replace(model, checkpoint=(Path("model.safetensors"),), text_encoder=Path("text"))
        assert weights_for([own], None) == (model,)


class TestWhatOptionsName:
    def test_nothing(self) -> None:
        assert named_weights(None, None, None, ()) is None

    def test_files(self, model: WeightSet) -> None:
        upsampler = model.text_encoder.with_name("upsampler.safetensors")
        named = named_weights(model.checkpoint, model.text_encoder, upsampler, ())
        assert named is not None
        assert named.upsampler == upsampler

    def test_the_environment_fills_in(
        self, model: WeightSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REELWRIGHT_TEXT_ENCODER", str(model.text_encoder))
        named = named_weights(model.checkpoint, None, None, ())
        assert named is not None
        assert named.text_encoder == model.text_encoder

    def test_a_lora_joins_what_is_installed(
        self, model: WeightSet, install: Callable[..., None]
    ) -> None:
        lora = model.text_encoder.with_name("lora.safetensors")
        with pytest.raises(InputError, match="no weights"):
            named_weights(None, None, None, [(lora, 0.5)])
        install(model)
        named = named_weights(None, None, None, [(lora, 0.5)])
        assert named is not None
        assert [(each.file, each.strengths) for each in named.loras] == [(lora, (0.5,))]
        with pytest.raises(InputError, match="nothing here"):
            named_weights(None, None, None, [(lora.with_name("none.safetensors"), 1.0)])

    def test_what_is_no_file_of_weights_is_refused(self, model: WeightSet) -> None:
        model.checkpoint[0].write_bytes(b"short")
        with pytest.raises(CheckpointError):
            named_weights(model.checkpoint, model.text_encoder, None, ())


class TestWords:
    def arranged(self, weights: WeightSet, monkeypatch: pytest.MonkeyPatch) -> int:
        asked: dict[str, Any] = {}
        monkeypatch.setattr(
            "reelwright.prompt.arrange", lambda film, shot, **how: asked.update(how)
        )
        film: Any = SimpleNamespace()
        arrange_words()(film, film, None, weights)
        return int(asked["max_words"])

    def test_a_short_encoder_is_given_fewer(
        self, model: WeightSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from reelwright.prompt import DEFAULT_MAX_WORDS

        assert self.arranged(model, monkeypatch) == DEFAULT_MAX_WORDS
        config = model.text_encoder / "tokenizer_config.json"
        config.write_text(json.dumps({"model_max_length": 64}))
        assert self.arranged(model, monkeypatch) == 40
        config.write_text(json.dumps({"model_max_length": 1e30}))
        assert self.arranged(model, monkeypatch) == DEFAULT_MAX_WORDS


class TestWhere:
    def machine(self, *accelerators: Accelerator, preset: bool = False) -> Machine:
        return Machine(
            name="bench", system="Linux x86_64", cpu="a CPU", cpu_threads=2, ram_bytes=16 * GIB,
            ram_free_bytes=12 * GIB, disk_free_bytes=100 * GIB, disk_path="/",
            accelerators=accelerators, preset=preset,
        )  # fmt: skip

    @pytest.mark.parametrize(("kind", "device"), [("cuda", "cuda:0"), ("cpu", "cpu")])
    def test_an_accelerator_that_torch_can_use(
        self, kind: str, device: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from reelwright.machine.doctor import TorchBuild

        monkeypatch.setattr(
            "reelwright.machine.doctor.installed_torch", lambda: TorchBuild("2.13", kind)
        )
        gpu = Accelerator(0, "a GPU", Vendor.NVIDIA)
        assert accelerator_for(self.machine(gpu)) == device
        assert accelerator_for(self.machine(gpu, preset=True)) == "cuda:0"
        assert accelerator_for(self.machine()) == "cpu"
