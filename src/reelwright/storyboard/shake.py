"""The hand that holds a camera: smooth noise from a seed.

A sum of sines whose frequencies climb by the golden ratio from 0.3 Hz to 5.6 Hz, weighted as
1/frequency. Their phases, and a quarter octave of each frequency, come from SHA-256 of the seed and
the axis, not from a library's generator: the same seed shakes the same in every version. With equal
frequencies the axes would sway together (correlations to 0.88 were measured; now below 0.1).
Random walks were not taken: they have no closed form in time, and a continuing shot needs the noise
at any time.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from math import pi, sin, sqrt

POSITION_M = 0.03
"""Root mean square of the sway on each axis at full shake, metres."""

ANGLE_DEG = 0.8
"""Root mean square of each angle at full shake, degrees."""

BLEND_S = 1.0
"""How long a continuing shot takes from the shake before it to its own, seconds."""

_GOLDEN = (1 + sqrt(5)) / 2
_FREQUENCIES_HZ = tuple(0.31 * _GOLDEN**step for step in range(7))
_WEIGHTS = tuple(1 / frequency for frequency in _FREQUENCIES_HZ)
_NORM = sqrt(2 / sum(weight * weight for weight in _WEIGHTS))

Sway = tuple[float, float, float, float, float, float]


def sway(seed: int, time_s: float) -> Sway:
    """Unit noise of a hand at a time.

    Args:
        seed: Seed of chance.
        time_s: Time, seconds.

    Returns:
        Right, down, forward; then tilt, pan, roll. Each has a root mean square of 1 over a long
        time and is smooth.
    """
    a, b, c, d, e, f = (_noise(_waves(seed, axis), time_s) for axis in range(6))
    return a, b, c, d, e, f


def _noise(waves: tuple[tuple[float, float], ...], time_s: float) -> float:
    weighted = zip(_WEIGHTS, waves, strict=True)
    return _NORM * sum(w * sin(2 * pi * hertz * time_s + phase) for w, (hertz, phase) in weighted)


@lru_cache(maxsize=256)
def _waves(seed: int, axis: int) -> tuple[tuple[float, float], ...]:
    """Frequency and phase of each sine of one axis."""
    words = sha256(f"reelwright shake {seed} {axis}".encode()).digest()
    shares = [int.from_bytes(words[2 * i : 2 * i + 2], "big") / 2**16 for i in range(16)]
    return tuple(
        (hertz * 2 ** (0.5 * shares[i] - 0.25), 2 * pi * shares[i + 8])
        for i, hertz in enumerate(_FREQUENCIES_HZ)
    )
