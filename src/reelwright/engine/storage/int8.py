"""A weight stored as int8 with one scale, or one per row: weight = data * scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float32, Int8
from torch import Tensor

from reelwright.engine.storage.weights import Compute, Format, LoraDelta, Slot, write


@dataclass(frozen=True, slots=True)
class Int8Source:
    """A weight in int8.

    Attributes:
        name: As its file calls it.
        data: Its numbers, [out, in].
        scale: Scalar, or one per row [out, 1].
    """

    name: str
    data: Int8[Tensor, "O I"]
    scale: Float32[Tensor, " ..."]

    @property
    def storage(self) -> Format:
        """How it is stored."""
        return Format.INT8

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
        write(out, self.data.to(device).float() * self.scale.to(device), loras)
