"""Carries a plan out: what runs next, what becomes of it, what is tried again.

Stages run in the plan's order, each as soon as what it needs is there and its device has room. A
result is kept the moment it is committed; whatever happens after cannot lose it. Who does the work
is the executor's affair.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reelwright.errors import Cancelled, ReelwrightError, ResourceError
from reelwright.plan import COSTS_VERSION, Plan, PlannedStage
from reelwright.production import events, stage_events
from reelwright.production.artifacts import Artifact, ArtifactStore, Attempt
from reelwright.production.demand import Demand
from reelwright.production.disk import disk_full_error, is_disk_full
from reelwright.production.executor import Executor
from reelwright.production.journal import Journal, Outcome
from reelwright.production.manifest import Manifest
from reelwright.production.pace import Pace
from reelwright.production.project import Project
from reelwright.production.remedies import Revision
from reelwright.production.stop import StopSwitch
from reelwright.production.task import (
    Message,
    TaskDone,
    TaskFailed,
    TaskLost,
    TaskPreview,
    TaskStep,
    TaskWarned,
    task_of,
)

MAX_ATTEMPTS = 2
"""A stage whose worker was lost is tried once more, in a fresh one."""

GRACE_S = 10.0
"""How long a stage may take to come to its next step when it is asked to stop."""

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Attributes:
        ran: Ids of the stages that finished, in the order they did.
        found: Results by stage id: those that were there and those that were made.
        failed: Errors by stage id.
        skipped: Ids of the stages that could not run because of them.
        warnings: What was said on the way, with the stage that said it.
        cancelled: Whether it was stopped.
    """

    ran: tuple[str, ...]
    found: Mapping[str, Artifact]
    failed: Mapping[str, ReelwrightError]
    skipped: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]
    cancelled: bool


class Reviewer(Protocol):
    """Who may change the plan for what came of a stage."""

    def finished(self, stage: PlannedStage) -> Revision | None:
        """A stage is done; None leaves the plan."""

    def failed(self, stage: PlannedStage, error: ReelwrightError) -> Revision | None:
        """A stage failed; None leaves the plan. A plan without it does without its result."""


@dataclass(slots=True)
class _Running:
    stage: PlannedStage
    upstream: Mapping[str, str]
    attempt: Attempt
    number: int
    wall: float
    started: float
    fraction: float = 0.0
    warnings: list[str] = field(default_factory=list)


