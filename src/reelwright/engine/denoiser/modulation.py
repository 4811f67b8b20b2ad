"""What a noise level does to the network: scale, shift and gate of every layer.

A level is embedded by a sinusoid and two layers, then spread into rows that modulate tokens.
Tokens may have levels of their own (a kept keyframe is at 0 while the film is at 0.9), but a
sequence has few distinct ones: rows are computed once per distinct level and looked up per token,
which is the same numbers at a small part of the cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn
from torch.nn.functional import silu

SINUSOIDS = 256
"""Width of a level's sinusoidal embedding."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The noise levels of a sequence: the distinct ones, and which token has which.

    Attributes:
        values: Distinct levels of each sample, in [0, 1]; a sample with fewer repeats one.
        index: For each token, the place of its level in `values` flattened over the batch; None
            where all tokens of a sample have the same.
    """

    values: Float32[Tensor, "B U"]
    index: Int[Tensor, "B T"] | None

    @classmethod
    def of(cls, levels: Float32[Tensor, "B T"]) -> Levels:
        """Find the distinct levels of a sequence, given per token."""
        samples = [row.unique(return_inverse=True) for row in levels]
        most = max(values.numel() for values, _ in samples)
        padded = [values[torch.arange(most).clamp(max=len(values) - 1)] for values, _ in samples]
        values = torch.stack(padded)
        if most == 1:
            return cls(values, None)
        index = torch.stack([place + most * i for i, (_, place) in enumerate(samples)])
        return cls(values, index)

    def to(self, device: torch.device) -> Levels:
        """The same levels on another device."""
        index = None if self.index is None else self.index.to(device)
        return Levels(self.values.to(device), index)

    def times(self, sigma: Float32[Tensor, " #B"] | float) -> Levels:
        """The same tokens with every level multiplied, per sample: a mask becomes levels."""
        factor = sigma[:, None] if isinstance(sigma, Tensor) else sigma
        return Levels(self.values * factor, self.index)


def spread(
    rows: Float[Tensor, "B U D"], index: Int[Tensor, "B T"] | None
) -> Float[Tensor, "B _ D"]:
    """Look up each token's row.

    Returns:
        A row per token, or the one row of a sample, to be broadcast.
    """
    return rows if index is None else rows.flatten(0, 1)[index]


def sinusoid(level: Float32[Tensor, " ..."]) -> Float32[Tensor, "... 256"]:
    """Embed a scaled level: cosines first, then sines, frequencies from 1 to 1/10000.

    Args:
        level: A noise level times the model's scale, e.g. 725 for 0.725.
    """
    half = SINUSOIDS // 2
    exponents = torch.arange(half, dtype=torch.float32, device=level.device) / half
    angles = level.unsqueeze(-1) * torch.exp(-math.log(10000.0) * exponents)
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


def modulate(
    x: Float[Tensor, "B T D"],
    scale: Float[Tensor, "B _ D"],
    shift: Float[Tensor, "B _ D"],
) -> Float[Tensor, "B T D"]:
    """`x * (1 + scale) + shift`."""
    return torch.addcmul(shift, x, 1 + scale)


class TimestepEmbedder(nn.Module):
    """Embeds a scaled noise level in two layers.

    Args:
        width: Of the embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(SINUSOIDS, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, level: Float32[Tensor, " *L"]) -> Float[Tensor, "*L D"]:
        """Embed levels, in the weights' type."""
        waves = sinusoid(level).to(self.linear_1.weight.dtype)
        return self.linear_2(silu(self.linear_1(waves)))  # type: ignore[no-any-return]


class AdaLN(nn.Module):
    """Turns noise levels into rows of modulation.

    Args:
        width: Of the stream that is modulated.
        rows: How many.
    """

    def __init__(self, width: int, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.embedder = TimestepEmbedder(width)
        self.linear = nn.Linear(width, rows * width)

    def forward(
        self, level: Float32[Tensor, "B U"]
    ) -> tuple[Float[Tensor, "B U R D"], Float[Tensor, "B U D"]]:
        """Make the rows of each level.

        Args:
            level: Noise levels times the model's scale.

        Returns:
            The rows, and the embedding itself, which the output head modulates with.
        """
        embedded = self.embedder(level)
        return self.linear(silu(embedded)).view(*level.shape, self.rows, -1), embedded
