"""The theme: thirteen seconds in D, a slow three-four, for harp, a whistle and strings."""

from __future__ import annotations

import numpy as np
from make_synthesis import (
    RATE,
    Array,
    add,
    clock,
    faded,
    filtered,
    levelled,
    panned,
    reverberated,
)

LENGTH_S = 13.2
_BEAT_S = 0.52
_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# Seven bars of three beats; the last chord rings.
_MELODY = (
    # beat, note, beats
    (0, "A4", 1),
    (1, "D5", 1),
    (2, "E5", 1),
    (3, "F#5", 2),
    (5, "E5", 1),
    (6, "D5", 1),
    (7, "B4", 1),
    (8, "D5", 1),
    (9, "E5", 2.5),
    (11.5, "F#5", 0.5),
    (12, "A5", 1.5),
    (13.5, "F#5", 0.5),
    (14, "D5", 1),
    (15, "G5", 1),
    (16, "E5", 1),
    (17, "C#5", 1),
    (18, "D5", 4),
)
_CHORDS = (
    # beat, beats, bass, upper voices (close to those before)
    (0, 3, "D2", ("A3", "D4", "F#4")),
    (3, 3, "B1", ("B3", "D4", "F#4")),
    (6, 3, "G1", ("B3", "D4", "G4")),
    (9, 3, "A1", ("A3", "C#4", "E4")),
    (12, 3, "B1", ("B3", "D4", "F#4")),
    (15, 1, "G1", ("B3", "D4", "G4")),
    (16, 2, "A1", ("A3", "C#4", "G4")),
    (18, 6, "D2", ("A3", "D4", "F#4")),
)


def theme() -> Array:
    """The whole piece, stereo."""
    out = np.zeros((2, round(LENGTH_S * RATE)))
    for beat, beats, bass, voices in _CHORDS:
        _strings(out, beat, beats, bass, voices)
        _arpeggio(out, beat, beats, bass, voices)
    rng = np.random.default_rng(1)
    for beat, note, beats in _MELODY:
        at = beat * _BEAT_S + rng.uniform(0.0, 0.012)
        add(out, panned(_pluck(_hertz(note), 2.6, 0.24), -0.12), at, 0.30)
        add(out, panned(_pluck(2 * _hertz(note), 1.6, 0.4), 0.16), at + 0.006, 0.05)
        if beat >= 6:  # the whistle joins for the second half
            add(out, panned(_whistle(_hertz(note), beats * _BEAT_S), 0.22), at, 0.085)
    return levelled(faded(reverberated(out, 2.8, 0.42, 9, 5200), 0.01, 2.2), -4.0)


def _hertz(note: str) -> float:
    step = _NAMES[note[0]] + ("#" in note)
    octave = int(note[-1])
    return float(440.0 * 2 ** ((step - 9) / 12 + octave - 4))


def _pluck(hertz: float, ring_s: float, place: float) -> Array:
    """A plucked string: harmonics as strong as the place of the finger lets them be."""
    t = clock(ring_s * 1.6)
    order = np.arange(1, max(2, min(26, int(9000 / hertz))))[:, None]
    strength = np.sin(np.pi * order * place) / order**1.25
    stretched = hertz * order * np.sqrt(1 + 0.00012 * order**2)
    away = np.exp(-t * (1 + 0.34 * order) * 2.2 / ring_s)
    sound = (strength * away * np.sin(2 * np.pi * stretched * t)).sum(axis=0)
    return sound * np.clip(t / 0.003, 0, 1) * np.clip((t[-1] - t) / 0.05, 0, 1)


def _whistle(hertz: float, seconds: float) -> Array:
    """Breath over an edge: nearly a sine, with air in it and a late vibrato."""
    t = clock(seconds + 0.18)
    rng = np.random.default_rng(round(hertz * 10))
    depth = 0.0045 * np.clip((t - 0.25) / 0.4, 0, 1)
    scoop = 1 - 0.012 * np.exp(-t / 0.03)
    phase = 2 * np.pi * np.cumsum(hertz * scoop * (1 + depth * np.sin(2 * np.pi * 5.1 * t))) / RATE
    tone = np.sin(phase) + 0.16 * np.sin(2 * phase) + 0.06 * np.sin(3 * phase)
    air = filtered(rng.normal(size=(1, len(t))), hertz * 0.9, hertz * 2.4)[0]
    shape = np.clip(t / 0.07, 0, 1) * np.clip((seconds + 0.18 - t) / 0.18, 0, 1)
    return (tone + 0.09 * air) * np.sin(shape * np.pi / 2) ** 2


def _strings(out: Array, beat: float, beats: float, bass: str, voices: tuple[str, ...]) -> None:
    """A soft chord that swells a little and leans into the next one."""
    seconds = beats * _BEAT_S + 0.5
    t = clock(seconds)
    swell = np.clip(t / 0.55, 0, 1) * np.clip((seconds - t) / 0.6, 0, 1)
    growth = 0.6 + 0.5 * np.clip((beat + t / _BEAT_S) / 15, 0, 1)  # louder toward the peak
    shape = np.sin(swell * np.pi / 2) ** 2 * growth
    notes = [
        (bass, 0.55, 0.0),
        *((v, 0.34, p) for v, p in zip(voices, (-0.6, 0.0, 0.6), strict=True)),
    ]
    for index, (note, gain, place) in enumerate(notes):
        hertz = _hertz(note) * (2 if note == bass else 1)
        sound = np.zeros_like(t)
        for voice, detune in enumerate((-0.0026, 0.0007, 0.0031)):
            sway = 1 + detune + 0.0012 * np.sin(2 * np.pi * (4.6 + 0.3 * voice) * t + index + voice)
            phase = 2 * np.pi * np.cumsum(hertz * sway) / RATE + 2.1 * voice + index
            for order in range(1, 9):
                if hertz * order < 5000:
                    sound += np.sin(order * phase) / order**1.9
        add(out, panned(sound * shape, place), beat * _BEAT_S, 0.052 * gain / 0.34)


def _arpeggio(out: Array, beat: float, beats: float, bass: str, voices: tuple[str, ...]) -> None:
    """The harp below: bass on the first beat, then the chord upward in quavers."""
    add(out, panned(_pluck(_hertz(bass) * 2, 3.0, 0.3), 0.0), beat * _BEAT_S, 0.26)
    low, middle, high = voices
    order = (None, low, middle, high, middle, low)
    last = beat >= 18
    for i in range(1, int(beats * 2)):
        note = order[i % 6] if not last else (*voices, "A4", "D5", "F#5")[(i - 1) % 6]
        if note is None or (last and i > 6):
            continue
        slow = 1 + (0.16 * i if last else 0)  # the last chord is spread, ever slower
        at = (beat + i * 0.5 * slow) * _BEAT_S
        soft = 0.13 if not last else 0.15 - 0.012 * i
        add(out, panned(_pluck(_hertz(note), 2.0, 0.2), -0.35 + 0.12 * i), at, soft)
