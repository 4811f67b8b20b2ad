"""From the generated picture to the delivered one: a crop, or a shrink with black bars; or larger.

The shrink works on linear light, since an average of sRGB codes darkens fine bright detail, with
Pillow's Lanczos on float planes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from reelwright.shapes import GenerationSize, Size

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


def enlarge(pictures: Pictures, size: GenerationSize, target: Size) -> Pictures:
    """Bring pictures to a size beyond the delivered one.

    Lanczos on sRGB codes where they grow, since ringing beside dark edges is seen less there; on
    linear light where they shrink.

    Args:
        pictures: uint8 or uint16 [n, H, W, 3] of the generated size or a whole multiple of it.
        size: Both sizes, and how one becomes the other.
        target: Width and height wanted, in the proportions of the delivered size, pixels.

    Returns:
        [n, H, W, 3] of the target size, same dtype.
    """
    left, top, right, bottom = _scaled(size.crop_box, pictures.shape[2] // size.generated[0])
    kept = pictures[:, top:bottom, left:right]
    whole = GenerationSize(target, size.generated, size.fit)
    left, top, right, bottom = whole.pad_box
    delivered = np.zeros((len(kept), target[1], target[0], 3), pictures.dtype)
    for index, picture in enumerate(kept):
        delivered[index, top:bottom, left:right] = _resized(picture, (right - left, bottom - top))
    return delivered


def _scaled(box: tuple[int, int, int, int], times: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = (side * times for side in box)
    return left, top, right, bottom


def _resized(picture: Pictures, size: Size) -> Pictures:
    from PIL import Image

    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    if width > size[0] or height > size[1]:
        return _shrink(picture, size)
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(picture[..., channel], np.float32)).resize(
                size, Image.Resampling.LANCZOS
            )
        )
        for channel in range(3)
    ]
    codes = np.round(np.stack(planes, axis=-1)).clip(0, np.iinfo(picture.dtype).max)
    return np.asarray(codes.astype(picture.dtype))


def _shrink(picture: Pictures, size: Size) -> Pictures:
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
