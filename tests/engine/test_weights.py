from __future__ import annotations

import pytest
import torch

from reelwright.engine.storage.nvfp4 import (
    E2M1,
    dequantise_nvfp4,
    padded_scale_shape,
    tile_scales,
    unpack_e2m1,
    untile_scales,
)
from reelwright.engine.storage.weights import (
    Compute,
    Float8Source,
    Format,
    LoraDelta,
    Nvfp4Source,
    PlainSource,
    Slot,
    WeightSource,
)


def _ready(source: WeightSource, compute: Compute, *loras: LoraDelta) -> torch.Tensor:
    slot = Slot(torch.empty(source.shape, dtype=compute.dtype))
    source.materialise(slot, compute, loras)
    return slot.weight


def test_plain_is_a_view_only_where_the_type_agrees() -> None:
    source = PlainSource("w", torch.ones(2, 3, dtype=torch.bfloat16))
    assert source.view(Compute.BFLOAT16) is source.tensor
    assert source.view(Compute.FLOAT32) is None
    assert (source.storage, source.nbytes) == (Format.BFLOAT16, 12)


def test_lora_is_added_in_float32(generator: torch.Generator) -> None:
    weight = torch.randn(6, 4, generator=generator).bfloat16()
    down, up = torch.randn(2, 4, generator=generator), torch.randn(6, 2, generator=generator)
    source = PlainSource("w", weight)
    expected = weight.float() + 0.5 * up @ down
    assert torch.allclose(_ready(source, Compute.FLOAT32, LoraDelta(down, up, 0.5)), expected)
    rounded = _ready(source, Compute.BFLOAT16, LoraDelta(down, up, 0.5))
    assert torch.equal(rounded, expected.bfloat16())


@pytest.mark.parametrize("scale", [torch.tensor(0.25), torch.full((6, 1), 0.25)])
def test_float8_times_scale(scale: torch.Tensor, generator: torch.Generator) -> None:
    data = torch.randn(6, 4, generator=generator).to(torch.float8_e4m3fn)
    source = Float8Source("w", data, scale)
    assert source.view(Compute.FLOAT32) is None
    assert torch.equal(_ready(source, Compute.FLOAT32), data.float() * 0.25)


def test_e2m1_codes_high_nibble_first() -> None:
    packed = torch.tensor([[0x17, 0x9F]], dtype=torch.uint8)
    assert unpack_e2m1(packed).tolist() == [[E2M1[1], E2M1[7], -E2M1[1], -E2M1[7]]]


@pytest.mark.parametrize(("rows", "columns"), [(256, 128), (64, 64), (130, 80), (1, 16)])
def test_scale_tiles_there_and_back(rows: int, columns: int) -> None:
    plain = torch.arange(rows * columns // 16).view(rows, columns // 16).float()
    tiled = tile_scales(plain)
    assert tuple(tiled.shape) == padded_scale_shape(rows, columns)
    assert torch.equal(untile_scales(tiled, rows, columns // 16), plain)


def test_scale_tiles_follow_the_documented_address() -> None:
    rows, groups = 256, 8
    plain = torch.arange(rows * groups).view(rows, groups).float()
    flat = tile_scales(plain).flatten()
    for r, c in [(0, 0), (33, 1), (127, 7), (128, 4), (255, 3)]:
        tile = (r // 128) * (groups // 4) + c // 4
        address = tile * 512 + (r % 32) * 16 + (r % 128) // 32 * 4 + c % 4
        assert flat[address] == plain[r, c]


def test_nvfp4_source() -> None:
    packed = torch.full((4, 16), 0x22, dtype=torch.uint8)  # every value is 1
    scales = tile_scales(torch.tensor([[1.0, 2.0]] * 4)).to(torch.float8_e4m3fn)
    source = Nvfp4Source("w", packed, scales, torch.tensor(0.5))
    assert source.shape == (4, 32)
    expected = torch.tensor([0.5] * 16 + [1.0] * 16).expand(4, -1)
    assert torch.equal(_ready(source, Compute.FLOAT32), expected)
    assert torch.equal(dequantise_nvfp4(packed, scales, torch.tensor(0.5)), expected)
