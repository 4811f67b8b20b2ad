"""Recorded checkpoints brought into diffusers' layout give the same results to the last bit.

The way there is written out here, as diffusers' converters go it: replacements in order. The way
back is ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from reelwright.engine import TensorFile
from reelwright.engine.parity import open_case, run_case
from reelwright.engine.parity.runner import KINDS

Fields = dict[str, Any]
Swaps = list[tuple[str, str]]

COMMON: Swaps = [("q_norm", "norm_q"), ("k_norm", "norm_k")]
TRANSFORMER: Swaps = [
    ("model.diffusion_model.", ""),
    ("audio_patchify_proj", "audio_proj_in"),
    ("patchify_proj", "proj_in"),
    ("av_ca_video_scale_shift_adaln_single", "av_cross_attn_video_scale_shift"),
    ("av_ca_a2v_gate_adaln_single", "av_cross_attn_video_a2v_gate"),
    ("av_ca_audio_scale_shift_adaln_single", "av_cross_attn_audio_scale_shift"),
    ("av_ca_v2a_gate_adaln_single", "av_cross_attn_audio_v2a_gate"),
    ("scale_shift_table_a2v_ca_video", "video_a2v_cross_attn_scale_shift_table"),
    ("scale_shift_table_a2v_ca_audio", "audio_a2v_cross_attn_scale_shift_table"),
    ("prompt_adaln_single", "prompt_adaln"),
    ("adaln_single", "time_embed"),
    *COMMON,
]
TEXT: Swaps = [
    ("model.diffusion_model.", ""),
    ("_embeddings_connector", "_connector"),
    ("transformer_1d_blocks", "transformer_blocks"),
    ("text_embedding_projection.video_aggregate_embed", "video_text_proj_in"),
    ("text_embedding_projection.audio_aggregate_embed", "audio_text_proj_in"),
    ("text_embedding_projection.aggregate_embed", "text_proj_in"),
    *COMMON,
]
STATISTICS: Swaps = [
    ("per_channel_statistics.mean-of-means", "latents_mean"),
    ("per_channel_statistics.std-of-means", "latents_std"),
]
AUDIO: Swaps = [("audio_vae.", ""), *STATISTICS]
VOCODER: Swaps = [
    ("resblocks", "resnets"),
    ("conv_pre", "conv_in"),
    ("conv_post", "conv_out"),
    ("act_post", "act_out"),
    (".ups.", ".upsamplers."),
    ("downsample.lowpass", "downsample"),
]


def _video_names(ups: int) -> Swaps:
    """The first block of the decoder and the last of the encoder are the groups at the bottom."""
    swaps: Swaps = [("vae.", ""), *STATISTICS]
    for i in range(4):
        swaps += [(f"down_blocks.{2 * i + 1}.", f"DOWN.{i}.downsamplers.0.")]
        swaps += [(f"down_blocks.{2 * i}.", f"DOWN.{i}.")]
    for i in range(ups):
        swaps += [(f"up_blocks.{2 * i + 1}.", f"UP.{i}.upsamplers.0.")]
        swaps += [(f"up_blocks.{2 * i + 2}.", f"UP.{i}.")]
    swaps += [("down_blocks.8.", "mid_block."), ("up_blocks.0.", "mid_block.")]
    return [*swaps, ("DOWN", "down_blocks"), ("UP", "up_blocks"), ("res_blocks", "resnets")]


def _transformer(config: Fields) -> tuple[str, Fields, Swaps]:
    own = config["transformer"]
    gated = own.get("apply_gated_attention", False)
    modulated = own.get("cross_attention_adaln", False)
    same = (
        "num_attention_heads attention_head_dim in_channels out_channels num_layers norm_eps "
        "cross_attention_dim caption_channels audio_num_attention_heads audio_attention_head_dim "
        "audio_in_channels audio_out_channels audio_cross_attention_dim rope_type"
    )
    fields = {key: own[key] for key in same.split()}
    fields |= {"gated_attn": gated, "audio_gated_attn": gated}
    fields |= {"cross_attn_mod": modulated, "audio_cross_attn_mod": modulated}
    fields["use_prompt_embeddings"] = not own.get("caption_proj_before_connector", False)
    fields["rope_double_precision"] = own["frequencies_precision"] == "float64"
    fields["cross_attn_timestep_scale_multiplier"] = own["av_ca_timestep_scale_multiplier"]
    return "LTX2VideoTransformer3DModel", fields, TRANSFORMER


def _text(config: Fields) -> tuple[str, Fields, Swaps]:
    own = config["transformer"]
    gated = own.get("connector_apply_gated_attention", False)
    fields: Fields = {"video_gated_attn": gated, "audio_gated_attn": gated}
    for key in ("num_attention_heads", "attention_head_dim", "num_layers"):
        fields[f"video_connector_{key}"] = own[f"connector_{key}"]
        audio = own.get(f"audio_connector_{key}", own[f"connector_{key}"])
        fields[f"audio_connector_{key}"] = audio
    fields["connector_rope_base_seq_len"] = own["connector_positional_embedding_max_pos"][0]
    fields["rope_type"] = own["rope_type"]
    fields["rope_double_precision"] = own["frequencies_precision"] == "float64"
    return "LTX2TextConnectors", fields, TEXT


def _video(config: Fields) -> tuple[str, Fields, Swaps]:
    own = config["vae"]
    words = {"space": "spatial", "time": "temporal", "all": "spatiotemporal"}
    down = [block for block in own["encoder_blocks"] if block[0] != "res_x"]
    up = [block for block in own["decoder_blocks"] if block[0] != "res_x"]
    widths, width = [], own["latent_channels"]
    for _, options in down:
        width *= options["multiplier"]
        widths.append(width)
    wide, width = [], own["latent_channels"]
    for _, options in up:
        width *= options["multiplier"]
        wide.append(width)
    layers = {
        side: [o["num_layers"] for kind, o in own[f"{side}_blocks"] if kind == "res_x"]
        for side in ("encoder", "decoder")
    }
    fields = {
        "latent_channels": own["latent_channels"],
        "block_out_channels": widths,
        "layers_per_block": layers["encoder"],
        "downsample_type": [words[kind.split("_")[1]] for kind, _ in down],
        "decoder_block_out_channels": wide,
        "decoder_layers_per_block": layers["decoder"],
        "upsample_type": [words[kind.split("_")[1]] for kind, _ in up][::-1],
        "upsample_residual": [options.get("residual", False) for _, options in up],
        "upsample_factor": [options["multiplier"] for _, options in up],
        "decoder_causal": own["causal_decoder"],
        "encoder_spatial_padding_mode": own["spatial_padding_mode"],
        "decoder_spatial_padding_mode": own["spatial_padding_mode"],
    }
    return "AutoencoderKLLTX2Video", fields, _video_names(len(up))


def _audio(config: Fields) -> tuple[str, Fields, Swaps]:
    own = config["audio_vae"]["model"]["params"]["ddconfig"]
    words = {"ch": "base_channels", "z_channels": "latent_channels", "out_ch": "output_channels"}
    kept = ("ch_mult", "num_res_blocks", "in_channels", "mel_bins", "mid_block_add_attention")
    return (
        "AutoencoderKLLTX2Audio",
        {**{words[k]: own[k] for k in words}, **{k: own[k] for k in kept}},
        AUDIO,
    )


def _generator(own: Fields, prefix: str = "") -> Fields:
    periodic = own["resblock"] == "AMP1"
    last = "tanh" if own["use_tanh_at_final"] else "clamp"
    fields = {
        "hidden_channels": own["upsample_initial_channel"],
        "upsample_kernel_sizes": own["upsample_kernel_sizes"],
        "upsample_factors": own["upsample_rates"],
        "resnet_kernel_sizes": own["resblock_kernel_sizes"],
        "resnet_dilations": own["resblock_dilation_sizes"],
        "act_fn": own["activation"] if periodic else "leaky_relu",
        "antialias": periodic,
        "final_act_fn": last if own.get("apply_final_activation", True) else None,
        "final_bias": own.get("use_bias_at_final", True),
    }
    return {prefix + key: value for key, value in fields.items()}


def _vocoder(config: Fields) -> tuple[str, Fields, Swaps]:
    own = config["vocoder"]
    if "bwe" not in own:
        fields = _generator(own) | {"output_sampling_rate": own["output_sampling_rate"]}
        return "LTX2Vocoder", fields, [("vocoder.ups.", "upsamplers."), ("vocoder.", ""), *VOCODER]
    wide = own["bwe"]
    fields = _generator(own["vocoder"]) | {"final_act_fn": None} | _generator(wide, "bwe_")
    fields |= {"filter_length": wide["n_fft"], "window_length": wide["win_size"]}
    for key in ("hop_length", "input_sampling_rate", "output_sampling_rate"):
        fields[key] = wide[key]
    swaps = [("vocoder.vocoder.", "FIRST."), ("vocoder.", ""), ("FIRST.", "vocoder."), *VOCODER]
    return "LTX2VocoderWithBWE", fields, swaps


def _upsampler(config: Fields) -> tuple[str, Fields, Swaps]:
    words = {"spatial_scale": "rational_spatial_scale"}
    words["rational_resampler"] = "use_rational_resampler"
    fields = {words.get(key, key): value for key, value in config.items() if key[0] != "_"}
    return "LTX2LatentUpsamplerModel", {"use_rational_resampler": False, **fields}, []


CASES: list[tuple[str, Callable[[Fields], tuple[str, Fields, Swaps]]]] = [
    ("transformer_av23.uniform", _transformer),
    ("transformer_av23.keyframe", _transformer),
    ("transformer_av20_split.keyframe", _transformer),
    ("transformer_av20_interleaved.uniform", _transformer),
    ("text23", _text),
    ("text20", _text),
    ("video_vae23.roundtrip", _video),
    ("video_vae20.roundtrip", _video),
    ("audio_vae.roundtrip", _audio),
    ("vocoder20", _vocoder),
    ("vocoder23", _vocoder),
    ("upsampler_x2", _upsampler),
    ("upsampler_x1_5", _upsampler),
    ("upsampler_temporal", _upsampler),
]


def _renamed(name: str, swaps: Swaps) -> str:
    for old, new in swaps:
        name = name.replace(old, new, 1)
    return name


def _converted(source: Path, folder: Path, convert: Callable[[Fields], Any]) -> None:
    """Two shards, an index and a config, as diffusers saves them."""
    file = TensorFile(source)
    name, fields, swaps = convert(json.loads(file.metadata["config"]))
    folder.mkdir()
    fields |= {"_class_name": name, "_diffusers_version": "0.42.1"}
    (folder / "config.json").write_text(json.dumps(fields))
    renamed = {_renamed(own, swaps): tensor for own, tensor in load_file(source).items()}
    assert len(renamed) == len(file.entries)
    shards: dict[str, dict[str, Tensor]] = {}
    places = {}
    for i, own in enumerate(sorted(renamed)):
        places[own] = f"diffusion_pytorch_model-0000{i % 2 + 1}-of-00002.safetensors"
        shards.setdefault(places[own], {})[own] = renamed[own]
    for shard, tensors in shards.items():
        save_file(tensors, folder / shard)
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))


@pytest.mark.parametrize(("name", "convert"), CASES, ids=[name for name, _ in CASES])
def test_same_results(
    goldens: Path, tmp_path: Path, name: str, convert: Callable[[Fields], Any]
) -> None:
    source = goldens / f"{name}.case.safetensors"
    if not source.exists():
        pytest.skip(f"no {name} in this folder")
    official = open_case(source)
    _converted(
        goldens / official.meta["checkpoint"], tmp_path / official.meta["checkpoint"], convert
    )
    (tmp_path / source.name).symlink_to(source)
    case = open_case(tmp_path / source.name)
    with torch.inference_mode():
        ours, wanted = KINDS[case.kind](case), KINDS[case.kind](official)
    assert ours.keys() == wanted.keys()
    for output, tensor in ours.items():
        assert torch.equal(tensor, wanted[output]), output
    assert run_case(tmp_path / source.name).passed
