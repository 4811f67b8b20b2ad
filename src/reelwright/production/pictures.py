"""A person's pictures as keyframes: brought to the size that is generated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelwright.disk import disk_error
from reelwright.errors import AssetError
from reelwright.shapes import GenerationSize, Size

if TYPE_CHECKING:
    from PIL.Image import Image


def check_picture(path: Path, name: str) -> list[str]:
    """Open a picture and decode it.

    Raises:
        AssetError: It is no picture.
    """
    _open(path, name)
    return []


def fit_picture(path: Path, name: str, size: GenerationSize, target: Path) -> None:
    """Write a picture as a PNG of the generated size.

    It covers the part that is delivered, its middle kept; what is generated beyond that shows more
    of it, or its edge again where there is no more.

    Args:
        path: The picture.
        name: As the storyboard has it.
        size: Of the shot.
        target: The PNG.

    Raises:
        AssetError: It is no picture.
        ResourceError: The disk is full.
    """
    from PIL import Image

    picture = _covering(_open(path, name), size.framed)
    width, height = size.generated
    pixels = _middle(np.asarray(picture), (width, height))
    try:
        Image.fromarray(pixels).save(target, format="PNG")
    except OSError as error:
        raise disk_error(error, target) from error


def _open(path: Path, name: str) -> Image:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AssetError(
            f"This picture cannot be read: {error}.",
            "Check that it opens elsewhere; save it as PNG or JPEG.",
            where=name,
        ) from error


def _covering(picture: Image, size: Size) -> Image:
    """The picture scaled so that it just covers a size."""
    from PIL import Image

    scale = max(side / own for side, own in zip(size, picture.size, strict=True))
    scaled = tuple(
        max(side, round(own * scale)) for side, own in zip(size, picture.size, strict=True)
    )
    return picture.resize((scaled[0], scaled[1]), Image.Resampling.LANCZOS)


def _middle(pixels: np.ndarray, size: Size) -> np.ndarray:
    """The middle of a picture at a size; its edge again where it is smaller."""
    for axis, side in ((1, size[0]), (0, size[1])):
        have = pixels.shape[axis]
        if have >= side:
            start = (have - side) // 2
            pixels = pixels.take(range(start, start + side), axis=axis)
        else:
            before = (side - have) // 2
            margins = [(0, 0)] * 3
            margins[axis] = (before, side - have - before)
            pixels = np.pad(pixels, margins, mode="edge")
    return np.ascontiguousarray(pixels)
