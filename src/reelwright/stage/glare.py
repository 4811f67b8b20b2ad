"""The soft glow about what is brighter than white: a lamp, the sun, its path on the water.

What a picture has over white is averaged down level by level and the levels are added up again,
each smoothly enlarged. An average over an area moves as smoothly as the area does.
"""

from __future__ import annotations

import math

from jaxtyping import Float32
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

WHITE = 1.1
"""Exposed light above this glows."""

_MOST = 10.0
_STRENGTH = 0.2
_WIDEST = 1 / 14  # of the picture's height, about
_GROWTH = 0.8  # of the weight of each level over the one before


def over_white(exposed: Float32[Tensor, "3 N"]) -> Float32[Tensor, "3 N"]:
    """What exposed light has over white, bounded: one glint must not fog the picture."""
    return (exposed - WHITE).clamp(0, _MOST)


def with_glare(
    display: Float32[Tensor, "3 H W"], excess: Float32[Tensor, "3 H W"]
) -> Float32[Tensor, "3 H W"]:
    """Lay the glow of what is over white onto display light, 0..1."""
    height, width = display.shape[1:]
    count = max(2, round(math.log2(max(height * _WIDEST, 4))))
    levels = [excess[None]]
    for _ in range(count):
        level = levels[-1]
        if min(level.shape[2:]) < 2:
            break
        levels.append(avg_pool2d(level, 2, ceil_mode=True, count_include_pad=False))
    glow = levels[-1]
    for level in reversed(levels[1:-1]):
        wider = interpolate(glow, level.shape[2:], mode="bilinear", align_corners=False)
        glow = level + _GROWTH * wider
    glow = interpolate(glow, (height, width), mode="bilinear", align_corners=False)[0]
    glow = glow * (_STRENGTH / len(levels))
    return display + (1 - display) * (glow / (1 + glow))
