"""Burn-in: a strip at the bottom of the picture that says which shot, when, through which lens.

For review copies: everybody can name the frame that they mean. Timecode counts the film's frames
at the nearest whole rate (non-drop).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reelwright.generate.lettering import clip_text, lettering

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_HEIGHT = 0.046  # of the shorter side of the picture
_SMALLEST = 14
_DARKEN = 0.35
_WHITE = 0.92


@dataclass(frozen=True, slots=True)
class BurnIn:
    """What the strip says.

    Attributes:
        shot: The shot's id.
        first_frame: The film's frame at which the shot begins.
        frame_rate: Frames per second.
        lens_mm: Focal length in every frame of the shot; empty: not said.
        label: What the clip is, e.g. `ANIMATIC`.
    """

    shot: str
    first_frame: int
    frame_rate: Fraction
    lens_mm: Sequence[float] = ()
    label: str = "ANIMATIC"


def timecode(frame: int, frame_rate: Fraction) -> str:
    """HH:MM:SS:FF of a frame, non-drop."""
    rate = max(1, round(frame_rate))
    seconds, frames = divmod(frame, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{frames:02d}"


def burn_in(pictures: NDArray[Any], first: int, words: BurnIn) -> NDArray[Any]:
    """Draw the strip.

    Args:
        pictures: uint8 or uint16 [n, H, W, 3].
        first: Frame of the shot that the first picture is.
        words: What the strip says.

    Returns:
        New pictures, same shape and dtype.
    """
    drawn = pictures.copy()
    height, width = pictures.shape[1:3]
    high = min(height, max(_SMALLEST, round(_HEIGHT * min(height, width))))
    white = float(np.iinfo(pictures.dtype).max)
    for index, picture in enumerate(drawn):
        strip = picture[height - high :]
        ink = _strip(width, high, first + index, words)[..., None]
        shade = strip.astype(np.float32) * np.float32(_DARKEN)
        shade += ink * (np.float32(_WHITE * white) - shade)
        strip[...] = np.round(shade).astype(pictures.dtype)
    return drawn


def _strip(width: int, high: int, frame: int, words: BurnIn) -> NDArray[np.float32]:
    """How much ink there is, 0 to 1, [high, width]."""
    from PIL import Image, ImageDraw

    lens = f"{words.lens_mm[frame]:g} mm   " if frame < len(words.lens_mm) else ""
    letters = lettering(words.shot, words.label)
    font = letters.font(high * 0.62)
    strip = Image.new("L", (width, high), 0)
    draw = ImageDraw.Draw(strip)
    margin, base = high * 0.6, high * 0.72
    side = max(0.0, (width - 11 * _digit_width(font)) / 2 - 2 * margin)
    draw.text((margin, base), clip_text(letters.words[0], font, side), 255, font, anchor="ls")
    right = lens + letters.words[1]
    if font.getlength(right) > side:  # a narrow picture keeps what it is before the lens
        right = clip_text(letters.words[1], font, side)
    draw.text((width - margin, base), right, 255, font, anchor="rs")
    _draw_timecode(
        draw, timecode(words.first_frame + frame, words.frame_rate), font, (width / 2, base)
    )
    return np.asarray(strip, np.float32) / np.float32(255)


def _draw_timecode(
    draw: ImageDraw, code: str, font: FreeTypeFont, center: tuple[float, float]
) -> None:
    """Digits on a grid, so that they do not dance."""
    cell = _digit_width(font)
    left = center[0] - cell * len(code) / 2
    for index, letter in enumerate(code):
        draw.text((left + (index + 0.5) * cell, center[1]), letter, 255, font, anchor="ms")


def _digit_width(font: FreeTypeFont) -> float:
    return max(font.getlength(digit) for digit in "0123456789")
