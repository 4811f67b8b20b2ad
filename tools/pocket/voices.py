"""What each kind of prop sounds like: raw voices, neither placed nor faded.

Tones stand on a grid of 100 Hz, in phase with the clip's first sample, and nothing is above 7.5
kHz. The pocket vocoder sees one spectrum every 10 ms and repeats itself where the spectrum does:
only multiples of 100 Hz go on smoothly over such frames, and the codec hears no more than 8 kHz.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
"""Samples per second of every voice."""

GRID_HZ = 100.0

Wave = NDArray[np.float32]
Generator = np.random.Generator
_PERIOD = round(RATE / GRID_HZ)

_LOOP = 1 << 18


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a clip's sound.

    Attributes:
        start: Its first sample.
        count: How many samples.
    """

    start: int
    count: int

    @property
    def since(self) -> Wave:
        """Seconds since its first sample."""
        return np.arange(self.count, dtype=np.float32) / np.float32(RATE)


Make = Callable[[Span, float, Generator], Wave]
"""Where in the clip, size of the prop in metres, chance: to a mono voice of about 0.1 rms."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a kind of prop sounds.

    Attributes:
        make: The lasting sound.
        still: Gain while the prop stands; 1 is that while it moves.
        hit: The sound of an impact.
    """

    make: Make
    still: float
    hit: Make


def on_grid(hertz: float) -> float:
    """The nearest frequency that the vocoder can hold, above 0."""
    return max(1.0, round(hertz / GRID_HZ)) * GRID_HZ


def tone(span: Span, hertz: float) -> Wave:
    """A sine of the clip's own phase, at the grid's nearest frequency.

    Args:
        span: Where.
        hertz: Wanted.
    """
    return np.resize(np.roll(_cycle(on_grid(hertz)), -span.start), span.count)


@lru_cache(maxsize=128)
def _cycle(hertz: float) -> Wave:
    return np.sin(2 * np.pi * hertz / RATE * np.arange(_PERIOD)).astype(np.float32)


@lru_cache(maxsize=32)
def _loop(low: float, high: float) -> Wave:
    rng = np.random.default_rng(round(low * 7 + high))
    spectrum = np.fft.rfft(rng.standard_normal(_LOOP))
    hertz = np.fft.rfftfreq(_LOOP, 1 / RATE)
    rise = 1 / (1 + (low / np.maximum(hertz, 1)) ** 6)
    fall = 1 / (1 + (hertz / high) ** 8)
    wave = np.fft.irfft(spectrum * np.sqrt(rise * fall) * (hertz < 7500))
    return (wave / wave.std()).astype(np.float32)


def noise(span: Span, low: float, high: float, rng: Generator) -> Wave:
    """Noise of one rms between two frequencies, from a loop of five seconds."""
    loop = _loop(low, high)
    start = int(rng.integers(_LOOP))
    return np.resize(np.roll(loop, -start)[: min(span.count, _LOOP)], span.count)


def grains(span: Span, rate_hz: float, decay: float, rng: Generator) -> Wave:
    """An envelope of quick attacks that die away, a little uneven."""
    t = span.since
    wander = 0.25 * np.sin(2 * np.pi * (rate_hz / 3.3) * t + rng.uniform(0, 6))
    phase = t * np.float32(rate_hz) + wander.astype(np.float32)
    return np.exp(-np.float32(decay) * (phase - np.floor(phase)))


def _hum(span: Span, size: float, rng: Generator) -> Wave:
    t = span.since
    hertz = on_grid(100 * np.clip(2.2 / size, 1.5, 6))
    sway = 0.85 + 0.15 * np.sin(2 * np.pi * rng.uniform(2, 4) * t)
    voice = tone(span, hertz) + 0.4 * tone(span, 2 * hertz) + 0.12 * tone(span, 3 * hertz)
    return np.float32(0.12) * sway * voice


def _scrape(span: Span, size: float, rng: Generator) -> Wave:
    rate = np.clip(16 / size, 8, 24)
    envelope = 0.15 + grains(span, rate, 3.0, rng)
    return np.float32(0.18) * envelope * noise(span, 900, 3800, rng)


def _rumble(span: Span, size: float, rng: Generator) -> Wave:
    t = span.since
    rate = np.clip(5 / size, 3, 9)
    roll = 0.6 + 0.4 * np.sin(2 * np.pi * rate * t + rng.uniform(0, 6))
    low = 0.8 * noise(span, 90, 420, rng) + 0.6 * tone(span, 100)
    return np.float32(0.14) * roll * low


def _whirr(span: Span, size: float, rng: Generator) -> Wave:
    hertz = on_grid(np.clip(1500 / size, 1100, 2600))
    flutter = grains(span, float(rng.uniform(16, 20)), 2.0, rng)
    breath = 0.1 * noise(span, 1200, 3200, rng)
    return np.float32(0.17) * (0.15 + flutter) * (tone(span, hertz) + breath)


