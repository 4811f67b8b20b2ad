"""CIE L*a*b* of display-referred pictures, and differences in it.

sRGB primaries and curve, D65 white; dE is Euclidean (CIE76), as in the table's figures.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_XYZ_FROM_RGB = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = (0.95047, 1.0, 1.08883)
_LINEAR_BELOW = (6 / 29) ** 3


def lab_from_rgb(rgb: Float[Tensor, "... 3"]) -> Float[Tensor, "... 3"]:
    """L*a*b* of red, green, blue in 0 to 255."""
    value = (rgb / 255).clamp(0, 1)
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = linear @ rgb.new_tensor(_XYZ_FROM_RGB).t() / rgb.new_tensor(_WHITE)
    curve = torch.where(
        xyz > _LINEAR_BELOW, xyz.clamp(min=1e-9) ** (1 / 3), xyz * (29 / 6) ** 2 / 3 + 4 / 29
    )
    x, y, z = curve.unbind(dim=-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-1)


def delta_e(one: Float[Tensor, "... 3"], other: Float[Tensor, "... 3"]) -> Float[Tensor, ...]:
    """Euclidean difference of two L*a*b* colours."""
    return (one - other).square().sum(dim=-1).sqrt()
