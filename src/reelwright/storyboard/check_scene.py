"""The last look: each shot's camera resolved, with what it takes over from the shot before.

Runs on a film that is sound in all else, since it needs the scenes. It costs numpy's import (80 ms)
and so is left out where no shot is staged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reelwright.storyboard.problems import Finding

if TYPE_CHECKING:
    from reelwright.storyboard.film import Film
    from reelwright.storyboard.scene import Scene

_NEAREST_M = 1e-6


def check_scenes(film: Film) -> Iterator[Finding]:
    """Cameras that stand at the point they look at, at the start or at a key."""
    if not any(shot.is_staged for shot in film.shots):
        return
    from reelwright.storyboard.resolve import resolve_scenes

    scenes = resolve_scenes(film)
    for index, shot in enumerate(film.shots):
        scene = scenes[shot.id]
        time_s = _blind_at(scene) if scene else None
        if time_s is not None:
            yield Finding(
                ("shots", index, "camera"),
                f"At {time_s:g} s the camera stands at the point it looks at.",
                "Move `at` or `look_at`.",
            )


def _blind_at(scene: Scene) -> float | None:
    for key in scene.camera.keys:
        if scene.rig(key.t_s).aim_m < _NEAREST_M:
            return key.t_s
    return None
