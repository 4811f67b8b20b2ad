"""Frame rates as exact fractions: 23.976 is 24000/1001, not 2997/125.

An NTSC rate is recognised from its rounded decimal (23.976, 23.98, 29.97, 59.94, 119.88, ...); any
other number is taken at its decimal value.
"""

from __future__ import annotations

from fractions import Fraction
from math import isfinite

MIN_RATE = 1
MAX_RATE = 240
MAX_DENOMINATOR = 100_000
"""Beyond this the time base of an MP4 (32 bit) overflows within an hour."""

_NTSC = tuple(Fraction(rate * 1000, 1001) for rate in (12, 15, 24, 30, 48, 60, 72, 96, 120, 240))
_MEND = 'Write a number from 1 to 240, or a fraction such as "24000/1001".'


def frame_rate_from_number(value: object) -> Fraction:
    """Read a frame rate.

    Args:
        value: 24, 23.976, "24000/1001", "25", or a Fraction.

    Returns:
        Frames per second, exact.

    Raises:
        ValueError: Not a rate from 1 to 240; its two arguments say what and the mend.
    """
    rate = _fraction(value)
    if rate is None:
        raise ValueError("This is not a frame rate.", _MEND)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError("The frame rate is not from 1 to 240.", _MEND)
    if rate.denominator > MAX_DENOMINATOR:
        raise ValueError("The frame rate has too many digits to be kept exactly.", _MEND)
    return rate


def number_from_frame_rate(rate: Fraction) -> int | float | str:
    """Write a frame rate so that reading it gives the same fraction.

    Returns:
        An int or a float where it is exact (24, 12.5), else text ("24000/1001").
    """
    if rate.denominator == 1:
        return rate.numerator
    if _fraction(float(rate)) == rate and rate not in _NTSC:
        return float(rate)
    return f"{rate.numerator}/{rate.denominator}"


def _fraction(value: object) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Fraction | int):
        return Fraction(value)
    if isinstance(value, float) and isfinite(value):
        return _ntsc(value) or Fraction(repr(value))
    if isinstance(value, str):
        return _fraction_from_text(value)
    return None


def _fraction_from_text(text: str) -> Fraction | None:
    top, slash, bottom = text.strip().partition("/")
    parts = (top, bottom) if slash else (top, "1")
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        return None
    return Fraction(int(parts[0]), int(parts[1])) if int(parts[1]) else None


def _ntsc(value: float) -> Fraction | None:
    for rate in _NTSC:
        if any(round(float(rate), digits) == value for digits in range(2, 16)):
            return rate
    return None
