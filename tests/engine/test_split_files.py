"""The parts of a model as people keep them, opened together; and what is refused by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from reelwright.engine import Checkpoint, load_transformer, load_upsampler
from reelwright.engine.checkpoints.checkpoint import FULL, Component
from reelwright.engine.checkpoints.config import TransformerConfig, UpsamplerConfig, VideoVaeConfig
from reelwright.engine.codecs.upsampler import LatentUpsampler
from reelwright.errors import CheckpointError

Save = Callable[..., Path]

ONE = torch.ones(1)
D = "model.diffusion_model."

TRANSFORMER = [
    "patchify_proj.weight",
    "transformer_blocks.0.attn1.to_gate_logits.weight",
    "video_embeddings_connector.learnable_registers",
]
PROJECTION = ["video_aggregate_embed.weight", "audio_aggregate_embed.weight"]
VIDEO = ["encoder.conv_in.conv.weight", "decoder.up_blocks.8.res_blocks.0.conv1.conv.bias"]
SOUND = ["audio_vae.decoder.conv_in.conv.weight", "vocoder.bwe_generator.conv_pre.weight"]
UPSAMPLER = {"in_channels": 8, "mid_channels": 32, "num_blocks_per_stage": 1}


def _named(names: list[str], prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: ONE for name in names}


def _upsampler() -> dict[str, Tensor]:
    module = LatentUpsampler(UpsamplerConfig(**UPSAMPLER))
    return {name: torch.zeros(t.shape) for name, t in module.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "diffusion_model.", D])
def test_every_part_from_a_file_of_its_own(save: Save, prefix: str) -> None:
    whole = {"transformer": {"num_layers": 5}, "vae": {"latent_channels": 7}, "scheduler": {}}
    prefixes = (prefix, *(("text_embedding_projection.", "vae.") if prefix == D else ("", "")))
    paths = [
        save(_named(TRANSFORMER, prefixes[0]), whole, "transformer"),
        save(_named(PROJECTION, prefixes[1]), None, "projection"),
        save(_named(VIDEO, prefixes[2]), {"vae": {"latent_channels": 16}}, "video"),
        save(_named(SOUND), {"audio_vae": {}, "vocoder": {}}, "sound"),
        save(_upsampler(), UPSAMPLER, "upsampler"),
        save(_named(["diffusion_model.transformer_blocks.0.x.lora_A.weight"]), None, "lora"),
    ]
    checkpoint = Checkpoint.open(*paths)
    assert checkpoint.components == FULL | {Component.UPSAMPLER, Component.LORA}
    assert not checkpoint.missing
    assert checkpoint.identity.generation == "2.3"
    assert checkpoint.config(TransformerConfig, "transformer").num_layers == 5
    # The section of the file that holds the codec, not that of the file that quotes the release.
    assert checkpoint.config(VideoVaeConfig, "vae").latent_channels == 16
    assert checkpoint.has_config("vocoder")
    assert load_upsampler(checkpoint).initial_conv.in_channels == 8
    assert checkpoint.tensor("text_embedding_projection.video_aggregate_embed.weight").shape == (1,)


def test_a_folder_of_parts(save: Save, tmp_path: Path) -> None:
    save(_named(TRANSFORMER), {"transformer": {}}, "t")
    save(_named(VIDEO), {"vae": {}}, "v")
    assert Checkpoint.open(tmp_path).components == {
        Component.TRANSFORMER,
        Component.CONNECTORS,
        Component.VIDEO_VAE,
    }


def test_shards_without_prefix(tmp_path: Path) -> None:
    """What a shard lacks of the names is told from all of them together."""
    names = {"adaln_single.linear.bias": "a.safetensors", TRANSFORMER[1]: "b.safetensors"}
    for name, shard in names.items():
        save_file({name: ONE}, tmp_path / shard)
    index = tmp_path / "x.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))
    assert set(Checkpoint.open(index).names) == {D + name for name in names}
    assert set(Checkpoint.open(tmp_path).names) == {D + name for name in names}


OLD_VIDEO = ["decoder.up_blocks.6.res_blocks.0.conv1.conv.bias"]
RESIDUAL = {"vae": {"decoder_blocks": [["compress_all", {"residual": True}]]}}
PLAIN = {"vae": {"decoder_blocks": [["compress_all", {"multiplier": 2}]]}}


@pytest.mark.parametrize("config", [None, RESIDUAL])
def test_generations_do_not_mix(save: Save, config: Any) -> None:
    new = save(_named(TRANSFORMER), {"transformer": {}}, "new")
    old = save(_named(OLD_VIDEO), config, "old")
    with pytest.raises(CheckpointError, match=r"LTX-2\.0 .*new\.safetensors is of LTX-2\.3") as no:
        Checkpoint.open(new, old)
    assert "old.safetensors" in no.value.where
    assert no.value.facts["generations"] == ("2.3", "2.0")


def test_a_codec_of_another_size_is_no_other_generation(save: Save) -> None:
    new = save(_named(TRANSFORMER), {"transformer": {}}, "new")
    small = save(_named(OLD_VIDEO), PLAIN, "small")
    assert Checkpoint.open(new, small).identity.generation == "2.3"


def test_parts_that_contradict_each_other(save: Save) -> None:
    one = save(_named([TRANSFORMER[1]]), {"transformer": {"rope_type": "split"}}, "one")
    two = save(_named([TRANSFORMER[2]]), {"transformer": {"rope_type": "interleaved"}}, "two")
    with pytest.raises(CheckpointError, match=r"transformer\.rope_type = interleaved") as no:
        Checkpoint.open(one, two)
    assert "two.safetensors" in no.value.where


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (["double_blocks.0.img_attn.qkv.weight"], "FLUX"),
        ([f"{D}double_blocks.0.txt_mod.lin.weight"], "FLUX"),
        (["blocks.0.self_attn.norm_k.weight", "blocks.0.ffn.0.weight"], "Wan"),
        ([f"{D}blocks.0.ffn.0.weight"], "Wan"),
        (["decoder.middle.0.residual.0.gamma"], "Wan"),
        ([f"{D}input_blocks.1.0.in_layers.0.weight"], "Stable Diffusion"),
        ([f"{D}joint_blocks.0.x_block.attn.qkv.weight"], "Stable Diffusion"),
        (["down_blocks.0.attentions.0.proj_in.weight"], "Stable Diffusion"),
        (["transformer_blocks.0.img_mod.1.weight"], "Qwen-Image"),
        (["first_stage_model.encoder.down.0.block.0.conv1.weight"], "an image codec"),
        (["model.layers.0.self_attn.q_proj.weight"], "a language model"),
        (["transformer_blocks.0.attn1.to_q.weight", "time_embed.emb.x"], "diffusers' layout"),
        (["encoder.mid_block.resnets.0.conv1.conv.weight"], "diffusers' layout"),
        (["transformer_blocks.0.attn1.to_q.weight", "keyframes_abs_pos_embedding"], "LTX-2.5"),
        (
            ["transformer_blocks.0.attn1.to_q.weight", "caption_projection.linear_1.bias"],
            "LTX-Video 0.9",
        ),
    ],
)
def test_other_models_are_refused_by_name(save: Save, names: list[str], model: str) -> None:
    checkpoint = Checkpoint.open(save(_named(names), {"transformer": {}}))
    assert model in checkpoint.identity.refused
    for use in (
        lambda: load_transformer(checkpoint),
        lambda: checkpoint.weights(""),
        lambda: checkpoint.config(TransformerConfig, "transformer"),
    ):
        with pytest.raises(CheckpointError, match="This is ") as no:
            use()
        assert model in no.value.what
        assert "LTX-2.3" in no.value.mend


def test_a_language_model_of_a_later_generation(save: Save) -> None:
    path = save(_named(VIDEO), {"vae": {}}, metadata={"gemma_source_checkpoint": "{}"})
    with pytest.raises(CheckpointError, match=r"LTX-2\.5"):
        Checkpoint.open(path).weights("vae.")


def test_a_video_codec_without_its_config(goldens: Path, tmp_path: Path) -> None:
    """The blocks of 2.3 are told from their shapes; those of another kind are not guessed."""
    from safetensors.torch import load_file

    from reelwright.engine import TensorFile

    source = goldens / "video_vae23.checkpoint.safetensors"
    known = json.loads(TensorFile(source).metadata["config"])["vae"]
    save_file(load_file(source), tmp_path / "bare.safetensors")
    checkpoint = Checkpoint.open(tmp_path / "bare.safetensors")
    assert "padding" in checkpoint.notes[0]
    found = checkpoint.config(VideoVaeConfig, "vae")
    for side in ("encoder", "decoder"):
        wanted = VideoVaeConfig.model_validate(known)
        blocks = getattr(found, f"{side}_blocks")
        for (kind, options), (other, theirs) in zip(
            blocks, getattr(wanted, f"{side}_blocks"), strict=True
        ):
            assert kind == other
            assert options.num_layers == theirs.num_layers
            assert (options.multiplier or 1) == (theirs.multiplier or 1) or kind.endswith("_res")
    assert found.encoder_base_channels == wanted.encoder_base_channels
    assert found.decoder_base_channels == wanted.decoder_base_channels
    assert found.patch_size == wanted.patch_size
