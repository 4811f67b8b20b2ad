"""How things move: a path of places and turns, frame by frame, and what happens on it.

Times run in seconds from the clip's first frame. Every motion is gentle by default; `pace` is its
speed in metres a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from reelwright.storyboard.paths import eased

Path = NDArray[np.float64]
Event = tuple[int, str]

MOTIONS = (
    "still", "glide", "arc", "circle", "bounce", "fall", "start", "stop", "spin", "roll", "rise",
    "sink", "bob",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A thing's way through a clip.

    Attributes:
        path: [F, 3], metres, of its middle.
        turn: [F, 3], degrees about the world's x, then y, then z axis.
        events: Frame and kind (`impact`, `start`, `stop`).
    """

    path: Path
    turn: Path
    events: tuple[Event, ...] = ()


def moved(
    motion: str,
    rng: np.random.Generator,
    times: Path,
    home: Path,
    pace: float,
    radius: float,
    rest_turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Moved:
    """Draw one motion.

    Args:
        motion: One of `MOTIONS`.
        rng: Chance.
        times: [F], seconds.
        home: Where its middle is half way through (its resting height), metres.
        pace: Speed, metres a second.
        radius: Half its width: how fast it rolls.
        rest_turn: How it stands.
    """
    path = np.tile(np.asarray(home, np.float64), (len(times), 1))
    turn = np.tile(np.asarray(rest_turn, np.float64), (len(times), 1))
    draw: Callable[..., tuple[Event, ...]] = _DRAWN.get(motion, _still)
    events = draw(rng, times, path, turn, pace, radius)
    return Moved(path, turn, events)


def _still(*_: object) -> tuple[Event, ...]:
    return ()


def _heading(rng: np.random.Generator) -> float:
    """Mostly across the picture, seldom straight at the eye."""
    side = 0.0 if rng.random() < 0.5 else pi
    return side + float(rng.normal(0, 0.5))


def _glide(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    heading = _heading(rng)
    way = pace * (times - times.mean())
    if rng.random() < 0.3:
        way = _smooth(times) * pace * times[-1]
        way -= way.mean()
    path[:, 0] += way * cos(heading)
    path[:, 1] += way * sin(heading)
    if rng.random() < 0.3:
        turn[:, 2] += float(rng.uniform(-40, 40)) * times
    return ()


def _smooth(times: Path) -> Path:
    return np.array([eased("in-out", t / times[-1]) for t in times])


def _roll(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    heading = float(rng.normal(0, 0.4)) + (0.0 if rng.random() < 0.5 else pi)
    way = pace * (times - times.mean())
    path[:, 0] += way * cos(heading)
    path[:, 1] += way * sin(heading)
    # About its own lying axis, which is turned to stand across the way.
    turn[:, 1] = np.degrees(way / max(radius, 0.05))
    turn[:, 2] = degrees(heading)
    return ()


def _arc(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    bend = float(rng.uniform(0.3, 1.0)) * (1 if rng.random() < 0.5 else -1)
    heading = _heading(rng) + bend * (times - times.mean())
    step = np.diff(times, prepend=times[0]) * pace
    x, y = np.cumsum(step * np.cos(heading)), np.cumsum(step * np.sin(heading))
    path[:, 0] += x - x.mean()
    path[:, 1] += y - y.mean()
    turn[:, 2] += np.degrees(heading - heading[0])
    return ()


def _circle(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    wide = float(rng.uniform(0.3, 0.8))
    sense = 1 if rng.random() < 0.5 else -1
    angle = float(rng.uniform(0, 2 * pi)) + sense * times * min(pace / wide, 2.4)
    path[:, 0] += wide * np.cos(angle)
    path[:, 1] += wide * np.sin(angle)
    turn[:, 2] += np.degrees(angle - angle[0])
    return ()


def _bounce(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    return _thrown(rng, times, path, pace, float(rng.uniform(0.72, 0.92)), moving=True)


def _fall(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    return _thrown(rng, times, path, pace, float(rng.uniform(0.0, 0.35)), moving=False)


def _thrown(
    rng: np.random.Generator,
    times: Path,
    path: Path,
    pace: float,
    spring: float,
    *,
    moving: bool,
) -> tuple[Event, ...]:
    """Under a gentle gravity onto its resting height, with each impact as an event."""
    pull = float(rng.uniform(2.0, 5.0))
    top = float(rng.uniform(0.25, 0.9))
    height, speed = top, 0.0
    if not moving:
        # Held until it falls, so that it lands within the clip.
        fall_s = sqrt(2 * top / pull)
        held = max(0.0, float(rng.uniform(0.1, 0.75)) * times[-1] - fall_s)
    else:
        held, height = 0.0, top * float(rng.uniform(0.3, 1.0))
        speed = float(rng.uniform(-0.5, 0.8))
    events: list[Event] = []
    before = 0.0
    parts = 16
    for frame, time in enumerate(times):
        step = (time - before) / parts
        for part in range(parts if frame else 0):
            if before + (part + 1) * step <= held:
                continue
            speed -= pull * step
            height += speed * step
            if height < 0:
                height = -height * spring
                if speed < -0.25:
                    events.append((frame, "impact"))
                speed = -speed * spring if -speed * spring > 0.2 else 0.0
                height = height if speed else 0.0
        path[frame, 2] += max(height, 0.0)
        before = time
    if moving:
        heading = _heading(rng)
        way = min(pace, 0.8) * (times - times.mean())
        path[:, 0] += way * cos(heading)
        path[:, 1] += way * sin(heading)
    return tuple(events)


def _start(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    begin = float(rng.uniform(0.15, 0.55)) * times[-1]
    after = np.clip(times - begin, 0, None)
    way = pace * np.where(after < 0.4, after * after / 0.8, after - 0.2)
    _laid(rng, path, way)
    return ((int(np.argmax(times >= begin)), "start"),)


def _stop(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    end = float(rng.uniform(0.5, 0.85)) * times[-1]
    left = np.clip(end - times, 0, None)
    way = -pace * np.where(left < 0.4, left * left / 0.8, left - 0.2)
    _laid(rng, path, way)
    return ((int(np.argmax(times >= end)), "stop"),)


def _laid(rng: np.random.Generator, path: Path, way: Path) -> None:
    heading = _heading(rng)
    way = way - (way.min() + way.max()) / 2
    path[:, 0] += way * cos(heading)
    path[:, 1] += way * sin(heading)


def _spin(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    sense = 1 if rng.random() < 0.5 else -1
    turn[:, 2] += sense * float(rng.uniform(25, 110)) * times
    return ()


def _rise(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    path[:, 2] += 0.6 * pace * times + float(rng.uniform(0, 0.3))
    return ()


def _sink(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    path[:, 2] += 0.6 * pace * (times[-1] - times) + float(rng.uniform(0, 0.2))
    return ()


def _bob(
    rng: np.random.Generator, times: Path, path: Path, turn: Path, pace: float, radius: float
) -> tuple[Event, ...]:
    beat = float(rng.uniform(1.2, 3.0))
    phase = float(rng.uniform(0, 2 * pi))
    path[:, 2] += float(rng.uniform(0.03, 0.12)) * np.sin(phase + beat * times)
    for axis in (0, 1):
        sway = float(rng.uniform(1, 6))
        turn[:, axis] += sway * np.sin(float(rng.uniform(0, 2 * pi)) + beat * times)
    if rng.random() < 0.6:
        heading = _heading(rng)
        way = min(pace, 0.6) * (times - times.mean())
        path[:, 0] += way * cos(heading)
        path[:, 1] += way * sin(heading)
    return ()


_DRAWN = {
    "glide": _glide, "arc": _arc, "circle": _circle, "bounce": _bounce, "fall": _fall,
    "start": _start, "stop": _stop, "spin": _spin, "roll": _roll, "rise": _rise, "sink": _sink,
    "bob": _bob,
}  # fmt: skip


def screen_way(centres: Path) -> str:
    """Which way something goes across the picture, in a word.

    Args:
        centres: [F, 2], 0..1 right and down.
    """
    x, y = (float(v) for v in centres[-1] - centres[0])
    if hypot(x, y) < 0.04:
        return ""
    angle = degrees(atan2(-y, x))
    if abs(angle) <= 45:
        return "right"
    if abs(angle) >= 135:
        return "left"
    return "up" if angle > 0 else "down"
