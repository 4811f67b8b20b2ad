"""What layers of one kind need to know of a sequence: its rotations, and who sees whom."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from reelwright.engine.text.gemma_config import GemmaConfig, GemmaRope, LayerKind

CHUNK = 256
"""Queries that attend at once: 16 heads of 1024 x 1024 scores would be 64 MB in float32."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some queries, the keys that they may see, and which of those each does.

    Attributes:
        queries: From the first to past the last.
        keys: From the first to past the last.
        visible: True where a query sees a key.
    """

    queries: slice
    keys: slice
    visible: Bool[Tensor, "B 1 Q S"]


@dataclass(frozen=True, slots=True)
class SequenceLayout:
    """What layers of one kind need to know of a sequence, made once for all of them.

    Attributes:
        cos: Cosine of each rotation.
        sin: Its sine.
        parts: Who sees whom.
    """

    cos: Float[Tensor, "1 T 1 R"]
    sin: Float[Tensor, "1 T 1 R"]
    parts: tuple[Part, ...]


def sequence_layouts(
    config: GemmaConfig,
    positions: Int[Tensor, " T"],
    like: Float[Tensor, "B T D"],
    valid: Bool[Tensor, "B T"] | None,
) -> dict[LayerKind, SequenceLayout]:
    """Lay a sequence out for every kind of layer.

    Args:
        config: Of the model.
        positions: Of its tokens.
        like: Has the type and the device.
        valid: True for real tokens, False for the padding on their left; None if there is none.
    """
    layouts: dict[LayerKind, SequenceLayout] = {}
    for kind in set(config.layer_types):
        angles = _angles(positions, config.head_dim, config.rope_parameters[kind])
        angles = angles[None, :, None].to(like.device)
        parts = _parts(len(positions), config.window(kind), valid, like.device)
        layouts[kind] = SequenceLayout(angles.cos().to(like), angles.sin().to(like), parts)
    return layouts


def _angles(positions: Int[Tensor, " T"], width: int, rope: GemmaRope) -> Float32[Tensor, "T R"]:
    """The angle of every pair of a head, radians."""
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    frequencies = 1.0 / (rope.rope_theta**exponents) / rope.divisor
    return positions[:, None].float() * frequencies


def rotate_heads(x: Float[Tensor, "B T N K"], layout: SequenceLayout) -> Float[Tensor, "B T N K"]:
    """Turn each number of the first half of a head with its partner in the second."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = layout.cos, layout.sin
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def _parts(
    length: int, window: int | None, valid: Bool[Tensor, "B T"] | None, device: torch.device
) -> tuple[Part, ...]:
    """Cut the queries into chunks, each with the keys that any of its window reaches."""
    places, parts = torch.arange(length, device=device), []
    for start in range(0, length, CHUNK):
        stop = min(start + CHUNK, length)
        first = 0 if window is None else max(0, start - window + 1)
        distance = (places[start:stop, None] - places[first:stop])[None, None]
        visible = distance >= 0
        if window is not None:
            visible &= distance < window
        if valid is not None:
            # Padding sees itself, or its softmax over nothing would be NaN and reach real tokens.
            visible = (visible & valid[:, None, None, first:stop]) | (distance == 0)
        parts.append(Part(slice(start, stop), slice(first, stop), visible))
    return tuple(parts)
