"""The light of a staged scene in words: what the sun and the sky are set to, no more.

Whether a low sun is the morning's or the evening's cannot be told from its height, so it is not
said.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reelwright.prompt.color_words import word_from_color

if TYPE_CHECKING:
    from reelwright.storyboard import Light, Scene

_OVERCAST_STRENGTH = 0.42
_OVERCAST_SOFTNESS_DEG = 5.0
_MIST_M = 80.0
_HAZE_M = 320.0
_HIGH_SUN_DEG = 62.0
_LOW_SUN_DEG = 25.0
_DIM_STRENGTH = 0.05
_WARM = frozenset({"orange", "yellow", "red", "pink", "cream", "brown"})


def light_words(scene: Scene) -> str:
    """Say the light of a scene, e.g. `Soft low sun from the left`."""
    light = scene.light
    sky = _sky_words(light)
    if sky:
        return sky
    words = _sun_words(light)
    if light.sun_elevation_deg < _HIGH_SUN_DEG:
        words = f"{words} {_side(scene)}"
    hazy = light.haze_m is not None and light.haze_m < _HAZE_M
    return f"{words}, light haze" if hazy else words


def _sky_words(light: Light) -> str:
    """Light that comes from the sky alone; empty where a sun is seen."""
    if light.sun_elevation_deg < -8:
        return "Night"
    if light.sun_elevation_deg < 1:
        return "Twilight"
    if light.haze_m is not None and light.haze_m < _MIST_M:
        return "Mist"
    dim = light.sun_strength < _OVERCAST_STRENGTH
    if dim and light.sky_strength < _DIM_STRENGTH:
        return "Darkness"
    if dim or light.sun_softness_deg >= _OVERCAST_SOFTNESS_DEG:
        return "Soft light under an overcast sky" if dim else "Soft light"
    return ""


def _sun_words(light: Light) -> str:
    if light.sun_elevation_deg >= _HIGH_SUN_DEG:
        return "High sun, clear daylight"
    if light.sun_elevation_deg >= _LOW_SUN_DEG:
        return "Clear daylight, sun"
    warm = word_from_color(light.sun_color) in _WARM
    return "Warm low sun" if warm else "Low sun"


def _side(scene: Scene) -> str:
    """Where the sun stands, seen from the camera at the shot's beginning."""
    forward = scene.camera_pose(0).world_from_camera[:3, 2]
    heading = math.degrees(math.atan2(float(forward[0]), float(forward[1])))
    around = (scene.light.sun_azimuth_deg - heading) % 360
    if around < 45 or around >= 315:
        return "ahead"
    if around < 135:
        return "from the right"
    return "from behind" if around < 225 else "from the left"
