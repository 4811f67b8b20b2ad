"""Textures: encoded pictures to arrays, with every way in which a picture can be bad said."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from reelwright.assets.limits import MAX_PICTURE_PIXELS, MAX_TEXTURE_SIDE
from reelwright.errors import AssetError

_MEND = "Open it in a picture editor and save it again as PNG or JPEG."
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TGA", "TIFF")
_BAD_PICTURE = (
    OSError,  # truncated; UnidentifiedImageError is one too
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def decode_picture(data: bytes, where: str) -> UInt8[np.ndarray, "h w 4"]:
    """Decode a texture.

    Args:
        data: PNG, JPEG, WebP, BMP, TGA or TIFF.
        where: The file's name for messages.

    Returns:
        uint8 [h, w, 4], sRGB with alpha; shrunk if a side is above `MAX_TEXTURE_SIDE`.

    Raises:
        AssetError: It does not decode, or is too big.
    """
    picture = _open(data, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            return _as_rgba(picture)
    except _BAD_PICTURE as error:
        raise AssetError("The picture is damaged.", _MEND, where=where) from error


def picture_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height of an encoded picture.

    Raises:
        AssetError: It is no picture, or is too big.
    """
    return _open(data, where).size


def embeddable(data: bytes, where: str) -> tuple[bytes, str]:
    """A picture as glTF takes it: PNG or JPEG as it is, anything else as PNG.

    Returns:
        The encoded picture and its MIME type.

    Raises:
        AssetError: It does not decode, or is too big.
    """
    kind = _open(data, where).format
    if kind in ("PNG", "JPEG"):
        return data, f"image/{kind.lower()}"
    out = io.BytesIO()
    Image.fromarray(decode_picture(data, where)).save(out, "PNG")
    return out.getvalue(), "image/png"


def _open(data: bytes, where: str) -> Image.Image:
    if not data:
        raise AssetError("The picture is empty.", _MEND, where=where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is judged below
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise AssetError("It is no picture that can be read.", _MEND, where=where) from error
    except _BAD_PICTURE as error:
        raise AssetError("The picture is damaged.", _MEND, where=where) from error
    width, height = picture.size
    if width * height > MAX_PICTURE_PIXELS or min(width, height) < 1:
        raise AssetError(
            f"The picture has {width} x {height} pixels.",
            f"Shrink it to at most {MAX_TEXTURE_SIDE} on a side.",
            where=where,
        )
    return picture


def _as_rgba(picture: Image.Image) -> UInt8[np.ndarray, "h w 4"]:
    if picture.mode.startswith("I;16"):  # Pillow would clip 16-bit grey at 255
        wide = np.asarray(picture)
        picture = Image.fromarray((wide >> 8).astype(np.uint8))
    colors = picture.convert("RGBA")
    if max(colors.size) > MAX_TEXTURE_SIDE:
        share = MAX_TEXTURE_SIDE / max(colors.size)
        size = tuple(max(1, round(side * share)) for side in colors.size)
        colors = colors.resize((size[0], size[1]), Image.Resampling.BOX)
    return np.array(colors)
