"""The words of the clips: colours, light, grounds, sounds. One place, so that a tokenizer and the
captions agree, and what is held out is written down.
"""

from __future__ import annotations

from dataclasses import dataclass

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (196, 44, 36), "orange": (226, 122, 36), "yellow": (230, 190, 52),
    "green": (66, 138, 66), "teal": (40, 140, 140), "blue": (48, 92, 178),
    "purple": (120, 66, 150), "pink": (222, 130, 150), "white": (232, 228, 218),
    "grey": (128, 130, 132), "black": (38, 38, 42), "brown": (122, 82, 50),
    "cream": (226, 208, 168),
}  # fmt: skip
"""sRGB of each colour word; a scene strays a little from it."""

HELD_OUT_PAIRS = frozenset(
    {("purple", "cone"), ("orange", "box"), ("teal", "sphere"), ("pink", "cylinder"),
     ("yellow", "torus")}
)  # fmt: skip
"""Colour and shape that never train."""

SHAPE_WORDS = {
    "sphere": ("ball", "sphere", "globe"),
    "box": ("box", "crate", "block", "cube"),
    "cylinder": ("cylinder", "barrel", "drum", "column"),
    "cone": ("cone", "pyramid", "spire"),
    "torus": ("ring", "torus", "hoop"),
}
MESH_WORDS = {
    "lighthouse": ("lighthouse", "striped lighthouse", "tall lighthouse"),
    "boat": ("boat", "small wooden boat", "boat with a striped sail", "sailing boat"),
    "gull": ("gull", "white gull", "seagull"),
    "islet": ("islet", "rocky islet", "small island"),
    "buoy": ("buoy", "red bell buoy", "red buoy"),
    "rocks": ("rock", "wet rock", "heap of rocks"),
    "jetty": ("jetty", "wooden jetty", "old jetty"),
    "crate": ("crate", "wooden crate"),
}
TEXTURES = ("plain", "striped", "checkered", "shaded")
SIZES = ("small", "big")

SOUNDS: dict[str, tuple[str, str]] = {
    "sphere": ("a low hum", "a thud"),
    "box": ("a scrape", "a knock"),
    "cylinder": ("a rumble", "a clank"),
    "cone": ("a whirr", "a click"),
    "torus": ("a ringing tone", "a chime"),
    "boat": ("the creak of a boat", "a creak"),
    "buoy": ("a bell", "a bell"),
    "gull": ("gulls", "gulls"),
    "lighthouse": ("a foghorn", "a foghorn"),
    "jetty": ("creaking wood", "a creak"),
    "crate": ("creaking wood", "a knock"),
}
"""Of each kind: what it sounds like while it moves, and when it hits the ground."""


@dataclass(frozen=True, slots=True)
class LightMood:
    """A light that has a name.

    Attributes:
        word: In captions.
        elevation: Of the sun, lowest and highest degrees.
        strength: Of the sun.
        sun: Its colour.
        top: Sky overhead.
        horizon: Sky at the horizon.
        softness: Of the sun, degrees.
        haze_m: Nearest and farthest; 0 is clear.
    """

    word: str
    elevation: tuple[float, float]
    strength: tuple[float, float]
    sun: str
    top: str
    horizon: str
    softness: tuple[float, float] = (0.8, 3.0)
    haze_m: tuple[float, float] = (0.0, 0.0)


LIGHTS = (
    LightMood("morning light", (9, 24), (1.0, 1.4), "#ffcf95", "#4d7ea8", "#e6dfd3",
              haze_m=(150, 900)),
    LightMood("clear daylight", (30, 62), (0.8, 1.2), "#fff4e0", "#4f7fb8", "#cfdde8"),
    LightMood("midday sun", (50, 75), (1.0, 1.3), "#fff8ec", "#3f74b4", "#c3d6e6"),
    LightMood("evening light", (6, 18), (0.9, 1.4), "#ffb066", "#5a6f9c", "#f0c8a0",
              haze_m=(150, 1200)),
    LightMood("an overcast sky", (35, 60), (0.12, 0.4), "#f4f4f4", "#98a4ae", "#c8ced2", (6, 14),
              (120, 600)),
    LightMood("mist", (15, 40), (0.2, 0.6), "#fff2e4", "#a8b4bc", "#d8dcdc", (4, 10), (22, 70)),
    LightMood("dusk", (2, 8), (0.25, 0.6), "#ff9a70", "#2c3c66", "#b08a94", (1, 4), (150, 800)),
    LightMood("studio light", (35, 65), (0.5, 1.0), "#ffffff", "#c8ccd0", "#dcdee0", (4, 12)),
)  # fmt: skip

GROUNDS = {
    "plain": ("floor", "ground", "plain floor"),
    "checker": ("checkered floor", "tiled floor"),
    "grid": ("grid floor", "floor with a grid"),
    "noise": ("sand", "rough ground", "bare earth"),
    "water": ("water", "sea", "calm sea"),
}
GROUND_COLORS = {
    "plain": ("#8f8a7e", "#b8b2a4", "#6c7a6a", "#777b82", "#a08868", "#c8c4bc", "#54585e"),
    "checker": ("#8f8a7e", "#d2ccc0", "#4c5a66", "#b09878", "#a04438", "#46684e"),
    "grid": ("#8f8a7e", "#3c4450", "#c4c0b6", "#5c6e84"),
    "noise": ("#9c8c6c", "#7c7464", "#6a7a4c", "#b09a74", "#86807a", "#d0c8b4"),
    "water": ("#173f4f", "#1c4a5c", "#20465e", "#2a5a66", "#14364a", "#2c4c58"),
}
