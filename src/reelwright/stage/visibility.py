"""Which triangle is seen at each sample: a depth buffer without a loop over pixels or triangles.

Positive floats order like their bits, so the nearest fragment is found by a scatter of 32-bit
integers (`amax`), and among equals the lowest triangle. Neither depends on the order in which
threads arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

from reelwright.stage.scanline import Fragments
from reelwright.stage.selection import take, where_true

NOTHING = 2**31 - 1
"""Triangle number of a sample that no triangle covers."""

LAYERS = 4
"""So many see-through surfaces are blended over one another; more are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The nearest surface at each sample.

    Attributes:
        nearness: 0 where there is none.
        triangle: `NOTHING` where there is none.
    """

    nearness: Float32[Tensor, " N"]
    triangle: Int32[Tensor, " N"]


def nearest(pieces: Iterable[Fragments], num_samples: int, device: torch.device) -> Nearest:
    """Keep the nearest fragment of each sample."""
    bits = torch.zeros(num_samples, dtype=torch.int32, device=device)
    triangle = torch.full((num_samples,), NOTHING, dtype=torch.int32, device=device)
    for piece in pieces:
        own = piece.nearness.contiguous().view(torch.int32)
        before = bits.clone()
        bits.scatter_reduce_(0, piece.sample, own, "amax")
        triangle.masked_fill_(bits > before, NOTHING)
        winners = where_true(own == take(bits, piece.sample))
        triangle.scatter_reduce_(
            0, take(piece.sample, winners), take(piece.triangle, winners).int(), "amin"
        )
    return Nearest(bits.view(torch.float32), triangle)


def peeled(
    pieces: Sequence[Fragments], behind: Float32[Tensor, " N"], layers: int = LAYERS
) -> list[Nearest]:
    """See-through surfaces before the solid one, from near to far.

    Args:
        pieces: Fragments of see-through triangles.
        behind: Nearness of the solid surface at each sample, 0 for none.
        layers: At most so many.
    """
    found: list[Nearest] = []
    limit = torch.full_like(behind, torch.inf)
    rest = [_between(piece, behind, limit) for piece in pieces]
    while len(found) < layers:
        rest = [piece for piece in rest if piece.sample.shape[0]]
        if not rest:
            break
        layer = nearest(rest, behind.shape[0], behind.device)
        found.append(layer)
        limit = torch.where(layer.triangle == NOTHING, torch.zeros_like(limit), layer.nearness)
        rest = [_between(piece, behind, limit) for piece in rest]
    return found


def _between(piece: Fragments, behind: Tensor, limit: Tensor) -> Fragments:
    over = piece.nearness > take(behind, piece.sample)
    return piece.at(where_true(over & (piece.nearness < take(limit, piece.sample))))


def filled(triangle: Int32[Tensor, " N"]) -> Int64[Tensor, " M"]:
    """Samples at which there is a triangle."""
    return where_true(triangle != NOTHING)
