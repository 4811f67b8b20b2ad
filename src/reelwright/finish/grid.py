"""Blocks of any size in, blocks on a fixed grid out.

A transform that works on windows (an FFT, a mean over 100 ms) gives the same bits for the same
sound only if its windows begin at the same samples. So meters cut what they are given on a grid of
their own, counted from the first sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Grid:
    """Cuts a stream of blocks into pieces of one length.

    Args:
        length: Samples of a piece.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._held: list[NDArray[np.float32]] = []
        self._count = 0

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Take a block [C, n]; give back all whole pieces so far, [C, k * length], or None."""
        self._held.append(block)
        self._count += block.shape[1]
        whole = self._count // self._length * self._length
        if not whole:
            return None
        joined = np.concatenate(self._held, axis=1) if len(self._held) > 1 else self._held[0]
        self._held = [joined[:, whole:].copy()]
        self._count -= whole
        return joined[:, :whole]

    def rest(self) -> NDArray[np.float32] | None:
        """What has not made a whole piece, [C, n], or None."""
        return np.concatenate(self._held, axis=1) if self._count else None
