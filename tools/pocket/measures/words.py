"""Whether pictures follow their captions: a word of colour or of shape is changed.

Colours are told in CIELAB by hue. Colours of words alone: where two pictures of the same noise and
of captions that differ in one word differ most. Colours with staged depth: in the staged thing.
Shapes: by the silhouette of what has the caption's colour, see `silhouettes`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import torch
from tools.pocket.clips import Clip
from tools.pocket.words import COLORS, SHAPE_WORDS
from torch import Tensor

from reelwright.quality.lab import lab_from_rgb

ASKED = ("red", "yellow", "green", "blue", "purple")
"""Colours that are asked for: those whose hues are apart."""

PLAIN = ("red", "green", "purple", "yellow")
"""Colours that shapes are asked for in: none that a sky or a sea has."""

SHAPES = ("sphere", "box", "cone", "torus")
"""Shapes that are asked for; a cylinder's silhouette is a box's."""

DIFFERENT = 0.1
"""Share of the pixels that are looked at, where two pictures differ most."""

LEAST_SHARE = 0.02
"""Share of the picture that a thing fills, to be looked at."""

GRAY = 6.0
"""Chroma below which a colour has no hue."""

_PLACES = (
    "on the plain floor, the camera is still, clear daylight",
    "on the floor, static shot, in studio light",
    "on the sand, the camera is still, an overcast sky",
    "on the ground, slow dolly in, midday sun",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A caption with a place for a colour and one for a shape.

    Attributes:
        number: Which; also the seed of its noise.
        place: The end of the caption.
    """

    number: int
    place: str

    @classmethod
    def of(cls, number: int) -> Asked:
        """The so-manieth."""
        return cls(number, _PLACES[number % len(_PLACES)])

    def caption(self, color: str, shape: str) -> str:
        """Its words with these two."""
        return f"a big {color} {SHAPE_WORDS[shape][0]} {self.place}"

    def colors(self) -> tuple[str, str]:
        """Two colours to be told apart."""
        rng = np.random.default_rng([self.number, 31])
        one, other = rng.choice(len(ASKED), 2, replace=False)
        return ASKED[int(one)], ASKED[int(other)]

    def shape(self) -> str:
        """A shape."""
        return SHAPES[self.number % len(SHAPES)]

    def color(self) -> str:
        """A colour that shapes are told by."""
        return PLAIN[self.number // len(SHAPES) % len(PLAIN)]


def lab(pixels: Tensor) -> Tensor:
    """CIELAB [3, ...] of pixels [3, ...] in [-1, 1]."""
    levels = ((pixels.clamp(-1, 1) + 1) * 127.5).movedim(0, -1)
    return lab_from_rgb(levels).movedim(-1, 0)


def lab_of_word(color: str) -> Tensor:
    """CIELAB [3] of a colour word."""
    return lab(torch.tensor(COLORS[color]).float() / 127.5 - 1)


def nearest_word(color: Tensor, words: tuple[str, ...] = ASKED) -> str:
    """The word whose hue is nearest; empty for a grey.

    Args:
        color: CIELAB [3].
        words: Those that it may be.
    """
    if math.hypot(float(color[1]), float(color[2])) < GRAY:
        return ""
    return min(words, key=lambda word: _hue_apart(color, lab_of_word(word)))


def color_of(pixels: Tensor, own: Tensor) -> Tensor:
    """Mean CIELAB [3] of some pixels.

    Args:
        pixels: [3, F, H, W] in [-1, 1].
        own: Which [F, H, W].
    """
    return lab(pixels[:, own]).mean(1)


def both_followed(one: Tensor, other: Tensor, words: tuple[str, str]) -> bool:
    """Whether two pictures of captions that differ in a colour differ as the words do.

    Where they differ most, the mean colour of each must be nearer to its own word's than to the
    other's, in the plane of CIELAB without lightness. By chance that is one in four.

    Args:
        one: Pixels [3, F, H, W].
        other: The same of the other caption.
        words: Colour of the one and of the other.
    """
    apart = (one - other).square().sum(0)
    count = max(1, int(DIFFERENT * apart.numel()))
    least = apart.flatten().topk(count).values[-1]
    own = apart >= least
    means = [color_of(picture, own)[1:] for picture in (one, other)]
    wanted = [lab_of_word(word)[1:] for word in words]
    nearer = [
        float((means[i] - wanted[i]).norm()) < float((means[i] - wanted[1 - i]).norm())
        for i in (0, 1)
    ]
    return all(nearer)


def reworded(caption: str, color: str, other: str) -> str | None:
    """A caption with another colour; None where the word is not there exactly once."""
    changed, count = re.subn(rf"\b{color}\b", other, caption)
    return changed if count == 1 else None


def _hue_apart(one: Tensor, other: Tensor) -> float:
    angles = [math.atan2(float(c[2]), float(c[1])) for c in (one, other)]
    return abs(math.remainder(angles[0] - angles[1], 2 * math.pi))


def recolored(clip: Clip, seed: int) -> tuple[int, str, str, str] | None:
    """A caption of a staged clip in which a thing has another colour.

    Args:
        clip: With its mask.
        seed: Draws the colour.

    Returns:
        Number of the thing, its colour, the caption and the new colour; None where no plain thing
        of a colour that is asked for is large and named.
    """
    assert clip.mask is not None
    for number, thing in enumerate(clip.facts["scene"]["objects"]):
        share = float((clip.mask == number + 1).float().mean())
        if thing["texture"] not in ("plain", "shaded") or thing["color"] not in ASKED:
            continue
        others = [color for color in ASKED if color != thing["color"]]
        word = others[seed // 20 % len(others)]
        caption = reworded(str(clip.facts["captions"][0]), thing["color"], word)
        if share > LEAST_SHARE and caption is not None:
            return number, str(thing["color"]), caption, word
    return None
