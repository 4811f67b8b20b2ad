"""Scenes drawn by chance from a seed: things, light, ground and camera of one clip.

The same seed gives the same scene. Every twentieth seed is held out: those scenes never train, and
half of them hold a colour and shape that no training scene has.
"""

from __future__ import annotations

import numpy as np
from tools.pocket.motions import moved
from tools.pocket.shapes import KINDS, reach
from tools.pocket.staging import Array, Color, Staging, Thing
from tools.pocket.surroundings import (
    View,
    draw_ground,
    draw_light,
    draw_track,
    draw_view,
    strayed,
)
from tools.pocket.words import COLORS, HELD_OUT_PAIRS, TEXTURES

from reelwright.storyboard import linear_from_color
from reelwright.storyboard.rotation import turn_about_z

_HELD_OUT_EVERY = 20


def is_held_out(seed: int) -> bool:
    """Whether a seed's scene never trains."""
    return seed % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1


def draw_staging(
    seed: int, frame_size: tuple[int, int], num_frames: int, frame_rate: float = 24.0
) -> Staging:
    """Draw an analytic scene.

    Args:
        seed: Same seed, same size and length: same scene.
        frame_size: Width and height, pixels.
        num_frames: How many.
        frame_rate: Frames per second.
    """
    rng = np.random.default_rng([seed, 4711])
    held_out = is_held_out(seed)
    ground = draw_ground(rng)
    view = draw_view(rng, frame_size)
    times = np.arange(num_frames) / frame_rate
    water = ground.pattern == "water"
    things: list[Thing] = []
    count = int(rng.choice([1, 2, 3, 4], p=[0.3, 0.37, 0.23, 0.1]))
    for number in range(count):
        pair = _held_out_pair(rng) if held_out and number == 0 and rng.random() < 0.5 else None
        for _ in range(12):
            thing = _draw_thing(rng, view, times, water, moves=number == 0, pair=pair)
            if _fits(thing, things):
                things.append(thing)
                break
    turn, scale = float(rng.uniform(0, 360)), _draw_scale(rng)
    if rng.random() < 0.4:
        turn = 0.0
    light, mood, side = draw_light(rng, turn, scale)
    track, shot_s, from_s = draw_track(rng, view, things, times, turn, scale)
    ground = ground.model_copy(update={"tile_m": ground.tile_m * _tile_scale(rng, water, scale)})
    return Staging(
        seed, "analytic", frame_size, num_frames, frame_rate,
        tuple(_enlarged(thing, turn, scale) for thing in things),
        light, mood, side, ground, track, shot_s, from_s, held_out,
    )  # fmt: skip


def _draw_thing(
    rng: np.random.Generator,
    view: View,
    times: Array,
    water: bool,
    *,
    moves: bool,
    pair: tuple[str, str] | None,
) -> Thing:
    color, kind = pair or _training_pair(rng)
    motion, pace = _draw_motion(rng, kind, water, moves=moves)
    low, high = (0.22, 0.62) if moves else (0.12, 0.55)
    large = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    depth = float(rng.uniform(-0.7, 1.4)) if rng.random() < 0.8 else float(rng.uniform(1.4, 5))
    from_eye = view.distance + depth
    tall = large * from_eye * view.half_h * 2
    size, rest, stand = _draw_size(rng, kind, tall, motion)
    x = float(rng.uniform(-0.68, 0.68)) * view.half_w * from_eye
    level = -stand * float(rng.uniform(0.1, 0.6)) if water and motion not in _AIRBORNE else stand
    if rng.random() < 0.06 or (water and motion in _AIRBORNE):
        level = stand + float(rng.uniform(0.2, 0.9))
    way = moved(motion, rng, times, np.array([x, depth, level]), pace, stand, rest)
    second, base = _second(rng, color), _linear(strayed(rng, COLORS[color], 12))
    texture = str(rng.choice(TEXTURES, p=[0.46, 0.24, 0.15, 0.15]))
    if texture == "shaded":
        second = (0.3 * base[0], 0.3 * base[1], 0.3 * base[2])
    return Thing(
        kind, color, base, second, texture,
        float(rng.uniform(0.35, 0.8)) * max(size[0], size[2]), size, large,
        float(rng.uniform(0.25, 0.95)), float(rng.random() < 0.07) * 0.9, motion, pace,
        way.path, way.turn, way.events,
    )  # fmt: skip


_ON_WATER = {"bob": 5.0, "glide": 3.0, "arc": 2.0, "circle": 1.0, "rise": 0.7, "spin": 1.0}
_ON_LAND = {
    "glide": 4.0, "arc": 2.0, "circle": 1.3, "bounce": 2.0, "fall": 2.2, "start": 1.4,
    "stop": 1.4, "spin": 1.6, "roll": 1.4, "rise": 0.7, "sink": 0.6,
}  # fmt: skip
_AIRBORNE = ("fall", "bounce", "rise", "sink")


