"""Configs and headers from outside with anything in them: refused as such, or read; never else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from reelwright.engine import (
    Checkpoint,
    load_audio_vae,
    load_text_path,
    load_transformer,
    load_upsampler,
    load_video_vae,
    load_vocoder,
)
from reelwright.engine.checkpoints.diffusers_config import (
    DiffusersConnectors,
    DiffusersTransformer,
    DiffusersUpsampler,
)
from reelwright.engine.checkpoints.diffusers_sound import (
    DiffusersAudioVae,
    DiffusersVocoder,
    DiffusersWideVocoder,
)
from reelwright.engine.checkpoints.diffusers_video import DiffusersVideoVae
from reelwright.errors import CheckpointError

Save = Callable[..., Path]

CLASSES = {
    "LTX2VideoTransformer3DModel": DiffusersTransformer,
    "AutoencoderKLLTX2Video": DiffusersVideoVae,
    "AutoencoderKLLTX2Audio": DiffusersAudioVae,
    "LTX2TextConnectors": DiffusersConnectors,
    "LTX2Vocoder": DiffusersVocoder,
    "LTX2VocoderWithBWE": DiffusersWideVocoder,
    "LTX2LatentUpsamplerModel": DiffusersUpsampler,
}
LOADERS: tuple[Callable[[Checkpoint], Any], ...] = (
    load_transformer,
    load_text_path,
    load_video_vae,
    load_audio_vae,
    load_vocoder,
    load_upsampler,
)
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    3,
    10**30,
    -(10**400),
    0.5,
    1e308,
    "x",
    "",
    "\x00",
    [],
    [0],
    [1] * 100,
    [[1]],
    [None, 2],
    {},
    {"a": [1]},
    ["res_x"],
    [["res_x", None]],
    [["compress_all", {"multiplier": 10**9}]],
    [[7, 7]],
]
NAMES = [
    "proj_in.weight",
    "decoder.conv_in.conv.weight",
    "conv_in.weight",
    "initial_conv.weight",
    "video_connector.learnable_registers",
    "latents_mean",
    "latents_std",
    "patchify_proj.weight",
    "transformer_blocks.0.attn1.to_gate_logits.weight",
    "vae.encoder.conv_in.conv.bias",
    "vae.per_channel_statistics.mean-of-means",
    "vocoder.conv_pre.weight",
]


def _mutants(base: dict[str, Any], count: int, seed: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(seed)
    for _ in range(count):
        fields = json.loads(json.dumps(base))
        for _ in range(chance.randint(1, 3)):
            place = fields
            key = chance.choice(list(place))
            while isinstance(place[key], dict) and place[key] and chance.random() < 0.7:
                place = place[key]
                key = chance.choice(list(place))
            place[key] = deepcopy(chance.choice(VALUES))
        yield fields


def _use(open_it: Callable[[], Checkpoint]) -> int:
    """How many of opening and building were refused; anything else raised is a fault."""
    try:
        checkpoint = open_it()
    except CheckpointError:
        return 1
    refused = 0
    for load in LOADERS:
        try:
            load(checkpoint)
        except CheckpointError:
            refused += 1
    return refused


@pytest.mark.parametrize("name", CLASSES)
def test_configs_of_diffusers(tmp_path: Path, name: str) -> None:
    tensors = {own: torch.ones(8, 8) for own in NAMES}
    save_file(tensors, tmp_path / "diffusion_pytorch_model.safetensors")
    base = CLASSES[name]().model_dump(mode="json") | {"_class_name": name}
    path = tmp_path / "config.json"
    for fields in _mutants(base, 100, seed=len(name)):
        path.write_text(json.dumps(fields))
        assert _use(lambda: Checkpoint.open(tmp_path)) > 0


OFFICIAL: dict[str, Any] = {
    "transformer": {"num_layers": 1, "num_attention_heads": 2, "rope_type": "split"},
    "vae": {
        "latent_channels": 8,
        "encoder_blocks": [["res_x", 1], ["compress_all_res", {"multiplier": 2}]],
        "decoder_blocks": [["res_x", 1], ["compress_all", {"residual": True}]],
    },
    "audio_vae": {
        "model": {"params": {"ddconfig": {"ch": 8, "ch_mult": [1]}, "sampling_rate": 16000}},
        "preprocessing": {"stft": {"hop_length": 160}, "mel": {"n_mel_channels": 64}},
    },
    "vocoder": {"upsample_initial_channel": 8, "upsample_rates": [2], "bwe": {"n_fft": 64}},
    "in_channels": 8,
    "mid_channels": 32,
}


def test_configs_in_a_header(save: Save) -> None:
    tensors = {own: torch.ones(8, 8) for own in NAMES}
    tensors["vae.decoder.up_blocks.6.x"] = torch.ones(1)
    for i, fields in enumerate(_mutants(OFFICIAL, 150, seed=9)):
        one = save(tensors, fields, "one")
        other = save({"audio_vae.x": torch.ones(1)}, OFFICIAL, "other") if i % 10 == 0 else None
        paths = [one] if other is None else [one, other]
        assert _use(lambda paths=paths: Checkpoint.open(*paths)) > 0  # type: ignore[misc]


@pytest.mark.parametrize("value", VALUES)
def test_anything_for_a_config(save: Save, value: Any) -> None:
    tensors = {own: torch.ones(8, 8) for own in NAMES[7:]}
    words = {"_quantization_metadata": json.dumps(value), "model_version": json.dumps(value)}
    assert _use(lambda: Checkpoint.open(save(tensors, value, metadata=words))) > 0


def test_shapes_of_nothing(save: Save) -> None:
    """A config is told from shapes only where they are shapes of such a tensor."""
    for shape in ((), (0,), (0, 0), (3,), (1, 0), (2, 2, 2)):
        path = save({own: torch.ones(shape) for own in NAMES})
        assert _use(lambda path=path: Checkpoint.open(path)) > 0  # type: ignore[misc]
