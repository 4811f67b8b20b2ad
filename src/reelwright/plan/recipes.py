"""Recipes: for each kind of stage, what decides its result, and nothing else.

Where or how a stage runs, what it costs and what its shot is called by others are not in them. A
stage's function finds here everything it needs, but for the files (by project-relative path) and
the results of the stages before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.plan.canonical import JSON, rate_text
from reelwright.plan.digests import FileUse
from reelwright.plan.enlarging import Enlarged
from reelwright.plan.stages import StageKind
from reelwright.plan.versions import room_version
from reelwright.shapes import generation_size

if TYPE_CHECKING:
    from fractions import Fraction

    from pydantic import BaseModel

    from reelwright.plan.ways import ShotTries
    from reelwright.shapes import GenerationSize, ShotFrames
    from reelwright.storyboard import Film, Music, PlacedSound, Prop, Scene, Shot

MutableRecipe = dict[str, JSON]


def asset_recipe(prop: Prop, files: Sequence[FileUse], settings: Mapping[str, JSON]) -> Any:
    """A prop: its settings, and the bytes of every file that it is made from."""
    return {
        "version": room_version(StageKind.ASSETS, "builtin"),
        "prop": dump(prop),
        "files": [{"path": use.path, "sha256": use.sha256} for use in files],
        **_settings(settings),
    }


def stage_recipe(scene: Scene, settings: Mapping[str, JSON]) -> Any:
    """A staged shot: its scene."""
    return {
        "version": room_version(StageKind.STAGE, "builtin"),
        "scene": scene.recipe(),
        **_settings(settings),
    }


def keyframes_recipe(
    requests: Sequence[tuple[int, float]],
    backend: str,
    settings: Mapping[str, JSON],
    pictures: Sequence[tuple[int, float, FileUse]] = (),
    size: GenerationSize | None = None,
) -> Any:
    """Keyframes: frames and strengths, in order of time; those that are a person's pictures apart.

    Pictures are brought to the size that is generated; it is in the recipe only where there are
    some.
    """
    own = [
        {"frame": frame, "strength": strength, "file": use.path, "sha256": use.sha256}
        for frame, strength, use in pictures
    ]
    return {
        "version": room_version(StageKind.KEYFRAMES, backend),
        "backend": backend,
        "requests": [{"frame": frame, "strength": strength} for frame, strength in requests],
        **({"pictures": own, "size": size_json(size)} if own and size is not None else {}),
        **_settings(settings),
    }


def generate_recipe(
    shot: Shot,
    *,
    backend: str,
    label: str,
    frames: ShotFrames,
    frame_rate: Fraction,
    size: GenerationSize,
    scene: Scene | None,
    seed: int,
    take: int,
    sounds: Sequence[tuple[PlacedSound, FileUse]],
    settings: Mapping[str, JSON],
) -> Any:
    """A clip: what a `ClipRequest` holds.

    The scene is in it only where a sound is panned by what stands in it; the words for the picture
    only where they are seen, on a slate.
    """
    panned = scene is not None and any(sound.from_prop for sound, _ in sounds)
    return {
        "version": room_version(StageKind.GENERATE, backend),
        "backend": backend,
        "label": label,
        "shot": shot.id,
        "frames": [frames.delivered, frames.generated],
        "frame_rate": rate_text(frame_rate),
        "size": size_json(size),
        "prompt": shot.prompt if scene is None else "",
        "sound": shot.sound,
        "dialogue": shot.dialogue,
        "seed": seed,
        "take": take,
        "sounds": [_sound(sound, use) for sound, use in sounds],
        "scene": scene.recipe() if scene is not None and panned else None,
        **_settings(settings),
    }


def request_recipe(
    shot: Shot,
    *,
    frames: ShotFrames,
    frame_rate: Fraction,
    size: GenerationSize,
    scene: Scene | None,
    seed: int,
    take: int,
    sounds: Sequence[tuple[PlacedSound, FileUse]],
    retake: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """What every stage of a model's clip is told of its shot.

    The scene is in it only where a sound is panned by what stands in it; the frames of a retake
    only where there is one.
    """
    panned = scene is not None and any(sound.from_prop for sound, _ in sounds)
    return {
        "shot": shot.id,
        "frames": [frames.delivered, frames.generated],
        "frame_rate": rate_text(frame_rate),
        "size": size_json(size),
        "seed": seed,
        "take": take,
        "sounds": [_sound(sound, use) for sound, use in sounds],
        "scene": scene.recipe() if scene is not None and panned else None,
        **({"retake": list(retake)} if retake is not None else {}),
    }


def prompt_recipe(
    words: str, negative: str, *, weights: Sequence[str], settings: Mapping[str, JSON]
) -> Any:
    """A shot's words, and what reads them."""
    return {
        "version": room_version(StageKind.PROMPT, "ltx"),
        "backend": "ltx",
        "prompt": words,
        "negative": negative,
        "weights": list(weights),
        **_settings(settings),
    }


def pass_recipe(
    kind: StageKind,
    request: Mapping[str, JSON],
    *,
    model: Mapping[str, JSON],
    weights: Sequence[str],
    settings: Mapping[str, JSON],
) -> Any:
    """A pass of a model: words, stage and pictures are in what it needs."""
    return {
        "version": room_version(kind, "ltx"),
        "backend": "ltx",
        **request,
        "model": dict(model),
        "weights": list(weights),
        **_settings(settings),
    }


