"""What each kind of stage does: the rooms, called with what the recipe says.

These functions run in the worker. Each reads its task's recipe and the results it needs, writes
into `task.out` and returns nothing: the folder is the result. Torch arrives with the rooms, inside
the functions, so that a worker that only mixes sound never loads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelwrightError
from reelwright.plan import StageKind, Way
from reelwright.production.film_file import FILM_FACTS, SHOT_REPORT, film_name
from reelwright.production.model_stages import (
    decode_latents,
    let_models_go,
    make_draft,
    read_prompt,
    refine_draft,
)
from reelwright.production.pictures import fit_picture
from reelwright.production.requests import (
    clip_request,
    keyframes_of,
    scene_of,
    size_of,
    staged_shot,
)
from reelwright.production.shot_sound import shot_sound
from reelwright.production.task import Task
from reelwright.production.worker import StageFunction
from reelwright.progress import Progress

if TYPE_CHECKING:
    from reelwright.assets import Mesh
    from reelwright.finish import MusicCue
    from reelwright.generate import Clip
    from reelwright.keyframes import Keyframe
    from reelwright.media import Provenance
    from reelwright.quality import Decode, FilmShot, Thumbnails, Try
    from reelwright.storyboard import Scene

THUMBNAILS = "thumbnails"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"


def make_asset(task: Task, progress: Progress) -> None:
    """A prop becomes a mesh."""
    from reelwright.assets import build_mesh
    from reelwright.storyboard import Prop

    prop = Prop.model_validate(task.recipe["prop"])
    mesh = build_mesh(prop, task.root, task.out, progress)
    for warning in mesh.warnings:
        progress.warn(f"{mesh.source}: {warning}")


def stage_scene(task: Task, progress: Progress) -> None:
    """Meshes and a camera become a staged shot."""
    from reelwright.stage import stage_shot

    scene = scene_of(task)
    meshes = _meshes(task, scene)
    stage_shot(scene, meshes, task.out, device=task.device, progress=progress)


def keep_keyframes(task: Task, progress: Progress) -> None:
    """Staged frames, and a person's own pictures, are kept as keyframes."""
    from reelwright.keyframes import KeyframeRequest, keyframes_from_stage, save_keyframes

    staged = staged_shot(task)
    asked = _dicts(task.recipe["requests"])
    requests = [KeyframeRequest(int(each["frame"]), float(each["strength"])) for each in asked]
    kept = () if staged is None else keyframes_from_stage(staged, requests, task.out, progress)
    own = [_own_keyframe(each, task) for each in _dicts(task.recipe.get("pictures", ()))]
    if own:
        save_keyframes(sorted((*kept, *own), key=lambda each: each.frame), task.out)


def make_clip(task: Task, progress: Progress) -> None:
    """A shot's clip."""
    from reelwright.generate import animatic_clip

    if task.backend != "animatic":
        raise ReelwrightError(
            f"There is no backend {task.backend!r} here.",
            "Plan again with --replan.",
            where=task.id,
        )
    animatic_clip(clip_request(task), staged_shot(task), task.out, progress)


def finish(task: Task, progress: Progress) -> None:
    """The clip at the size and length that is delivered."""
    from reelwright.finish import finish_clip
    from reelwright.generate import Clip
    from reelwright.generate.large import require_large

    let_models_go()
    (made,) = (*task.inputs_of(StageKind.GENERATE), *task.inputs_of(StageKind.DECODE))
    clip = Clip.load(made)
    num_frames, asked = task.recipe["num_frames"], _dict(task.recipe.get("enlarged", {}))
    finish_clip(
        clip,
        size_of(task.recipe),
        int(str(num_frames)),
        task.out,
        progress,
        enlarged=_size(asked["size"]) if asked else None,
        large=require_large(made, clip) if asked.get("refined") else None,
    )


def measure_shot(task: Task, progress: Progress) -> None:
    """What is measured of a shot, before the encoder."""
    from reelwright.generate import Clip
    from reelwright.quality import make_thumbnails, measure_clip, shot_report_to_json

    clip = Clip.load(task.input(StageKind.FINISH))
    with shot_sound(clip, task.out / ".sound.wav") as sound:
        report = measure_clip(
            clip.frames,
            clip.frame_rate,
            shot=str(task.recipe["shot"]),
            label=clip.label,
            staged=staged_shot(task),
            size=size_of(task.recipe),
            audio=sound,
            keyframes=keyframes_of(task),
            generated=bool(task.recipe.get("generated", False)),
            decode=_decode(clip),
            device=task.device,
            progress=progress,
        )
    write_json(task.out / SHOT_REPORT, shot_report_to_json(report))
    make_thumbnails(report, clip.frames).save(task.out / THUMBNAILS)


