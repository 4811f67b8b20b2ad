"""Colours: `#rrggbb`, `#rgb` and the CSS names, kept as `#rrggbb` in sRGB."""

from __future__ import annotations

import re

from reelwright.storyboard.words import nearest, shown

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def normal_color(text: str) -> str:
    """Write a colour as `#rrggbb`, lower case.

    Args:
        text: `#rrggbb`, `#rgb` or a CSS name.

    Raises:
        ValueError: Not a colour; its two arguments say what and the mend.
    """
    wanted = text.strip().lower()
    if _HEX.fullmatch(wanted):
        return wanted if len(wanted) == 7 else "#" + "".join(c + c for c in wanted[1:])
    # Pillow's table holds the 148 CSS names; it costs 30 ms to import, so names alone pay for it.
    from PIL import ImageColor

    names = ImageColor.colormap
    if wanted not in names:
        near = nearest(wanted, names)
        hint = f"Did you mean {shown(near)}?" if near else 'Write "#rrggbb" or a CSS colour name.'
        raise ValueError(f"{shown(text)} is not a colour.", hint)
    red, green, blue = ImageColor.getrgb(wanted)[:3]
    return f"#{red:02x}{green:02x}{blue:02x}"


def srgb_from_color(color: str) -> tuple[float, float, float]:
    """Red, green, blue of a colour, sRGB-encoded, 0 to 1."""
    plain = normal_color(color)
    red, green, blue = (int(plain[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def linear_from_color(color: str) -> tuple[float, float, float]:
    """Red, green, blue of a colour as linear light, 0 to 1.

    Source: IEC 61966-2-1 (sRGB).
    """
    red, green, blue = (_linear(value) for value in srgb_from_color(color))
    return red, green, blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