def decode_recipe(
    request: Mapping[str, JSON],
    *,
    label: str,
    words: tuple[str, str],
    weights: Sequence[str],
    settings: Mapping[str, JSON],
    other_tiles: bool = False,
    large: bool = False,
) -> Any:
    """Latents become a clip, with the shot's sounds; `words` are those for sound and dialogue.

    `large` keeps refined pictures at the refiner's scale too.
    """
    sound, dialogue = words
    return {
        "version": room_version(StageKind.DECODE, "ltx"),
        "backend": "ltx",
        "label": label,
        **request,
        "sound": sound,
        "dialogue": dialogue,
        "weights": list(weights),
        **({"other_tiles": True} if other_tiles else {}),
        **({"large": True} if large else {}),
        **_settings(settings),
    }


def finish_recipe(
    size: GenerationSize,
    num_frames: int,
    settings: Mapping[str, JSON],
    enlarged: Enlarged | None = None,
) -> Any:
    """A finished clip: the size and length that are delivered, and what it is enlarged to."""
    return {
        "version": room_version(StageKind.FINISH, "builtin"),
        "size": size_json(size),
        "num_frames": num_frames,
        **({} if enlarged is None else {"enlarged": enlarged.to_json()}),
        **_settings(settings),
    }


def quality_recipe(
    shot: Shot, size: GenerationSize, settings: Mapping[str, JSON], *, generated: bool = False
) -> Any:
    """A shot's measures. The clip and the stage decide them; the shot's name stands in them.

    What a video model made is judged by other limits than what was drawn.
    """
    return {
        "version": room_version(StageKind.QUALITY, "builtin"),
        "shot": shot.id,
        "size": size_json(size),
        **({"generated": True} if generated else {}),
        **_settings(settings),
    }


def mix_recipe(
    film: Film,
    *,
    starts: Sequence[Fraction],
    music: Sequence[tuple[Music, FileUse]],
    settings: Mapping[str, JSON],
) -> Any:
    """The film's sound: where each clip begins, the music, the loudness."""
    return {
        "version": room_version(StageKind.MIX, "builtin"),
        "starts_s": [rate_text(start) for start in starts],
        "music": [_sound(each, use) for each, use in music],
        "loudness_lufs": film.finish.loudness_lufs,
        "true_peak_db": film.finish.true_peak_db,
        **_settings(settings),
    }


def mux_recipe(
    film: Film,
    *,
    label: str,
    shots: Sequence[Shot],
    storyboard_sha256: str,
    settings: Mapping[str, JSON],
    enlarged: Enlarged | None = None,
) -> Any:
    """The film's file: how it is written, and what it says of itself."""
    return {
        "version": room_version(StageKind.MUX, "builtin"),
        "title": film.title,
        "label": label,
        "chapters": [shot.id for shot in shots],
        "frame_rate": rate_text(film.frame_rate),
        "size": list(film.size if enlarged is None else enlarged.size),
        "output": {key: part for key, part in dump(film.output).items() if key != "file"},
        "storyboard": storyboard_sha256,
        **_settings(settings),
    }


def report_recipe(
    film: Film,
    *,
    label: str,
    shots: Sequence[tuple[Shot, str | None]],
    settings: Mapping[str, JSON],
    tries: Mapping[str, ShotTries] | None = None,
) -> Any:
    """The film's report: each shot with the stage that it is held against at a join, if any.

    What was tried of a shot is told in it, where anything was.
    """
    tried = tries or {}
    return {
        "version": room_version(StageKind.REPORT, "builtin"),
        "title": film.title,
        "label": label,
        "size": size_json(generation_size(film.size, film.fit)),
        "loudness_lufs": film.finish.loudness_lufs,
        "true_peak_db": film.finish.true_peak_db,
        "shots": [
            {
                "id": shot.id,
                "continues": shot.continues,
                "stage": stage,
                **({"tries": _tries(tried[shot.id])} if shot.id in tried else {}),
            }
            for shot, stage in shots
        ],
        **_settings(settings),
    }


def dump(model: BaseModel) -> dict[str, Any]:
    """A model of the storyboard as plain JSON."""
    return dict(model.model_dump(mode="json", by_alias=True))


def size_json(size: GenerationSize) -> dict[str, Any]:
    """A size as recipes hold it."""
    return {
        "delivered": list(size.delivered),
        "generated": list(size.generated),
        "fit": size.fit,
    }


def _sound(sound: PlacedSound | Music, use: FileUse) -> dict[str, Any]:
    return {**dump(sound), "sha256": use.sha256}


def _tries(tries: ShotTries) -> list[dict[str, Any]]:
    """What was made of a shot and what became of it; what it cost decides nothing."""
    return [
        {
            "way": made.way,
            "broken": list(made.broken),
            "failed": made.failed,
            "kept": made.way == tries.kept,
        }
        for made in tries.made
    ]


def _settings(settings: Mapping[str, JSON]) -> MutableRecipe:
    return {"settings": dict(settings)} if settings else {}
