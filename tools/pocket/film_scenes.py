"""Scenes of the example film's meshes: an islet with its lighthouse, boats, a buoy, gulls, a quay.

Metres, as in the film; things on a floor may be toys.
"""

from __future__ import annotations

from math import atan2, cos, degrees, pi, sin

import numpy as np
from tools.pocket.motions import moved
from tools.pocket.scenes import is_held_out
from tools.pocket.staging import Array, Staging, Thing
from tools.pocket.surroundings import View, draw_ground, draw_light, draw_track, draw_view

HALF_SIDES: dict[str, tuple[float, float, float]] = {
    "islet": (11.58, 11.05, 2.52), "lighthouse": (2.96, 3.51, 8.6), "boat": (2.86, 0.91, 2.92),
    "buoy": (1.11, 1.11, 2.14), "gull": (0.35, 0.69, 0.09), "rocks": (2.71, 2.24, 0.89),
    "jetty": (1.35, 4.08, 1.93), "crate": (0.45, 0.28, 0.26),
}  # fmt: skip
_ISLET_TOP_M = 3.2
_AFLOAT_M = 0.18
_HEROES = ("boat", "buoy", "rocks", "lighthouse", "gull", "crate", "jetty")


def draw_film_scene(
    seed: int, frame_size: tuple[int, int], num_frames: int, frame_rate: float = 24.0
) -> Staging:
    """Draw a scene for the stage.

    Args:
        seed: Same seed, same scene.
        frame_size: Width and height, pixels.
        num_frames: How many.
        frame_rate: Frames per second.
    """
    rng = np.random.default_rng([seed, 815])
    times = np.arange(num_frames) / frame_rate
    kind = str(rng.choice(["islet", "hero", "floor"], p=[0.45, 0.33, 0.22]))
    view = draw_view(rng, frame_size)
    drawn = {"islet": _islet, "hero": _hero, "floor": _floor}[kind]
    things, eye, goal = drawn(rng, times, view)
    view = View(
        float(np.linalg.norm(goal - eye)), view.height, view.aim, view.lens, view.half_w,
        view.half_h,
    )  # fmt: skip
    things = [_seen_large(thing, eye, view) for thing in things]
    ground = draw_ground(rng)
    if kind != "floor":
        while ground.pattern != "water":
            ground = draw_ground(rng)
        ground = ground.model_copy(update={"tile_m": float(rng.uniform(0.8, 1.6))})
    elif ground.pattern == "water":
        ground = ground.model_copy(update={"pattern": "plain", "color": "#8f8a7e"})
    scale = 1.0 if kind == "floor" else 5.0
    ahead = goal - eye
    heading = degrees(atan2(ahead[0], ahead[1]))
    light, mood, side = draw_light(rng, -heading, scale)
    track, shot_s, from_s = draw_track(rng, view, things, times, 0.0, 1.0, eye, goal)
    return Staging(
        seed, "stage", frame_size, num_frames, frame_rate, tuple(things), light, mood, side,
        ground, track, shot_s, from_s, is_held_out(seed),
    )  # fmt: skip


def _islet(rng: np.random.Generator, times: Array, view: View) -> tuple[list[Thing], Array, Array]:
    """The lighthouse on its islet from the water, with what passes by."""
    away = float(rng.uniform(26, 44)) * view.lens / 33
    angle = float(rng.uniform(0, 2 * pi))
    eye = away * np.array([cos(angle), sin(angle), 0]) + [0, 0, float(rng.uniform(1.4, 5.0))]
    goal = np.array([*rng.normal(0, 3.5, 2), float(rng.uniform(4.5, 8.5))])
    things = [
        _stood(times, "islet", (0, 0, 0), 0),
        _stood(times, "lighthouse", (0, 0, _ISLET_TOP_M), float(rng.uniform(0, 360))),
    ]
    if rng.random() < 0.4:
        at = 15 * np.array([cos(angle + 1.2), sin(angle + 1.2)])
        things.append(_stood(times, "rocks", (*at, 0.0), float(rng.uniform(0, 360))))
    if rng.random() < 0.3:
        things.append(_stood(times, "jetty", (4.6, -9.0, 0.0), 12.0))
    for kind, share in (("boat", 0.65), ("buoy", 0.3), ("gull", 0.6), ("gull", 0.25)):
        if rng.random() < share:
            near = float(rng.uniform(0.3, 0.62))
            things.append(_passing(rng, times, kind, eye, goal, view, near))
    return things, eye, goal


