"""The job: storyboard in, film out; what is missing is made, what is there is used."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.env import THREADS, count_from
from reelwright.errors import Cancelled, InputError, ReelwrightError, relative_name
from reelwright.plan import (
    ANIMATIC_MUX,
    DEFAULT_TRIES,
    DigestStore,
    Plan,
    PlanLock,
    ShotTries,
    StageKind,
    lock_of,
)
from reelwright.production import events
from reelwright.production.carrying import Carried, How, carry_out
from reelwright.production.check import check_inputs
from reelwright.production.demand import Demand, demand_of
from reelwright.production.executor import Executor
from reelwright.production.film_file import animatic_beside, default_path
from reelwright.production.planning import Asked, load, plan_for, this_machine
from reelwright.production.process import WorkerSettings
from reelwright.production.project import Project
from reelwright.production.publish import Published, chosen_path, format_of, publish
from reelwright.production.remedies import Remedies
from reelwright.production.stop import StopSwitch
from reelwright.production.workshop import Workshop, open_workshop

if TYPE_CHECKING:
    from reelwright.machine import Machine
    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm

STORYBOARD_SUFFIX = ".toml"
PACK_SUFFIX = ".reelpack"


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What a render came to.

    Attributes:
        film: The film; None where the render stopped before it.
        report: Its report as a page; None likewise. Beside it lies the same for programs, as JSON.
        ran: Ids of the stages that ran, in the order they finished.
        reused: Ids of the stages that did not have to.
        unchanged: Nothing had to run, and the film lay there as it should.
        folders: Folders of the results that were looked at, by stage id.
        warnings: What was said on the way by what is in the film, in words.
        plan: The plan that was carried out.
        seconds: What it took.
        animatic: The animatic beside a film that a model made; None where none was written.
    """

    film: Path | None
    report: Path | None
    ran: tuple[str, ...]
    reused: tuple[str, ...]
    unchanged: bool
    folders: Mapping[str, Path]
    warnings: tuple[str, ...]
    plan: Plan
    seconds: float = 0.0
    animatic: Path | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A render as it was ordered, complete.

    Attributes:
        loaded: The film.
        asked: What was asked for beside the storyboard.
        how: How it is carried out.
        out: Where the film goes; None for its usual place.
        work_dir: Where artifacts lie; None for their usual place.
        machine: What it runs on; None for this machine.
        lock: Choices to keep; None reads plan.lock.
        keeps_lock: Whether plan.lock is written.
    """

    loaded: LoadedFilm
    asked: Asked
    how: How
    out: Path | None = None
    work_dir: Path | None = None
    machine: Machine | None = None
    lock: PlanLock | None = None
    keeps_lock: bool = True


def render(
    film: Path | str | LoadedFilm | Film,
    *,
    out: Path | str | None = None,
    until: StageKind | str | None = None,
    shots: Sequence[str] | None = None,
    tier: str | None = None,
    takes: int | None = None,
    work_dir: Path | None = None,
    on_event: events.OnEvent = events.ignore_event,
    explain: bool = False,
    replan: bool = False,
    devices: Mapping[StageKind, str] | None = None,
    stop: StopSwitch | None = None,
    machine: Machine | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    weights: Sequence[WeightSet] | None = None,
    remedies: int = DEFAULT_TRIES,
) -> RenderResult:
    """Make a film, or as much of it as was asked for.

    Args:
        film: A storyboard; a film as it was read; a `Film` made in Python, whose files are looked
            for in the current folder; a finished film of Reelwright's, which is made again from
            what it says of itself; or a pack, which is taken out beside it first.
        out: Where the film goes; its suffix decides the format. By default beside the storyboard,
            named after the title.
        until: Stop after every stage of this kind; None makes the film.
        shots: Ids of the shots to make, as a film of their own; None for all.
        tier: Wins over the storyboard's.
        takes: Takes of every shot; None leaves the storyboard's.
        work_dir: Where artifacts and the journal lie; by default `.reelwright` beside the film.
        on_event: Hears of everything that happens.
        explain: Say of every stage why it runs or does not.
        replan: Choose anew what plan.lock holds.
        devices: Devices by kind of stage.
        stop: Stops it from elsewhere; Ctrl-C stops it in any case.
        machine: What it runs on; None for this machine.
        executor: Who does the work; None starts workers here and ends them after.
        threads: CPU threads of each worker; None takes all that this process may use.
        weights: What clips are made with, the preferred first; None for what the film was last
            made with, or what is installed.
        remedies: The most other ways that a shot is made in whose clip breaks a guard (black,
            frozen, flicker, a keyframe missed ...); the better clip is kept. 0 tries nothing.

    Returns:
        What ran, what did not have to, and where the film lies.

    Raises:
        StoryboardError: The storyboard is wrong, or asks what nothing here can do: all of it.
        PlanError: It does not fit the machine.
        Cancelled: It was stopped; what was finished is kept.
        ResourceError: Memory or disk ran out, or another process renders here.
        ReelwrightError: A stage failed; what was finished is kept.
    """
    asked = Asked(
        tier,
        None if shots is None else tuple(shots),
        takes,
        devices,
        replan,
        None if weights is None else tuple(weights),
        _bound(remedies),
    )
    started = time.monotonic()
    try:
        kind = StageKind.named(until) if isinstance(until, str) else until
        how = How(kind, explain, WorkerSettings(threads=threads), executor, stop)
        order = _ordered(film, asked, how, None if out is None else Path(out), work_dir)
        result = carry_out_order(replace(order, machine=machine), on_event)
    except Cancelled as error:
        on_event(events.JobCancelled(_ran(error)))
        raise
    except ReelwrightError as error:
        on_event(events.JobFailed(error.code, error.what, error.mend, error.where, _ran(error)))
        raise
    result = replace(result, seconds=time.monotonic() - started)
    on_event(_finished(result))
    return result


def carry_out_order(order: Order, on_event: events.OnEvent) -> RenderResult:
    """Carry out a render; see `render` for what it raises."""
    order = _with_format(order)
    project = Project.at(order.loaded.root, order.work_dir)
    name = relative_name(order.loaded.path, order.loaded.root)
    with open_workshop(project, name, on_event) as workshop:
        return _render(order, workshop, name)


def _render(order: Order, workshop: Workshop, name: str) -> RenderResult:
    loaded, project = order.loaded, workshop.project
    lock_path = PlanLock.path_for(loaded.path)
    lock = order.lock or PlanLock.load(lock_path)
    machine = order.machine or this_machine(loaded.root)
    digests = DigestStore(project.digests, loaded.root)
    history = workshop.journal.history()

    def planned(tries: Mapping[str, ShotTries]) -> Plan:
        return plan_for(
            loaded, machine, order.asked,
            lock=lock, history=history, digests=digests, tries=tries,
        )  # fmt: skip

    plan = planned({})
    out = _out(order, plan)
    beside = _animatic_out(order, plan, out)
    _protect(out, plan, loaded)
    _protect(beside, plan, loaded)
    if order.keeps_lock:
        _keep_lock(lock_path, lock, plan, order, workshop)
    demand = demand_of(plan, plan.targets(order.how.until), workshop.store)
    _check_files(plan, demand, order)
    remedies = Remedies(
        plan, planned,
        bound=order.asked.remedies, until=order.how.until,
        store=workshop.store, emit=workshop.emit,
    )  # fmt: skip
    how = _how(order, project, machine)
    carried = carry_out(plan, workshop, name, how, remedies=remedies)
    plan = carried.plan
    if order.keeps_lock and plan.tries:
        _keep_lock(lock_path, lock, plan, order, workshop)
    published = _publish(carried, out, digests)
    animatic = _publish_animatic(carried, beside, digests)
    _save_digests(digests, workshop)
    return RenderResult(
        film=published.film,
        report=published.report,
        ran=carried.ran,
        reused=carried.reused,
        unchanged=not carried.ran and not published.changed and not animatic.changed,
        folders={name: each.folder for name, each in carried.outcome.found.items()},
        warnings=_warnings(carried),
        plan=plan,
        animatic=animatic.film,
    )


def _bound(remedies: int) -> int:
    if remedies < 0:
        raise InputError(
            f"{remedies} remedies cannot be tried.", "Use 0 or more.", where="remedies"
        )
    return remedies


def _is_film(path: Path) -> bool:
    """Whether a path is a finished film and not a storyboard."""
    if path.is_dir():
        return (path / "reelwright.json").is_file()
    return path.suffix.lower() not in (STORYBOARD_SUFFIX, "") and path.is_file()


def _ordered(
    film: Path | str | LoadedFilm | Film,
    asked: Asked,
    how: How,
    out: Path | None,
    work_dir: Path | None,
) -> Order:
    """What is to be made from a storyboard, a film as it was read, a finished film or a pack."""
    film = _unpacked(film)
    if isinstance(film, Path | str) and _is_film(Path(film)):
        from reelwright.production.again import order_again

        return order_again(Path(film), asked, how, out, work_dir)
    return Order(load(film), asked, how, out, work_dir)


def _finished(result: RenderResult) -> events.JobFinished:
    return events.JobFinished(
        film=None if result.film is None else str(result.film),
        report=None if result.report is None else str(result.report),
        ran=result.ran,
        reused=result.reused,
        unchanged=result.unchanged,
        seconds=result.seconds,
    )


def _unpacked(film: Path | str | LoadedFilm | Film) -> Path | str | LoadedFilm | Film:
    """The storyboard of a pack; anything else as it is."""
    if not isinstance(film, Path | str) or Path(film).suffix.lower() != PACK_SUFFIX:
        return film
    from reelwright.production.packing import unpack_film

    return unpack_film(Path(film))


def _with_format(order: Order) -> Order:
    """The suffix that was asked for decides the format."""
    if order.out is None:
        return order
    film = order.loaded.film
    kind = format_of(order.out, film.output.format)
    if kind == film.output.format:
        return order
    output = film.output.model_copy(update={"format": kind})
    changed = film.model_copy(update={"output": output})
    return replace(order, loaded=replace(order.loaded, film=changed))


def _out(order: Order, plan: Plan) -> Path:
    loaded = order.loaded
    part = None if plan.whole else plan.shots
    default = default_path(loaded.film, loaded.path, loaded.root, plan.label, part)
    if order.out is None:
        return default
    return chosen_path(order.out, default, loaded.film.output.format)


def _animatic_out(order: Order, plan: Plan, out: Path) -> Path:
    """Where the animatic goes that is made beside a film of that place."""
    loaded = order.loaded
    if order.out is not None or loaded.film.output.file is not None:
        return animatic_beside(out)
    part = None if plan.whole else plan.shots
    return default_path(loaded.film, loaded.path, loaded.root, "animatic", part)


def _protect(out: Path, plan: Plan, loaded: LoadedFilm) -> None:
    """Nothing that the film is made from is written over."""
    uses = [use for stage in plan for use in (*stage.files, *stage.weights)]
    used = {(loaded.root / use.path).resolve() for use in uses}
    used |= {loaded.path.resolve(), PlanLock.path_for(loaded.path).resolve()}
    if out.resolve() in used:
        raise InputError(
            f'"{out.name}" is one of the files that the film is made from.',
            "Give the film another name with -o or `output.file`.",
            where=str(out),
        )


def _how(order: Order, project: Project, machine: Machine) -> How:
    workers = order.how.workers or WorkerSettings()
    threads = workers.threads or count_from(THREADS)
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        threads = machine.cpu_threads
    logs = workers.logs or project.logs
    return replace(order.how, workers=replace(workers, threads=threads, logs=logs))


def _keep_lock(
    path: Path, lock: PlanLock | None, plan: Plan, order: Order, workshop: Workshop
) -> None:
    """Write plan.lock; a folder that may not be written is said and stops nothing."""
    before = lock or PlanLock()
    chosen = lock_of(plan)
    if order.asked.tier or order.loaded.film.tier:
        # The tier was said; what it would be by itself stays as it was.
        chosen = replace(chosen, tier=before.tier)
    known = [stage.id for stage in plan] if plan.whole else None
    try:
        before.merged(chosen, known).save(path)
    except OSError as error:
        workshop.emit(
            events.Warned(f"{path.name} could not be written: {error.strerror or error}.")
        )


def _check_files(plan: Plan, demand: Demand, order: Order) -> None:
    """Open what is about to be read, so that a bad file is told before any work."""
    todo = demand.todo
    ids = [stage.id.partition("/") for stage in todo]
    props = frozenset(tail for head, _, tail in ids if head == StageKind.ASSETS)
    hearing = (StageKind.GENERATE, StageKind.DRAFT, StageKind.REFINE, StageKind.DECODE)
    shots = frozenset(stage.shot for stage in todo if stage.kind in hearing)
    seeing = frozenset(stage.shot for stage in todo if stage.kind is StageKind.KEYFRAMES)
    mixes = plan.whole and any(stage.kind is StageKind.MIX for stage in todo)
    if props or shots or seeing or mixes:
        check_inputs(order.loaded, props=props, shots=shots, seeing=seeing, music=mixes)


def _publish(carried: Carried, out: Path, digests: DigestStore) -> Published:
    found = carried.outcome.found
    asked = {stage.id for stage in carried.demand.asked}
    mux = found.get("mux") if "mux" in asked else None
    report = found.get("report") if "report" in asked else None
    return publish(mux, report, out, digests)


def _publish_animatic(carried: Carried, out: Path, digests: DigestStore) -> Published:
    asked = {stage.id for stage in carried.demand.asked}
    found = carried.outcome.found
    return publish(found.get(ANIMATIC_MUX) if ANIMATIC_MUX in asked else None, None, out, digests)


def _save_digests(digests: DigestStore, workshop: Workshop) -> None:
    try:
        digests.save()
    except OSError as error:
        workshop.emit(
            events.Warned(f"Digests could not be kept: {error.strerror or error}; nothing is lost.")
        )


def _warnings(carried: Carried) -> tuple[str, ...]:
    """Warnings of everything that the film is made of, those of earlier runs too."""
    found = carried.outcome.found
    said = [
        warning
        for stage in carried.demand.asked
        if stage.id in found
        for warning in found[stage.id].manifest.warnings
    ]
    return tuple(dict.fromkeys(said))


def _ran(error: ReelwrightError) -> tuple[str, ...]:
    ran = error.facts.get("ran", ())
    return tuple(str(each) for each in ran) if isinstance(ran, tuple) else ()
