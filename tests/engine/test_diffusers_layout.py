"""Folders in diffusers' layout, against diffusers itself on tiny random models.

diffusers is right where every token has one level (the recorded results' README lists the rest), so
the transformer is compared there. Its vocoder does not clamp between its generators unless told to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reelwright.engine import (
    AudioScale,
    Checkpoint,
    StreamInput,
    StreamLevels,
    load_audio_vae,
    load_text_path,
    load_transformer,
    load_upsampler,
    load_video_vae,
    load_vocoder,
)
from reelwright.engine.checkpoints.checkpoint import FULL, Component
from reelwright.engine.checkpoints.diffusers_sound import DiffusersWideVocoder
from reelwright.engine.checkpoints.diffusers_video import DiffusersVideoVae
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.positions import VideoScale, audio_positions, video_positions
from reelwright.errors import CheckpointError

NEW_TRANSFORMER: dict[str, Any] = {
    "in_channels": 8,
    "out_channels": 8,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "cross_attention_dim": 32,
    "audio_in_channels": 16,
    "audio_out_channels": 16,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": 8,
    "audio_cross_attention_dim": 16,
    "num_layers": 2,
    "gated_attn": True,
    "cross_attn_mod": True,
    "audio_gated_attn": True,
    "audio_cross_attn_mod": True,
    "use_prompt_embeddings": False,
    "rope_type": "split",
}
_OFF = {"gated_attn": False, "cross_attn_mod": False}
OLD_TRANSFORMER: dict[str, Any] = {
    **NEW_TRANSFORMER,
    **{prefix + key: value for prefix in ("", "audio_") for key, value in _OFF.items()},
    "use_prompt_embeddings": True,
    "caption_channels": 32,
    "rope_type": "interleaved",
    "rope_double_precision": False,
}
NEW_VIDEO: dict[str, Any] = {
    "latent_channels": 8,
    "block_out_channels": (16, 32, 64, 64),
    "layers_per_block": (1, 2, 1, 1, 1),
    "decoder_block_out_channels": (16, 32, 32, 64),
    "decoder_layers_per_block": (1, 2, 1, 1, 1),
    "decoder_spatio_temporal_scaling": (True,) * 4,
    "decoder_inject_noise": (False,) * 5,
    "upsample_type": ("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
    "upsample_residual": (False,) * 4,
    "upsample_factor": (2, 2, 1, 2),
    "decoder_spatial_padding_mode": "zeros",
    "decoder_causal": False,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
OLD_VIDEO: dict[str, Any] = {
    "latent_channels": 8,
    "block_out_channels": (16, 32, 64, 128),
    "layers_per_block": (1, 1, 1, 1, 1),
    "decoder_block_out_channels": (16, 32, 64),
    "decoder_layers_per_block": (1, 2, 1, 1),
    "decoder_causal": False,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
TIMED_VIDEO: dict[str, Any] = {**OLD_VIDEO, "timestep_conditioning": True}
AUDIO: dict[str, Any] = {"base_channels": 32, "latent_channels": 2, "num_res_blocks": 1}
NEW_CONNECTORS: dict[str, Any] = {
    "caption_channels": 12,
    "text_proj_in_factor": 3,
    "video_connector_num_attention_heads": 2,
    "video_connector_attention_head_dim": 16,
    "video_connector_num_learnable_registers": 8,
    "video_gated_attn": True,
    "audio_connector_num_attention_heads": 2,
    "audio_connector_attention_head_dim": 8,
    "audio_connector_num_layers": 1,
    "audio_connector_num_learnable_registers": 8,
    "audio_gated_attn": True,
    "rope_type": "split",
    "per_modality_projections": True,
    "video_hidden_dim": 32,
    "audio_hidden_dim": 16,
    "proj_bias": True,
}
OLD_CONNECTORS: dict[str, Any] = {
    **NEW_CONNECTORS,
    "caption_channels": 32,
    "audio_connector_attention_head_dim": 16,
    "video_gated_attn": False,
    "audio_gated_attn": False,
    "per_modality_projections": False,
    "proj_bias": False,
    "rope_type": "interleaved",
    "rope_double_precision": False,
}
OLD_VOCODER: dict[str, Any] = {
    "in_channels": 16,
    "hidden_channels": 16,
    "upsample_kernel_sizes": [16, 8],
    "upsample_factors": [6, 4],
    "resnet_kernel_sizes": [3, 7],
    "resnet_dilations": [[1, 3], [1, 3]],
}
NEW_VOCODER: dict[str, Any] = {
    **OLD_VOCODER,
    "upsample_kernel_sizes": [11, 4],
    "upsample_factors": [5, 2],
    "final_act_fn": "clamp",
    "bwe_in_channels": 16,
    "bwe_hidden_channels": 16,
    "bwe_upsample_kernel_sizes": [12, 11],
    "bwe_upsample_factors": [6, 5],
    "bwe_resnet_kernel_sizes": [3],
    "bwe_resnet_dilations": [[1, 3]],
    "filter_length": 32,
    "hop_length": 10,
    "window_length": 32,
    "num_mel_channels": 8,
}
UPSAMPLER: dict[str, Any] = {"in_channels": 8, "mid_channels": 32, "num_blocks_per_stage": 1}

PARTS = {
    "transformer": ("LTX2VideoTransformer3DModel", NEW_TRANSFORMER),
    "vae": ("AutoencoderKLLTX2Video", NEW_VIDEO),
    "audio_vae": ("AutoencoderKLLTX2Audio", AUDIO),
    "connectors": ("LTX2TextConnectors", NEW_CONNECTORS),
    "vocoder": ("LTX2VocoderWithBWE", NEW_VOCODER),
}
TOLERANCE = 1e-5
"""Measured: 4e-7 to 2e-6 of the largest number."""


@pytest.fixture(autouse=True)
def _plain() -> Any:
    with torch.inference_mode():
        yield


def _model(name: str, config: dict[str, Any]) -> Any:
    """A model of diffusers with random weights, none zero, too small to clip a waveform."""
    diffusers = pytest.importorskip("diffusers")
    from diffusers.pipelines import ltx2
    from diffusers.pipelines.ltx2 import vocoder

    homes = [home for home in (diffusers, ltx2, vocoder) if hasattr(home, name)]
    model = getattr(homes[0], name)(**config).eval()
    generator, scale = torch.Generator().manual_seed(3), 0.05 if "Vocoder" in name else 0.2
    for own, tensor in model.state_dict().items():
        drawn = torch.randn(tensor.shape, generator=generator)
        drawn = drawn * (scale if tensor.ndim > 1 else 0.1)
        if own.endswith(("latents_std", "norm_q.weight", "norm_k.weight")):
            tensor.copy_(1.0 + drawn.clamp(-0.5, 0.5))
        elif not own.endswith(("filter", "kernel", "multiplier")):
            tensor.copy_(drawn.abs() if own.endswith("mel_basis") else drawn)
    return model


def _saved(folder: Path, name: str, config: dict[str, Any], **options: Any) -> Any:
    model = _model(name, config)
    model.save_pretrained(folder, **options)
    return model


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _close(ours: Tensor | None, theirs: Tensor) -> None:
    assert ours is not None
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= TOLERANCE * theirs.abs().max()


@pytest.mark.parametrize("config", [NEW_TRANSFORMER, OLD_TRANSFORMER], ids=["2.3", "2.0"])
def test_transformer(tmp_path: Path, config: dict[str, Any]) -> None:
    theirs = _saved(tmp_path, "LTX2VideoTransformer3DModel", config, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    checkpoint = Checkpoint.open(tmp_path)
    assert checkpoint.identity.generation == ("2.3" if config["gated_attn"] else "2.0")
    ours = load_transformer(checkpoint)
    widths = (32, 32) if config["use_prompt_embeddings"] else (32, 16)
    video, audio = _random(2, 6, 8), _random(2, 5, 16)
    places = [video_positions((3, 1, 2), 24.0, VideoScale()), audio_positions(5, AudioScale())]
    texts = [_random(2, 4, width) for width in widths]
    sigma = torch.tensor([0.9, 0.4])
    levels = [StreamLevels(Levels.of(sigma[:, None].expand(2, n)), sigma) for n in (6, 5)]
    inputs = [StreamInput(*pair) for pair in zip(places, texts, strict=True)]
    found = ours((video, audio), ours.step(*levels), ours.layout(*inputs))
    wanted = theirs(
        video,
        audio,
        *texts,
        timestep=sigma * 1000,
        sigma=sigma * 1000,
        video_coords=places[0].expand(2, -1, -1, -1),
        audio_coords=places[1].expand(2, -1, -1, -1),
        return_dict=False,
    )
    for mine, other in zip(found, wanted, strict=True):
        _close(mine, other)


@pytest.mark.parametrize("config", [NEW_VIDEO, OLD_VIDEO, TIMED_VIDEO], ids=["2.3", "2.0", "timed"])
def test_video_codec(tmp_path: Path, config: dict[str, Any]) -> None:
    theirs = _saved(tmp_path, "AutoencoderKLLTX2Video", config)
    ours = load_video_vae(Checkpoint.open(tmp_path))
    pixels = _random(1, 3, 9, 64, 96).clamp(-1, 1)
    mean, std = (s.view(1, -1, 1, 1, 1) for s in (theirs.latents_mean, theirs.latents_std))
    latent = theirs.encode(pixels).latent_dist.mode()
    _close(ours.encode(pixels), (latent - mean) / std)
    timed = config.get("timestep_conditioning", False)
    level = torch.tensor([0.05]) if timed else None
    _close(ours.decode((latent - mean) / std), theirs.decode(latent, level).sample)


def test_plain_strided_blocks(tmp_path: Path) -> None:
    """The encoder's older way down, which diffusers has for all three axes together."""
    config = {**OLD_VIDEO, "block_out_channels": (8, 32, 64, 64)}
    config["downsample_type"] = ("conv", "spatial", "spatiotemporal", "temporal")
    theirs = _saved(tmp_path, "AutoencoderKLLTX2Video", config)
    ours = load_video_vae(Checkpoint.open(tmp_path))
    assert ours.encoder is not None
    pixels = _random(1, 3, 9, 64, 96).clamp(-1, 1)
    _close(ours.encoder(pixels), theirs.encode(pixels).latent_dist.mode())