def _decode(clip: Clip) -> Decode:
    """Where a codec's groups of frames meet; nowhere in a clip that none has coded."""
    from reelwright.quality import Decode, latent_groups

    size = int(str(clip.provenance.get("group_frames", 1)))
    if size < 2:
        return Decode()
    dropped = int(str(clip.provenance.get("continued_frames", 0)))
    return Decode(groups=latent_groups(len(clip.frames), dropped, size))


def mix(task: Task, progress: Progress) -> None:
    """The film's sound."""
    from reelwright.finish import ClipSpan, mix_film
    from reelwright.generate import Clip

    starts = [Fraction(str(each)) for each in _list(task.recipe["starts_s"])]
    clips = [Clip.load(folder) for folder in task.inputs_of(StageKind.FINISH)]
    spans = [ClipSpan(clip, start) for clip, start in zip(clips, starts, strict=True)]
    mix_film(
        spans,
        [_cue(each, task.root) for each in _dicts(task.recipe["music"])],
        task.out,
        loudness_lufs=float(str(task.recipe["loudness_lufs"])),
        true_peak_db=float(str(task.recipe["true_peak_db"])),
        progress=progress,
    )


def mux(task: Task, progress: Progress) -> None:
    """The film's file, with how it was made inside."""
    from reelwright.finish import FilmMix, delivered_frames
    from reelwright.generate import Clip
    from reelwright.media import FilmMetadata, FilmSpan, write_film

    sound = FilmMix.load(task.input(StageKind.MIX))
    size = _size(task.recipe["size"])
    shown = [
        delivered_frames(Clip.load(folder), folder, size)
        for folder in task.inputs_of(StageKind.FINISH)
    ]
    chapters = [str(each) for each in _list(task.recipe["chapters"])]
    label = str(task.recipe["label"])
    written = write_film(
        [FilmSpan(name, frames) for name, frames in zip(chapters, shown, strict=True)],
        sound.master,
        task.out / film_name(_dict(task.recipe["output"])["format"]),
        settings=_output_settings(task),
        metadata=FilmMetadata(
            title=str(task.recipe["title"]),
            comment=_comment(label),
            provenance=_provenance(task, sound.silence),
        ),
        progress=progress,
    )
    sound_s = written.audio_duration_s
    facts = {
        "file": written.path.name,
        "num_frames": written.num_frames,
        "video_s": str(written.duration_s) if written.num_frames else None,
        "audio_s": None if sound_s is None else str(sound_s),
    }
    write_json(task.out / FILM_FACTS, facts)


def report(task: Task, progress: Progress) -> None:
    """What is measured, for people and for programs."""
    from reelwright.finish import FilmMix
    from reelwright.quality import FilmSound, measure_film, write_html

    sound = FilmMix.load(task.input(StageKind.MIX))
    facts = json.loads((task.input(StageKind.MUX) / FILM_FACTS).read_bytes())
    shots = _film_shots(task)
    measured = measure_film(
        str(task.recipe["title"]),
        shots,
        label=str(task.recipe["label"]),
        sound=FilmSound(
            sound.master,
            loudness_lufs=float(str(task.recipe["loudness_lufs"])),
            true_peak_db=float(str(task.recipe["true_peak_db"])),
        ),
        video_s=_seconds(facts["video_s"]),
        audio_s=_seconds(facts["audio_s"]),
        notes=(*sound.silence, *sound.notes),
        device=task.device,
        progress=progress,
    )
    write_json(task.out / REPORT_JSON, measured.to_json())
    write_html(measured, _thumbnails(task), task.out / REPORT_HTML)


STAGES: Mapping[StageKind, StageFunction] = {
    StageKind.ASSETS: make_asset,
    StageKind.STAGE: stage_scene,
    StageKind.KEYFRAMES: keep_keyframes,
    StageKind.GENERATE: make_clip,
    StageKind.PROMPT: read_prompt,
    StageKind.DRAFT: make_draft,
    StageKind.REFINE: refine_draft,
    StageKind.DECODE: decode_latents,
    StageKind.FINISH: finish,
    StageKind.QUALITY: measure_shot,
    StageKind.MIX: mix,
    StageKind.MUX: mux,
    StageKind.REPORT: report,
}
"""Who carries out what."""


def write_json(path: Path, facts: object) -> None:
    """Write JSON that is the same for the same facts."""
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_bytes(text.encode("utf-8"))


