"""Generate: what was asked and what was staged become a `Clip`.

A `Generator` makes it. The first one is the animatic: the staged frames themselves, or a slate for
a shot of words alone, with the shot's placed sounds. A video model takes the same place.
"""

from __future__ import annotations

from reelwright.generate.animatic import ANIMATIC_VERSION, Animatic, animatic_clip
from reelwright.generate.clip import Clip, SoundCue
from reelwright.generate.generator import Generator
from reelwright.generate.placed import PlacedSounds, write_placed
from reelwright.generate.request import (
    ClipRequest,
    Listener,
    SoundPlacement,
    listener_from_scene,
    placements_from_storyboard,
)

__all__ = [
    "ANIMATIC_VERSION",
    "Animatic",
    "Clip",
    "ClipRequest",
    "Generator",
    "Listener",
    "PlacedSounds",
    "SoundCue",
    "SoundPlacement",
    "animatic_clip",
    "listener_from_scene",
    "placements_from_storyboard",
    "write_placed",
]
