"""Keyframes: the pictures that the video must pass through.

A `Painter` makes them. The first one is the stage itself: `keyframes_from_stage` hands on the
staged frames at the asked indices. One that paints over the staged depth takes the same place.
"""

from __future__ import annotations

from reelwright.keyframes.keyframe import (
    Keyframe,
    KeyframeRequest,
    load_keyframes,
    save_keyframes,
)
from reelwright.keyframes.painter import Painter
from reelwright.keyframes.staged import StagePainter, keyframes_from_stage

__all__ = [
    "Keyframe",
    "KeyframeRequest",
    "Painter",
    "StagePainter",
    "keyframes_from_stage",
    "load_keyframes",
    "save_keyframes",
]