def _meshes(task: Task, scene: Scene) -> dict[str, Mesh]:
    from reelwright.assets import Mesh

    names = dict.fromkeys(placed.prop_name for placed in scene.props)
    return {name: Mesh.load(task.inputs[f"{StageKind.ASSETS}/{name}"]) for name in names}


def _cue(facts: Mapping[str, Any], root: Path) -> MusicCue:
    from reelwright.finish import MusicCue

    values = {key: value for key, value in facts.items() if key != "sha256"}
    return MusicCue(**{**values, "file": root / values["file"], "name": values["file"]})


def _output_settings(task: Task) -> Any:
    from reelwright.media import FilmFormat, OutputSettings

    output = _dict(task.recipe["output"])
    return OutputSettings(
        format=FilmFormat(output["format"]),
        frame_rate=Fraction(str(task.recipe["frame_rate"])),
        crf=output["crf"],
        audio_kbps=output["audio_kbps"],
        burn_in=output["burn_in"],
        label=str(task.recipe["label"]).upper(),
    )


def _provenance(task: Task, silence: Sequence[str]) -> Provenance:
    from reelwright.media import ModelRecord, Provenance, ShotRecord

    facts = dict(task.aside["provenance"])
    shots = tuple(ShotRecord(**each) for each in facts.pop("shots"))
    models = tuple(ModelRecord(**each) for each in facts.pop("models", ()))
    return Provenance(**facts, shots=shots, models=models, notes=tuple(silence))


def _comment(label: str) -> str:
    """What the film says of itself to any player."""
    if label == "animatic":
        return f"This film is an {label}."
    return f'Its pictures and sound were generated by a video model ("{label}").'


def _own_keyframe(facts: Mapping[str, Any], task: Task) -> Keyframe:
    from reelwright.keyframes import Keyframe

    frame, name = int(facts["frame"]), str(facts["file"])
    target = task.out / f"{frame:06d}.png"
    fit_picture(task.root / name, name, size_of(task.recipe), target)
    return Keyframe(target, frame, float(facts["strength"]))


def _film_shots(task: Task) -> list[FilmShot]:
    """The shots of a film; those that go on from one another with their frames and stages."""
    from reelwright.generate import Clip
    from reelwright.quality import FilmShot, shot_report_from_json
    from reelwright.stage import StagedShot

    shots = []
    for each in _dicts(task.recipe["shots"]):
        name, stage = str(each["id"]), each["stage"]
        measured = task.inputs[f"{StageKind.QUALITY}/{name}"] / SHOT_REPORT
        finished = task.inputs.get(f"{StageKind.FINISH}/{name}")
        report = shot_report_from_json(json.loads(measured.read_bytes()))
        shots.append(
            FilmShot(
                report=replace(report, tries=_tries(each, task)),
                frames=Clip.load(finished).frames if finished else None,
                staged=StagedShot.load(task.inputs[stage]) if stage else None,
                size=size_of(task.recipe),
                continues=each["continues"],
            )
        )
    return shots


def _tries(shot: Mapping[str, Any], task: Task) -> tuple[Try, ...]:
    """The clips that were made of a shot before one was kept."""
    from reelwright.quality import Remedy, Try

    made = _dicts(shot.get("tries", ()))
    seconds = dict(task.aside.get("seconds", {})).get(str(shot["id"]), [0.0] * len(made))
    return tuple(
        Try(
            remedy=Remedy(each["way"]) if each["way"] else None,
            words=Way(each["way"]).words if each["way"] else "as the storyboard says",
            broken=tuple(each["broken"]),
            failed=str(each["failed"]),
            seconds=float(took),
            kept=bool(each["kept"]),
        )
        for each, took in zip(made, seconds, strict=True)
    )


def _thumbnails(task: Task) -> dict[str, Thumbnails]:
    from reelwright.quality import Thumbnails

    names = [str(each["id"]) for each in _dicts(task.recipe["shots"])]
    folders = {name: task.inputs[f"{StageKind.QUALITY}/{name}"] / THUMBNAILS for name in names}
    return {name: Thumbnails.load(folder) for name, folder in folders.items()}


def _seconds(words: str | None) -> float | None:
    return None if words is None else float(Fraction(words))


def _size(value: Any) -> tuple[int, int]:
    width, height = value
    return int(width), int(height)


def _dict(value: Any) -> dict[str, Any]:
    return dict(value)


def _list(value: Any) -> list[Any]:
    return list(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [dict(each) for each in value]
