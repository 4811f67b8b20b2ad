from __future__ import annotations

import numpy as np
import pytest
import torch
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from torch import Tensor

from reelwright.engine.storage import gguf_source
from reelwright.engine.storage.ggml_blocks import UNPACKERS
from reelwright.engine.storage.gguf_source import GgufSource
from reelwright.engine.storage.weights import Compute, LoraDelta, Slot

SHAPE = (24, 512)


def _source(quantisation: str) -> GgufSource:
    """Random bytes, but scales that are finite numbers of some sixteen sizes."""
    size, nbytes = GGML_QUANT_SIZES[GGMLQuantizationType[quantisation]]
    chance = np.random.default_rng(len(quantisation))
    blocks = chance.integers(0, 256, (SHAPE[0] * SHAPE[1] // size, nbytes), dtype=np.uint8)
    for start in _HALVES[quantisation]:
        numbers = chance.standard_normal((len(blocks), 1)).astype(np.float16)
        blocks[:, start : start + 2] = numbers.view(np.uint8)
    return GgufSource("x", torch.from_numpy(blocks).flatten(), quantisation, SHAPE)


_HALVES = {
    "Q8_0": (0,),
    "Q4_0": (0,),
    "Q4_1": (0, 2),
    "Q5_0": (0,),
    "Q5_1": (0, 2),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q6_K": (208,),
}


def _made(source: GgufSource, *loras: LoraDelta) -> Tensor:
    out = Slot(torch.empty(SHAPE))
    source.materialise(out, Compute.FLOAT32, loras)
    return out.weight


@pytest.mark.parametrize("quantisation", UNPACKERS)
def test_equals_the_librarys_numbers(quantisation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_source, "PART", 1024)  # several parts, the last one whole
    source = _source(quantisation)
    assert not source.on_host
    expected = source.dequantise()
    assert expected.isfinite().all()
    assert expected.std() > 0
    assert torch.equal(_made(source), expected)
    delta = LoraDelta(torch.ones(1, SHAPE[1]), torch.ones(SHAPE[0], 1), 0.5)
    assert torch.equal(_made(source, delta), expected + 0.5)


def test_rare_ones_are_the_librarys_own() -> None:
    assert GgufSource("x", torch.zeros(18, dtype=torch.uint8), "IQ4_NL", (1, 32)).on_host
