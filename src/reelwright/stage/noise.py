"""A square of smooth noise that tiles the plane, always the same."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

SIDE = 512
_COARSEST = 4
_OCTAVES = 7
_MASK = np.uint64(0xFFFFFFFF)


def noise_tile(seed: int, *, falloff: float = 0.55) -> Float64[np.ndarray, "512 512"]:
    """Noise of many scales, mean 0 and standard deviation 1.

    Args:
        seed: Another seed is another tile.
        falloff: Strength of each octave over the one before.
    """
    total = np.zeros((SIDE, SIDE))
    for octave in range(_OCTAVES):
        total += falloff**octave * _octave(_COARSEST << octave, seed + octave)
    return np.asarray((total - total.mean()) / total.std())


def _octave(cells: int, seed: int) -> NDArray[np.float64]:
    values = hashed(cells, seed)
    place = np.arange(SIDE) * cells / SIDE
    low = place.astype(int)
    share = place - low
    smooth = share**3 * (share * (share * 6 - 15) + 10)
    high = (low + 1) % cells
    rows = values[low] + smooth[:, None] * (values[high] - values[low])
    return np.asarray(rows[:, low] + smooth[None] * (rows[:, high] - rows[:, low]))


def hashed(cells: int, seed: int) -> Float64[np.ndarray, "N N"]:
    """Values in -1..1 by an integer hash: the same on every machine and numpy."""
    row, column = np.meshgrid(*[np.arange(cells, dtype=np.uint64)] * 2, indexing="ij")
    word = (row * np.uint64(0x9E3779B1) + column * np.uint64(0x85EBCA77)) & _MASK
    word = (word + np.uint64(seed * 0x27D4EB2F & 0xFFFFFFFF)) & _MASK
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
        word = ((word ^ (word >> np.uint64(shift))) * np.uint64(factor)) & _MASK
    return np.asarray(word / 2**31 - 1.0)
