from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from reelwright.engine import (
    Checkpoint,
    Compute,
    TensorFile,
    load_audio_vae,
    load_text_path,
    load_transformer,
    load_upsampler,
    load_video_vae,
    load_vocoder,
    lora_deltas,
    stack_loras,
    verify_finite,
)
from reelwright.engine.memory.loading import build, resident
from reelwright.engine.storage.weights import LoraDelta, PlainSource
from reelwright.errors import CheckpointError

Save = Callable[..., Path]


def _sources(**tensors: torch.Tensor) -> dict[str, PlainSource]:
    return {name: PlainSource(f"file.{name}", tensor) for name, tensor in tensors.items()}


def test_weights_are_not_copied_where_nothing_changes() -> None:
    weight = torch.ones(3, 2)
    module = build(lambda: nn.Linear(2, 3), _sources(weight=weight, bias=torch.zeros(3)), where="x")
    assert module.weight.data_ptr() == weight.data_ptr()
    assert not module.weight.requires_grad
    assert resident(PlainSource("w", weight), Compute.BFLOAT16, torch.device("cpu")).dtype == (
        torch.bfloat16
    )


@pytest.mark.parametrize(
    ("tensors", "words", "tensor"),
    [
        ({"weight": torch.ones(3, 2)}, "missing", "bias"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(3)}, r"\[2, 3\].*\[3, 2\]", "weight"),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(3), "extra": torch.ones(1)},
            "accounts for it",
            "extra",
        ),
    ],
)
def test_tensors_that_do_not_fit(tensors: dict[str, torch.Tensor], words: str, tensor: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        build(lambda: nn.Linear(2, 3), _sources(**tensors), where="model.safetensors")
    assert caught.value.facts["tensor"] == tensor
    assert "model.safetensors" in caught.value.where
    assert caught.value.mend


def test_lora_for_another_model() -> None:
    delta = LoraDelta(torch.ones(1, 5), torch.ones(3, 1), 1.0)
    weights = _sources(weight=torch.ones(3, 2), bias=torch.ones(3))
    with pytest.raises(CheckpointError, match=r"has as \[3, 2\]"):
        build(lambda: nn.Linear(2, 3), weights, where="x", loras={"weight": [delta]})
    with pytest.raises(CheckpointError, match="lacks"):
        build(lambda: nn.Linear(2, 3), weights, where="x", loras={"depth": [delta]})


def test_lora_file(save: Save) -> None:
    halves = {
        "diffusion_model.a.to_q.lora_A.weight": torch.ones(2, 4),
        "diffusion_model.a.to_q.lora_B.weight": torch.ones(3, 2),
        "model.diffusion_model.b.lora_A.weight": torch.ones(2, 4),
        "model.diffusion_model.b.lora_B.weight": torch.ones(3, 2),
    }
    deltas = lora_deltas(TensorFile(save(halves)), 0.5)
    assert set(deltas) == {"a.to_q.weight", "b.weight"}
    assert torch.equal(deltas["b.weight"].dense(torch.device("cpu")), torch.ones(3, 4))
    assert not stack_loras([(TensorFile(save(halves)), 0.0)])


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("diffusion_model.a.lora_A.weight", (2, 4), "lora_B half"),
        ("diffusion_model.a.lora_B.weight", (2, 4), "lora_A half"),
        ("diffusion_model.a.alpha", (1,), "not a half"),
    ],
)
def test_lora_file_that_cannot_be_used(
    save: Save, name: str, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(CheckpointError, match=words):
        lora_deltas(TensorFile(save({name: torch.ones(shape)})), 1.0)


LOADERS = {
    "transformer_av23": load_transformer,
    "transformer_av20_split": load_transformer,
    "text23": load_text_path,
    "text20": load_text_path,
    "video_vae23": load_video_vae,
    "audio_vae": load_audio_vae,
    "vocoder20": load_vocoder,
    "vocoder23": load_vocoder,
    "upsampler_x2": load_upsampler,
}


@pytest.mark.parametrize("name", LOADERS)
def test_every_part_refuses_a_file_that_lost_a_tensor(goldens: Path, save: Save, name: str) -> None:
    """Whichever tensor is missing, it is named; and so is one that is to spare."""
    source = goldens / f"{name}.checkpoint.safetensors"
    if not source.exists():
        pytest.skip(f"no {name} in this folder")
    tensors, metadata = load_file(source), TensorFile(source).metadata
    ignored = re.compile(r"per_channel_statistics\.(channel|mean-of-stds)$")
    needed = [key for key in tensors if not ignored.search(key)]
    lost = needed[len(needed) // 2]
    damaged = save({k: t for k, t in tensors.items() if k != lost}, None, "lost", metadata)
    with pytest.raises(CheckpointError) as caught:
        LOADERS[name](Checkpoint.open(damaged))
    assert f"{damaged}: {lost}" in caught.value.where


@pytest.mark.parametrize("name", LOADERS)
def test_every_part_refuses_another_parts_file(goldens: Path, name: str) -> None:
    other = "vocoder20" if not name.startswith("vocoder") else "video_vae23"
    path = goldens / f"{other}.checkpoint.safetensors"
    if not path.exists():
        pytest.skip(f"no {other} in this folder")
    with pytest.raises(CheckpointError, match="it holds v"):
        LOADERS[name](Checkpoint.open(path))


def test_config_that_contradicts_its_tensors(goldens: Path, save: Save) -> None:
    source = goldens / "transformer_av23.checkpoint.safetensors"
    if not source.exists():
        pytest.skip("no transformer_av23 in this folder")
    tensors, metadata = load_file(source), TensorFile(source).metadata
    layers = re.search(r'"num_layers": (\d+)', metadata["config"])
    assert layers
    for change, words in (
        ((layers.group(), '"num_layers": 1000'), "1000 blocks"),
        (('"apply_gated_attention": true', '"apply_gated_attention": false'), "accounts for it"),
        (('"cross_attention_adaln": true', '"cross_attention_adaln": false'), "shape|accounts"),
    ):
        config = metadata["config"].replace(*change)
        assert config != metadata["config"]
        changed = save(tensors, None, "changed", metadata | {"config": config})
        with pytest.raises(CheckpointError, match=words):
            load_transformer(Checkpoint.open(changed))


def test_one_stream_of_a_joint_file(goldens: Path) -> None:
    path = goldens / "transformer_av23.checkpoint.safetensors"
    if not path.exists():
        pytest.skip("no transformer_av23 in this folder")
    model = load_transformer(Checkpoint.open(path), audio=False)
    assert not hasattr(model, "audio")
    assert model.video.patchify_proj.weight.dtype == torch.float32
    half = load_transformer(Checkpoint.open(path), video=False, compute=Compute.BFLOAT16)
    assert half.audio.patchify_proj.weight.dtype == torch.bfloat16


def test_weights_that_are_not_numbers() -> None:
    weights = _sources(good=torch.ones(2), bad=torch.tensor([1.0, float("nan")]))
    with pytest.raises(CheckpointError, match="not finite") as caught:
        verify_finite(weights, "model.safetensors")
    assert caught.value.where == "model.safetensors: file.bad"
    verify_finite(_sources(good=torch.ones(2)), "model.safetensors")


CONFIGS = {
    "video_vae23": ("vae", load_video_vae),
    "vocoder20": ("vocoder", load_vocoder),
    "audio_vae": ("audio_vae", load_audio_vae),
    "upsampler_x2": ("", load_upsampler),
    "transformer_v23_videoonly": ("transformer", load_transformer),
}
VALUES = [0, -1, 3, 10**9, 1.5, "many", None, [], [7], {}, True, [["res_x", {"num_layers": 10**9}]]]


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_are_refused_or_sound_whatever_they_say(
    goldens: Path, save: Save, name: str
) -> None:
    """Each key in turn gets a value that it should not have: no crash, no work without bound."""
    source = goldens / f"{name}.checkpoint.safetensors"
    if not source.exists():
        pytest.skip(f"no {name} in this folder")
    section, load = CONFIGS[name]
    tensors, metadata = load_file(source), TensorFile(source).metadata
    path = save(tensors, None, "odd", metadata)
    whole = json.loads(metadata["config"])
    chance = random.Random(17)
    for owner in _tables(whole[section] if section else whole):
        for key, value in list(owner.items()):
            for odd in chance.sample(VALUES, 1):
                owner[key] = odd
                with Checkpoint.open(path) as checkpoint:
                    changed = replace(checkpoint, metadata={"config": whole})
                    with contextlib.suppress(CheckpointError):
                        load(changed)
            owner[key] = value


def _tables(value: Any) -> list[dict[str, Any]]:
    """Every table in a config, the outermost first."""
    if isinstance(value, dict):
        return [value, *(t for inner in value.values() for t in _tables(inner))]
    return [t for inner in value for t in _tables(inner)] if isinstance(value, list) else []
