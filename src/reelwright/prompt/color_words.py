"""The word for a colour: the nearest of a few that models know well."""

from __future__ import annotations

from functools import cache

from reelwright.storyboard.color import linear_from_color

COLORS = {
    "red": "#c42c24",
    "orange": "#e27a24",
    "yellow": "#e6be34",
    "green": "#428a42",
    "teal": "#288c8c",
    "blue": "#305cb2",
    "purple": "#784296",
    "pink": "#de8296",
    "white": "#ececea",
    "grey": "#808284",
    "black": "#1e1e20",
    "brown": "#7a5232",
    "cream": "#e6d6b0",
}
"""A typical sRGB value of each word."""

_LIGHTNESS_SHARE = 0.5
"""Lightness counts half as much as hue and chroma: a dark green is green before it is grey."""

_GREY_CHROMA = 0.03
"""Below this OKLab chroma a colour has no hue that one would name."""

_NEUTRAL = ("white", "grey", "black")


def word_from_color(color: str) -> str:
    """Name a colour.

    Args:
        color: As the storyboard keeps it, `#rrggbb` or a CSS name.

    Returns:
        The nearest of `COLORS` in OKLab.

    Source: Ottosson 2020, A perceptual color space for image processing (OKLab).
    """
    light, a, b = _oklab(color)
    if (a * a + b * b) ** 0.5 < _GREY_CHROMA:
        return "black" if light < 0.35 else "grey" if light < 0.87 else "white"

    def distance(word: str) -> float:
        other_light, other_a, other_b = _oklab(COLORS[word])
        lightness = _LIGHTNESS_SHARE * (light - other_light)
        return lightness**2 + (a - other_a) ** 2 + (b - other_b) ** 2

    return min((word for word in COLORS if word not in _NEUTRAL), key=distance)


@cache
def _oklab(color: str) -> tuple[float, float, float]:
    red, green, blue = linear_from_color(color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
