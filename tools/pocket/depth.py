"""Staged depth as a grey picture: the product's own mapping, for clips in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelwright.frames import ArrayFrames
from reelwright.generate.ltx import depth_control


def depth_range(depth: NDArray[np.float32]) -> tuple[float, float]:
    """Near and far of a shot.

    Args:
        depth: [F, H, W], metres along the view axis; inf is sky.

    Returns:
        Near and far, metres, near below far. (1, 2) where there is only sky.
    """
    return depth_control.depth_range(ArrayFrames(depth))


def depth_to_grey(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth of a whole shot as grey: near is white, far and sky are black.

    Args:
        depth: [F, H, W], metres along the view axis; inf is sky.

    Returns:
        [F, H, W]; 255 at near and nearer, 0 at far, farther and sky.
    """
    return depth_control.depth_grey(depth, *depth_range(depth))
