"""Weights as ComfyUI's files store them: what is read, what is refused and by which name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reelwright.engine import Checkpoint, Compute, Format
from reelwright.engine.memory.loading import resident
from reelwright.engine.storage.mxfp8 import mxfp8_scale_shape
from reelwright.engine.storage.nvfp4 import tile_scales
from reelwright.engine.storage.weights import Float8Source, WeightSource
from reelwright.errors import CheckpointError

Save = Callable[..., Path]

ROWS, COLUMNS = 6, 64
E4M3 = torch.float8_e4m3fn


def _mark(**words: Any) -> Tensor:
    return torch.tensor(list(json.dumps(words).encode()), dtype=torch.uint8)


def _weight(path: Path) -> WeightSource:
    weights = Checkpoint.open(path).weights("")
    assert set(weights) == {"l.weight"}
    return weights["l.weight"]


def _ready(source: WeightSource) -> Tensor:
    return resident(source, Compute.FLOAT32, torch.device("cpu"))


@pytest.fixture
def numbers(generator: torch.Generator) -> Tensor:
    return torch.randn(ROWS, COLUMNS, generator=generator)


@pytest.mark.parametrize("shape", [(), (1,), (ROWS,), (ROWS, 1)])
@pytest.mark.parametrize("name", ["weight_scale", "scale_weight"])
def test_scaled_float8(save: Save, numbers: Tensor, shape: tuple[int, ...], name: str) -> None:
    stored, scale = numbers.to(E4M3), torch.linspace(0.5, 2.0, ROWS)
    given = scale.reshape(shape) if ROWS in shape else scale[0].reshape(shape)
    tensors = {
        "l.weight": stored,
        f"l.{name}": given,
        "l.comfy_quant": _mark(format="float8_e4m3fn"),
        "scaled_fp8": torch.zeros(0, dtype=E4M3),
    }
    source = _weight(save(tensors))
    wanted = stored.float() * (scale[:, None] if ROWS in shape else scale[0])
    assert torch.equal(_ready(source), wanted)
    assert source.shape == (ROWS, COLUMNS)


@pytest.mark.parametrize("dtype", [E4M3, torch.float8_e5m2])
def test_float8_without_scales(save: Save, numbers: Tensor, dtype: torch.dtype) -> None:
    source = _weight(save({"l.weight": numbers.to(dtype)}))
    assert torch.equal(_ready(source), numbers.to(dtype).float())


@pytest.mark.parametrize("shape", [(), (1,), (ROWS,), (ROWS, 1)])
def test_int8(save: Save, numbers: Tensor, shape: tuple[int, ...]) -> None:
    scale = numbers.abs().amax(dim=1) / 127
    given = scale.reshape(shape) if ROWS in shape else scale.max().reshape(shape)
    factor = scale[:, None] if ROWS in shape else scale.max()
    stored = (numbers / factor).round().to(torch.int8)
    marked = {"l.comfy_quant": _mark(format="int8_tensorwise")}
    source = _weight(save({"l.weight": stored, "l.weight_scale": given} | marked))
    assert source.storage == Format.INT8
    assert source.nbytes == stored.nbytes + given.nbytes
    assert torch.equal(_ready(source), stored.float() * factor)
    assert (_ready(source) - numbers).abs().max() <= factor.max() / 2 * 1.001


@pytest.mark.parametrize("rows", [ROWS, 130])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float8_e8m0fnu])
def test_mxfp8(save: Save, generator: torch.Generator, rows: int, kind: torch.dtype) -> None:
    numbers = torch.randn(rows, COLUMNS, generator=generator)
    largest = numbers.view(rows, -1, 32).abs().amax(dim=-1)
    powers = (largest / 448).log2().ceil()
    scale = torch.exp2(powers)
    stored = (numbers.view(rows, -1, 32) / scale[..., None]).view(rows, -1).to(E4M3)
    tiled = tile_scales(powers + 127).to(torch.uint8)
    assert tuple(tiled.shape) == mxfp8_scale_shape(rows, COLUMNS)
    source = _weight(save({"l.weight": stored, "l.weight_scale": tiled.view(kind)}))
    assert source.storage == Format.MXFP8
    wanted = (stored.float().view(rows, -1, 32) * scale[..., None]).view(rows, -1)
    assert torch.equal(_ready(source), wanted)


def test_marks_in_the_header(save: Save, numbers: Tensor) -> None:
    """A layer whose product must not be in float8 loses the scale of its input."""
    layers = {"l": {"format": "float8_e4m3fn", "full_precision_matrix_mult": True}}
    words = {"_quantization_metadata": json.dumps({"format_version": "1.0", "layers": layers})}
    tensors = {
        "l.weight": numbers.to(E4M3),
        "l.weight_scale": torch.tensor(0.5),
        "l.input_scale": torch.tensor(1.0),
    }
    marked, plain = _weight(save(tensors, metadata=words)), _weight(save(tensors, name="plain"))
    assert isinstance(marked, Float8Source)
    assert isinstance(plain, Float8Source)
    assert marked.input_scale is None
    assert plain.input_scale is not None


def test_marks_that_say_nothing_are_left_alone(save: Save, numbers: Tensor) -> None:
    for i, text in enumerate(("{", "[]", '{"layers": 3}', '{"layers": {"l": 3}}', "[" * 10**5)):
        path = save({"l.weight": numbers}, name=str(i), metadata={"_quantization_metadata": text})
        assert torch.equal(_ready(_weight(path)), numbers)


INT8 = {
    "l.weight": torch.ones(ROWS, COLUMNS, dtype=torch.int8),
    "l.weight_scale": torch.ones(ROWS, 1),
}
FLOAT8 = {"l.weight": torch.ones(ROWS, COLUMNS).to(E4M3)}
NVFP4 = {
    "l.weight": torch.ones(ROWS, COLUMNS // 2, dtype=torch.uint8),
    "l.weight_scale": torch.ones(128, 4).to(E4M3),
    "l.weight_scale_2": torch.tensor(1.0),
}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (
            INT8 | {"l.comfy_quant": _mark(format="int8_tensorwise", convrot=True)},
            "convrot.*rotated",
        ),
        (INT8 | {"l.comfy_quant": _mark(format="convrot_w4a4")}, "convrot_w4a4"),
        (INT8 | {"l.comfy_quant": _mark(format=["x"])}, "not known"),
        (INT8 | {"l.comfy_quant": torch.full((9,), 7, dtype=torch.uint8)}, "not known"),
        (INT8 | {"l.comfy_quant": torch.ones(9)}, "F32"),
        (FLOAT8 | {"l.comfy_quant": _mark(format="float8_e4m3fn_blockwise")}, "blockwise"),
        (FLOAT8 | {"l.weight_scale": torch.ones(2, 2)}, "Its scale is F32"),
        (FLOAT8 | {"l.weight_scale": torch.ones(2, 2, dtype=torch.uint8)}, "block scales"),
        (INT8 | {"l.weight_scale": torch.ones(ROWS, 2)}, "Its scale is F32"),
        ({"l.weight": INT8["l.weight"]}, "I8 is not a type"),
        (NVFP4 | {"l.pre_quant_scale": torch.ones(COLUMNS)}, "pre_quant_scale"),
        (
            {
                "l.weight": torch.ones(ROWS, 40).to(E4M3),
                "l.weight_scale": torch.ones(128, 4, dtype=torch.uint8),
            },
            "whole groups of MXFP8",
        ),
    ],
)
def test_refused_by_name(save: Save, tensors: dict[str, Tensor], words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        Checkpoint.open(save(tensors)).weights("")
    assert "l.weight" in caught.value.where
    assert "int8" in caught.value.mend


def test_rotation_in_the_header(save: Save) -> None:
    layers = {"model.diffusion_model.l": {"format": "int8_tensorwise", "convrot": True}}
    words = {"_quantization_metadata": json.dumps({"layers": layers})}
    with pytest.raises(CheckpointError, match="rotated"):
        Checkpoint.open(save(INT8, metadata=words)).weights("")


def test_a_scale_in_another_shard(save: Save, numbers: Tensor) -> None:
    one = save({"l.weight": numbers.to(E4M3)}, name="one")
    two = save({"l.weight_scale": torch.tensor(0.5)}, name="two")
    (source,) = Checkpoint.open(one, two).weights("").values()
    assert torch.equal(_ready(source), numbers.to(E4M3).float() * 0.5)