def test_audio_codec(tmp_path: Path) -> None:
    theirs = _saved(tmp_path, "AutoencoderKLLTX2Audio", AUDIO)
    ours = load_audio_vae(Checkpoint.open(tmp_path))
    mel = _random(1, 2, 9, 64)
    latent = theirs.encode(mel).latent_dist.mode()
    normal = ours.encode(mel)
    _close(_denormalised(ours, normal), latent)
    _close(ours.decode(normal), theirs.decode(latent).sample)


def _denormalised(ours: Any, latent: Tensor) -> Tensor:
    """The statistics are of packed channels: latent channel by latent band."""
    b, c, t, m = latent.shape
    packed = latent.transpose(2, 3).reshape(b, c * m, t)
    wide = packed * ours.statistics.std.view(1, -1, 1) + ours.statistics.mean.view(1, -1, 1)
    return wide.view(b, c, m, t).transpose(2, 3)


@pytest.mark.parametrize("config", [NEW_CONNECTORS, OLD_CONNECTORS], ids=["2.3", "2.0"])
def test_text_path(tmp_path: Path, config: dict[str, Any]) -> None:
    theirs = _saved(tmp_path, "LTX2TextConnectors", config)
    ours = load_text_path(Checkpoint.open(tmp_path))
    states = _random(2, 16, config["caption_channels"], 3)
    valid = (torch.arange(16) >= torch.tensor([[3], [11]])).long()
    for mine, other in zip(ours.encode(states, valid), theirs(states, valid)[:2], strict=True):
        _close(mine, other)


