"""Colours of vertices: sRGB as files have them, to linear light."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray


def linear_vertex_colors(srgb: NDArray[Any]) -> Float32[np.ndarray, "V 4"]:
    """Linear colours with opacity, from sRGB values 0..1 of three or four columns.

    Source: IEC 61966-2-1.
    """
    values = np.clip(np.asarray(srgb, np.float64), 0.0, 1.0)
    out = np.ones((len(values), 4), np.float32)
    colors = values[:, :3]
    curve = ((colors + 0.055) / 1.055) ** 2.4
    out[:, :3] = np.where(colors <= 0.04045, colors / 12.92, curve)
    out[:, 3:] = values[:, 3:4] if values.shape[1] == 4 else 1.0
    return out
