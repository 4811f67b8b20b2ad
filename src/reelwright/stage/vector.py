"""Three-vectors as [3, N] fields.

Plain products and sums, never a matrix product: a BLAS may sum in another order on another
number of threads, and these must not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

Field = Float32[Tensor, "3 N"]
Channel = Float32[Tensor, " N"]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two [3, N] fields, [N]."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Vector product of two [3, N] fields."""
    return torch.stack(
        (
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        )
    )


def unit(a: Tensor) -> Tensor:
    """Scale a [3, N] field to length one; a zero vector stays zero."""
    return a / dot(a, a).clamp_min(1e-30).sqrt()


def turned(matrix: NDArray[np.float64], a: Tensor) -> Tensor:
    """Multiply a [3, N] field by a 3x3 matrix given in float64."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = np.asarray(matrix)[:3, :3].tolist()
    x, y, z = a[0], a[1], a[2]
    return torch.stack(
        (
            m00 * x + m01 * y + m02 * z,
            m10 * x + m11 * y + m12 * z,
            m20 * x + m21 * y + m22 * z,
        )
    )


def moved(matrices: Float32[Tensor, "12 N"], a: Tensor) -> Tensor:
    """Multiply each column of a [3, N] field by its own 3x4 matrix, rows first."""
    m, (x, y, z) = matrices, (a[0], a[1], a[2])
    return torch.stack(
        tuple(m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3] for r in range(3))
    )


def rotated(matrices: Float32[Tensor, "9 N"], a: Tensor) -> Tensor:
    """Multiply each column of a [3, N] field by its own 3x3 matrix, rows first."""
    m, (x, y, z) = matrices, (a[0], a[1], a[2])
    return torch.stack(tuple(m[3 * r] * x + m[3 * r + 1] * y + m[3 * r + 2] * z for r in range(3)))


def on_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """A float32 copy of an array on a device (float64 stays on the CPU: MPS has none)."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)