def _draw_motion(
    rng: np.random.Generator, kind: str, water: bool, *, moves: bool
) -> tuple[str, float]:
    share = rng.random()
    pace = float(rng.uniform(0.3, 1.0))
    if share > 0.7:
        pace = float(rng.uniform(0.1, 0.3) if share > 0.88 else rng.uniform(1.0, 1.8))
    if rng.random() > (0.85 if moves else 0.35):
        return ("bob" if water and rng.random() < 0.7 else "still"), pace
    table = _ON_WATER if water else _ON_LAND
    weights = np.array(list(table.values()))
    motion = str(rng.choice(list(table), p=weights / weights.sum()))
    if motion == "roll" and kind not in ("sphere", "cylinder", "torus"):
        motion = "glide"
    return motion, pace


def _draw_size(
    rng: np.random.Generator, kind: str, tall: float, motion: str
) -> tuple[Color, Color, float]:
    """Size as `shapes` has it, how it stands, and the height of its middle over the ground."""
    half, thin = tall / 2, float(rng.uniform(0.55, 1.1))
    spin = float(rng.uniform(0, 360))
    if kind == "sphere":
        return (half, half, half), (0.0, 0.0, spin), half
    if kind == "box":
        sides = (half * thin, half * float(rng.uniform(0.55, 1.2)), half)
        return sides, (0.0, 0.0, spin), half
    if kind == "torus":
        tube = half * float(rng.uniform(0.22, 0.34))
        size = (half - tube, 0.0, tube)
        flat = motion != "roll" and rng.random() < 0.35
        rest = (0.0, 0.0, spin) if flat else (90.0, 0.0, float(rng.uniform(-50, 50)))
        return size, rest, tube if flat else half
    if kind == "cylinder" and (motion == "roll" or rng.random() < 0.2):
        wide = half * 0.8
        rest = (90.0, 0.0, float(rng.uniform(-60, 60)))
        return (wide, 0.0, wide * float(rng.uniform(0.9, 1.6))), rest, wide
    wide = half * (thin if kind == "cone" else 0.85 * thin)
    return (wide, 0.0, half), (0.0, 0.0, spin), half


def _fits(thing: Thing, others: list[Thing]) -> bool:
    """Whether it stays clear of the others all the way (bodies as upright cylinders)."""
    for other in others:
        apart = np.linalg.norm((thing.path - other.path)[:, :2], axis=1).min()
        if apart < 0.92 * (_wide(thing) + _wide(other)):
            return False
    return True


def _wide(thing: Thing) -> float:
    return reach(thing.kind, thing.size) * 0.85 if thing.kind in KINDS else thing.size[0]


def _training_pair(rng: np.random.Generator) -> tuple[str, str]:
    while True:
        pair = (str(rng.choice(list(COLORS))), str(rng.choice(KINDS)))
        if pair not in HELD_OUT_PAIRS:
            return pair


def _held_out_pair(rng: np.random.Generator) -> tuple[str, str]:
    pairs = sorted(HELD_OUT_PAIRS)
    return pairs[int(rng.integers(len(pairs)))]


def _draw_scale(rng: np.random.Generator) -> float:
    """A quarter of the scenes are large ones seen from afar, as a film's are."""
    return 1.0 if rng.random() < 0.75 else float(np.exp(rng.uniform(0.2, 1.6)))


def _tile_scale(rng: np.random.Generator, water: bool, scale: float) -> float:
    return 1.0 if water and rng.random() < 0.5 else scale


def _enlarged(thing: Thing, turn: float, scale: float) -> Thing:
    spin = turn_about_z(turn)
    x, y, z = (side * scale for side in thing.size)
    return Thing(
        thing.kind, thing.color, thing.base, thing.second, thing.texture, thing.tile_m * scale,
        (x, y, z), thing.large, thing.roughness, thing.metallic, thing.motion, thing.pace,
        thing.path @ spin.T * scale, thing.turn + np.array([0, 0, turn]), thing.events,
    )  # fmt: skip


def _second(rng: np.random.Generator, color: str) -> Color:
    """A texture's second colour: white mostly, or dark where the first is light."""
    bright = color in ("white", "cream", "yellow", "pink")
    other = str(rng.choice(["red", "blue", "black", "brown"] if bright else ["white", "cream"]))
    return _linear(strayed(rng, COLORS[other], 8))


def _linear(color: str) -> Color:
    red, green, blue = linear_from_color(color)
    return float(red), float(green), float(blue)