@pytest.mark.parametrize(
    ("name", "config"),
    [("LTX2Vocoder", OLD_VOCODER), ("LTX2VocoderWithBWE", NEW_VOCODER)],
    ids=["2.0", "2.3"],
)
def test_vocoder(tmp_path: Path, name: str, config: dict[str, Any]) -> None:
    theirs = _saved(tmp_path, name, config)
    ours = load_vocoder(Checkpoint.open(tmp_path))
    mel = _random(1, 2, 12, 8)
    wave = theirs(mel)
    assert wave.abs().max() < 1
    _close(ours(mel), wave)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"rational_spatial_scale": 1.5},
        {"use_rational_resampler": False},
        {"spatial_upsample": False, "temporal_upsample": True},
        {"temporal_upsample": True},
    ],
)
def test_upsampler(tmp_path: Path, change: dict[str, Any]) -> None:
    theirs = _saved(tmp_path, "LTX2LatentUpsamplerModel", UPSAMPLER | change)
    ours = load_upsampler(Checkpoint.open(tmp_path))
    latent = _random(1, 8, 3, 4, 6)
    _close(ours(latent), theirs(latent))


def _pipeline(folder: Path, **changes: Any) -> Path:
    index: dict[str, Any] = {"_class_name": "LTX2Pipeline", "_diffusers_version": "0.42.1"}
    for part, (name, config) in PARTS.items():
        index[part] = ["diffusers", name]
        _saved(folder / part, name, config)
    index |= {"text_encoder": ["transformers", "Gemma3ForConditionalGeneration"]}
    index |= {"prompt_enhancer": [None, None], **changes}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_a_whole_pipeline(tmp_path: Path) -> None:
    folder = _pipeline(tmp_path)
    checkpoint = Checkpoint.open(folder)
    assert checkpoint.components == FULL
    assert checkpoint.identity.generation == "2.3"
    load_transformer(checkpoint)
    assert load_text_path(checkpoint).audio is not None
    assert load_video_vae(checkpoint).scale == VideoScale(8, 32, 32)
    load_audio_vae(checkpoint)
    load_vocoder(checkpoint)
    (folder / "audio_vae").rename(folder / "elsewhere")
    assert Checkpoint.open(folder).missing == {Component.AUDIO_VAE}


