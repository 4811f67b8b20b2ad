"""The sound track of a staged clip, from the scene's truth.

Each prop has the voice of its kind (`voices`): loud while it moves, almost silent while it stands,
panned by where it is in the picture and scaled by its distance against the others, frame by frame.
Impacts sound at the samples of their frames. Ground and light give the ambience. The same clip
gives the same samples.

Must stay true: sample n is heard at n / 48000 seconds of the clip, frame f at f / frame_rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tools.pocket.voices import RATE, Generator, Span, Wave, noise, tone, voice_of

REFERENCE_M = 5.0
"""Distance at which a voice has its own level."""

MOVING_M_S = 0.25
"""Speed from which a prop is as loud as it gets."""

HIT_S = 1.2
"""Time that the sound of an impact is given to die away."""

AMBIENCE_WORDS: dict[str, tuple[str, ...]] = {
    "waves": ("waves", "the sound of waves"),
    "wind": ("wind", "a soft wind"),
    "birds": ("birds", "birdsong"),
    "crickets": ("crickets",),
}
"""What captions may call each kind of ambience."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """One prop as the ear needs it; arrays have one value per frame.

    Attributes:
        kind: Of the prop.
        size_m: Its largest side, in a scene brought to the reference distance, as all lengths here.
        speed: Metres per second.
        x: Where on the screen, 0 left to 1 right, beyond them outside.
        distance: Metres from the camera.
    """

    kind: str
    size_m: float
    speed: Wave
    x: Wave
    distance: Wave


@dataclass(frozen=True, slots=True)
class Soundscape:
    """All that decides a clip's sound.

    Attributes:
        num_frames: Of the clip.
        frame_rate: Frames per second.
        seed: Of the clip.
        props: What sounds.
        impacts: Frame and index of the prop, in order.
        ambience: Kinds of ambience, of `AMBIENCE_WORDS`.
    """

    num_frames: int
    frame_rate: float
    seed: int
    props: tuple[Sounding, ...]
    impacts: tuple[tuple[int, int], ...]
    ambience: tuple[str, ...]

    @property
    def num_samples(self) -> int:
        """Samples per channel of the clip."""
        return round(self.num_frames / self.frame_rate * RATE)


def ambience_of(ground: str, sun_elevation_deg: float) -> tuple[str, ...]:
    """What is heard of a place and its light.

    Args:
        ground: The ground's pattern; water has waves, all else wind.
        sun_elevation_deg: A high sun has birds, one near the horizon or below it crickets.
    """
    place = "waves" if ground == "water" else "wind"
    if sun_elevation_deg < 8 and ground != "water":
        return place, "crickets"
    return (place, "birds") if sun_elevation_deg > 35 else (place,)


def soundscape(clip: Mapping[str, Any]) -> Soundscape:
    """Read what decides the sound from a clip's metadata.

    Args:
        clip: Of the pool: `seed`, `frame_rate`, and `scene` with `objects`, `ground`, `light`.
    """
    scene, rate = clip["scene"], float(clip["frame_rate"])
    objects = scene["objects"]
    impacts = sorted(
        (int(event["frame"]), index)
        for index, prop in enumerate(objects)
        for event in prop.get("events", ())
        if event["kind"] == "impact"
    )
    scale = _scale(objects)
    return Soundscape(
        num_frames=len(objects[0]["path"]) if objects else int(clip["num_frames"]),
        frame_rate=rate,
        seed=int(clip["seed"]),
        props=tuple(_sounding(prop, rate, scale) for prop in objects),
        impacts=tuple(impacts),
        ambience=ambience_of(*_place(scene)),
    )


def _scale(objects: Sequence[Mapping[str, Any]]) -> float:
    """What brings the scene to the reference distance: a large one from afar looks the same."""
    if not objects:
        return 1.0
    distances = np.concatenate([np.asarray(prop["distance"], np.float64) for prop in objects])
    return float(REFERENCE_M / np.exp(np.log(np.maximum(distances, 0.1)).mean()))


def _place(scene: Mapping[str, Any]) -> tuple[str, float]:
    ground, light = scene.get("ground", "plain"), scene.get("light", {})
    pattern = ground if isinstance(ground, str) else str(ground.get("pattern", "plain"))
    return pattern, float(light.get("sun_elevation_deg", 25.0))


def _sounding(prop: Mapping[str, Any], rate: float, scale: float) -> Sounding:
    speed = scale * _rate_of_change(prop["path"], rate)
    if "turn" in prop:  # a turn of 60 degrees a second sounds like a quarter of a metre
        speed = speed + MOVING_M_S / 60 * _rate_of_change(prop["turn"], rate)
    return Sounding(
        kind=str(prop["kind"]),
        size_m=scale * float(np.max(np.atleast_1d(prop["size"]))),
        speed=speed.astype(np.float32),
        x=np.asarray(prop["centre"], np.float32)[:, 0],
        distance=scale * np.asarray(prop["distance"], np.float32),
    )


def _rate_of_change(values: Any, rate: float) -> Wave:
    """Of places or turns per second, at each frame the larger one of its two sides."""
    steps = np.linalg.norm(np.diff(np.asarray(values, np.float64), axis=0), axis=1) * rate
    return np.maximum(np.append(steps, 0), np.insert(steps, 0, 0)).astype(np.float32)


def sound_track(clip: Mapping[str, Any]) -> Wave:
    """The sound of a clip: float32 [2, N], 48 kHz, full scale 1, N from its frames."""
    return render(soundscape(clip))


def render(scape: Soundscape) -> Wave:
    """The sound of a soundscape: float32 [2, N], 48 kHz, full scale 1."""
    rng = np.random.default_rng([scape.seed, 48])
    mix = np.zeros((2, scape.num_samples), np.float32)
    whole = Span(0, scape.num_samples)
    for name in scape.ambience:
        mix += _AMBIENCES[name](whole, rng)
    for prop in scape.props:
        _add_voice(mix, prop, scape, rng)
    for frame, index in scape.impacts:
        _add_impact(mix, scape.props[index], frame, scape, rng)
    loudest = float(np.abs(mix).max(initial=0.0))
    return mix / np.float32(max(1.0, loudest / 0.98))


def _add_voice(mix: Wave, prop: Sounding, scape: Soundscape, rng: Generator) -> None:
    voice = voice_of(prop.kind)
    moving = np.clip(prop.speed / MOVING_M_S, 0, 1)
    level = voice.still + (1 - voice.still) * moving
    gains = level * panning(prop)  # [2, F]
    times = np.arange(mix.shape[1]) * (scape.frame_rate / RATE)
    frames = np.arange(scape.num_frames)
    wave = voice.make(Span(0, mix.shape[1]), prop.size_m, rng)
    for channel in range(2):
        mix[channel] += np.interp(times, frames, gains[channel]).astype(np.float32) * wave


def _add_impact(mix: Wave, prop: Sounding, frame: int, scape: Soundscape, rng: Generator) -> None:
    start = round(frame / scape.frame_rate * RATE)
    span = Span(start, min(round(HIT_S * RATE), mix.shape[1] - start))
    if span.count <= 0 or frame >= scape.num_frames:
        return
    wave = voice_of(prop.kind).hit(span, prop.size_m, rng)
    mix[:, start : start + span.count] += panning(prop)[:, frame, None] * wave


def panning(prop: Sounding) -> Wave:
    """Gains of left and right at each frame: equal power by place, inverse distance."""
    angle = np.clip(prop.x, 0.04, 0.96) * (np.pi / 2)
    level = np.clip(REFERENCE_M / np.maximum(prop.distance, 0.1), 0.2, 1.6)
    return (np.stack((np.cos(angle), np.sin(angle))) * level).astype(np.float32)


def _wide(span: Span, low: float, high: float, rng: Generator) -> Wave:
    middle, side = (noise(span, low, high, rng) for _ in range(2))
    return np.stack((middle + 0.3 * side, middle - 0.3 * side))


def _waves(span: Span, rng: Generator) -> Wave:
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * span.since / rng.uniform(2.5, 5) + rng.uniform(0, 6))
    spray = swell.astype(np.float32) ** 2
    body = 0.014 * swell * _wide(span, 300, 1600, rng)
    return (body + 0.007 * spray * _wide(span, 2200, 6500, rng)).astype(np.float32)


def _wind(span: Span, rng: Generator) -> Wave:
    gust = 0.7 + 0.3 * np.sin(2 * np.pi * span.since / rng.uniform(2, 5) + rng.uniform(0, 6))
    hiss = 0.0012 * _wide(span, 1000, 6500, rng)
    return (0.006 * gust * _wide(span, 250, 900, rng) + hiss).astype(np.float32)


def _birds(span: Span, rng: Generator) -> Wave:
    out = np.zeros((2, span.count), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        hertz, pan = rng.uniform(3000, 5000), rng.uniform(0.2, 1.3)
        start = rng.uniform(0, max(0.1, span.count / RATE - 0.4))
        for note in range(int(rng.integers(3, 6))):
            _chirp(out, start + 0.09 * note, hertz + 300 * (note % 2), pan)
    return out


def _chirp(out: Wave, start_s: float, hertz: float, pan: float) -> None:
    start = round(start_s * RATE)
    span = Span(start, min(round(0.06 * RATE), out.shape[1] - start))
    if span.count <= 0:
        return
    shape = np.sin(np.pi * span.since / np.float32(0.06)) ** 2
    chirp = np.float32(0.02) * shape * tone(span, hertz)
    out[:, start : start + span.count] += np.array([[np.cos(pan)], [np.sin(pan)]]) * chirp


def _crickets(span: Span, rng: Generator) -> Wave:
    t = span.since
    pulses = np.clip(np.sin(2 * np.pi * 16 * t), 0, 1)
    pauses = np.clip(np.sin(2 * np.pi * rng.uniform(0.8, 1.2) * t + rng.uniform(0, 6)) * 4, 0, 1)
    song = np.float32(0.008) * pulses * pauses * tone(span, float(rng.choice([4200, 4500, 4800])))
    return np.stack((song, song)).astype(np.float32)


_AMBIENCES = {"waves": _waves, "wind": _wind, "birds": _birds, "crickets": _crickets}
