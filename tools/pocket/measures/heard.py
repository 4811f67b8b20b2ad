"""What is heard of a made clip, against what was staged: when, and from where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.pocket.measure_audio import HOP_S, events_of, onset_strength, pan_curve
from tools.pocket.sounds import sound_track
from tools.pocket.voices import RATE

SEARCH_S = 0.25
"""How far from an event its onset is looked for: chance is half of it."""

CLEAR_S = 0.01
"""Events count that begin in the true sound within this of when they were staged."""

AUDIBLE = 0.01
"""Windows count that are at least so loud (rms) in the true sound."""

Wave = NDArray[np.float32]


def lags_ms(
    wave: Wave, rate: int, events_s: list[float], search_s: float = SEARCH_S
) -> list[float]:
    """How late the strongest onset around each event is, milliseconds; early is negative.

    Args:
        wave: [2, N], full scale 1.
        rate: Samples per second.
        events_s: When something was staged to be heard, seconds.
        search_s: How far from it an onset is looked for.
    """
    curve, reach = onset_strength(wave, rate), round(search_s / HOP_S)
    lags = []
    for event in events_s:
        middle = round(event / HOP_S)
        first = max(0, middle - reach)
        near = curve[first : middle + reach + 1]
        if len(near):
            lags.append(1000 * HOP_S * (int(near.argmax()) + first - middle))
    return lags


def clear_events(true: Wave, clip: dict[str, Any]) -> list[float]:
    """Times of impacts that the true sound lets one hear, seconds."""
    events = events_of(clip)
    lags = lags_ms(true, RATE, events)
    return [at for at, lag in zip(events, lags, strict=False) if abs(lag) <= 1000 * CLEAR_S]


def pans(true: Wave, made: Wave, rate: int) -> tuple[list[float], list[float]]:
    """Where both are heard, -1 left to 1 right, in windows of 50 ms in which the true one is."""
    (wanted, loud), (found, _) = pan_curve(true, RATE), pan_curve(made, rate)
    count = min(len(wanted), len(found))
    kept = loud[:count] > AUDIBLE
    rounded = [np.round(side[:count][kept], 3).tolist() for side in (wanted, found)]
    return rounded[0], rounded[1]


def heard(made: Wave, rate: int, clip: dict[str, Any]) -> dict[str, Any]:
    """All of one made clip's sound.

    Args:
        made: [2, N], full scale 1.
        rate: Samples per second.
        clip: Facts of the staged one.
    """
    true = sound_track(clip)
    events = clear_events(true, clip)
    wanted, found = pans(true, made, rate)
    return {
        "lags": [round(lag, 1) for lag in lags_ms(made, rate, events)],
        "apart": abs(_level_db(made) - _level_db(true)),
        "pan_true": wanted,
        "pan_made": found,
    }


def lags_elsewhere(made: Wave, rate: int, other: dict[str, Any]) -> list[float]:
    """The same of events that this sound knows nothing of: what chance gives."""
    return lags_ms(made, rate, clear_events(sound_track(other), other))


def _level_db(wave: Wave) -> float:
    return float(10 * np.log10(np.square(wave.astype(np.float64)).mean() + 1e-10))
