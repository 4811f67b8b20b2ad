"""Meshes and a camera become a `StagedShot`: colour, depth, mask and motion of every frame.

The built-in stage needs neither Blender nor a GPU: a rasteriser in torch, the same code on every
device. What it promises: depth at pixel centres along the view axis in metres (float32; 1e-5 of the
true surface, the ground to 1e-7), the mask of the prop that is seen there, the exact motion of that
point to the next frame, and a colour picture whose edges and shadows do not crawl.

The same scene on the same device gives the same bytes, whatever the number of threads. Another
device or another version of torch may round a colour the other way here and there.

Names are loaded when they are first used; reading a staged shot needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.stage.camera import project_points
    from reelwright.stage.estimate import StageEstimate, estimate_stage
    from reelwright.stage.render import Renderer, StagedFrame
    from reelwright.stage.sheet import contact_sheet
    from reelwright.stage.shot import stage_shot
    from reelwright.stage.staged_shot import CAMERA_JSON_VERSION, STAGE_VERSION, StagedShot

_HOMES = {
    "CAMERA_JSON_VERSION": "staged_shot",
    "Renderer": "render",
    "STAGE_VERSION": "staged_shot",
    "StageEstimate": "estimate",
    "StagedFrame": "render",
    "StagedShot": "staged_shot",
    "contact_sheet": "sheet",
    "estimate_stage": "estimate",
    "project_points": "camera",
    "stage_shot": "shot",
}

__all__ = [
    "CAMERA_JSON_VERSION",
    "STAGE_VERSION",
    "Renderer",
    "StageEstimate",
    "StagedFrame",
    "StagedShot",
    "contact_sheet",
    "estimate_stage",
    "project_points",
    "stage_shot",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
