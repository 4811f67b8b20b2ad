"""What a task's recipe and inputs say, as the rooms below want to hear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.plan import StageKind
from reelwright.production.task import Task
from reelwright.shapes import GenerationSize, ShotFrames

if TYPE_CHECKING:
    from reelwright.generate import ClipRequest, Listener, SoundPlacement
    from reelwright.keyframes import Keyframe
    from reelwright.stage import StagedShot
    from reelwright.storyboard import Scene


def clip_request(task: Task) -> ClipRequest:
    """The request that the recipe of a clip, or of a pass of one, holds."""
    from reelwright.generate import ClipRequest

    recipe = task.recipe
    delivered, generated = (int(str(each)) for each in _list(recipe["frames"]))
    sounds = tuple(_placement(each, task.root) for each in _dicts(recipe["sounds"]))
    return ClipRequest(
        shot=str(recipe["shot"]),
        frames=ShotFrames(delivered, generated),
        frame_rate=Fraction(str(recipe["frame_rate"])),
        size=size_of(recipe),
        prompt=str(recipe.get("prompt", "")),
        sound=str(recipe.get("sound", "")),
        dialogue=str(recipe.get("dialogue", "")),
        keyframes=keyframes_of(task),
        sounds=sounds,
        listener=_listener(task, sounds),
        seed=int(str(recipe["seed"])),
        take=int(str(recipe["take"])),
        label=str(recipe.get("label", "")),
        retake=_retake(recipe),
    )


def keyframes_of(task: Task) -> tuple[Keyframe, ...]:
    """The pictures that the shot passes through; none where no model does."""
    from reelwright.keyframes import load_keyframes

    folders = task.inputs_of(StageKind.KEYFRAMES)
    return load_keyframes(folders[0]) if folders else ()


def staged_shot(task: Task) -> StagedShot | None:
    """The staged shot; None for words alone."""
    from reelwright.stage import StagedShot

    folders = task.inputs_of(StageKind.STAGE)
    return StagedShot.load(folders[0]) if folders else None


def scene_of(task: Task) -> Scene:
    """The scene that a recipe holds."""
    from reelwright.storyboard import Scene

    return Scene.from_json({**_dict(task.recipe["scene"]), "shot": task.shot})


def size_of(recipe: Mapping[str, Any]) -> GenerationSize:
    """The size that a recipe holds."""
    size = _dict(recipe["size"])
    delivered, generated = tuple(size["delivered"]), tuple(size["generated"])
    return GenerationSize(delivered, generated, size["fit"])


def _listener(task: Task, sounds: Sequence[SoundPlacement]) -> Listener | None:
    from reelwright.generate import listener_from_scene

    if task.recipe["scene"] is None:
        return None
    names = {sound.from_prop for sound in sounds if sound.from_prop is not None}
    return listener_from_scene(scene_of(task), names)


def _placement(facts: Mapping[str, Any], root: Path) -> SoundPlacement:
    from reelwright.generate import SoundPlacement

    values = {key: value for key, value in facts.items() if key != "sha256"}
    return SoundPlacement(**{**values, "file": root / values["file"], "name": values["file"]})


def _retake(recipe: Mapping[str, Any]) -> tuple[int, int] | None:
    """Frames that are made again, where the recipe has some."""
    if "retake" not in recipe:
        return None
    first, stop = (int(str(each)) for each in _list(recipe["retake"]))
    return first, stop


def _dict(value: Any) -> dict[str, Any]:
    return dict(value)


def _list(value: Any) -> list[Any]:
    return list(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [dict(each) for each in value]
