"""A small workshop for the sounds of this film: noise, envelopes, reverberation, files.

Sounds are float64 arrays [2, samples] at 48 kHz, full scale 1.0. Seeds are fixed.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Array = NDArray[np.float64]


def clock(seconds: float) -> Array:
    """Times of the samples of so many seconds."""
    return np.arange(round(seconds * RATE)) / RATE


def band_noise(count: int, low_hz: float, high_hz: float, rng: np.random.Generator) -> Array:
    """Noise of a band with soft edges and RMS 1; its end runs into its beginning."""
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    with np.errstate(divide="ignore"):
        octaves = np.log2(np.maximum(frequency, 1e-3))
    rise = 1 / (1 + np.exp(-(octaves - np.log2(low_hz)) * 6))
    fall = 1 / (1 + np.exp((octaves - np.log2(high_hz)) * 6))
    tilt = 1 / np.sqrt(np.maximum(frequency, 20.0))  # pink: as much in every octave
    spectrum = rng.normal(size=len(frequency)) + 1j * rng.normal(size=len(frequency))
    out = np.fft.irfft(spectrum * rise * fall * tilt, count)
    return out / np.sqrt(np.mean(out**2))


def filtered(sound: Array, low_hz: float = 0.0, high_hz: float = 24_000.0) -> Array:
    """A sound with soft-edged ends of its spectrum taken off."""
    padded = np.fft.rfft(sound, sound.shape[-1] + 4096)
    frequency = np.fft.rfftfreq(sound.shape[-1] + 4096, 1 / RATE)
    gain = np.ones_like(frequency)
    if low_hz > 0:
        gain = gain / np.sqrt(1 + (low_hz / np.maximum(frequency, 1e-3)) ** 4)
    if high_hz < RATE / 2:
        gain = gain / np.sqrt(1 + (frequency / high_hz) ** 4)
    return np.fft.irfft(padded * gain, sound.shape[-1] + 4096)[..., : sound.shape[-1]]


def smooth_steps(count: int, per_second: float, rng: np.random.Generator) -> Array:
    """A slow random curve in about -1..1 whose end runs into its beginning."""
    knots = max(4, round(count / RATE * per_second))
    values = rng.uniform(-1, 1, knots)
    place = np.arange(count) / count * knots
    left = place.astype(int) % knots
    u = place % 1
    u = u * u * (3 - 2 * u)
    return values[left] * (1 - u) + values[(left + 1) % knots] * u


def bump(t: Array, rise: float, fall: float) -> Array:
    """0 before 0, up to 1 at `rise`, then away with a time constant of `fall` seconds."""
    up = np.clip(t / rise, 0, 1)
    up = up * up * (3 - 2 * up)
    return np.where(t < 0, 0.0, up * np.exp(-np.maximum(t - rise, 0) / fall))


def panned(sound: Array, place: float | Array) -> Array:
    """One channel to two; -1 is left, 1 is right; the power stays the same."""
    angle = (np.asarray(place) + 1) * np.pi / 4
    return np.stack([sound * np.cos(angle), sound * np.sin(angle)])


def add(
    target: Array, sound: Array, at_s: float, gain: float = 1.0, *, round_: bool = False
) -> None:
    """Mix a sound into another; with `round_`, what reaches past the end begins again in front."""
    start = round(at_s * RATE)
    count, size = sound.shape[-1], target.shape[-1]
    if round_:
        index = (start + np.arange(count)) % size
        np.add.at(target, (slice(None), index), gain * sound)
    else:
        keep = min(count, size - start)
        target[:, start : start + keep] += gain * sound[:, :keep]


def reverberated(
    sound: Array, seconds: float, wet: float, seed: int, dull_hz: float = 5000.0
) -> Array:
    """With the echo of a large place; as long as before."""
    rng = np.random.default_rng(seed)
    t = clock(seconds)
    tail = rng.normal(size=(2, len(t))) * np.exp(-t * 6.9 / seconds)
    # Air takes the heights first: the tail gets duller as it goes.
    dull = filtered(tail, 120.0, dull_hz)
    duller = filtered(tail, 120.0, dull_hz / 4)
    late = np.clip(t / seconds * 1.5, 0, 1)
    tail = (dull * (1 - late) + duller * late) * np.clip(t / 0.012, 0, 1)
    tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True))
    size = sound.shape[-1] + len(t)
    echo = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return sound * (1 - 0.4 * wet) + wet * echo[:, : sound.shape[-1]]


def faded(sound: Array, in_s: float, out_s: float) -> Array:
    """With soft ends that reach zero."""
    t = np.arange(sound.shape[-1]) / RATE
    left = t[-1] - t
    gain = np.sin(np.clip(t / in_s, 0, 1) * np.pi / 2) ** 2
    return sound * gain * np.sin(np.clip(left / out_s, 0, 1) * np.pi / 2) ** 2


def levelled(sound: Array, peak_db: float) -> Array:
    """With its highest sample at a level, after a constant offset has been taken out."""
    centred = sound - sound.mean(axis=1, keepdims=True)
    return centred / np.abs(centred).max() * 10 ** (peak_db / 20)


def save(path: Path, sound: Array, kbps: int) -> None:
    """Write an Opus file; the same sound gives the same bytes."""
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo")
        stream.bit_rate = kbps * 1000
        samples = np.ascontiguousarray(sound.astype(np.float32))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
