"""Storyboard x machine -> `Plan`: every stage of the film, in running order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reelwright.errors import InputError, StoryboardError
from reelwright.plan.capabilities import Capabilities, capabilities_for
from reelwright.plan.devices import named_devices
from reelwright.plan.digests import DigestStore
from reelwright.plan.film_plan import Plan
from reelwright.plan.film_stages import plan_animatic, plan_film_stages
from reelwright.plan.fit import memory_notes, require_disk, require_memory
from reelwright.plan.graph import Graph
from reelwright.plan.history import History
from reelwright.plan.lock import PlanLock
from reelwright.plan.notes import animatic_note, kept_notes, plan_notes, weight_notes
from reelwright.plan.refusals import problems_of
from reelwright.plan.shot_stages import ShotClip, plan_clip, plan_finish
from reelwright.plan.sketch import Arrange, AssetFiles, Sketch
from reelwright.plan.stages import CPU, StageKind
from reelwright.plan.ways import ShotTries
from reelwright.plan.weight_files import WeightFiles

if TYPE_CHECKING:
    from reelwright.machine import Machine
    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm, Scene, Shot


def make_plan(
    loaded: LoadedFilm,
    machine: Machine,
    *,
    digests: DigestStore,
    asset_files: AssetFiles,
    lock: PlanLock | None = None,
    history: History | None = None,
    tier: str | None = None,
    shots: Sequence[str] | None = None,
    takes: int | None = None,
    devices: Mapping[StageKind, str] | None = None,
    weights: Sequence[WeightSet] = (),
    arrange: Arrange | None = None,
    accelerator: str = CPU,
    capabilities: Capabilities | None = None,
    tries: Mapping[str, ShotTries] | None = None,
    check_memory: bool = True,
    check_disk: bool = False,
) -> Plan:
    """Plan a film.

    Args:
        loaded: The film, with where it stands.
        machine: What it runs on.
        digests: Digests of the project's files.
        asset_files: Which files a prop is made from.
        lock: What was chosen before; None chooses anew.
        history: What was measured here before.
        tier: Wins over the storyboard's.
        shots: Ids of the shots to plan; None for all.
        takes: How many takes of each shot; wins over the storyboard's.
        devices: Devices the person named, by kind of stage.
        weights: Sets of weights that are there, the preferred first; it makes the clips.
        arrange: How a shot's words are arranged for a model; needed where there are weights.
        accelerator: Where a model runs unless the person named a device for it.
        capabilities: What can be carried out; by default what the weights make possible.
        tries: What was tried of shots whose clips broke a guard, by shot: what is kept is planned,
            and what is being tried, beside it.
        check_memory: Refuse a plan that needs more memory than the machine has.
        check_disk: Refuse a plan that needs more disk than is free, were all of it to run.

    Raises:
        StoryboardError: Settings that nothing here can carry out, all of them.
        PlanError: It does not fit the machine.
        AssetError: A file is missing or cannot be read.
        InputError: An unknown shot.
    """
    capabilities = capabilities or capabilities_for(weights)
    problems = problems_of(loaded, capabilities, tier)
    if problems:
        raise StoryboardError(problems)
    chosen = _tier(loaded.film, lock, tier, capabilities)
    used = capabilities.backend_for(chosen).weights
    files = None if used is None else WeightFiles(used, digests)
    lock = lock or PlanLock()
    sketch = Sketch(
        loaded=loaded,
        graph=Graph(
            machine,
            lock if files is None else lock.for_weights(files.sha256),
            history or History(),
            named_devices(devices, machine),
            accelerator,
        ),
        digests=digests,
        asset_files=asset_files,
        capabilities=capabilities,
        tier=chosen,
        shots=_chosen(loaded.film, shots),
        takes=takes,
        arrange=arrange,
        weights=files,
        tries=tries or {},
    )
    plan = _planned(sketch, asked=tier or loaded.film.tier)
    if check_memory:
        require_memory(plan.stages, sketch.graph.works, loaded.film.size, machine)
    if check_disk:
        require_disk(plan.stages, machine)
    return plan


def _planned(sketch: Sketch, asked: str | None) -> Plan:
    from reelwright.storyboard import resolve_scenes

    scenes = resolve_scenes(sketch.film)
    backend = sketch.capabilities.backend_for(sketch.tier)
    clips = _clips(sketch, scenes)
    label = backend.label_for(sketch.tier)
    shown = [plan_finish(sketch, clips[s.id]) for s in sketch.shots]
    guarded = tuple(each.guarded for each in shown if each.guarded is not None)
    plan_film_stages(sketch, shown, label)
    beside = plan_animatic(sketch, scenes)
    stages, machine = sketch.graph.ordered(), sketch.graph.machine
    notes = plan_notes(
        sketch.film,
        sketch.shots,
        staged={name for name, scene in scenes.items() if scene is not None},
        tier=sketch.tier,
        asked=asked,
        backend=backend,
        capabilities=sketch.capabilities,
    )
    return Plan(
        title=sketch.film.title,
        tier=sketch.tier,
        label=label,
        stages=stages,
        shots=tuple(shot.id for shot in sketch.shots),
        whole=sketch.is_whole,
        notes=(
            *weight_notes(sketch, asked),
            *kept_notes(guarded),
            *notes,
            *sketch.graph.notes,
            *([animatic_note()] if beside else []),
            *memory_notes(stages, machine),
        ),
        machine=machine.summary(),
        weights={} if sketch.weights is None else sketch.weights.to_json(),
        guarded=guarded,
    )


def _clips(sketch: Sketch, scenes: Mapping[str, Scene | None]) -> dict[str, ShotClip]:
    """The clips of the planned shots, and of those that a model has to go on from."""
    wanted = {shot.id for shot in sketch.shots}
    if sketch.weights is not None:
        for shot in reversed(sketch.film.shots):
            if shot.id in wanted and shot.continues is not None:
                wanted.add(shot.continues)
    clips: dict[str, ShotClip] = {}
    for shot in sketch.film.shots:
        if shot.id in wanted:
            before = clips.get(shot.continues) if shot.continues is not None else None
            clips[shot.id] = plan_clip(sketch, shot, scenes[shot.id], before)
    return clips


def _tier(film: Film, lock: PlanLock | None, asked: str | None, capabilities: Capabilities) -> str:
    if asked or film.tier:
        return str(asked or film.tier)
    if lock is not None and lock.tier in capabilities.tiers:
        return lock.tier
    return capabilities.best_tier


def _chosen(film: Film, shots: Sequence[str] | None) -> tuple[Shot, ...]:
    if shots is None:
        return film.shots
    known = {shot.id for shot in film.shots}
    unknown = [name for name in shots if name not in known]
    if unknown or not shots:
        what = f'There is no shot "{unknown[0]}".' if unknown else "No shot was named."
        raise InputError(
            what, f"The film has {', '.join(s.id for s in film.shots)}.", where="shots"
        )
    return tuple(shot for shot in film.shots if shot.id in set(shots))
