"""Staged depth as a grey picture: what the model is told of the shape of a shot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEAR_PERCENT, _FAR_PERCENT = 1.0, 99.0
_EVERY = 7  # pixels: enough for a percentile, and a prime, so that no column is favoured


def depth_range(depth: NDArray[np.float32]) -> tuple[float, float]:
    """Near and far of a shot: the 1st and 99th percentile of its finite depth, all frames.

    Args:
        depth: [F, H, W], metres along the view axis; inf is sky.

    Returns:
        Near and far, metres, near below far. (1, 2) where there is only sky.
    """
    some = depth.reshape(-1)[::_EVERY]
    finite = some[np.isfinite(some)]
    if not finite.size:
        return 1.0, 2.0
    near, far = (float(v) for v in np.percentile(finite, (_NEAR_PERCENT, _FAR_PERCENT)))
    return near, max(far, near * 1.01)


def depth_to_grey(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth of a whole shot as grey: near is white, far and sky are black.

    Inverse depth between the shot's own near and far, fixed for all its frames, so that the grey
    of a thing changes only when its distance does: clamp((1/d - 1/far) / (1/near - 1/far), 0, 1).

    Args:
        depth: [F, H, W], metres along the view axis; inf is sky.

    Returns:
        [F, H, W]; 255 at near and nearer, 0 at far, farther and sky.
    """
    near, far = depth_range(depth)
    with np.errstate(divide="ignore"):
        share = (1 / depth - 1 / far) / (1 / near - 1 / far)
    return np.asarray(np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)
