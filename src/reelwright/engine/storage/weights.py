"""Where a weight comes from and what it becomes: storage apart from compute.

What a weight is stored as and what its product runs in are two choices. A `WeightSource` knows the
first and makes the second on demand, into a slot that the caller owns, with LoRAs added on the way.
On the CPU nothing is copied where the stored type is the compute type and no LoRA applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from reelwright.engine.storage.nvfp4 import dequantise_nvfp4


class Format(StrEnum):
    """How a weight is stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT8 = "float8_e4m3"
    FLOAT8_E5M2 = "float8_e5m2"
    INT8 = "int8"
    MXFP8 = "mxfp8"
    NVFP4 = "nvfp4"
    GGUF = "gguf"


class Compute(StrEnum):
    """What a product runs in."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"

    @property
    def dtype(self) -> torch.dtype:
        """Torch's element type of it."""
        return _DTYPES[self]


_DTYPES = {
    Compute.FLOAT32: torch.float32,
    Compute.FLOAT16: torch.float16,
    Compute.BFLOAT16: torch.bfloat16,
}

PLAIN_FORMATS = {
    torch.float32: Format.FLOAT32,
    torch.float16: Format.FLOAT16,
    torch.bfloat16: Format.BFLOAT16,
    torch.float8_e4m3fn: Format.FLOAT8,
    torch.float8_e5m2: Format.FLOAT8_E5M2,
}
"""Element types that a weight may be stored in without scales."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory that a weight is made ready in.

    Attributes:
        weight: Of the compute type, on the device of the product.
    """

    weight: Tensor


@dataclass(frozen=True, slots=True)
class LoraDelta:
    """One low-rank change to one weight: `strength * up @ down`.

    Attributes:
        down: LoRA's A, [rank, in].
        up: LoRA's B, [out, rank].
        strength: Factor; 0 changes nothing.
    """

    down: Float[Tensor, "R I"]
    up: Float[Tensor, "O R"]
    strength: float

    def dense(self, device: torch.device) -> Float32[Tensor, "O I"]:
        """The change as a matrix, in float32."""
        up, down = self.up.to(device, torch.float32), self.down.to(device, torch.float32)
        return (up * self.strength) @ down


@runtime_checkable
class WeightSource(Protocol):
    """A weight at rest.

    Attributes:
        name: As its file calls it.
        storage: How it is stored.
        shape: Of the weight, not of its packed storage.
        nbytes: Bytes at rest, scales included.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - documented as an attribute

    @property
    def storage(self) -> Format: ...  # noqa: D102

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def nbytes(self) -> int: ...  # noqa: D102

    def view(self, compute: Compute) -> Tensor | None:
        """The stored tensor itself where it needs no change for `compute`, else None."""
        ...

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`.

        Args:
            out: Where to; the weight's shape, of the compute type, on any device.
            compute: What the product runs in.
            loras: Changes to add, in order.
        """
        ...


def write(out: Slot, weight: Float[Tensor, " ..."], loras: Sequence[LoraDelta]) -> None:
    """Write a dequantised weight and its LoRAs into a slot.

    The sum is taken in float32 and rounded once, to the slot's type.
    """
    if loras:
        weight = weight.to(out.weight.device, torch.float32)
        weight = weight + sum(lora.dense(weight.device) for lora in loras)
    out.weight.copy_(weight)


@dataclass(frozen=True, slots=True)
class PlainSource:
    """A weight stored as its own numbers.

    Attributes:
        name: As its file calls it.
        tensor: A view of the file.
    """

    name: str
    tensor: Tensor

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return PLAIN_FORMATS[self.tensor.dtype]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self.tensor.shape)

    @property
    def nbytes(self) -> int:
        """Bytes at rest."""
        return self.tensor.nbytes

    def view(self, compute: Compute) -> Tensor | None:
        """The stored tensor where its type is the compute type."""
        return self.tensor if self.tensor.dtype == compute.dtype else None

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`."""
        write(out, self.tensor, loras)


@dataclass(frozen=True, slots=True)
class Float8Source:
    """A weight stored as float8 with one scale: weight = data * scale.

    Attributes:
        name: As its file calls it.
        data: F8_E4M3 or F8_E5M2, [out, in].
        scale: Scalar, or one per row [out, 1].
        input_scale: Scale of the activations for a product in float8; None if the file has none.
    """

    name: str
    data: Tensor
    scale: Tensor
    input_scale: Tensor | None = None

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return PLAIN_FORMATS[self.data.dtype]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self.data.shape)

    @property
    def nbytes(self) -> int:
        """Bytes at rest, scales included."""
        return self.data.nbytes + self.scale.nbytes

    def view(self, compute: Compute) -> Tensor | None:
        """None: it always has to be dequantised."""
        return None

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`."""
        device = out.weight.device
        write(out, self.data.to(device).float() * self.scale.to(device).float(), loras)


@dataclass(frozen=True, slots=True)
class Nvfp4Source:
    """A weight stored as NVFP4: two 4-bit floats a byte, a scale per 16 inputs, one for all.

    Attributes:
        name: As its file calls it.
        packed: U8, [out, in / 2].
        block_scale: F8_E4M3 in 128x4 tiles, padded.
        tensor_scale: F32 scalar.
    """

    name: str
    packed: Tensor
    block_scale: Tensor
    tensor_scale: Tensor

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return Format.NVFP4

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        rows, half = self.packed.shape
        return (rows, 2 * half)

    @property
    def nbytes(self) -> int:
        """Bytes at rest, scales included."""
        return self.packed.nbytes + self.block_scale.nbytes + self.tensor_scale.nbytes

    def view(self, compute: Compute) -> Tensor | None:
        """None: it always has to be dequantised."""
        return None

    def materialise(self, out: Slot, compute: Compute, loras: Sequence[LoraDelta]) -> None:
        """Write the weight, with its LoRAs, into `out`."""
        device = out.weight.device
        parts = (part.to(device) for part in (self.packed, self.block_scale, self.tensor_scale))
        write(out, dequantise_nvfp4(*parts), loras)
