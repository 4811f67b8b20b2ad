"""Blender as a staging backend: a child process that gives the same `StagedShot`.

Blender is never imported. One script of ours (`program/render_stage.py`, data of this package)
runs inside it; a job file goes in, files of every frame and a result file come out. A shot that was
cut short goes on at its next frame. Two kinds of scene: a storyboard's `Scene` built in Blender,
and a `.blend` made by hand (`BlendScene`).

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.stage.blender.backend import BlenderShot, save_blend, stage_shots
    from reelwright.stage.blender.find import Blender, find_blender
    from reelwright.stage.blender.job import BlendScene, Look

_HOMES = {
    "BlendScene": "job",
    "Blender": "find",
    "BlenderShot": "backend",
    "Look": "job",
    "find_blender": "find",
    "save_blend": "backend",
    "stage_shots": "backend",
}

__all__ = [
    "BlendScene",
    "Blender",
    "BlenderShot",
    "Look",
    "find_blender",
    "save_blend",
    "stage_shots",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
