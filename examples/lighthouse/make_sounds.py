"""Make every sound of the film: python make_sounds.py [NAME...]."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from make_music import theme
from make_synthesis import (
    RATE,
    Array,
    add,
    band_noise,
    bump,
    clock,
    faded,
    filtered,
    levelled,
    panned,
    reverberated,
    save,
    smooth_steps,
)


def waves() -> Array:
    """Swell on rock, sixteen seconds that can be looped."""
    seconds = 16.0
    count = round(seconds * RATE)
    rng = np.random.default_rng(3)
    out = np.zeros((2, count))
    for channel in range(2):  # the open sea: always there, never the same
        deep = band_noise(count, 45, 160, rng) * (0.8 + 0.3 * smooth_steps(count, 0.5, rng))
        wash = band_noise(count, 250, 1100, rng) * (0.6 + 0.35 * smooth_steps(count, 0.8, rng))
        spray = band_noise(count, 2200, 8000, rng) * (0.5 + 0.4 * smooth_steps(count, 1.1, rng))
        out[channel] = 0.05 * deep + 0.030 * wash + 0.007 * spray
    t = clock(7.0)
    for at_s, place, size in (
        (0.4, -0.5, 0.9),
        (4.6, 0.45, 1.1),
        (8.3, -0.1, 0.8),
        (12.2, 0.3, 1.0),
    ):
        drift = np.clip(place + 0.35 * (t - 2.5) / 3.5, -0.9, 0.9)
        surge = band_noise(len(t), 70, 420, rng) * bump(t, 1.9, 0.9)
        crash = band_noise(len(t), 350, 2400, rng) * bump(t - 1.1, 0.9, 1.0)
        hiss = band_noise(len(t), 2500, 9000, rng) * bump(t - 1.7, 0.7, 1.5)
        flutter = 1 + 0.35 * smooth_steps(len(t), 9, rng)
        wave = 0.15 * surge + 0.10 * crash * flutter + 0.036 * hiss * flutter
        ends = np.clip((7.0 - t) / 0.5, 0, 1)
        add(out, panned(wave * ends, drift), at_s, size, round_=True)
    for _ in range(110):  # water that laps in the cracks of the rock: bubbles, each a falling drop
        at_s, place = rng.uniform(0, seconds), rng.uniform(-0.8, 0.8)
        add(out, panned(_bubble(rng), place), at_s, 10 ** rng.uniform(-2.3, -1.35), round_=True)
    return levelled(out, -5.0)


def _bubble(rng: np.random.Generator) -> Array:
    t = clock(0.12)
    hertz = rng.uniform(380, 1300) * (1 + rng.uniform(0.5, 2.5) * t)
    return np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * bump(t, 0.004, rng.uniform(0.012, 0.03))


def gulls() -> Array:
    """Three gulls at different distances, nine seconds."""
    out = np.zeros((2, round(9.0 * RATE)))
    far = np.zeros_like(out)
    rng = np.random.default_rng(8)
    # A long call: two drawn notes, then a row of short ones that quickens and falls.
    at_s = 0.5
    for i, (seconds, pitch) in enumerate(((0.5, 1.0), (0.55, 1.08), *((0.24, 1.04),) * 6)):
        fall = 1 - 0.025 * max(i - 2, 0)
        gain = 0.55 if i > 2 else 0.8
        add(out, panned(_cry(seconds, 880 * pitch * fall, rng), -0.35 + 0.03 * i), at_s, gain)
        at_s += seconds * (1.25 if i < 2 else 1.12 - 0.02 * i)
    for at_s, place, hertz in (
        (1.9, 0.6, 1010),
        (2.5, 0.62, 985),
        (5.2, 0.3, 1040),
        (7.4, -0.7, 960),
    ):
        add(far, panned(_cry(0.42, hertz, rng), place), at_s, 0.42)
    for i in range(5):
        add(far, panned(_cry(0.2, 820 - 14 * i, rng), -0.75), 5.9 + 0.24 * i, 0.26)
    far = filtered(far, 500, 3200)
    return levelled(faded(reverberated(out + far, 1.6, 0.34, 21, 3800), 0.02, 0.7), -7.0)


def _cry(seconds: float, hertz: float, rng: np.random.Generator) -> Array:
    """`kyow`: the pitch leaps up and slides down, harsh at its height."""
    t = clock(seconds)
    u = t / seconds
    bend = 0.72 + 0.55 * np.sin(np.pi * np.clip(u * 1.25 + 0.06, 0, 1)) ** 0.7 - 0.16 * u
    jitter = 0.012 * smooth_steps(len(t), 55, rng) + 0.006 * np.sin(2 * np.pi * 71 * t)
    phase = 2 * np.pi * np.cumsum(hertz * bend * (1 + jitter)) / RATE
    voice = np.zeros_like(t)
    for order in range(1, 9):
        formant = np.exp(-(((hertz * order * 1.15 - 2300) / 1500) ** 2)) + 0.22 / order
        voice += formant * np.sin(order * phase + 0.4 * order)
    rough = 1 - 0.4 * np.sin(np.pi * u) * (0.5 + 0.5 * np.sin(2 * np.pi * 83 * t + np.sin(40 * t)))
    breath = filtered(rng.normal(size=(1, len(t))), 1800, 5000)[0] * 0.12
    shape = np.sin(np.pi * np.clip(u / 0.16, 0, 1) / 2) ** 2 * np.clip((1 - u) / 0.45, 0, 1) ** 0.8
    return (voice * rough + breath) * shape * 0.3


def bell() -> Array:
    """The bell of the buoy, seven seconds: struck as the sea will have it."""
    out = np.zeros((2, round(7.0 * RATE)))
    rng = np.random.default_rng(5)
    strikes = ((0.12, 0.9), (0.98, 0.42), (2.55, 1.0), (3.22, 0.35), (5.0, 0.75))
    for at_s, force in strikes:
        add(out, panned(_strike(force, rng), rng.uniform(-0.12, 0.12)), at_s, 0.35 * force)
    return levelled(faded(reverberated(out, 1.1, 0.2, 33, 5000), 0.002, 0.9), -4.0)


def _strike(force: float, rng: np.random.Generator) -> Array:
    """A bell's partials, each a pair that beats; a harder blow wakes the high ones."""
    t = clock(4.5)
    partials = (
        # ratio to the strike note, strength, seconds to fall by 60 dB
        (0.5, 0.55, 6.5),
        (1.0, 0.75, 4.4),
        (1.19, 0.85, 3.8),
        (1.51, 0.40, 2.6),
        (2.0, 1.00, 2.9),
        (2.52, 0.42, 1.6),
        (3.01, 0.50, 1.5),
        (4.17, 0.38, 1.0),
        (5.43, 0.30, 0.65),
        (6.82, 0.22, 0.45),
        (8.30, 0.15, 0.3),
    )
    sound = np.zeros_like(t)
    for ratio, strength, ring_s in partials:
        hertz = 740.0 * ratio  # F sharp: its minor chord lies in the theme's D major
        bright = strength * force ** (0.35 * np.log2(ratio + 1))
        pair = np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6)) + 0.6 * np.sin(
            2 * np.pi * (hertz * 1.0012 + 0.5) * t + rng.uniform(0, 6)
        )
        sound += bright * pair * np.exp(-t * 6.9 / ring_s)
    knock = filtered(rng.normal(size=(1, len(t))), 900, 6500)[0] * np.exp(-t / 0.006)
    return (0.22 * sound + 0.5 * force * knock) * np.clip(t / 0.0012, 0, 1)


