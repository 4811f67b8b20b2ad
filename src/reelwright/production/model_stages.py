"""What the stages of a video model do: `generate.ltx`, called with what the recipe says.

These functions run in the worker; see `stages`. Where the weights lie stands in the task's `aside`:
what they are, by digest, is in the recipe.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelwrightError
from reelwright.plan import StageKind
from reelwright.production.requests import clip_request, staged_shot
from reelwright.production.task import Task
from reelwright.progress import Progress

if TYPE_CHECKING:
    from reelwright.generate.ltx import LtxSettings
    from reelwright.models import WeightSet


def read_prompt(task: Task, progress: Progress) -> None:
    """A shot's words, as the model reads them."""
    from reelwright.generate.ltx import read_words

    _require_ltx(task)
    read_words(
        str(task.recipe["prompt"]),
        str(task.recipe["negative"]),
        _weights(task),
        task.out,
        device=task.device,
        progress=progress,
    )


def make_draft(task: Task, progress: Progress) -> None:
    """The first pass."""
    from reelwright.generate.ltx import draft_clip

    _require_ltx(task)
    draft_clip(
        clip_request(task),
        task.input(StageKind.PROMPT),
        staged_shot(task),
        _previous(task),
        _weights(task),
        _settings(task),
        task.out,
        device=task.device,
        progress=progress,
        sources=task.inputs_of(StageKind.DRAFT),
    )


def refine_draft(task: Task, progress: Progress) -> None:
    """The second pass, at twice the size."""
    from reelwright.generate.ltx import refine_clip

    _require_ltx(task)
    draft, *sources = task.inputs_of(StageKind.DRAFT)
    refine_clip(
        clip_request(task),
        task.input(StageKind.PROMPT),
        staged_shot(task),
        _previous(task),
        draft,
        _weights(task),
        _settings(task),
        task.out,
        device=task.device,
        progress=progress,
        sources=(*sources, *task.inputs_of(StageKind.REFINE)),
    )


def decode_latents(task: Task, progress: Progress) -> None:
    """Latents become a clip; of a retake, a range of it alone, the rest staying as it was."""
    from reelwright.generate.ltx import LtxSettings, decode_clip, decode_retake

    _require_ltx(task)
    latents, *_ = task.inputs_of(StageKind.REFINE) or task.inputs_of(StageKind.DRAFT)
    request, weights = clip_request(task), _weights(task)
    settings = LtxSettings(other_tiles=bool(task.recipe.get("other_tiles", False)))
    how: dict[str, Any] = {
        "device": task.device,
        "progress": progress,
        "digests": {Path(use.path).name: use.sha256 for use in task.weights},
        "large": bool(task.recipe.get("large", False)),
    }
    if "retake" not in task.recipe:
        previous = _previous(task)
        decode_clip(request, latents, previous, weights, settings, task.out, **how)
        return
    source, *others = task.inputs_of(StageKind.DECODE)
    before = others[0] if others else None
    decode_retake(request, latents, source, before, weights, settings, task.out, **how)


def let_models_go() -> None:
    """Close the model that this process holds open, if any: what follows needs its memory."""
    if "reelwright.generate.ltx" in sys.modules:
        from reelwright.generate.ltx import release

        release()


def _require_ltx(task: Task) -> None:
    if task.backend != "ltx":
        raise ReelwrightError(
            f"There is no backend {task.backend!r} here.",
            "Plan again with --replan.",
            where=task.id,
        )


def _weights(task: Task) -> WeightSet:
    from reelwright.models import WeightSet

    return WeightSet.from_json(task.aside["weights"])


def _previous(task: Task) -> Path | None:
    """The decoded clip of the shot that this one continues."""
    folders = task.inputs_of(StageKind.DECODE)
    return folders[0] if folders else None


def _settings(task: Task) -> LtxSettings:
    from reelwright.generate.ltx import LtxSettings

    model: Mapping[str, Any] = dict(task.recipe["model"])  # type: ignore[arg-type]
    return LtxSettings.from_json({**model, "precision": "auto"})
