"""Text drawn into the picture for people who review it: shot, frame, time code, label.

It is drawn while the film is written, so that no stage has to run again to switch it on or off.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_SHADE = 0.45
_MIN_TEXT = 8


class BurnIn:
    """Draws into one film's pictures.

    Args:
        size: Width and height, pixels.
        frame_rate: Frames per second, for the time code.
        label: What stands at the top left, e.g. `ANIMATIC`; empty for nothing.
    """

    def __init__(self, size: tuple[int, int], frame_rate: Fraction, label: str) -> None:
        self._size = size
        self._frame_rate = frame_rate
        self._label = label
        self._text_height = max(_MIN_TEXT, size[1] // 30)

    def draw(self, picture: NDArray[Any], title: str, shot_frame: int, frame: int) -> NDArray[Any]:
        """A copy of a picture with the text on it.

        Args:
            picture: uint8 or uint16 [H, W, 3].
            title: The shot's name.
            shot_frame: Frame number in the shot.
            frame: Frame number in the film.
        """
        drawn = picture.copy()
        clock = time_code(frame, self._frame_rate)
        if self._label:
            self._place(drawn, self._label, left=True, top=True)
        self._place(drawn, f"{title}  {shot_frame}", left=True, top=False)
        self._place(drawn, clock, left=False, top=False)
        return drawn

    def _place(self, picture: NDArray[Any], text: str, *, left: bool, top: bool) -> None:
        ink = text_mask(text, self._text_height)[: self._size[1], : self._size[0]]
        height, width = ink.shape
        margin = self._text_height // 2
        x = margin if left else self._size[0] - margin - width
        y = margin if top else self._size[1] - margin - height
        x, y = max(0, min(x, self._size[0] - width)), max(0, min(y, self._size[1] - height))
        part = picture[y : y + height, x : x + width]
        white = np.iinfo(picture.dtype).max
        shaded = part * (1 - _SHADE)
        part[:] = np.rint(shaded + (white - shaded) * ink[..., None]).astype(picture.dtype)


def time_code(frame: int, frame_rate: Fraction) -> str:
    """`HH:MM:SS:FF`, non-drop: 24000/1001 counts 24 frames to its second."""
    nominal = max(1, round(frame_rate))
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}:{frames:02d}"


@lru_cache(maxsize=256)
def text_mask(text: str, height: int) -> NDArray[np.float32]:
    """Coverage 0 to 1 [h, w] of a line of text, with a margin round it."""
    font = ImageFont.load_default(size=height)
    bottom = font.getbbox(text + "Ag")[3]
    pad = max(2, height // 3)
    image = Image.new("L", (int(font.getlength(text)) + 2 * pad, int(bottom) + pad))
    ImageDraw.Draw(image).text((pad, pad // 2), text, fill=255, font=font)
    return np.asarray(image, np.float32) / np.float32(255)
