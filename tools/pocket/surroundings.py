"""Light, ground and camera of a scene, drawn by chance with the storyboard's own settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tools.pocket.staging import SENSOR_MM, Array, Color, Thing
from tools.pocket.words import GROUND_COLORS, LIGHTS

from reelwright.storyboard import CameraTrack, Ground, Light, ViewKey
from reelwright.storyboard.rotation import turn_about_z

MOVES = (
    "static", "dolly-in", "dolly-out", "truck-left", "truck-right", "pan-left", "pan-right",
    "tilt-up", "tilt-down", "orbit-left", "orbit-right", "crane-up", "crane-down", "handheld",
    "follow",
)  # fmt: skip
_MOVE_WEIGHTS = np.array([6, 3, 2, 2, 2, 1.5, 1.5, 1, 1, 2, 2, 1.5, 1.5, 2, 1.5])
_FOLLOWED = ("glide", "roll", "arc", "bob", "fly")


@dataclass(frozen=True, slots=True)
class View:
    """The camera's first place, before the scene is turned and enlarged."""

    distance: float
    height: float
    aim: float
    lens: float
    half_w: float
    half_h: float


def draw_view(rng: np.random.Generator, frame_size: tuple[int, int]) -> View:
    """A lens and a place for it."""
    lens = float(rng.choice([24, 28, 35, 35, 35, 42, 50]))
    distance = float(rng.uniform(3.6, 6.0)) * lens / 35
    height = float(
        rng.choice([rng.uniform(0.3, 0.9), rng.uniform(0.9, 1.7), rng.uniform(1.7, 3.0)])
    )
    aim = float(rng.uniform(0.35, 0.9)) + 0.2 * height
    half = SENSOR_MM / 2 / lens
    width, tall = frame_size
    wide = max(frame_size)
    return View(distance, height, aim, lens, half * width / wide, half * tall / wide)


def draw_ground(rng: np.random.Generator) -> Ground:
    """A ground; water in a quarter of the scenes."""
    names = ("plain", "checker", "grid", "noise", "water")
    pattern = str(rng.choice(names, p=[0.22, 0.2, 0.1, 0.22, 0.26]))
    first, second = rng.choice(GROUND_COLORS[pattern], 2)
    first, second = strayed(rng, first), strayed(rng, second)
    polished = pattern != "water" and rng.random() < 0.12
    rough = float(rng.uniform(0.12, 0.35) if polished else rng.uniform(0.6, 1.0))
    return Ground.model_validate(
        {
            "pattern": pattern,
            "color": first,
            "color2": second,
            "tile_m": float(rng.uniform(0.5, 1.6)),
            "roughness": 0.15 if pattern == "water" else rough,
        }
    )


def draw_light(rng: np.random.Generator, turn: float, scale: float) -> tuple[Light, str, str]:
    """A light, its name, and the side it comes from."""
    mood = LIGHTS[int(rng.choice(len(LIGHTS), p=[0.2, 0.26, 0.1, 0.14, 0.1, 0.06, 0.06, 0.08]))]
    side = float(rng.uniform(0, 360))
    if side > 320 or side < 40:  # straight into the lens only seldom
        side = side if rng.random() < 0.35 else (side + 180) % 360
    haze = float(rng.uniform(*mood.haze_m)) * scale
    ev = float(rng.normal(0, 0.25))
    light = Light(
        sun_azimuth_deg=(side - turn) % 360,
        sun_elevation_deg=float(rng.uniform(*mood.elevation)),
        sun_strength=float(rng.uniform(*mood.strength)),
        sun_color=strayed(rng, mood.sun, 6),
        sun_softness_deg=float(rng.uniform(*mood.softness)),
        sky_top=strayed(rng, mood.top, 14),
        sky_horizon=strayed(rng, mood.horizon, 10),
        sky_strength=float(rng.uniform(0.85, 1.15)),
        haze_m=haze if haze > 0 and rng.random() < 0.8 else None,
        exposure_ev=float(np.clip(ev, -0.8, 0.8)),
    )
    words = ("ahead", "right", "behind", "left")
    return light, mood.word, words[int((side + 45) % 360 // 90)]


def draw_track(
    rng: np.random.Generator,
    view: View,
    things: list[Thing],
    times: Array,
    turn: float,
    scale: float,
    at: Array | None = None,
    look: Array | None = None,
) -> tuple[CameraTrack, float, float]:
    """What the camera does; the clip may be a part of a longer move."""
    move = str(rng.choice(MOVES, p=_MOVE_WEIGHTS / _MOVE_WEIGHTS.sum()))
    follows = [i for i, t in enumerate(things) if t.motion in _FOLLOWED]
    if move == "follow" and not follows:
        move = "static"
    clip_s = float(times[-1] + times[1])
    shot_s = clip_s if rng.random() < 0.5 else clip_s * float(rng.uniform(1.2, 3.0))
    from_s = float(rng.uniform(0, shot_s - clip_s))
    swing = float(rng.uniform(0.4, 1.3))
    aim_m = view.distance
    pace = float(rng.uniform(0.08, 0.5)) * shot_s * (1 if rng.random() < 0.85 else 1.8)
    angles = {"pan": 5.0, "tilt": 3.5, "orbit": 9.0}
    angle = angles.get(move.split("-")[0], 0.0) * swing * shot_s
    aside = float(rng.uniform(-0.5, 0.5))
    eye = np.array([aside, -view.distance, view.height]) if at is None else at
    goal = np.array([aside * 0.4, 0.0, view.aim]) if look is None else look
    spin = turn_about_z(turn)
    key = ViewKey(
        0.0,
        at=_triple(spin @ eye * scale),
        look_at=_triple(spin @ goal * scale),
        lens_mm=view.lens,
        roll_deg=float(rng.normal(0, 1.5)) if rng.random() < 0.1 else 0.0,
    )
    shake = float(rng.uniform(0.15, 0.6)) if move == "handheld" else 0.0
    if move != "handheld" and rng.random() < 0.08:
        shake = 0.12
    track = CameraTrack(
        keys=(key,),
        action=move,
        sensor_mm=SENSOR_MM,
        distance=min(pace, 0.3 * aim_m) * scale,
        angle_deg=angle,
        ease=str(rng.choice(["in-out", "linear", "in", "out"], p=[0.6, 0.2, 0.1, 0.1])),
        follow=str(follows[0]) if move == "follow" else "",
        shake=shake,
    )
    return track, shot_s, from_s


def strayed(rng: np.random.Generator, color: str | tuple[int, int, int], by: float = 10) -> str:
    """A colour a little off: as #rrggbb."""
    levels = [int(color[i : i + 2], 16) for i in (1, 3, 5)] if isinstance(color, str) else color
    gain = float(rng.normal(0, by))
    values = np.clip(np.array(levels) + gain + rng.normal(0, by / 2, 3), 4, 251).astype(int)
    return "#{:02x}{:02x}{:02x}".format(*values)


def _triple(values: Array) -> Color:
    x, y, z = (float(v) for v in values)
    return x, y, z
