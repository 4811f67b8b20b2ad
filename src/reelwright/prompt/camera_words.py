"""What the camera does, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reelwright.prompt.said import LENS, Said
from reelwright.prompt.scene_words import thing_name

if TYPE_CHECKING:
    from reelwright.storyboard import Camera, Scene, Shot
    from reelwright.storyboard.moves import Rig

_MOVES = {
    "static": "is still",
    "dolly-in": "dollies in",
    "dolly-out": "dollies out",
    "truck-left": "slides to the left",
    "truck-right": "slides to the right",
    "pan-left": "pans left",
    "pan-right": "pans right",
    "tilt-up": "tilts up",
    "tilt-down": "tilts down",
    "orbit-left": "circles to the left",
    "orbit-right": "circles to the right",
    "crane-up": "rises",
    "crane-down": "sinks",
    "handheld": "is held in the hand",
}
_SLOW_SHARE = 0.1
"""A move is slow that goes less than this part of the way to what it looks at in a second."""

_SLOW_DEG = 8.0
"""A turn is slow that turns less than this in a second."""

_STILL_SHARE = 0.01
_PART_OF_WAY = 0.4
_STEADY_DEG = 2.0
_ZOOM = 1.15
_WIDE_MM, _LONG_MM = 28.0, 70.0
_FULL_FRAME_MM = 36.0


def camera_words(shot: Shot, scene: Scene | None, said: Said) -> str:
    """Say the camera's move, e.g. `The camera slowly dollies in`.

    Args:
        shot: As the director wrote it.
        scene: Its scene, where it has one; a shot that continues another has its camera there.
        said: What was said before; a move that was spoken of is not said again.

    Returns:
        A sentence without its full stop; empty where there is nothing to say.
    """
    if said.speaks_of_camera() or shot.scene is not None:
        return ""
    if scene is not None:
        words, shake = _scene_move(scene), scene.camera.shake
    elif shot.camera is not None:
        words, shake = _written_move(shot.camera), shot.camera.shake_amount
    else:
        return ""
    if shake and words == _MOVES["static"]:
        words = _MOVES["handheld"]
    hand = ", held in the hand" if shake and "in the hand" not in words else ""
    return f"The camera {words}{hand}" if words else ""


def lens_words(shot: Shot, said: Said) -> str:
    """Say the lens that the director chose, e.g. `Wide 24 mm lens`; empty where none is named."""
    camera = shot.camera
    if camera is None or camera.lens_mm is None or said.speaks_of(LENS):
        return ""
    from reelwright.storyboard import SENSORS_MM

    sensor = SENSORS_MM[camera.sensor] if camera.sensor else _FULL_FRAME_MM
    equal_mm = camera.lens_mm * _FULL_FRAME_MM / sensor
    kind = "Wide " if equal_mm <= _WIDE_MM else "Long " if equal_mm >= _LONG_MM else ""
    return f"{kind}{camera.lens_mm:g} mm lens"


def _written_move(camera: Camera) -> str:
    """The move by its name alone: nothing is known of what stands around."""
    if camera.action == "follow" and camera.follow:
        return f"follows the {thing_name(camera.follow)}"
    return _MOVES.get(camera.action, "")


def _scene_move(scene: Scene) -> str:
    track = scene.camera
    if track.action == "follow" and track.follow:
        return f"follows the {thing_name(scene.placed(track.follow).prop_name)}"
    start, end = scene.rig(0.0), scene.rig(scene.seconds)
    if track.action == "path" or len(track.keys) > 1:
        return _path_words(start, end, scene.seconds)
    words = _MOVES.get(track.action, "")
    slow = _is_slow(start, track.distance, track.angle_deg, scene.seconds)
    return f"slowly {words}" if words and slow else words


def _is_slow(start: Rig, distance: float, angle_deg: float, seconds: float) -> bool:
    if distance:
        return distance / seconds < _SLOW_SHARE * start.aim_m
    return 0 < angle_deg / seconds < _SLOW_DEG


def _path_words(start: Rig, end: Rig, seconds: float) -> str:
    """A free path by where it leads: the largest parts of its way, a turn, a zoom."""
    way = start.turn.T @ (end.at - start.at)  # x right, y down, z forward
    length = float(np.linalg.norm(way))
    parts = []
    if length > _STILL_SHARE * start.aim_m:
        names = (("to the left", "to the right"), ("up", "down"), ("back", "forward"))
        order = sorted(range(3), key=lambda axis: -abs(way[axis]))
        ways = [names[i][int(way[i] > 0)] for i in order if abs(way[i]) > _PART_OF_WAY * length]
        slow = "slowly " if length / seconds < _SLOW_SHARE * start.aim_m else ""
        parts.append(f"{slow}moves {' and '.join(ways)}")
    else:
        parts.extend(_turn_words(start, end))
    ratio = end.lens_mm / start.lens_mm
    if max(ratio, 1 / ratio) > _ZOOM:
        parts.append("zooms in" if ratio > 1 else "zooms out")
    return " and ".join(parts) or _MOVES["static"]


def _turn_words(start: Rig, end: Rig) -> list[str]:
    ahead = start.turn.T @ end.turn[:, 2]
    pan = float(np.degrees(np.arctan2(ahead[0], ahead[2])))
    tilt = float(np.degrees(np.arcsin(np.clip(-ahead[1], -1, 1))))
    if max(abs(pan), abs(tilt)) < _STEADY_DEG:
        return []
    if abs(pan) >= abs(tilt):
        return ["pans right" if pan > 0 else "pans left"]
    return ["tilts up" if tilt > 0 else "tilts down"]
