"""Luma, and pictures brought to the measured size.

Y is 0 to 255, full range, with BT.709 weights on the gamma-coded values, whatever the picture's
bit depth. Shrinking is by exact area, so grain averages out as it does in the table's figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.errors import QualityError
from reelwright.frames import Frames
from reelwright.quality.grid import Box, MeasureGrid

WEIGHTS = (0.2126, 0.7152, 0.0722)
"""BT.709 luma of red, green, blue."""

_FULL_SCALE = {"uint8": 1.0, "uint16": 255.0 / 65535.0, "float32": 255.0}
_CHUNK = 1


def rgb_tensor(frame: NDArray[Any], device: str = "cpu") -> Float[Tensor, "H W 3"]:
    """A frame as float32 red, green, blue, 0 to 255.

    Raises:
        QualityError: The frame is not an RGB picture of 8 or 16 bit or of float.
    """
    scale = _FULL_SCALE.get(str(frame.dtype))
    if frame.ndim != 3 or frame.shape[2] != 3 or scale is None:
        raise QualityError(
            f"A frame of {frame.dtype} {list(frame.shape)} cannot be measured.",
            "Give RGB frames of uint8, uint16 or float32, [H, W, 3].",
        )
    if frame.dtype == np.uint16:  # torch has few operations on uint16
        frame = frame.astype(np.float32)
    rgb = torch.from_numpy(np.require(frame, requirements=("C", "W"))).to(device).float()
    return rgb if scale == 1.0 else rgb * scale


def measured_luma(
    frame: NDArray[Any], grid: MeasureGrid, device: str = "cpu"
) -> Float[Tensor, "H W"]:
    """Y of a frame on the measuring grid."""
    rgb = _cut(rgb_tensor(frame, device), grid.picture)
    luma = rgb @ rgb.new_tensor(WEIGHTS)
    return area_resize(luma, (grid.width, grid.height))


def measured_rgb(
    frame: NDArray[Any], box: Box, size: tuple[int, int], device: str = "cpu"
) -> Float[Tensor, "H W 3"]:
    """A part of a frame at another size, red, green, blue, 0 to 255."""
    planes = _cut(rgb_tensor(frame, device), box).movedim(-1, 0)
    return torch.stack([area_resize(plane, size) for plane in planes], dim=-1)


def lumas(frames: Frames, grid: MeasureGrid, device: str = "cpu") -> Iterator[Float[Tensor, "H W"]]:
    """Y of every frame on the measuring grid, in order, a few frames held at a time."""
    for chunk in frames.chunks(_CHUNK):
        for frame in chunk:
            yield measured_luma(frame, grid, device)


def area_resize(plane: Float[Tensor, "H W"], size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Shrink a plane; every new pixel is the mean of the area that it covers.

    Args:
        plane: [H, W].
        size: New width and height, not larger than the old.
    """
    width, height = size
    rows = _shrink_rows(plane, height)
    return _shrink_rows(rows.t().contiguous(), width).t().contiguous()


def _shrink_rows(plane: Tensor, count: int) -> Tensor:
    length = plane.shape[0]
    if length == count:
        return plane
    if length % count == 0:
        factor = length // count
        total = plane[::factor].clone()
        for offset in range(1, factor):
            total += plane[offset::factor]
        return total / factor
    taps, weights = _area_taps(length, count)
    total = torch.zeros(count, plane.shape[1], dtype=plane.dtype, device=plane.device)
    for index, weight in zip(taps, weights, strict=True):
        rows = plane.index_select(0, index.to(plane.device))
        total.addcmul_(rows, weight.to(plane.device)[:, None])
    return total


@lru_cache(maxsize=16)
def _area_taps(length: int, count: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Which rows make up each new row, and how much of each."""
    ratio = length / count
    starts = np.arange(count) * ratio
    first = np.floor(starts + 1e-9).astype(np.int64)
    taps, weights = [], []
    for offset in range(int(np.ceil(ratio)) + 1):
        index = first + offset
        covered = np.minimum(starts + ratio, index + 1) - np.maximum(starts, index)
        weight = np.clip(covered, 0, None) / ratio
        if weight.max() > 1e-9:
            taps.append(torch.from_numpy(np.minimum(index, length - 1)))
            weights.append(torch.from_numpy(weight.astype(np.float32)))
    return tuple(taps), tuple(weights)


def _cut(picture: Tensor, box: Box) -> Tensor:
    left, top, right, bottom = box
    return picture[top:bottom, left:right]