class Scheduler:
    """Runs what a demand asks for.

    Args:
        plan: The plan.
        demand: What of it has to run.
        project: Where things lie.
        store: Results.
        journal: What is noted.
        executor: Who does the work.
        emit: Who listens.
        stop: How it is stopped.
        why: Why each stage runs, by id.
        grace_s: How long a stage may take to stop.
        held: Ids of stages that wait, although what they need is there.
        reviewer: Who may change the plan on the way; None keeps it.
    """

    def __init__(
        self,
        plan: Plan,
        demand: Demand,
        *,
        project: Project,
        store: ArtifactStore,
        journal: Journal,
        executor: Executor,
        emit: events.OnEvent,
        stop: StopSwitch,
        why: Mapping[str, str],
        grace_s: float = GRACE_S,
        held: frozenset[str] = frozenset(),
        reviewer: Reviewer | None = None,
    ) -> None:
        self._plan = plan
        self._held = held
        self._reviewer = reviewer
        self._project = project
        self._store = store
        self._journal = journal
        self._executor = executor
        self._emit = emit
        self._stop = stop
        self._why = why
        self._grace_s = grace_s
        self._pending = {stage.id: stage for stage in demand.todo}
        self._total = len(demand.todo)
        self._found = dict(demand.found)
        self._by_key: dict[str, Artifact] = {}
        self._running: dict[str, _Running] = {}
        self._numbers: dict[str, int] = {}
        self._ran: list[str] = []
        self._failed: dict[str, ReelwrightError] = {}
        self._skipped: list[str] = []
        self._warnings: list[tuple[str, str]] = []
        self._stopping_since: float | None = None
        self._killed = False
        self._hopeless = False  # a full disk: nothing else could finish either
        self._told_journal = False
        self._pace = Pace()

    def run(self) -> RunOutcome:
        """Run until everything is done, failed, or stopped."""
        while True:
            self._heed_stop()
            before = len(self._pending)
            self._submit_ready()
            if not self._running:
                if not self._may_start() or not self._pending:
                    break
                if len(self._pending) == before:
                    raise RuntimeError(f"stages that wait for nothing: {sorted(self._pending)}")
                continue
            for message in self._executor.poll(_POLL_S):
                self._handle(message)
        return RunOutcome(
            ran=tuple(self._ran),
            found=self._found,
            failed=self._failed,
            skipped=tuple(self._skipped),
            warnings=tuple(self._warnings),
            cancelled=self._stopping_since is not None and bool(self._pending),
        )

    def _may_start(self) -> bool:
        return self._stopping_since is None and not self._hopeless

    def _heed_stop(self) -> None:
        if not self._stop.requested:
            return
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()
            self._executor.cancel()
        waited = time.monotonic() - self._stopping_since
        if not self._killed and (self._stop.insisted or waited > self._grace_s):
            self._killed = True
            self._executor.kill()

    def _submit_ready(self) -> None:
        if not self._may_start():
            return
        for stage in list(self._pending.values()):
            ready = stage.id in self._pending and all(n in self._found for n in stage.needs)
            if not ready or stage.id in self._held:
                continue
            twin = self._by_key.get(stage.key)
            if twin is not None:
                self._settle_twin(stage, twin)
            elif self._is_free(stage) and self._may_start():
                self._submit(stage)

    def _is_free(self, stage: PlannedStage) -> bool:
        being_made = any(each.stage.key == stage.key for each in self._running.values())
        return not being_made and self._executor.has_room(stage.device)

    def _settle_twin(self, stage: PlannedStage, artifact: Artifact) -> None:
        """Another stage of this film has made the very same result."""
        del self._pending[stage.id]
        self._found[stage.id] = artifact
        self._total -= 1

    def _submit(self, stage: PlannedStage) -> None:
        try:
            attempt = self._store.begin(stage.key, resumes=stage.kind.resumes)
        except OSError as error:
            self._fail(stage, self._write_error(error, stage))
            return
        del self._pending[stage.id]
        number = self._numbers[stage.id] = self._numbers.get(stage.id, 0) + 1
        upstream = {need: self._found[need].key for need in stage.needs}
        self._running[attempt.name] = _Running(
            stage, upstream, attempt, number, time.time(), time.monotonic()
        )
        self._note(lambda: self._journal.start(attempt.name, stage))
        self._emit(stage_events.started(stage, number, self._why.get(stage.id, "")))
        self._hand_over(stage, attempt)

    def _hand_over(self, stage: PlannedStage, attempt: Attempt) -> None:
        task = task_of(
            stage,
            attempt.name,
            root=self._project.root,
            out=attempt.folder,
            inputs={need: self._found[need].folder for need in stage.needs},
            preview=self._project.previews / f"{stage.id.replace('/', '-')}.jpg",
        )
        try:
            self._executor.submit(task)
        except ReelwrightError as error:
            self._on_failed(self._running[attempt.name], TaskFailed(attempt.name, error, 0.0))

    def _handle(self, message: Message) -> None:
        running = self._running.get(message.attempt)
        if running is None:
            return
        if isinstance(message, TaskStep):
            self._on_step(running, message)
        elif isinstance(message, TaskWarned):
            running.warnings.append(message.message)
            self._emit(events.Warned(message.message, running.stage.id))
        elif isinstance(message, TaskPreview):
            stage = running.stage
            self._emit(events.StagePreview(stage.id, stage.shot, message.path))
        elif isinstance(message, TaskDone):
            self._on_done(running, message)
        elif isinstance(message, TaskFailed):
            self._on_failed(running, message)
        elif isinstance(message, TaskLost):
            self._on_lost(running, message)

    def _on_step(self, running: _Running, message: TaskStep) -> None:
        running.fraction = max(running.fraction, message.fraction)
        film_fraction, film_left = self._pace.whole(self._pending.values(), self._running.values())
        self._emit(
            events.StageStep(
                stage=running.stage.id,
                shot=running.stage.shot,
                fraction=running.fraction,
                note=message.note,
                seconds_left=self._pace.seconds_left(running),
                film_fraction=film_fraction,
                film_seconds_left=film_left,
            )
        )

    def _on_done(self, running: _Running, message: TaskDone) -> None:
        stage = running.stage
        try:
            artifact = self._store.commit(running.attempt, self._manifest(running, message))
        except (OSError, ReelwrightError) as error:
            named = self._write_error(error, stage)
            self._on_failed(running, TaskFailed(message.attempt, named, message.seconds))
            return
        del self._running[message.attempt]
        self._found[stage.id] = self._by_key[stage.key] = artifact
        self._ran.append(stage.id)
        self._warnings += [(stage.id, warning) for warning in running.warnings]
        self._pace.finished(stage, message.seconds)
        self._note(
            lambda: self._journal.end(
                message.attempt,
                Outcome.FINISHED,
                seconds=message.seconds,
                peak_ram_bytes=message.peak_ram_bytes,
            )
        )
        count = len(self._ran)
        self._emit(stage_events.finished(stage, message, artifact, count, self._total))
        if self._reviewer is not None:
            self._revise(self._reviewer.finished(stage))

    def _manifest(self, running: _Running, message: TaskDone) -> Manifest:
        stage = running.stage
        return Manifest(
            key=stage.key,
            attempt=running.attempt.name,
            stage=stage.id,
            kind=str(stage.kind),
            recipe=stage.recipe,
            files=message.files,
            shot=stage.shot,
            take=stage.take,
            backend=stage.backend,
            device=stage.device,
            upstream=running.upstream,
            started=running.wall,
            finished=time.time(),
            seconds=message.seconds,
            peak_ram_bytes=message.peak_ram_bytes,
            cost_row=stage.estimate.row,
            modelled_s=stage.estimate.modelled_s,
            modelled_ram_bytes=stage.estimate.modelled_ram_bytes,
            costs_version=COSTS_VERSION,
            fingerprint=message.fingerprint,
            warnings=tuple(running.warnings),
        )

    def _on_failed(self, running: _Running, message: TaskFailed) -> None:
        stage, error = running.stage, message.error
        del self._running[message.attempt]
        if not (stage.kind.resumes and isinstance(error, Cancelled | ResourceError)):
            self._store.abandon(running.attempt)
        if isinstance(error, Cancelled):
            self._pending[stage.id] = stage
            self._end(message.attempt, Outcome.CANCELLED, message.seconds)
            return
        self._end(message.attempt, Outcome.FAILED, message.seconds, str(error))
        self._fail(stage, error, message.trace)

    def _on_lost(self, running: _Running, message: TaskLost) -> None:
        stage = running.stage
        del self._running[message.attempt]
        stopped = self._stopping_since is not None
        # What twice lost its worker may be what loses it: it is not gone on from a third time.
        if not stage.kind.resumes or (running.number >= MAX_ATTEMPTS and not stopped):
            self._store.abandon(running.attempt)
        outcome = Outcome.CANCELLED if stopped else Outcome.LOST
        self._end(message.attempt, outcome, message.seconds, message.why)
        if stopped:
            self._pending[stage.id] = stage
            return
        self._emit(events.WorkerLost(message.device, message.pid, message.why, stage.id))
        error = ResourceError(
            f"{stage.id} lost its worker: {message.why}.",
            "Close other programs or use a smaller `size` if memory was short, then run the same "
            "command again: what was finished is kept.",
            where=stage.id,
            why=message.why,
            attempts=running.number,
        )
        if running.number < MAX_ATTEMPTS:
            self._emit(stage_events.failed(stage, error, will_retry=True))
            self._pending[stage.id] = stage
            self._pending = _in_order(self._pending, self._plan)
        else:
            self._fail(stage, error)

    def _fail(self, stage: PlannedStage, error: ReelwrightError, trace: str = "") -> None:
        self._pending.pop(stage.id, None)
        self._hopeless = self._hopeless or is_disk_full(error)
        self._emit(stage_events.failed(stage, error, trace=trace))
        revision = None
        if self._reviewer is not None and not self._hopeless:
            revision = self._reviewer.failed(stage, error)
        if revision is None or not revision.does_without(stage):
            self._failed[stage.id] = error
        self._revise(revision)
        self._skip_orphans()

    def _revise(self, revision: Revision | None) -> None:
        """Go on with another plan; what runs already runs on."""
        if revision is None:
            return
        self._plan, self._held = revision.plan, revision.held
        self._found = dict(revision.demand.found)
        busy = {each.stage.key for each in self._running.values()}
        gone = {*self._failed, *self._skipped}
        self._pending = {
            stage.id: stage
            for stage in revision.demand.todo
            if stage.key not in busy and stage.id not in gone
        }
        self._total = len(self._ran) + len(self._running) + len(self._pending)

    def _skip_orphans(self) -> None:
        """Stages that wait for something that will not come."""
        for stage in list(self._pending.values()):
            lost = [n for n in stage.needs if n in self._failed or n in self._skipped]
            if lost:
                del self._pending[stage.id]
                self._skipped.append(stage.id)
                self._emit(events.StageSkipped(stage.id, stage.shot, lost[0]))

    def _write_error(self, error: Exception, stage: PlannedStage) -> ReelwrightError:
        if is_disk_full(error):
            return disk_full_error(self._store.root, f"keeping {stage.id}")
        if isinstance(error, ReelwrightError):
            return error
        return ResourceError(
            f"The result of {stage.id} cannot be kept: {error}.",
            "Check the disk and the permissions of the work folder.",
            where=str(self._store.root),
        )

    def _end(self, attempt: str, outcome: Outcome, seconds: float, error: str = "") -> None:
        self._note(lambda: self._journal.end(attempt, outcome, seconds=seconds, error=error))

    def _note(self, action: Callable[[], None]) -> None:
        """Write to the journal; if that fails, the work goes on: it can be made again."""
        try:
            action()
        except ResourceError as error:
            if not self._told_journal:
                self._told_journal = True
                self._emit(events.Warned(f"The journal could not be written: {error.what}"))


def _in_order(pending: Mapping[str, PlannedStage], plan: Plan) -> dict[str, PlannedStage]:
    return {stage.id: stage for stage in plan.stages if stage.id in pending}
