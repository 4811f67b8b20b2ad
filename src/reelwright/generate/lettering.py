"""Letters on slates and burn-ins: a font that has them, or the nearest words to them.

Pillow's built-in font (Aileron) scales and is everywhere, but knows English alone. Words it cannot
write are written in a font of the system that can; on a machine without one, accents are dropped,
and what is left over becomes `_`, which the caller may tell of.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_PLAIN = str.maketrans(dict.fromkeys("\u2013\u2014\u2212", "-") | {"\u2022": "·"})
_BOX = "_"
_NO_SUCH_LETTER = "\U0010fffd"

_SYSTEM_FONTS = (
    # The first that has every letter is taken: Latin, Greek and Cyrillic first, then all others.
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/Helvetica.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/Library/Fonts/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/segoeui.ttf",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/YuGothR.ttc",
    "C:/Windows/Fonts/malgun.ttf",
)


@dataclass(frozen=True, slots=True)
class Lettering:
    """A font that can write some words, and the words as it writes them.

    Attributes:
        words: The words, each on one line, with what cannot be written replaced.
        font_file: A font of the system; None is Pillow's own.
        lost: Letters that no font here has.
    """

    words: tuple[str, ...]
    font_file: str | None = None
    lost: str = ""

    def font(self, size: float) -> FreeTypeFont:
        """The font at a size in pixels."""
        return _font(self.font_file, round(size))


@lru_cache(maxsize=64)
def lettering(*words: str) -> Lettering:
    """Choose one font for all the words of a picture.

    Args:
        words: What will be written; line breaks and runs of spaces become single spaces.

    Returns:
        The font and the words for it.
    """
    plain = tuple(" ".join(text.translate(_PLAIN).split()) for text in words)
    letters = sorted({letter for text in plain for letter in text})
    for file in (None, *_SYSTEM_FONTS):
        if _has(file, letters):
            return Lettering(plain, file)
    return _folded(plain)


def _folded(words: tuple[str, ...]) -> Lettering:
    """The words without accents, in Pillow's font, `_` where that does not help."""
    bare = tuple(
        "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        for text in words
    )
    letters = sorted({letter for text in bare for letter in text})
    lost = "".join(letter for letter in letters if not _has(None, [letter]))
    return Lettering(
        tuple("".join(_BOX if letter in lost else letter for letter in text) for text in bare),
        None,
        lost,
    )


def _has(file: str | None, letters: list[str]) -> bool:
    if file is not None and not Path(file).is_file():
        return False
    try:
        font = _font(file, 20)
        missing = bytes(font.getmask(_NO_SUCH_LETTER))
        return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in letters)
    except OSError:  # a font that cannot be read is a font that has nothing
        return False


@cache
def _font(file: str | None, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    size = max(size, 1)
    if file is not None:
        return ImageFont.truetype(file, size)
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow was built without FreeType")
    return font


def wrap(text: str, font: FreeTypeFont, width: float) -> list[str]:
    """Break a text into lines no wider than `width` pixels, at spaces where there are any.

    Scripts without spaces, and words that are too long, break between letters.
    """
    lines: list[str] = []
    line = ""
    for word in _pieces(text, font, width):
        joined = line + word
        if line and font.getlength(joined.rstrip()) > width:
            lines.append(line.rstrip())
            joined = word.lstrip()
        line = joined
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str, font: FreeTypeFont, width: float) -> list[str]:
    pieces: list[str] = []
    for word in text.split():
        if font.getlength(word) <= width:
            pieces.append(word + " ")
        else:
            pieces += [*word[:-1], word[-1] + " "]
    return pieces


def clip_text(text: str, font: FreeTypeFont, width: float) -> str:
    """Cut a line so that it fits `width` pixels, with an ellipsis where it was cut."""
    if font.getlength(text) <= width:
        return text
    fits = bisect_right(
        range(len(text)), width, key=lambda count: font.getlength(text[:count].rstrip() + "…")
    )
    return text[: max(fits - 1, 0)].rstrip() + "…"
