"""From the generated picture to the delivered one: a crop, or a shrink with black bars.

The shrink works on linear light, since an average of sRGB codes darkens fine bright detail, with
Pillow's Lanczos on float planes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from reelwright.shapes import GenerationSize

Pictures = NDArray[np.uint8 | np.uint16]


def is_unchanged(size: GenerationSize) -> bool:
    """Whether what is generated is delivered as it is."""
    return size.generated == size.delivered


def conform(pictures: Pictures, size: GenerationSize) -> Pictures:
    """Bring pictures to the delivered size.

    Args:
        pictures: uint8 or uint16 [n, H, W, 3] of the generated size.
        size: Both sizes, and how one becomes the other.

    Returns:
        [n, H, W, 3] of the delivered size, same dtype.
    """
    if size.fit == "crop":
        left, top, right, bottom = size.crop_box
        return pictures[:, top:bottom, left:right]
    if is_unchanged(size):
        return pictures
    left, top, right, bottom = size.pad_box
    width, height = size.delivered
    delivered = np.zeros((len(pictures), height, width, 3), pictures.dtype)
    for index, picture in enumerate(pictures):
        delivered[index, top:bottom, left:right] = _shrink(picture, (right - left, bottom - top))
    return delivered


def _shrink(picture: Pictures, size: tuple[int, int]) -> Pictures:
    from PIL import Image

    linear = _linear_light(picture.dtype.str)[picture]
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(linear[..., channel])).resize(
                size, Image.Resampling.LANCZOS
            )
        )
        for channel in range(3)
    ]
    return _to_srgb(np.stack(planes, axis=-1), picture.dtype)


@cache
def _linear_light(dtype: str) -> NDArray[np.float32]:
    """Linear light of every code, sRGB curve."""
    white = np.iinfo(dtype).max
    code = np.arange(white + 1) / white
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear.astype(np.float32))


def _to_srgb(linear: NDArray[np.float32], dtype: np.dtype[np.uint8 | np.uint16]) -> Pictures:
    linear = np.clip(linear, 0.0, 1.0)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(curve * np.iinfo(dtype).max).astype(dtype))