def test_parts_named_one_by_one(tmp_path: Path) -> None:
    """A part's folder, or the weights inside it."""
    for part in ("vae", "connectors"):
        _saved(tmp_path / part, *PARTS[part])
    weights = tmp_path / "connectors" / "diffusion_pytorch_model.safetensors"
    both = Checkpoint.open(tmp_path / "vae", weights)
    assert both.has_config("vae")
    load_text_path(both)


def test_plain_weights_beside_another_precision(tmp_path: Path) -> None:
    model = _saved(tmp_path, *PARTS["vae"])
    model.half().save_pretrained(tmp_path, variant="fp16")
    (file,) = Checkpoint.open(tmp_path).files
    assert file.path.name == "diffusion_pytorch_model.safetensors"


def _refused(path: Path, words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        Checkpoint.open(path)
    assert caught.value.where
    assert caught.value.mend


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"audio_gated_attn": False}, "gated_attn is True for video"),
        ({"use_keyframes_abs_pos_embedding": True}, "use_keyframes_abs_pos_embedding"),
        ({"patch_size": 2}, "patch_size"),
        ({"num_layers": 10**12}, "num_layers"),
        ({"num_attention_heads": "many"}, "num_attention_heads"),
        ({"rope_type": None}, "rope_type"),
        ({"_class_name": "WanTransformer3DModel"}, "WanTransformer3DModel"),
        ({"_class_name": ["LTX2"]}, "no part of LTX-2"),
    ],
)
def test_transformer_configs_that_cannot_be(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    fields = NEW_TRANSFORMER | {"_class_name": "LTX2VideoTransformer3DModel"} | change
    (tmp_path / "config.json").write_text(json.dumps({"_diffusers_version": "0.42.1", **fields}))
    _refused(tmp_path, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"upsample_factor": [2]}, "upsample_factor has 1"),
        ({"upsample_factor": [2, 2, 2, 0]}, "upsample_factor"),
        ({"block_out_channels": [12, 32, 64, 64]}, "block_out_channels: 12"),
        ({"decoder_block_out_channels": [16, 32, 32, 60]}, "not a multiple|not supported"),
        ({"decoder_spatial_padding_mode": "circular"}, "decoder_spatial_padding_mode"),
        ({"layers_per_block": 7}, "layers_per_block"),
        ({"down_block_types": ["DownBlock"]}, "down_block_types"),
    ],
)
def test_video_configs_that_cannot_be(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    fields = NEW_VIDEO | {"_class_name": "AutoencoderKLLTX2Video"} | change
    (tmp_path / "config.json").write_text(json.dumps(fields))
    _refused(tmp_path, words)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ('{"_class_name": "WanPipeline", "vae": ["diffusers", "X"]}', "folder of WanPipeline"),
        ('{"../vae": ["diffusers", "AutoencoderKLLTX2Video"]}', "not the name of a part"),
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ("[" * 10**5, "not JSON"),
        ('{"vae": 1, "vae": 2}', "stands twice"),
    ],
)
def test_pipelines_that_cannot_be(tmp_path: Path, index: str, words: str) -> None:
    (tmp_path / "model_index.json").write_text(index)
    _refused(tmp_path, words)