def creak() -> Array:
    """A boat that works in the swell, eight seconds: two long creaks, rope, water on planks."""
    out = np.zeros((2, round(8.0 * RATE)))
    rng = np.random.default_rng(14)
    for at_s, seconds, low, high, place in (
        (0.5, 0.9, 24, 58, -0.25),
        (1.75, 0.5, 40, 30, -0.1),
        (4.3, 1.1, 20, 64, -0.3),
        (5.75, 0.45, 46, 28, 0.05),
    ):
        add(out, panned(_stick_slip(seconds, low, high, rng), place), at_s, 0.55)
    for at_s in (1.5, 3.4, 5.4, 7.1):
        t = clock(0.9)
        slap = band_noise(len(t), 220, 1300, rng) * bump(t, 0.05, 0.13)
        gurgle = sum(
            np.roll(np.pad(_bubble(rng), (0, len(t) - 5760)), int(n))
            for n in rng.uniform(2000, 30000, 7)
        )
        thud = np.sin(2 * np.pi * 74 * t) * bump(t, 0.012, 0.09)
        add(out, panned(0.10 * slap + 0.10 * gurgle + 0.22 * thud, rng.uniform(-0.3, 0.3)), at_s)
    return levelled(faded(reverberated(out, 0.5, 0.14, 44, 3500), 0.02, 0.4), -7.0)


