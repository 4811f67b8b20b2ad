"""Reelwright: a storyboard goes in, a film with sound comes out.

The Python way is the command line's, verb by verb:

    import reelwright

    film = reelwright.Film(title="Two shapes", shots=[...])
    reelwright.render(film, "shapes.mp4")

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Film": "reelwright.storyboard",
    "Prop": "reelwright.storyboard",
    "Shot": "reelwright.storyboard",
    "clip": "reelwright.production",
    "load_film": "reelwright.storyboard",
    "render": "reelwright.production",
    "retake": "reelwright.production",
}

__all__ = ["Film", "Prop", "Shot", "__version__", "clip", "load_film", "render", "retake"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reelwright' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
