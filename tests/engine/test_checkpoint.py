from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from reelwright.engine.checkpoints.checkpoint import FULL, Checkpoint, Component
from reelwright.engine.checkpoints.config import StftConfig, TransformerConfig
from reelwright.engine.storage.weights import Format
from reelwright.errors import CheckpointError, ModelError

Save = Callable[..., Path]

ONE = torch.ones(1)


def test_components_of_a_single_file(save: Save) -> None:
    names = [
        "model.diffusion_model.patchify_proj.weight",
        "model.diffusion_model.video_embeddings_connector.learnable_registers",
        "text_embedding_projection.aggregate_embed.weight",
        "vae.decoder.conv_in.conv.weight",
        "audio_vae.decoder.conv_in.conv.weight",
        "vocoder.conv_pre.weight",
    ]
    checkpoint = Checkpoint.open(save(dict.fromkeys(names, ONE)))
    assert checkpoint.components == FULL
    assert not checkpoint.missing


def test_parts_are_one_index(save: Save) -> None:
    transformer = save({"transformer_blocks.0.attn1.to_q.weight": torch.ones(2, 2)}, name="t")
    codec = save({"decoder.conv_in.conv.weight": ONE}, {"vae": {}}, name="v")
    checkpoint = Checkpoint.open(transformer, codec)
    assert checkpoint.components == {Component.TRANSFORMER, Component.VIDEO_VAE}
    assert Component.VOCODER in checkpoint.missing
    name = "model.diffusion_model.transformer_blocks.0.attn1.to_q.weight"
    assert checkpoint.tensor(name).shape == (2, 2)
    assert checkpoint.has_config("vae")


def test_same_tensor_twice(save: Save) -> None:
    first, second = (save({"vae.encoder.x": ONE}, name=name) for name in ("first", "second"))
    with pytest.raises(CheckpointError, match=r"stands in .*first"):
        Checkpoint.open(first, second)


def test_upsampler_and_lora_are_told(save: Save) -> None:
    assert Checkpoint.open(save({"initial_conv.weight": ONE})).components == {Component.UPSAMPLER}
    lora = save({"diffusion_model.transformer_blocks.0.ff.net.2.lora_A.weight": ONE}, name="l")
    assert Checkpoint.open(lora).components == {Component.LORA}


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("model.diffusion_model.prompt_adaln_single.linear.bias", "2.3"),
        ("model.diffusion_model.caption_projection.linear_1.bias", "2.0"),
        ("model.diffusion_model.keyframes_abs_pos_embedding", "2.5"),
        ("lm_head.weight", "unknown"),
    ],
)
def test_identity_comes_from_contents(save: Save, name: str, generation: str) -> None:
    identity = Checkpoint.open(
        save({name: ONE}, None, "ltx-9", {"model_version": "2.3.0"})
    ).identity
    assert identity.generation == generation
    assert identity.version == "2.3.0"


def test_config_sections(save: Save) -> None:
    config = {"transformer": {"num_layers": 3, "a_key_for_people": 1}}
    checkpoint = Checkpoint.open(save({"vae.x": ONE}, config))
    assert checkpoint.config(TransformerConfig, "transformer").num_layers == 3
    with pytest.raises(CheckpointError, match="lacks this section"):
        checkpoint.config(StftConfig, "audio_vae", "preprocessing", "stft")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_layers": 10**9}, "num_layers"),
        ({"num_layers": -1}, "num_layers"),
        ({"attention_head_dim": "wide"}, "attention_head_dim"),
        ({"rope_type": "spiral"}, "rope_type"),
        ({"qk_norm": "layer_norm"}, "qk_norm is 'layer_norm'"),
        ({"positional_embedding_max_pos": [20]}, "positional_embedding_max_pos"),
    ],
)
def test_config_that_cannot_be_built(save: Save, change: dict[str, object], words: str) -> None:
    checkpoint = Checkpoint.open(save({"vae.x": ONE}, {"transformer": change}))
    with pytest.raises(ModelError, match=words) as caught:
        checkpoint.config(TransformerConfig, "transformer")
    assert "model.safetensors" in caught.value.where


def test_config_that_is_no_json(save: Save) -> None:
    checkpoint = Checkpoint.open(save({"vae.x": ONE}, None, "text", {"config": "{broken"}))
    with pytest.raises(CheckpointError, match="lacks"):
        checkpoint.config(TransformerConfig, "transformer")


def test_weights_by_prefix(save: Save) -> None:
    names = ["vae.encoder.a", "vae.encoder.b.c", "audio_vae.encoder.a", "vocoder.vocoder.x"]
    checkpoint = Checkpoint.open(save(dict.fromkeys(names, ONE)))
    assert set(checkpoint.weights("vae.encoder.")) == {"a", "b.c"}
    assert set(checkpoint.weights("vae.encoder.", without=("b.",))) == {"a"}
    assert set(checkpoint.weights("vocoder.")) == {"vocoder.x"}


def _quantised(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    tensors = {
        "l.weight": torch.ones(4, 32).to(torch.float8_e4m3fn),
        "l.weight_scale": torch.tensor(0.5),
        "l.input_scale": torch.tensor(2.0),
    }
    return tensors | changes


def test_scaled_float8_is_one_weight(save: Save) -> None:
    weights = Checkpoint.open(save(_quantised())).weights("")
    assert set(weights) == {"l.weight"}
    assert weights["l.weight"].storage == Format.FLOAT8


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (_quantised(**{"l.weight_scale": torch.ones(3)}), "scale is F32"),
        (_quantised(**{"l.weight": torch.ones(4, 32)}), "stored as F32"),
        ({"l.weight": torch.ones(4, 32, dtype=torch.uint8)}, "U8 is not"),
        ({"l.weight": torch.ones(4, 32, dtype=torch.int32)}, "I32 is not"),
        (
            {
                "l.weight": torch.ones(4, 16, dtype=torch.uint8),
                "l.weight_scale": torch.ones(4, 2).to(torch.float8_e4m3fn),
                "l.weight_scale_2": torch.tensor(1.0),
            },
            "block scales",
        ),
        (
            {
                "l.weight": torch.ones(4, 16, dtype=torch.uint8),
                "l.weight_scale": torch.ones(128, 4).to(torch.float8_e4m3fn),
            },
            "weight_scale_2",
        ),
        (
            {
                "l.weight": torch.ones(4, 3, dtype=torch.uint8),
                "l.weight_scale": torch.ones(128, 4).to(torch.float8_e4m3fn),
                "l.weight_scale_2": torch.tensor(1.0),
            },
            "whole groups",
        ),
    ],
)
def test_quantised_weight_that_does_not_fit(
    save: Save, tensors: dict[str, torch.Tensor], words: str
) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        Checkpoint.open(save(tensors)).weights("")
    assert "l.weight" in caught.value.where
    assert "bf16" in caught.value.mend


def test_golden_identity(goldens: Path) -> None:
    new = Checkpoint.open(goldens / "transformer_av23.checkpoint.safetensors")
    old = Checkpoint.open(goldens / "transformer_av20_split.checkpoint.safetensors")
    assert (new.identity.generation, old.identity.generation) == ("2.3", "2.0")
    assert new.components == {Component.TRANSFORMER}