def _stick_slip(seconds: float, low: float, high: float, rng: np.random.Generator) -> Array:
    """Wood on wood: it sticks and slips, ever quicker, and every slip rings the planks."""
    t = clock(seconds + 0.25)
    u = np.clip(t / seconds, 0, 1)
    rate = low + (high - low) * np.sin(np.pi * u * 0.75) + 5 * smooth_steps(len(t), 14, rng)
    turns = np.cumsum(np.maximum(rate, 8)) / RATE
    slips = np.diff(np.floor(turns), prepend=0) > 0
    pulses = (
        np.where(slips, rng.uniform(0.35, 1.0, len(t)), 0.0)
        * np.sin(np.pi * u) ** 0.6
        * (t < seconds)
    )
    ring = np.zeros_like(t)
    for hertz, strength, fall in (
        (310, 0.7, 0.020),
        (545, 1.0, 0.014),
        (880, 0.9, 0.010),
        (1420, 0.6, 0.007),
        (2350, 0.35, 0.004),
    ):
        ring += strength * np.sin(2 * np.pi * hertz * t) * np.exp(-t / fall)
    size = 2 * len(t)
    return np.fft.irfft(np.fft.rfft(pulses, size) * np.fft.rfft(ring, size), size)[: len(t)] * 0.4


def foghorn() -> Array:
    """One blast from far off, seven seconds with its echo."""
    t = clock(7.0)
    on = np.clip(t / 0.35, 0, 1) * np.clip((2.7 - t) / 0.16, 0, 1)
    pitch = 110 * (1 - 0.13 * np.exp(-t / 0.09) - 0.2 * np.clip((t - 2.5) / 0.2, 0, 1))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    horn = np.zeros_like(t)
    for order in range(1, 15):
        horn += (
            np.sin(order * phase + 0.3 * order) / order**0.9 * np.exp(-(((order - 2) / 7.0) ** 2))
        )
        horn += 0.5 * np.sin(order * phase * 1.5) / order**1.1 * np.exp(-order / 3.0)
    reed = 1 + 0.08 * np.sin(2 * np.pi * 13 * t)
    blast = np.sin(np.clip(on, 0, 1) * np.pi / 2) ** 2 * horn * reed
    far = filtered(panned(blast, 0.0), 60, 620)
    echo = np.zeros_like(far)
    add(echo, filtered(far[::-1], 60, 380), 1.15, 0.3)
    return levelled(faded(reverberated(far + echo, 3.4, 0.4, 57, 1400), 0.05, 1.4), -6.0)


SOUNDS: tuple[tuple[Callable[[], Array], int], ...] = (
    # what, kilobits per second
    (waves, 96),
    (gulls, 72),
    (bell, 96),
    (creak, 64),
    (foghorn, 64),
    (theme, 112),
)


def main() -> None:
    """Write sounds/*.ogg and say their sizes and levels."""
    folder = Path(__file__).parent / "sounds"
    folder.mkdir(exist_ok=True)
    for make, kbps in SOUNDS:
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        sound, path = make(), folder / f"{make.__name__}.ogg"
        save(path, sound, kbps)
        rms_db = 10 * np.log10(np.mean(sound**2))
        size_kb, seconds = path.stat().st_size / 1000, sound.shape[1] / RATE
        print(f"{path.name:14} {seconds:5.1f} s {size_kb:5.0f} kB  {rms_db:5.1f} dB RMS")


if __name__ == "__main__":
    main()
