"""The slate: what a shot of words alone shows until a model can make it.

A title card in the delivered part of the picture: the shot's id and length, its words, what is to
be heard, what this is, and a thin bar that fills as the shot runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reelwright.frames import FrameKind, FrameWriter
from reelwright.generate.lettering import Lettering, clip_text, lettering, wrap
from reelwright.generate.request import ClipRequest
from reelwright.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SLATE_NOTE = "animatic - no camera or props yet"

Color = tuple[int, int, int]

_BACKGROUND: Color = (23, 24, 27)
_WORDS: Color = (236, 235, 231)
_QUIET: Color = (150, 152, 158)
_ACCENT: Color = (226, 178, 92)
_TRACK: Color = (52, 54, 60)
_CHUNK_FRAMES = 8
_LINE = 1.28  # line height, of the letters' size


@dataclass(frozen=True, slots=True)
class _Page:
    """Where things stand, pixels. `unit` is a pixel of a 720p picture."""

    left: int
    top: int
    right: int
    bottom: int
    unit: float

    @property
    def width(self) -> int:
        return self.right - self.left


def write_slate(request: ClipRequest, target: Path, progress: Progress = NO_PROGRESS) -> None:
    """Draw a shot's slate for all of its generated frames.

    Args:
        request: The shot.
        target: The `.mkv` to write, uint8, of the generated size.
        progress: Told of frames; warned of letters that no font here has.

    Raises:
        ResourceError: The disk is full.
    """
    page = _page(request)
    card = _card(request, page, progress)
    progress.preview(card)
    total = request.frames.generated
    done = 0
    with FrameWriter(target, FrameKind.COLOR8, request.size.generated) as writer:
        for chunk in _frames(card, page, total, request.frames.delivered):
            writer.write(chunk)
            done += len(chunk)
            progress.step(done / total, f"slate frame {done} of {total}")


def _page(request: ClipRequest) -> _Page:
    left, top, right, bottom = request.size.crop_box
    unit = min((right - left) / 800, (bottom - top) / 720)
    margin = round(64 * unit)
    return _Page(left + margin, top + margin, right - margin, bottom - margin, unit)


def _card(request: ClipRequest, page: _Page, progress: Progress) -> NDArray[np.uint8]:
    """The picture without its bar, [H, W, 3]."""
    from PIL import Image, ImageDraw

    letters = lettering(
        request.shot if request.take == 1 else f"{request.shot} · take {request.take}",
        _length_words(request),
        request.prompt or "No words yet.",
        request.sound,
        f"“{request.dialogue.strip()}”" if request.dialogue.strip() else "",
        SLATE_NOTE,
    )
    if letters.lost:
        progress.warn(
            f'Shot "{request.shot}": no font here has the letters {letters.lost[:20]}; the slate '
            "shows boxes for them."
        )
    picture = Image.new("RGB", request.size.generated, _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    head = _draw_head(draw, letters, page)
    foot = _draw_foot(draw, letters, page)
    _draw_words(draw, letters, page, head, foot)
    return np.asarray(picture).copy()


def _draw_head(draw: ImageDraw, letters: Lettering, page: _Page) -> float:
    """Id to the left, length to the right; returns where the space under them begins."""
    name, length = letters.words[:2]
    big, small = letters.font(30 * page.unit), letters.font(20 * page.unit)
    base = page.top + 30 * page.unit
    draw.text((page.right, base), length, _QUIET, small, anchor="rs")
    free = page.width - small.getlength(length) - 32 * page.unit
    draw.text((page.left, base), clip_text(name, big, free), _ACCENT, big, anchor="ls")
    return base + 24 * page.unit


def _draw_foot(draw: ImageDraw, letters: Lettering, page: _Page) -> float:
    """What this is, above the bar; returns where the space above it ends."""
    small = letters.font(20 * page.unit)
    base = page.bottom - 24 * page.unit
    note = clip_text(letters.words[5], small, page.width)
    draw.text((page.left, base), note, _QUIET, small, anchor="ls")
    return base - 44 * page.unit


def _draw_words(
    draw: ImageDraw, letters: Lettering, page: _Page, top: float, bottom: float
) -> None:
    """Prompt, dialogue and sound, as one block in the middle of what is left."""
    _, _, prompt, sound, dialogue, _ = letters.words
    small = letters.font(24 * page.unit)
    asides = [
        line for text in (dialogue, sound) for line in _lines(text, small, page.width, most=2)
    ]
    aside_line = 24 * page.unit * _LINE
    gap = 26 * page.unit if asides else 0.0
    room = bottom - top - gap - len(asides) * aside_line
    size, lines = _fit(prompt, letters, page, room)
    y = top + max(0.0, (room - len(lines) * size * _LINE) / 2)
    for line in lines:
        draw.text((page.left, y), line, _WORDS, letters.font(size), anchor="la")
        y += size * _LINE
    y += gap
    for line in asides:
        draw.text((page.left, y), line, _QUIET, small, anchor="la")
        y += aside_line


def _fit(text: str, letters: Lettering, page: _Page, room: float) -> tuple[float, list[str]]:
    """The largest letters, from 56 to 22 units, in which the words fit; cut where none does."""
    size, lines = 0.0, [""]
    for units in range(56, 20, -2):
        size = units * page.unit
        lines = wrap(text, letters.font(size), page.width)
        few = max(3, 60 // units * 3) * max(1.0, room / page.width)
        if len(lines) * size * _LINE <= room and len(lines) <= few:
            return size, lines
    most = max(1, int(room / (size * _LINE)))
    return size, _lines(text, letters.font(size), page.width, most)


def _lines(text: str, font: FreeTypeFont, width: float, most: int) -> list[str]:
    lines = wrap(text, font, width)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], clip_text(" ".join(lines[most - 1 :]), font, width)]


def _length_words(request: ClipRequest) -> str:
    count = request.frames.delivered
    seconds = float(count / request.frame_rate)
    rate = f"{float(request.frame_rate):.3f}".rstrip("0").rstrip(".")
    return f"{seconds:.2f} s · {count} {'frame' if count == 1 else 'frames'} · {rate} fps"


def _frames(
    card: NDArray[np.uint8], page: _Page, total: int, delivered: int
) -> Iterator[NDArray[np.uint8]]:
    """The card with its bar, [n, H, W, 3]; full at the last frame that is delivered."""
    high = max(2, round(4 * page.unit))
    rows = slice(page.bottom - high, page.bottom)
    for start in range(0, total, _CHUNK_FRAMES):
        count = min(_CHUNK_FRAMES, total - start)
        chunk = np.repeat(card[None], count, axis=0)
        for index in range(count):
            share = min(1.0, (start + index + 1) / delivered)
            chunk[index, rows, page.left : page.right] = _bar(page.width, share)
        yield chunk


def _bar(width: int, share: float) -> NDArray[np.uint8]:
    """One row of the bar, [W, 3]; the column it ends in is filled in part, so that it glides."""
    filled = np.clip(share * width - np.arange(width), 0.0, 1.0)[:, None]
    row = np.array(_TRACK) + filled * (np.array(_ACCENT) - np.array(_TRACK))
    return np.asarray(np.round(row).astype(np.uint8))