def _hero(rng: np.random.Generator, times: Array, view: View) -> tuple[list[Thing], Array, Array]:
    """One thing near by, perhaps with the islet behind it."""
    kind = str(rng.choice(_HEROES, p=[0.34, 0.26, 0.08, 0.08, 0.14, 0.05, 0.05]))
    half = HALF_SIDES[kind]
    away = max(half[2], 0.7 * half[0], 0.9) / view.half_h / float(rng.uniform(0.45, 0.9))
    eye = np.array([0.0, -away, float(rng.uniform(0.6, 2.6))])
    goal = np.array([float(rng.normal(0, 0.08)) * away, 0.0, 0.85 * half[2]])
    if kind == "lighthouse":
        goal[2] = 7.0
    if kind == "gull":
        goal[2] = eye[2] + float(rng.uniform(0.0, 2.0))
    things = []
    if rng.random() < 0.5 and kind != "lighthouse":
        back = np.array([float(rng.normal(0, 9)), float(rng.uniform(24, 50))])
        things = [
            _stood(times, "islet", (*back, 0.0), 0.0),
            _stood(times, "lighthouse", (*back, _ISLET_TOP_M), float(rng.uniform(0, 360))),
        ]
    hero = _passing(rng, times, kind, eye, goal, view, 1.0)
    return [hero, *things], eye, goal


def _floor(rng: np.random.Generator, times: Array, view: View) -> tuple[list[Thing], Array, Array]:
    """Meshes as toys on a floor."""
    things: list[Thing] = []
    for number in range(int(rng.integers(1, 4))):
        kind = str(rng.choice(["boat", "buoy", "crate", "lighthouse", "rocks", "jetty"]))
        half = HALF_SIDES[kind]
        tall = float(rng.uniform(0.25, 0.6)) * view.distance * view.half_h * 2
        scale = tall / (2 * max(half[2], 0.45 * half[0]))
        if rng.random() < (0.75 if number == 0 else 0.3):
            motion = str(rng.choice(["glide", "spin", "arc", "start", "stop", "fall", "circle"]))
        else:
            motion = "still"
        spot = float(rng.uniform(-0.6, 0.6)) * view.half_w * view.distance
        low = {"boat": 0.45, "buoy": 0.75, "rocks": 0.35, "jetty": 1.9}.get(kind, 0.0)
        home = np.array([spot, float(rng.uniform(-0.6, 1.2)), scale * low])
        pace = float(rng.uniform(0.25, 0.9))
        turn = (0.0, 0.0, float(rng.uniform(0, 360)))
        way = moved(motion, rng, times, home, pace, 0.3, turn)
        path, turns = way.path, way.turn
        if kind == "boat" and motion in ("glide", "start", "stop"):
            turns[:, 2] = _bow(path)
        wide = scale * max(half[0], half[1])
        apart = [np.linalg.norm((path - t.path)[:, :2], axis=1).min() - t.size[0] for t in things]
        if all(gap > wide * 0.9 for gap in apart):
            things.append(_thing(kind, motion, pace, path, turns, scale, way.events))
    eye = np.array([0.0, -view.distance, view.height])
    return things, eye, np.array([0.0, 0.0, view.aim])


