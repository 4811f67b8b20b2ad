"""The transformer in GGUF, as converters write it: with and without its config, prefix and name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from torch import Tensor

from reelwright.engine import (
    AudioScale,
    Checkpoint,
    Compute,
    Format,
    StreamInput,
    StreamLevels,
    Transformer,
    load_text_path,
    load_transformer,
)
from reelwright.engine.checkpoints.checkpoint import DIFFUSION, Component
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.inference import ASSUMED_TRANSFORMER
from reelwright.engine.checkpoints.names import connector_name, transformer_name
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.positions import VideoScale, audio_positions, video_positions
from reelwright.engine.memory.loading import resident
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.errors import CheckpointError

CPU = torch.device("cpu")
Quant = gguf.GGMLQuantizationType

NEW: dict[str, Any] = {
    "num_attention_heads": 4,
    "attention_head_dim": 16,
    "in_channels": 32,
    "out_channels": 32,
    "num_layers": 2,
    "cross_attention_dim": 64,
    "audio_num_attention_heads": 4,
    "audio_attention_head_dim": 8,
    "audio_in_channels": 32,
    "audio_out_channels": 32,
    "audio_cross_attention_dim": 32,
    "apply_gated_attention": True,
    "cross_attention_adaln": True,
    "caption_proj_before_connector": True,
    "connector_num_attention_heads": 4,
    "connector_attention_head_dim": 16,
    "connector_num_layers": 1,
    "connector_apply_gated_attention": True,
    "audio_connector_num_attention_heads": 4,
    "audio_connector_attention_head_dim": 8,
    **ASSUMED_TRANSFORMER,
}
OLD: dict[str, Any] = {
    **NEW,
    "num_attention_heads": 32,
    "attention_head_dim": 2,
    "audio_num_attention_heads": 32,
    "audio_attention_head_dim": 2,
    "audio_cross_attention_dim": 64,
    "apply_gated_attention": False,
    "cross_attention_adaln": False,
    "caption_proj_before_connector": False,
    "caption_channels": 64,
    "connector_apply_gated_attention": False,
    "connector_num_attention_heads": 30,
    "connector_attention_head_dim": 2,
    "audio_connector_num_attention_heads": 30,
    "audio_connector_attention_head_dim": 2,
}


@pytest.fixture(autouse=True)
def _plain() -> Any:
    with torch.inference_mode():
        yield


def _tensors(fields: dict[str, Any]) -> dict[str, Tensor]:
    """A random transformer with its connectors, under the official names without prefix."""
    config = TransformerConfig(**fields)
    parts = [(Transformer(config), "", transformer_name)]
    for stream in ("video", "audio"):
        shape = connector_shape(config, 8, audio=stream == "audio")
        parts.append((Connector(shape), f"{stream}_embeddings_connector.", connector_name))
    generator = torch.Generator().manual_seed(11)
    tensors = {}
    for module, prefix, name in parts:
        for own, tensor in module.state_dict().items():
            drawn = torch.randn(tensor.shape, generator=generator) * (
                0.15 if tensor.ndim > 1 else 0.1
            )
            tensors[prefix + name(own)] = 1 + drawn if own.endswith("norm.weight") else drawn
    return tensors


def _write(
    path: Path,
    tensors: dict[str, Tensor],
    kind: Quant = Quant.Q8_0,
    arch: str = "ltxv",
    config: Any = None,
) -> Path:
    """As converters do: matrices of whole blocks quantised, tables and vectors in float32."""
    writer = gguf.GGUFWriter(path, arch)
    if config is not None:
        writer.add_string("config", json.dumps(config))
        writer.add_string("model_version", "2.3.0")
    for name, tensor in tensors.items():
        numbers = tensor.float().numpy()
        if tensor.ndim == 2 and tensor.shape[1] % 32 == 0 and "table" not in name:
            writer.add_tensor(name, gguf.quants.quantize(numbers, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _velocities(model: Transformer) -> tuple[Tensor, Tensor]:
    for parameter in model.parameters():
        # Not views of a file: products of unaligned numbers may be summed in another order.
        parameter.data = parameter.data.clone()
    generator = torch.Generator().manual_seed(4)
    widths = model.config.cross_attention_dim, model.config.audio_cross_attention_dim
    if not model.config.caption_proj_before_connector:
        widths = (model.config.caption_channels,) * 2
    places = [video_positions((2, 1, 2), 24.0, VideoScale()), audio_positions(3, AudioScale())]
    texts = [torch.randn(1, 4, width, generator=generator) for width in widths]
    latents = [torch.randn(1, n, 32, generator=generator) for n in (4, 3)]
    sigma = torch.tensor([0.7])
    levels = [StreamLevels(Levels.of(sigma[:, None].expand(1, n)), sigma) for n in (4, 3)]
    inputs = [StreamInput(*pair) for pair in zip(places, texts, strict=True)]
    video, audio = model((latents[0], latents[1]), model.step(*levels), model.layout(*inputs))
    assert video is not None
    assert audio is not None
    return video, audio


def _prefixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {DIFFUSION + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("kind", "error"),
    [(Quant.Q8_0, 0.05), (Quant.Q4_0, 0.5), (Quant.BF16, 0.02), (Quant.F16, 0.002)],
)
def test_a_model_equals_its_dequantised_self(
    tmp_path: Path, save: Any, kind: Quant, error: float
) -> None:
    """Norm of the error to the float model, measured: 0.025, 0.29, 0.007 and 0.0007."""
    tensors = _tensors(NEW)
    packed = Checkpoint.open(
        _write(tmp_path / "m.gguf", tensors, kind, config={"transformer": NEW})
    )
    weights = packed.weights(DIFFUSION)
    plain = {DIFFUSION + n: resident(w, Compute.FLOAT32, CPU) for n, w in weights.items()}
    same = Checkpoint.open(save(plain, {"transformer": NEW}))
    exact = Checkpoint.open(save(_prefixed(tensors), {"transformer": NEW}, "exact"))
    ours = _velocities(load_transformer(packed))
    for one, two in zip(ours, _velocities(load_transformer(same)), strict=True):
        assert torch.equal(one, two)
    for one, two in zip(ours, _velocities(load_transformer(exact)), strict=True):
        assert 0 < (one - two).norm() <= error * two.norm()
    quantised = sum(weight.storage == Format.GGUF for weight in weights.values())
    assert (quantised > 50) == (kind in (Quant.Q8_0, Quant.Q4_0))


@pytest.mark.parametrize("arch", ["ltxv", "pig", ""])
@pytest.mark.parametrize("prefix", ["", DIFFUSION])
def test_without_a_config(tmp_path: Path, arch: str, prefix: str) -> None:
    """The same model as with it; and what was assumed is said."""
    tensors = {prefix + name: tensor for name, tensor in _tensors(NEW).items()}
    with_config = Checkpoint.open(
        _write(tmp_path / "a.gguf", tensors, arch=arch, config={"transformer": NEW})
    )
    without = Checkpoint.open(_write(tmp_path / "b.gguf", tensors, arch=arch))
    assert not with_config.notes
    (note,) = without.notes
    assert "rope_type split" in note
    assert "av_ca_timestep_scale_multiplier 1000" in note
    for checkpoint in (with_config, without):
        assert checkpoint.components == {Component.TRANSFORMER, Component.CONNECTORS}
        assert checkpoint.identity.generation == "2.3"
    one, two = (_velocities(load_transformer(each)) for each in (with_config, without))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("fields", [NEW, OLD], ids=["2.3", "2.0"])
def test_what_tensors_tell(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = _write(tmp_path / "m.gguf", _tensors(fields))
    found = Checkpoint.open(path).config(TransformerConfig, "transformer")
    assert found == TransformerConfig(**fields, audio_connector_num_layers=1)
    load_transformer(Checkpoint.open(path))


def test_the_text_projection_is_missing(tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(_write(tmp_path / "m.gguf", _tensors(NEW)))
    assert Component.TEXT_PROJECTION in checkpoint.missing
    with pytest.raises(CheckpointError, match="no text projection; it holds connectors"):
        load_text_path(checkpoint)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")
@pytest.mark.parametrize("kind", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "Q5_1"])
def test_other_quantisations(tmp_path: Path, kind: str) -> None:
    """Blocks of random bytes, as the gguf library reads them."""
    quant = Quant[kind]
    size, nbytes = gguf.GGML_QUANT_SIZES[quant]
    rows = np.random.default_rng(1).integers(0, 256, (3, 512 // size * nbytes), dtype=np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "q.gguf", "ltxv")
    writer.add_tensor("transformer_blocks.0.attn1.to_q.weight", rows, raw_dtype=quant)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (source,) = Checkpoint.open(tmp_path / "q.gguf").weights(DIFFUSION).values()
    assert source.shape == (3, 512)
    wanted = torch.from_numpy(gguf.quants.dequantize(rows, quant))
    found = resident(source, Compute.FLOAT32, CPU)
    assert torch.equal(found.nan_to_num(7.0), wanted.nan_to_num(7.0))
