from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reelwright.errors import CheckpointError, InputError
from reelwright.models import LoraUse, WeightSet, custom_weights, installed_weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint, a text encoder's folder, an upsampler and a LoRA."""
    for name in ("ltx-dev", "ltx-distilled", "upsampler", "style", "ltx-distilled-lora"):
        save_file({"a": torch.zeros(3)}, tmp_path / f"{name}.safetensors")
    gemma = tmp_path / "gemma"
    gemma.mkdir()
    save_file({"b": torch.zeros(3)}, gemma / "model.safetensors")
    (gemma / "config.json").write_text("{}")
    (gemma / "README.md").write_text("words")
    return tmp_path


def _named(folder: Path, name: str = "ltx-distilled", **more: object) -> WeightSet:
    return custom_weights(
        checkpoint=[folder / f"{name}.safetensors"],
        text_encoder=folder / "gemma",
        **more,  # type: ignore[arg-type]
    )


def test_files_are_all_that_decides_pixels_and_nothing_else(folder: Path) -> None:
    weights = _named(
        folder,
        upsampler=folder / "upsampler.safetensors",
        loras=[(folder / "style.safetensors", 0.5)],
    )
    assert [file.relative_to(folder).as_posix() for file in weights.files()] == [
        "gemma/config.json",
        "gemma/model.safetensors",
        "ltx-distilled.safetensors",
        "style.safetensors",
        "upsampler.safetensors",
    ]
    assert weights.label == "ltx-distilled.safetensors"
    assert weights.name == "custom"


def test_a_weight_set_survives_json(folder: Path) -> None:
    weights = _named(folder, loras=[(folder / "style.safetensors", (1.0, 0.5))])
    assert WeightSet.from_json(json.loads(json.dumps(weights.to_json()))) == weights


def test_what_is_no_weight_set_is_refused() -> None:
    with pytest.raises(InputError, match="does not name a set of weights"):
        WeightSet.from_json({"name": "custom"})


def test_the_last_strength_of_a_lora_repeats() -> None:
    use = LoraUse(Path("a"), (1.0, 0.5))
    assert [use.strength(i) for i in range(3)] == [1.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "loras", "expected"),
    [
        ("ltx-distilled", [], True),
        ("ltx-dev", [], False),
        ("ltx-dev", [("ltx-distilled-lora", 1.0)], True),
        ("ltx-dev", [("ltx-distilled-lora", (0.0, 1.0))], False),
        ("ltx-dev", [("style", 1.0)], False),
    ],
)
def test_distilled_is_believed_from_names(
    folder: Path, name: str, loras: list[tuple[str, object]], expected: bool
) -> None:
    named = [(folder / f"{lora}.safetensors", strength) for lora, strength in loras]
    assert _named(folder, name, loras=named).distilled is expected
    assert _named(folder, name, loras=named, distilled=not expected).distilled is not expected


def test_missing_files_are_named_with_their_option(folder: Path) -> None:
    with pytest.raises(InputError, match="--upscaler") as raised:
        _named(folder, upsampler=folder / "gone.safetensors")
    assert raised.value.where.endswith("gone.safetensors")
    with pytest.raises(InputError, match="--text-encoder"):
        custom_weights(checkpoint=[folder / "ltx-dev.safetensors"], text_encoder=None)


def test_a_pipelines_folder_brings_its_text_encoder(folder: Path) -> None:
    pipeline = folder / "pipeline"
    (pipeline / "transformer").mkdir(parents=True)
    save_file({"a": torch.zeros(3)}, pipeline / "transformer" / "model.safetensors")
    (pipeline / "text_encoder").mkdir()
    save_file({"a": torch.zeros(3)}, pipeline / "text_encoder" / "model.safetensors")
    assert custom_weights(checkpoint=[pipeline], text_encoder=None).text_encoder == pipeline


def test_a_file_cut_short_is_refused(folder: Path) -> None:
    file = folder / "ltx-dev.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="cut short"):
        _named(folder, "ltx-dev")


def test_another_kind_of_file_is_refused(folder: Path) -> None:
    (folder / "ltx-dev.safetensors").write_bytes(b"PK\x03\x04" + bytes([255]) * 40)
    with pytest.raises(CheckpointError, match="neither safetensors nor GGUF"):
        _named(folder, "ltx-dev")


def test_a_strength_must_be_a_number(folder: Path) -> None:
    with pytest.raises(InputError, match="strength"):
        _named(folder, loras=[(folder / "style.safetensors", float("nan"))])


def test_installed_weights_need_transformer_and_text_encoder(folder: Path) -> None:
    home = folder / "pocket"
    assert installed_weights(home) == ()
    home.mkdir()
    save_file({"a": torch.zeros(3)}, home / "model.safetensors")
    assert installed_weights(home) == ()
    (folder / "gemma").rename(home / "text_encoder")
    (weights,) = installed_weights(home)
    assert (weights.name, weights.upsampler, weights.control) == ("pocket", None, "depth")
    save_file({"a": torch.zeros(3)}, home / "upsampler.safetensors")
    assert installed_weights(home)[0].upsampler == home / "upsampler.safetensors"


def test_the_room_imports_no_torch() -> None:
    code = "import reelwright.models, sys; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
