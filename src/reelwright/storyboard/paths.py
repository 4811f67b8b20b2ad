"""Easing, and values keyed in time.

Every part of a keyed value (x, y, z; each angle) is interpolated by itself. Angles too: a person
writes `turn_deg = [0, 0, 720]` and means two turns, which a slerp between rotations cannot tell
from none.

`smooth` is a cubic Hermite with the tangents of Fritsch and Carlson: it passes through the keys
without stopping, is continuous in speed, starts and ends at rest, and never leaves the range of
the two keys it is between (a ball keyed onto the ground does not sink into it, as it would on a
Catmull-Rom spline). Where an ease other than `smooth` joins, motion rests.

Pure arithmetic on floats, so that it is quick for a single frame and the same everywhere.

Source: Fritsch & Carlson 1980, Monotone Piecewise Cubic Interpolation, with the weighted harmonic
mean of Fritsch & Butland 1984.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Value = tuple[float, ...]


class Key(Protocol):
    """Something at a time, and how it goes on from there."""

    @property
    def t_s(self) -> float:
        """Time, seconds."""

    @property
    def ease(self) -> str:
        """How it goes to the next key."""


K = TypeVar("K", bound=Key)


def eased(ease: str, u: float) -> float:
    """Progress of a move at a share of its time.

    Args:
        ease: linear, in, out, in-out (or smooth), hold.
        u: Share of the time; held to 0..1.

    Returns:
        Share of the way, 0 to 1.
    """
    u = min(1.0, max(0.0, u))
    if ease == "linear":
        return u
    if ease == "in":
        return u * u
    if ease == "out":
        return u * (2.0 - u)
    if ease == "hold":
        return 1.0 if u >= 1.0 else 0.0
    return u * u * (3.0 - 2.0 * u)


def value_at(keys: Sequence[K], read: Callable[[K], Value | None], time_s: float) -> Value | None:
    """A keyed value at a time; held before the first key that has it and after the last.

    Args:
        keys: Keys in order of time.
        read: The value of a key, or None where the key does not speak of it.
        time_s: Time, seconds.

    Returns:
        The value, or None if no key has it.
    """
    index = bisect_right(keys, time_s, key=lambda key: key.t_s)
    before = _knots(keys, read, range(index - 1, -1, -1))
    after = _knots(keys, read, range(index, len(keys)))
    if not before or not after:
        nearest = before or after
        return nearest[0].value if nearest else None
    return _between(before, after, time_s)


@dataclass(frozen=True, slots=True)
class _Knot:
    t_s: float
    value: Value
    ease: str


def _knots(keys: Sequence[K], read: Callable[[K], Value | None], indices: range) -> list[_Knot]:
    """The nearest two keys that have the value, nearest first."""
    found: list[_Knot] = []
    for index in indices:
        value = read(keys[index])
        if value is not None:
            found.append(_Knot(keys[index].t_s, value, keys[index].ease))
        if len(found) == 2:
            break
    return found


def _between(before: list[_Knot], after: list[_Knot], time_s: float) -> Value:
    start, end = before[0], after[0]
    u = (time_s - start.t_s) / (end.t_s - start.t_s)
    pairs = zip(start.value, end.value, strict=True)
    if start.ease != "smooth":
        share = eased(start.ease, u)
        return tuple(a + (b - a) * share for a, b in pairs)
    slopes_in = _tangent([*before[1:2], start, end])
    slopes_out = _tangent([start, end, *after[1:2]]) if end.ease == "smooth" else None
    slopes_in = slopes_in if before[1:] and before[1].ease == "smooth" else None
    none = (0.0,) * len(start.value)
    step = end.t_s - start.t_s
    return tuple(
        _hermite(a, b, m0 * step, m1 * step, u)
        for (a, b), m0, m1 in zip(pairs, slopes_in or none, slopes_out or none, strict=True)
    )


def _tangent(knots: list[_Knot]) -> Value | None:
    """Speed at the middle of three knots; None (rest) where there are only two."""
    if len(knots) < 3:
        return None
    first, middle, last = knots
    h0, h1 = middle.t_s - first.t_s, last.t_s - middle.t_s
    return tuple(
        _harmonic((b - a) / h0, (c - b) / h1, h0, h1)
        for a, b, c in zip(first.value, middle.value, last.value, strict=True)
    )


def _harmonic(d0: float, d1: float, h0: float, h1: float) -> float:
    if d0 * d1 <= 0.0:
        return 0.0
    w0, w1 = 2.0 * h1 + h0, h1 + 2.0 * h0
    return (w0 + w1) / (w0 / d0 + w1 / d1)


def _hermite(a: float, b: float, m0: float, m1: float, u: float) -> float:
    """Cubic from `a` to `b`, written as `a` plus a part of the way so that rest is exact."""
    way = b - a
    return a + u * (m0 + u * (3.0 * way - 2.0 * m0 - m1 + u * (m0 + m1 - 2.0 * way)))