def _ring(span: Span, size: float, rng: Generator) -> Wave:
    t = span.since
    hertz = on_grid(np.clip(700 / size, 500, 1000))
    beat = 0.7 + 0.3 * np.sin(2 * np.pi * rng.uniform(7, 9) * t)
    voice = tone(span, hertz) + 0.5 * tone(span, 2.76 * hertz) + 0.25 * tone(span, 5.4 * hertz)
    return np.float32(0.1) * beat * voice


def _creak(span: Span, size: float, rng: Generator) -> Wave:
    t = span.since
    slow = np.clip(np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)), 0, 1) ** 2
    wood = tone(span, 300) + 0.6 * tone(span, 500) + 0.4 * tone(span, 800)
    return np.float32(0.16) * slow * grains(span, 26, 4.0, rng) * wood


def _toll(span: Span, size: float, rng: Generator) -> Wave:
    t = span.since
    phase = t / np.float32(1.3) + np.float32(rng.uniform(0.1, 0.9))
    since = (phase - np.floor(phase)) * np.float32(1.3)
    voice = (
        tone(span, 600) + 0.6 * tone(span, 1200) + 0.5 * tone(span, 1500) + 0.3 * tone(span, 2600)
    )
    shape = np.exp(-4 * since) * np.minimum(1, since * 400)
    return np.float32(0.2) * shape * np.asarray(voice, np.float32)


def _cries(span: Span, size: float, rng: Generator) -> Wave:
    phase = span.since * np.float32(1.6) + np.float32(rng.uniform(0, 1))
    step = phase - np.floor(phase)
    voice = np.zeros(span.count, np.float32)
    for hertz, first, last in ((1200, 0.0, 0.12), (1500, 0.12, 0.24), (1300, 0.24, 0.42)):
        shape = np.clip(np.minimum(step - first, last - step) * 60, 0, 1)
        voice += shape * (tone(span, hertz) + 0.4 * tone(span, 2 * hertz))
    return np.float32(0.12) * voice


def _horn(span: Span, size: float, rng: Generator) -> Wave:
    phase = span.since / np.float32(3.1) + np.float32(rng.uniform(0, 1))
    step = phase - np.floor(phase)
    shape = np.clip(np.minimum(step, 0.45 - step) * 25, 0, 1)
    voice = tone(span, 200) + 0.7 * tone(span, 300) + 0.4 * tone(span, 400) + 0.3 * tone(span, 600)
    return np.float32(0.08) * shape * voice


def _silence(span: Span, size: float, rng: Generator) -> Wave:
    return np.zeros(span.count, np.float32)


def _struck(
    partials: tuple[tuple[float, float], ...], decay_s: float, click: tuple[float, float, float]
) -> Make:
    """An impact: partials (hertz at 1 m, gain) that decay, and a burst (low, high, gain)."""

    def make(span: Span, size: float, rng: Generator) -> Wave:
        t = span.since
        pitch = float(np.clip(1 / size, 0.6, 1.8)) ** 0.7
        ringing = sum(gain * tone(span, hertz * pitch) for hertz, gain in partials)
        ringing = np.asarray(ringing, np.float32) * np.exp(-t / np.float32(decay_s))
        burst = click[2] * noise(span, click[0], click[1], rng) * np.exp(-t / np.float32(0.012))
        return np.minimum(1, t * 1000).astype(np.float32) * (ringing + burst)

    return make


_THUD = _struck(((200, 0.35), (400, 0.12)), 0.10, (200, 2000, 0.16))
_KNOCK = _struck(((400, 0.28), (900, 0.14), (1500, 0.08)), 0.04, (500, 5000, 0.22))
_CLANK = _struck(((600, 0.2), (1700, 0.18), (2900, 0.12)), 0.12, (1000, 6000, 0.2))
_CLICK = _struck(((1100, 0.3), (2300, 0.12)), 0.03, (1500, 6000, 0.2))
_CHIME = _struck(((700, 0.25), (1900, 0.2), (3800, 0.1)), 0.40, (1500, 6500, 0.15))

NO_VOICE = Voice(_silence, 0.0, _THUD)
"""Of what is silent until it is struck."""

VOICES: dict[str, Voice] = {
    "sphere": Voice(_hum, 0.04, _THUD),
    "box": Voice(_scrape, 0.03, _KNOCK),
    "cylinder": Voice(_rumble, 0.04, _CLANK),
    "cone": Voice(_whirr, 0.04, _CLICK),
    "torus": Voice(_ring, 0.04, _CHIME),
    "boat": Voice(_creak, 0.5, _KNOCK),
    "buoy": Voice(_toll, 0.8, _CHIME),
    "gull": Voice(_cries, 0.7, _CLICK),
    "lighthouse": Voice(_horn, 1.0, _THUD),
    "jetty": Voice(_creak, 0.5, _KNOCK),
    "crate": Voice(_creak, 0.04, _KNOCK),
}
"""By kind, as `words.SOUNDS` calls them; a kind that is not here has `NO_VOICE`."""


def voice_of(kind: str) -> Voice:
    """The voice of a kind of prop."""
    return VOICES.get(kind, NO_VOICE)
