"""A weight stored in one of GGUF's quantisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from jaxtyping import Float32, UInt8
from torch import Tensor

from reelwright.engine.storage.ggml_blocks import UNPACKERS
from reelwright.engine.storage.weights import Compute, Format, LoraDelta, Slot, write

PART = 2**22
"""Numbers unpacked at a time: 16 MiB in float32."""


@cache
def is_readable(quantisation: str) -> bool:
    """Whether weights of a quantisation can be made ready."""
    try:
        kind = GGMLQuantizationType[quantisation]
        dequantize(np.zeros((1, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8), kind)
    except (KeyError, NotImplementedError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class GgufSource:
    """A weight in blocks, each with scales of its own.

    The common quantisations are unpacked by torch where their bytes lie, without LoRAs a part at a
    time, so that no float32 copy is ever whole; rare ones by the gguf library, on the CPU.

    Attributes:
        name: As its file calls it.
        data: Its bytes.
        quantisation: Name of the scheme, e.g. `Q4_K`.
        shape: Of the weight.
    """

    name: str
    data: UInt8[Tensor, " N"]
    quantisation: str
    shape: tuple[int, ...]

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return Format.GGUF

    @property
    def nbytes(self) -> int:
        """Bytes at rest, scales included."""
        return self.data.nbytes

    @property
    def on_host(self) -> bool:
        """Whether it is unpacked on the CPU, wherever its slot is."""
        return self.quantisation not in UNPACKERS

    def view(self, compute: Compute) -> Tensor | None:
        """None: it always has to be dequantised."""
        return None

    def dequantise(self) -> Float32[Tensor, ...]:
        """The weight in float32, on the CPU."""
        kind = GGMLQuantizationType[self.quantisation]
        blocks = self.data.numpy().reshape(-1, GGML_QUANT_SIZES[kind][1])
        return torch.from_numpy(dequantize(blocks, kind)).view(self.shape)

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`."""
        if self.on_host:
            write(out, self.dequantise(), loras)
            return
        size, nbytes = GGML_QUANT_SIZES[GGMLQuantizationType[self.quantisation]]
        blocks, unpack = self.data.view(-1, nbytes), UNPACKERS[self.quantisation]
        if loras:
            write(out, unpack(blocks).view(self.shape), loras)
            return
        flat = out.weight.view(-1, size)
        for start in range(0, blocks.shape[0], PART // size):
            part = slice(start, start + PART // size)
            flat[part].copy_(unpack(blocks[part]))
