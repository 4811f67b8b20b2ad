"""From a plan to results: what is missing is made, what is there is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from reelwright.disk import DISK_MEND
from reelwright.errors import Cancelled, ResourceError
from reelwright.plan import Plan, PlannedStage, StageKind, total
from reelwright.production import events
from reelwright.production.demand import Demand, demand_of, explanations
from reelwright.production.disk import free_bytes
from reelwright.production.executor import Executor
from reelwright.production.journal import Outcome
from reelwright.production.local import LocalExecutor
from reelwright.production.locks import device_lock
from reelwright.production.process import WorkerSettings
from reelwright.production.remedies import Remedies
from reelwright.production.scheduler import GRACE_S, RunOutcome, Scheduler
from reelwright.production.stop import StopSwitch, interrupts_stop
from reelwright.production.workshop import Workshop

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Carried:
    """What carrying out a plan came to.

    Attributes:
        demand: What had to run and what had not.
        outcome: What came of it.
        plan: The plan as it was in the end: with the better clips where some were tried.
    """

    demand: Demand
    outcome: RunOutcome
    plan: Plan

    @property
    def ran(self) -> tuple[str, ...]:
        """Ids of the stages that ran, in the order they finished."""
        return self.outcome.ran

    @property
    def reused(self) -> tuple[str, ...]:
        """Ids of the stages whose results were there already."""
        ran = set(self.outcome.ran)
        return tuple(stage.id for stage in self.demand.asked if stage.id not in ran)


@dataclass(frozen=True, slots=True)
class How:
    """How a plan is carried out; none of it decides a result.

    Attributes:
        until: Stop after every stage of this kind; None makes the film.
        explain: Say of every stage why it runs or does not.
        workers: How workers are started.
        executor: Who does the work; None starts workers here, and ends them after.
        stop: How it is stopped from elsewhere; Ctrl-C stops it in any case.
        grace_s: How long a stage may take to stop.
    """

    until: StageKind | None = None
    explain: bool = False
    workers: WorkerSettings | None = None
    executor: Executor | None = None
    stop: StopSwitch | None = None
    grace_s: float = GRACE_S


def carry_out(
    plan: Plan,
    workshop: Workshop,
    film: str,
    how: How | None = None,
    demand: Demand | None = None,
    remedies: Remedies | None = None,
) -> Carried:
    """Carry out a plan in an open project.

    Args:
        plan: The plan.
        workshop: The project.
        film: The storyboard's file, for the journal and the events.
        how: How; the defaults make the whole film with workers of this process.
        demand: What has to run, where that is known already.
        remedies: Decides what is tried where a clip breaks a guard; None tries nothing.

    Returns:
        What ran and what was found. Everything that was asked for is there.

    Raises:
        Cancelled: It was stopped; what was finished is kept.
        ResourceError: The disk is too full to begin, or filled up; a device is taken.
        ReelwrightError: A stage failed; the first that did. What else could be made is kept.
    """
    how = how or How()
    held: frozenset[str] = frozenset()
    if remedies is not None:
        first = remedies.revision()
        plan, demand, held = first.plan, first.demand, first.held
    demand = demand or demand_of(plan, plan.targets(how.until), workshop.store)
    why = explanations(demand, workshop.store, workshop.journal)
    _tell(plan, demand, why, workshop, film, how)
    for each in demand.damaged:
        workshop.store.retire(each.key)
    for artifact in demand.found.values():
        workshop.store.touch(artifact.key)
    if not demand.todo:
        return Carried(demand, RunOutcome((), demand.found, {}, (), (), cancelled=False), plan)
    require_free_disk(demand.todo, workshop)
    outcome = _run(plan, demand, why, workshop, film, how, held, remedies)
    if remedies is not None:
        last = remedies.revision()
        plan, demand = last.plan, replace(demand, asked=last.demand.asked)
    carried = Carried(demand, outcome, plan)
    _raise_what_failed(carried)
    return carried


def require_free_disk(stages: Iterable[PlannedStage], workshop: Workshop) -> None:
    """Refuse to begin what would not fit on the disk.

    Raises:
        ResourceError: It would not; names what is needed and what is free.
    """
    need = total([stage.estimate for stage in stages]).disk_bytes
    free = free_bytes(workshop.project.work)
    if need > free:
        raise ResourceError(
            f"What is to be made needs about {need / _GB:.2f} GB of disk; {free / _GB:.2f} GB are "
            "free.",
            DISK_MEND,
            where=str(workshop.project.work),
            needed_bytes=need,
            free_bytes=free,
        )


def _tell(
    plan: Plan, demand: Demand, why: dict[str, str], workshop: Workshop, film: str, how: How
) -> None:
    expected = total([stage.estimate for stage in demand.todo])
    workshop.emit(
        events.JobStarted(
            film=film,
            title=plan.title,
            label=plan.label,
            stages=tuple(stage.id for stage in demand.todo),
            reused=demand.reused,
            seconds=expected.seconds,
            disk_bytes=expected.disk_bytes,
        )
    )
    for note in plan.notes if demand.todo else ():
        workshop.emit(events.Noted(note))
    for damage in demand.damaged:
        workshop.emit(events.Warned(f"A result is damaged and is made again: {damage.why}."))
    if how.explain:
        todo = {stage.id for stage in demand.todo}
        for stage in demand.asked:
            workshop.emit(events.Explained(stage.id, stage.id in todo, why[stage.id]))


def _run(
    plan: Plan,
    demand: Demand,
    why: dict[str, str],
    workshop: Workshop,
    film: str,
    how: How,
    held: frozenset[str],
    remedies: Remedies | None,
) -> RunOutcome:
    stop = how.stop or StopSwitch()
    with ExitStack() as stack:
        for device in _devices(demand.todo):
            stack.enter_context(device_lock(device))
        stack.enter_context(interrupts_stop(stop))
        executor = how.executor
        if executor is None:
            executor = LocalExecutor(how.workers)
            stack.callback(executor.close)
        workshop.journal.start_job(film, str(how.until or "film"))
        scheduler = Scheduler(
            plan,
            demand,
            project=workshop.project,
            store=workshop.store,
            journal=workshop.journal,
            executor=executor,
            emit=workshop.emit,
            stop=stop,
            why=why,
            grace_s=how.grace_s,
            held=held,
            reviewer=remedies,
        )
        outcome = scheduler.run()
        workshop.journal.end_job(_outcome_of(outcome))
        return outcome


def _outcome_of(outcome: RunOutcome) -> Outcome:
    if outcome.failed:
        return Outcome.FAILED
    return Outcome.CANCELLED if outcome.cancelled else Outcome.FINISHED


def _devices(stages: Sequence[PlannedStage]) -> list[str]:
    return sorted({stage.device for stage in stages})


def _raise_what_failed(carried: Carried) -> None:
    outcome = carried.outcome
    failed = tuple(outcome.failed)
    for error in outcome.failed.values():
        error.facts.update(ran=outcome.ran, failed=failed, skipped=outcome.skipped)
        raise error
    if outcome.cancelled:
        raise Cancelled("Stopped; what was finished is kept.", ran=outcome.ran)
