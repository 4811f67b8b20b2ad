"""The few picture filters that the measures share: Gaussian, gradient, Laplacian.

Plain sums of shifted planes: three times as fast as a one-channel convolution on a CPU, and the
same on every device. Edges repeat their last row and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, exp

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor


def gaussian(plane: Float[Tensor, "H W"], sigma: float) -> Float[Tensor, "H W"]:
    """Blur a plane with a Gaussian of `sigma` pixels."""
    kernel = _gaussian_kernel(sigma)
    radius, (height, width) = len(kernel) // 2, plane.shape
    ends = (plane[:1].expand(radius, -1), plane, plane[-1:].expand(radius, -1))
    tall = torch.cat(ends)
    down = _weighted([tall[k : k + height] for k in range(len(kernel))], kernel)
    ends = (down[:, :1].expand(-1, radius), down, down[:, -1:].expand(-1, radius))
    wide = torch.cat(ends, dim=1)
    return _weighted([wide[:, k : k + width] for k in range(len(kernel))], kernel)


def sobel(plane: Float[Tensor, "H W"]) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Gradient across and down, in levels a pixel (Sobel over 8)."""
    padded = _repeat(plane, 1)
    smooth_down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return (
        (smooth_down[:, 2:] - smooth_down[:, :-2]) / 8,
        (smooth_across[2:] - smooth_across[:-2]) / 8,
    )


def laplacian(plane: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """The four neighbours less four times the pixel."""
    padded = _repeat(plane, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * plane


@lru_cache(maxsize=64)
def _gaussian_kernel(sigma: float) -> tuple[float, ...]:
    radius = max(1, ceil(3 * sigma))
    taps = [exp(-(x * x) / (2 * sigma * sigma)) for x in range(-radius, radius + 1)]
    total = sum(taps)
    return tuple(tap / total for tap in taps)


def _weighted(planes: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = planes[0] * weights[0]
    for plane, weight in zip(planes[1:], weights[1:], strict=True):
        total.add_(plane, alpha=weight)
    return total


def _repeat(plane: Tensor, radius: int) -> Tensor:
    return F.pad(plane[None, None], (radius,) * 4, mode="replicate")[0, 0]
