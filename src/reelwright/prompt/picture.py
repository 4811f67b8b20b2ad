"""The first picture of a shot, as a language model is given it."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

from reelwright.errors import AssetError

LONG_SIDE = 896
"""What Gemma 3's vision tower reads; larger pictures are made smaller before they are sent."""

MAX_BYTES = 64 << 20
MAX_PIXELS = 100_000_000
_KINDS = ("PNG", "JPEG", "WEBP")
_MEND = "Give a PNG, JPEG or WebP picture."


def data_url(path: Path) -> str:
    """A picture as a `data:` address: PNG, its long side at most 896 pixels.

    Raises:
        AssetError: It is not there, too large, or not a PNG, JPEG or WebP picture.
    """
    return "data:image/png;base64," + base64.b64encode(_small_png(_read(path), path)).decode()


def picture_digest(path: Path) -> str:
    """sha256 of a picture's file.

    Raises:
        AssetError: It cannot be read.
    """
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AssetError(
            f"The picture cannot be read: {error.strerror or error}.", _MEND, where=str(path)
        ) from error
    if len(data) > MAX_BYTES:
        raise AssetError("The picture's file is above 64 MiB.", _MEND, where=str(path))
    return data


def _small_png(data: bytes, path: Path) -> bytes:
    from PIL import Image, ImageOps

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=_KINDS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise AssetError(
                    f"The picture has {image.width}x{image.height} pixels.",
                    "Give one below 100 megapixels.",
                    where=str(path),
                )
            plain = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, *bombs) as error:
        raise AssetError("The picture cannot be decoded.", _MEND, where=str(path)) from error
    plain.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    plain.save(out, format="PNG")
    return out.getvalue()
