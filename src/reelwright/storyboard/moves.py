"""Camera moves in numbers.

A `CameraTrack` is what a shot's camera does with everything filled in: no default is left open and
no other shot is needed. `rig_at` says where it stands at a time. Left and right are the camera's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reelwright.storyboard.fields import Vec3
from reelwright.storyboard.paths import Value, eased, value_at
from reelwright.storyboard.rotation import (
    Matrix,
    Vector,
    roll_from_rotation,
    rotation_from_view,
    turn_about_x,
    turn_about_y,
    turn_about_z,
)
from reelwright.storyboard.shake import ANGLE_DEG, BLEND_S, POSITION_M, sway

DISTANCE_SHARE = 0.25
"""A dolly, truck or crane goes this part of the distance to `look_at`, if none is said."""

DEFAULT_ANGLE_DEG = {"pan": 20.0, "tilt": 10.0, "orbit": 30.0}
"""How far a turning move turns, if it is not said."""

_NEAREST_AIM_M = 0.1


@dataclass(frozen=True, slots=True)
class ViewKey:
    """A camera at one time; None where the key does not speak of it."""

    t_s: float
    at: Vec3 | None = None
    look_at: Vec3 | None = None
    lens_mm: float | None = None
    roll_deg: float | None = None
    ease: str = "smooth"


@dataclass(frozen=True, slots=True)
class CameraTrack:
    """What a camera does in one shot.

    Attributes:
        keys: Where it is, in order of time; the first is at 0 and complete.
        action: The move that joins the keys (`Move`).
        sensor_mm: Larger side of the sensor.
        distance: How far a dolly, truck or crane goes, metres.
        angle_deg: How far a pan, tilt or orbit turns.
        ease: How the move goes.
        follow: Placed name of the prop that is followed; empty if none.
        shake: Amount of shake, 0 to 1, of the scene's seed.
        shake_before: Amount of shake that it takes over from the shot before, 0 to 1.
        seed_before: The seed of that shake.
    """

    keys: tuple[ViewKey, ...]
    action: str = "static"
    sensor_mm: float = 36.0
    distance: float = 0.0
    angle_deg: float = 0.0
    ease: str = "in-out"
    follow: str = ""
    shake: float = 0.0
    shake_before: float = 0.0
    seed_before: int = 0


@dataclass(frozen=True, slots=True)
class Rig:
    """A camera at one time, without the shake.

    Attributes:
        at: Place, metres [3].
        turn: World-from-camera rotation 3x3.
        aim_m: Distance to the point it looks at, metres.
        lens_mm: Focal length.
    """

    at: Vector
    turn: Matrix
    aim_m: float
    lens_mm: float


def rig_at(
    track: CameraTrack, time_s: float, seconds: float, position: Callable[[str, float], Vec3]
) -> Rig:
    """Where a camera is at a time of its shot.

    Args:
        track: What it does.
        time_s: Time in the shot, seconds.
        seconds: Length of the shot; the move comes to rest there.
        position: Where a placed prop is, by name and time, metres.
    """
    at, look_at = _keyed(track, "at", time_s), _keyed(track, "look_at", time_s)
    if track.action == "follow":
        way = np.subtract(position(track.follow, time_s), position(track.follow, 0.0))
        at, look_at = at + way, look_at + way
    base = Rig(
        at=at,
        turn=rotation_from_view(look_at - at, float(_keyed(track, "roll_deg", time_s)[0])),
        aim_m=float(np.linalg.norm(look_at - at)),
        lens_mm=float(_keyed(track, "lens_mm", time_s)[0]),
    )
    return _moved(track, base, eased(track.ease, time_s / seconds))


def shaken(
    rig: Rig, track: CameraTrack, seed: int, time_s: float, seconds: float, start_s: float
) -> Rig:
    """The rig in the hand that holds it.

    Args:
        rig: Without shake.
        track: Says how much.
        seed: The shot's seed.
        time_s: Time in the shot, seconds.
        seconds: Length of the shot. The shake of the shot before gives way to its own over the
            first second, or over the whole shot if that is shorter.
        start_s: Time at which the shot begins in its chain, on which the noise runs.
    """
    if not track.shake and not track.shake_before:
        return rig
    own = eased("smooth", time_s / min(BLEND_S, seconds))
    amount = np.zeros(6)
    if track.shake:
        amount += own * track.shake * np.array(sway(seed, start_s + time_s))
    if track.shake_before and own < 1.0:
        before = np.array(sway(track.seed_before, start_s + time_s))
        amount += (1.0 - own) * track.shake_before * before
    tilt, pan, roll = amount[3:] * ANGLE_DEG
    jolt = turn_about_y(float(pan)) @ turn_about_x(float(tilt)) @ turn_about_z(float(roll))
    sideways = rig.turn @ (amount[:3] * POSITION_M)
    return Rig(rig.at + sideways, rig.turn @ jolt, rig.aim_m, rig.lens_mm)


def _keyed(track: CameraTrack, name: str, time_s: float) -> Vector:
    def read(key: ViewKey) -> Value | None:
        value = getattr(key, name)
        return value if value is None or isinstance(value, tuple) else (value,)

    value = value_at(track.keys, read, time_s)
    if value is None:
        raise ValueError(f"no key of the camera has {name}")
    return np.array(value, dtype=np.float64)


def _moved(track: CameraTrack, rig: Rig, share: float) -> Rig:
    """The move's part on top of the keyed rig."""
    kind, _, direction = track.action.partition("-")
    sign = -1.0 if direction in ("out", "left", "down") else 1.0
    way, angle = sign * track.distance * share, sign * track.angle_deg * share
    if kind == "dolly":
        aim = max(rig.aim_m - way, _NEAREST_AIM_M)
        return Rig(rig.at + rig.turn[:, 2] * way, rig.turn, aim, rig.lens_mm)
    if kind == "truck":
        return Rig(rig.at + rig.turn[:, 0] * way, rig.turn, rig.aim_m, rig.lens_mm)
    if kind == "pan":
        return Rig(rig.at, turn_about_z(-angle) @ rig.turn, rig.aim_m, rig.lens_mm)
    if kind == "tilt":
        return Rig(rig.at, rig.turn @ turn_about_x(angle), rig.aim_m, rig.lens_mm)
    if kind == "orbit":
        return _orbited(rig, angle)
    if kind == "crane":
        return _craned(rig, way)
    return rig


def _orbited(rig: Rig, angle_deg: float) -> Rig:
    """Round the upright axis through the point it looks at; to the right is +x of a camera that
    looks along +y, so counterclockwise from above."""
    turn = turn_about_z(angle_deg)
    centre = rig.at + rig.turn[:, 2] * rig.aim_m
    return Rig(centre + turn @ (rig.at - centre), turn @ rig.turn, rig.aim_m, rig.lens_mm)


def _craned(rig: Rig, way: float) -> Rig:
    """Straight up or down, still looking at the same point, with the same roll."""
    aim = rig.turn[:, 2] * rig.aim_m - np.array([0.0, 0.0, way])
    at = rig.at + np.array([0.0, 0.0, way])
    turn = rotation_from_view(aim, roll_from_rotation(rig.turn))
    return Rig(at, turn, float(np.linalg.norm(aim)), rig.lens_mm)
