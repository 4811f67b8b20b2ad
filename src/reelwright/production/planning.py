"""A film planned for this machine, without doing anything: for `plan`, `check` and `render`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import InputError
from reelwright.plan import (
    DEFAULT_TRIES,
    DigestStore,
    History,
    Plan,
    PlanLock,
    ShotTries,
    StageKind,
    make_plan,
)
from reelwright.production.artifacts import Artifact, ArtifactStore
from reelwright.production.check import check_inputs
from reelwright.production.journal import read_history
from reelwright.production.project import Project
from reelwright.production.weights import accelerator_for, arrange_words, weights_for

if TYPE_CHECKING:
    from reelwright.machine import Machine
    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for beside the storyboard.

    Attributes:
        tier: Wins over the storyboard's; None leaves it.
        shots: Ids of the shots to make; None for all.
        takes: Takes of every shot; None leaves the storyboard's.
        devices: Devices by kind of stage.
        replan: Choose anew what plan.lock holds.
        weights: What clips are made with, the preferred first; None for what the film was last
            made with or what is installed, and an empty tuple for no model at all.
        remedies: The most ways that a shot is tried in whose clip breaks a guard; with 0 nothing is
            tried, and what was kept of earlier tries is not used.
    """

    tier: str | None = None
    shots: tuple[str, ...] | None = None
    takes: int | None = None
    devices: Mapping[StageKind, str] | None = None
    replan: bool = False
    weights: tuple[WeightSet, ...] | None = None
    remedies: int = DEFAULT_TRIES


@dataclass(frozen=True, slots=True)
class FilmCheck:
    """A film that can be rendered.

    Attributes:
        plan: Its plan.
        notes: What a person should know: trimmed frames, silent words, things a file has that are
            not shown.
        summary: The film in one sentence.
    """

    plan: Plan
    notes: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """A plan, and what of it is made already.

    Attributes:
        plan: The plan.
        made: Ids of the stages whose results are there.
    """

    plan: Plan
    made: frozenset[str]


def load(film: Path | str | LoadedFilm | Film) -> LoadedFilm:
    """The film itself, read if it is a path; one made in Python has its files where we are."""
    from reelwright.storyboard import Film, LoadedFilm, load_film

    if isinstance(film, Film):
        return LoadedFilm.of(film, Path.cwd())
    return film if isinstance(film, LoadedFilm) else load_film(film)


def plan_for(
    loaded: LoadedFilm,
    machine: Machine,
    asked: Asked,
    *,
    lock: PlanLock | None,
    history: History,
    digests: DigestStore,
    check_disk: bool = False,
    tries: Mapping[str, ShotTries] | None = None,
) -> Plan:
    """Plan a film with the rooms that this program has; see `make_plan` for what it raises.

    What was tried of its shots stands in the lock; `tries` is newer.
    """
    from reelwright.assets import prop_files

    if asked.takes is not None and asked.takes < 1:
        raise InputError(f"{asked.takes} takes cannot be made.", "Ask for at least one.")
    lock = None if asked.replan else lock
    known = {**({} if lock is None else lock.tries), **(tries or {})}
    if lock is not None and lock.tier == "animatic" and asked.weights:
        lock = replace(lock, tier="")  # who names weights has not asked for an animatic
    return make_plan(
        loaded,
        machine,
        digests=digests,
        asset_files=prop_files,
        lock=lock,
        history=history,
        tier=asked.tier,
        shots=asked.shots,
        takes=asked.takes,
        devices=asked.devices,
        weights=weights_for(asked.weights, lock),
        arrange=arrange_words(),
        accelerator=accelerator_for(machine),
        check_disk=check_disk,
        tries=known if asked.remedies else {},
    )


def plan_film(
    film: Path | str | LoadedFilm | Film,
    *,
    machine: Machine | None = None,
    tier: str | None = None,
    shots: Sequence[str] | None = None,
    takes: int | None = None,
    devices: Mapping[StageKind, str] | None = None,
    replan: bool = False,
    work_dir: Path | None = None,
    weights: Sequence[WeightSet] | None = None,
) -> FilmPlan:
    """Plan a film and look what of it is made. Nothing is begun; no folder is made.

    Args:
        film: The storyboard, the film as it was read, or one made in Python.
        machine: What it would run on; None for this machine. For another, this machine's history
            does not count.
        tier: Wins over the storyboard's.
        shots: Ids of the shots; None for all.
        takes: Takes of every shot; None leaves the storyboard's.
        devices: Devices by kind of stage.
        replan: Choose anew what plan.lock holds.
        work_dir: Where artifacts lie; by default beside the storyboard.
        weights: What clips are made with; None for what the film was last made with, or what is
            installed.

    Raises:
        StoryboardError: It is wrong, or asks what nothing here can do.
        PlanError: It does not fit the machine.
    """
    loaded = load(film)
    project = Project.at(loaded.root, work_dir)
    here = machine is None
    digests = DigestStore(project.digests, loaded.root)
    plan = plan_for(
        loaded,
        machine or this_machine(loaded.root),
        Asked(
            tier,
            None if shots is None else tuple(shots),
            takes,
            devices,
            replan,
            None if weights is None else tuple(weights),
        ),
        lock=PlanLock.load(PlanLock.path_for(loaded.path)),
        history=read_history(project.journal) if here else History(),
        digests=digests,
    )
    if project.work.is_dir():
        with contextlib.suppress(OSError):  # it would only save time
            digests.save()
    store = ArtifactStore(project.artifacts)
    made = {stage.id for stage in plan if isinstance(store.verified(stage.key), Artifact)}
    return FilmPlan(plan, frozenset(made))


def check_film(
    film: Path | str | LoadedFilm | Film, *, machine: Machine | None = None
) -> FilmCheck:
    """Check a film as far as it can be without making it: its words, its files, its plan.

    Args:
        film: The storyboard, the film as it was read, or one made in Python.
        machine: What it would run on; None for this machine.

    Raises:
        StoryboardError: Everything that is wrong with it.
        PlanError: It does not fit the machine.
    """
    loaded = load(film)
    warnings = check_inputs(loaded)
    plan = plan_film(loaded, machine=machine).plan
    return FilmCheck(plan, (*plan.notes, *warnings), _summary(loaded, plan))


def this_machine(root: Path) -> Machine:
    """The computer that this runs on."""
    from reelwright.machine import probe

    return probe(root)


def _summary(loaded: LoadedFilm, plan: Plan) -> str:
    film = loaded.film
    seconds = float(film.num_frames / film.frame_rate)
    shots = len(film.shots)
    width, height = film.size
    return (
        f"{shots} shot{'s' if shots > 1 else ''}, {seconds:.2f} s at {float(film.frame_rate):g} "
        f"fps, {width}x{height}, as {plan.tier}; {len(plan.stages)} stages."
    )
