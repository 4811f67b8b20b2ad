"""Rotary position embedding over several axes, in the two layouts that LTX-2 has.

Frequencies run log-linearly from pi/2 to theta * pi/2; frequency varies slowly, axis fast, and what
does not divide evenly is filled at the front with rotations by nothing. Heads are consecutive parts
of the width, so each head has frequencies of its own. The layouts differ in what is rotated with
what: `split` the two halves of a head, `interleaved` neighbours.

Must agree with the reference to the last bit of the angle: at 15,708 radians a float32 has steps of
a thousandth, so the order of its operations is part of the model.

Source: Su et al. 2021, RoFormer, arXiv:2104.09864.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from reelwright.engine.checkpoints.config import Rope


@dataclass(frozen=True, slots=True)
class RopeTable:
    """The rotations of a sequence, made once for a run.

    Attributes:
        cos: Cosine of each pair's angle, by token, head and pair.
        sin: Its sine.
        layout: Which numbers of a head make a pair.
    """

    cos: Float[Tensor, "B T N R"]
    sin: Float[Tensor, "B T N R"]
    layout: Rope

    def to(self, device: torch.device, dtype: torch.dtype) -> RopeTable:
        """The same rotations in the type that they are applied in."""
        return RopeTable(self.cos.to(device, dtype), self.sin.to(device, dtype), self.layout)

    def pick(self, samples: Tensor | None) -> RopeTable:
        """The rotations of some samples of the batch; None for all."""
        if samples is None or self.cos.shape[0] == 1:
            return self
        return RopeTable(self.cos[samples], self.sin[samples], self.layout)


def rope_frequencies(count: int, theta: float, *, double: bool) -> Float32[Tensor, " {count}"]:
    """The frequencies of one axis, radians.

    Args:
        count: How many.
        theta: Ratio of the last to the first.
        double: Whether they are computed in float64 and then rounded.
    """
    dtype = torch.float64 if double else torch.float32
    steps = torch.linspace(0.0, 1.0, count, dtype=dtype)
    return (torch.pow(torch.tensor(theta, dtype=dtype), steps) * (math.pi / 2)).float()


def rope_table(
    middle: Float32[Tensor, "B A T"],
    *,
    width: int,
    heads: int,
    max_pos: tuple[float, ...],
    theta: float,
    double: bool,
    layout: Rope,
) -> RopeTable:
    """Make the rotations of a sequence.

    Args:
        middle: Position of each token on each axis.
        width: Width that is rotated, over all heads.
        heads: Heads that the width is split into.
        max_pos: Position of each axis that maps to 1; 0 maps to -1.
        theta: Ratio of the highest to the lowest frequency.
        double: Whether frequencies are computed in float64.
        layout: Which numbers make a pair.

    Returns:
        The rotations, float32.
    """
    axes = middle.shape[1]
    frequencies = rope_frequencies(width // (2 * axes), theta, double=double)
    limits = torch.tensor(max_pos, dtype=torch.float32)[:, None]
    fraction = (middle.cpu() / limits) * 2 - 1
    # [B, A, T] x [K] -> [B, T, K, A] -> [B, T, K * A]: frequency slow, axis fast
    angles = (fraction.transpose(1, 2).unsqueeze(-2) * frequencies[:, None]).flatten(-2)
    spare = width // 2 - angles.shape[-1]
    cos = torch.nn.functional.pad(angles.cos(), (spare, 0), value=1.0)
    sin = torch.nn.functional.pad(angles.sin(), (spare, 0), value=0.0)
    shape = (*angles.shape[:2], heads, -1)
    return RopeTable(cos.view(shape), sin.view(shape), layout)


def rotate(x: Float[Tensor, "B T N K"], table: RopeTable) -> Float[Tensor, "B T N K"]:
    """Turn each pair of numbers of each head by its angle.

    Args:
        x: Queries or keys, by head.
        table: Their rotations; a batch of 1 serves every sample.
    """
    if table.layout == "split":
        first, second = x.chunk(2, dim=-1)
        return torch.cat(_turn(first, second, table), dim=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack(_turn(first, second, table), dim=-1).flatten(-2)


def _turn(first: Tensor, second: Tensor, table: RopeTable) -> tuple[Tensor, Tensor]:
    return (
        first * table.cos - second * table.sin,
        second * table.cos + first * table.sin,
    )