REAL_VIDEO: dict[str, Any] = {
    "_class_name": "AutoencoderKLLTX2Video",
    "block_out_channels": [256, 512, 1024, 1024],
    "layers_per_block": [4, 6, 4, 2, 2],
    "downsample_type": ["spatial", "temporal", "spatiotemporal", "spatiotemporal"],
    "decoder_block_out_channels": [256, 512, 512, 1024],
    "decoder_layers_per_block": [4, 6, 4, 2, 2],
    "decoder_spatio_temporal_scaling": [True] * 4,
    "decoder_inject_noise": [False] * 5,
    "upsample_type": ["spatiotemporal", "spatiotemporal", "temporal", "spatial"],
    "upsample_residual": [False] * 4,
    "upsample_factor": [2, 2, 1, 2],
    "encoder_spatial_padding_mode": "zeros",
    "decoder_spatial_padding_mode": "zeros",
    "decoder_causal": False,
}


def test_the_released_codec() -> None:
    """LTX-2.3's own config, as the official file has it."""
    section = DiffusersVideoVae.model_validate(REAL_VIDEO).official()["vae"]
    plain = [[kind, options.get("num_layers", 0)] for kind, options in section["encoder_blocks"]]
    assert plain == [
        ["res_x", 4],
        ["compress_space_res", 0],
        ["res_x", 6],
        ["compress_time_res", 0],
        ["res_x", 4],
        ["compress_all_res", 0],
        ["res_x", 2],
        ["compress_all_res", 0],
        ["res_x", 2],
    ]
    assert [o["multiplier"] for _, o in section["encoder_blocks"][1::2]] == [2, 2, 2, 1]
    kinds = [kind for kind, _ in section["decoder_blocks"][1::2]]
    assert kinds == ["compress_space", "compress_time", "compress_all", "compress_all"]
    assert [o["multiplier"] for _, o in section["decoder_blocks"][1::2]] == [2, 2, 1, 2]
    assert [o["num_layers"] for _, o in section["decoder_blocks"][::2]] == [4, 6, 4, 2, 2]
    assert section["decoder_base_channels"] == section["encoder_base_channels"] == 128
    assert section["spatial_padding_mode"] == "zeros"


def test_the_released_vocoder() -> None:
    """diffusers' defaults are LTX-2.3's; the clamp between its generators is the official one's."""
    section = DiffusersWideVocoder().official()["vocoder"]
    low, wide = section["vocoder"], section["bwe"]
    assert (low["upsample_initial_channel"], wide["upsample_initial_channel"]) == (1536, 512)
    assert low["upsample_rates"] == [5, 2, 2, 2, 2, 2]
    assert wide["upsample_kernel_sizes"] == [12, 11, 4, 4, 4]
    assert low["num_mels"] == wide["num_mels"] == 64
    assert not low["use_tanh_at_final"]
    assert low["apply_final_activation"]
    assert not wide["apply_final_activation"]
    assert (wide["n_fft"], wide["hop_length"], wide["output_sampling_rate"]) == (512, 80, 48000)