def _passing(
    rng: np.random.Generator, times: Array, kind: str, eye: Array, goal: Array, view: View,
    near: float,
) -> Thing:  # fmt: skip
    """A thing on its way across the view, at a share of the distance to the goal."""
    ahead = (goal - eye)[:2]
    away = near * float(np.linalg.norm(ahead))
    forward = ahead / np.linalg.norm(ahead)
    right = np.array([forward[1], -forward[0]])
    aside = 0.0 if near == 1.0 else float(rng.uniform(-0.6, 0.6))
    spot = eye[:2] + forward * away + right * aside * view.half_w * away
    course = atan2(right[1], right[0]) + float(rng.normal(0, 0.6)) + pi * float(rng.random() < 0.5)
    turn, height, pace, motion = degrees(course), 0.0, 0.0, "still"
    if kind == "boat":
        pace, height, motion = float(rng.uniform(0.4, 1.3)), _AFLOAT_M, "glide"
    if kind == "gull":
        pace, motion = float(rng.uniform(0.8, 2.2)), "fly"
        share = float(rng.uniform(0.1, 0.8)) if near < 1 else float(rng.uniform(-0.2, 0.3))
        height = max(0.8, goal[2] * near + eye[2] * (1 - near) + share * view.half_h * away)
    middle = times - times.mean()
    way = np.array([cos(course), sin(course), 0.0])
    path = np.array([*spot, height]) + pace * middle[:, None] * way
    turns = np.tile([0.0, 0.0, turn], (len(times), 1))
    if kind == "gull":
        path[:, 2] += float(rng.uniform(-0.2, 0.4)) * middle
    if kind == "buoy":
        motion = "bob"
    if kind in ("boat", "buoy"):
        _swell(rng, times, path, turns, 1.0 if kind == "buoy" else 0.35)
    return _thing(kind, motion, pace, path, turns)


def _swell(rng: np.random.Generator, times: Array, path: Array, turns: Array, much: float) -> None:
    beat, phase = float(rng.uniform(1.3, 2.6)), float(rng.uniform(0, 2 * pi))
    path[:, 2] += 0.06 * much * np.sin(beat * times + phase)
    for axis in (0, 1):
        turns[:, axis] += 4 * much * np.sin(beat * times + float(rng.uniform(0, 2 * pi)))


def _bow(path: Array) -> float:
    step = path[-1] - path[0]
    return degrees(atan2(step[1], step[0]))


def _stood(times: Array, kind: str, at: tuple[float, ...], turn: float) -> Thing:
    path = np.tile(np.array(at, np.float64), (len(times), 1))
    turns = np.tile([0.0, 0.0, turn], (len(times), 1))
    return _thing(kind, "still", 0.0, path, turns)


def _thing(
    kind: str, motion: str, pace: float, path: Array, turns: Array, scale: float = 1.0,
    events: tuple[tuple[int, str], ...] = (),
) -> Thing:  # fmt: skip
    x, y, z = (side * scale for side in HALF_SIDES[kind])
    none = (0.5, 0.5, 0.5)
    return Thing(
        kind, "", none, none, "plain", 1.0, (x, y, z), 0.0, 0.5, 0.0, motion, pace, path, turns,
        events, scale, (0.0, 0.0, _middle(kind) * scale),
    )  # fmt: skip


def _middle(kind: str) -> float:
    """Height of a mesh's middle over its origin."""
    return {"islet": 0.7, "lighthouse": 8.3, "boat": 1.6, "buoy": 1.4, "crate": 0.26}.get(kind, 0.0)


def _seen_large(thing: Thing, eye: Array, view: View) -> Thing:
    away = float(np.linalg.norm(thing.path[0] - eye))
    tall = max(thing.size[2], 0.5 * thing.size[0])
    return Thing(
        thing.kind, thing.color, thing.base, thing.second, thing.texture, thing.tile_m, thing.size,
        tall / away / view.half_h, thing.roughness, thing.metallic, thing.motion, thing.pace,
        thing.path, thing.turn, thing.events, thing.scale, thing.middle,
    )  # fmt: skip
