"""A contact sheet: a film, or any frames, at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reelwright.disk import disk_error
from reelwright.errors import MediaError
from reelwright.frames import Frames
from reelwright.media.atomic import atomic_file
from reelwright.media.color import narrow

_BACKGROUND = (24, 25, 28)
_INK = (226, 227, 230)
_QUIET_INK = (140, 143, 150)
_EDGE = (58, 60, 66)
_MAX_PICTURES = 400


def contact_sheet(
    frames: Frames,
    out: Path,
    *,
    columns: int = 4,
    count: int = 12,
    labels: Sequence[str] | None = None,
    title: str = "",
    width: int = 1280,
) -> Path:
    """Draw frames, evenly spaced from the first to the last, on one dark PNG.

    Args:
        frames: uint8 or uint16 [F, H, W, 3].
        out: The PNG.
        columns: Pictures in a row.
        count: Pictures; no more than there are frames.
        labels: One for each picture shown; its frame number by default.
        title: A line at the top.
        width: Width of the sheet, pixels.

    Returns:
        `out`.

    Raises:
        MediaError: No frames, labels that do not match, or a file that cannot be written.
        ResourceError: The disk is full.
    """
    picked = spread(len(frames), count)
    if not picked:
        raise MediaError("There are no frames to show.", "Give at least one.", where=str(out))
    words = [f"{index}" for index in picked] if labels is None else list(labels)
    if len(words) != len(picked):
        raise MediaError(
            f"{len(words)} labels do not fit {len(picked)} pictures.", "Give one for each."
        )
    sheet = _Sheet(frames.shape[2] / frames.shape[1], len(picked), columns, width, title)
    for place, (index, text) in enumerate(zip(picked, words, strict=True)):
        sheet.paste(place, frames[index], text)
    try:
        with atomic_file(out) as part:
            sheet.image.save(part, "PNG")
    except OSError as error:
        raise disk_error(error, out) from error
    return out


def spread(num_frames: int, count: int) -> list[int]:
    """`count` frame numbers from the first to the last, evenly; fewer if there are fewer."""
    count = max(0, min(count, num_frames, _MAX_PICTURES))
    if count < 2:
        return [0] * count
    return [round(place * (num_frames - 1) / (count - 1)) for place in range(count)]


class _Sheet:
    """Where each picture goes."""

    def __init__(self, aspect: float, count: int, columns: int, width: int, title: str) -> None:
        columns = max(1, min(columns, count))
        self._columns = columns
        self._gap = max(6, width // 80)
        self._cell = max(16, (width - self._gap * (columns + 1)) // columns)
        self._height = max(8, round(self._cell / aspect))
        self._text = max(10, self._cell // 22)
        self._font = ImageFont.load_default(size=self._text)
        self._line = round(self._text * 1.9)
        self._top = self._gap + (round(self._text * 3) if title else 0)
        rows = ceil(count / columns)
        tall = self._top + rows * (self._height + self._line + self._gap)
        self.image = Image.new("RGB", (width, tall), _BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)
        if title:
            font = ImageFont.load_default(size=round(self._text * 1.5))
            self._draw.text((self._gap, self._gap), title, fill=_INK, font=font)

    def paste(self, place: int, picture: NDArray[Any], text: str) -> None:
        row, column = divmod(place, self._columns)
        left = self._gap + column * (self._cell + self._gap)
        top = self._top + row * (self._height + self._line + self._gap)
        shown = narrow(picture) if picture.dtype == np.uint16 else picture
        small = Image.fromarray(np.ascontiguousarray(shown)).resize(
            (self._cell, self._height), Image.Resampling.LANCZOS
        )
        self.image.paste(small, (left, top))
        box = (left - 1, top - 1, left + self._cell, top + self._height)
        self._draw.rectangle(box, outline=_EDGE)
        self._draw.text(
            (left, top + self._height + self._text // 3), text, fill=_QUIET_INK, font=self._font
        )
