"""Stages as they are found, with their keys; the film's graph grows here shot by shot.

Must stay true: a stage's key depends on its recipe and on the keys of what it needs, so inserting,
removing or moving a shot renames no other shot's results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from reelwright.plan.canonical import JSON, Recipe, artifact_key
from reelwright.plan.costs import Work, estimate
from reelwright.plan.digests import FileUse
from reelwright.plan.history import History
from reelwright.plan.lock import Choice, PlanLock
from reelwright.plan.stages import CPU, PlannedStage, StageKind
from reelwright.plan.ways import TRY_MARK

if TYPE_CHECKING:
    from reelwright.machine import Machine

Settings = Mapping[str, JSON]


@dataclass(slots=True)
class Graph:
    """The stages of a film while it is planned.

    Attributes:
        machine: What it is planned for.
        lock: Choices that were made before; they win over new ones.
        history: What was measured here.
        devices: Devices that the person named, by kind of stage; they win over all.
        accelerator: Where a model runs unless it was said: a device of the machine, or the CPU.
        stages: By id, in the order they were added.
        works: How much each has to do, by id.
        notes: What came up on the way.
    """

    machine: Machine
    lock: PlanLock
    history: History
    devices: Mapping[StageKind, str]
    accelerator: str = CPU
    stages: dict[str, PlannedStage] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        kind: StageKind,
        stage_id: str,
        recipe: Callable[[Settings], Recipe],
        *,
        backend: str = "builtin",
        cost: str | None = None,
        needs: Iterable[str] = (),
        work: Work,
        why: str,
        files: Sequence[FileUse] = (),
        weights: Sequence[FileUse] = (),
        shot: str = "",
        take: int = 0,
        aside: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a stage.

        Args:
            kind: What it does.
            stage_id: Its name.
            recipe: Its recipe, given the settings that were chosen for it.
            backend: Who carries it out.
            cost: The row of the cost model, where that is not the backend's.
            needs: Ids of what it reads, in order; added before.
            work: How much there is to do.
            why: Why it runs like this.
            files: What it reads of the project.
            weights: What it reads of models.
            shot: The shot it belongs to.
            take: The candidate.
            aside: What its function is told and that decides nothing of the result.

        Returns:
            Its id.
        """
        choice = self._choice(kind, stage_id, backend)
        device = self._device(kind, choice)
        ready = recipe(choice.settings)
        ids = tuple(needs)
        self.stages[stage_id] = PlannedStage(
            id=stage_id,
            kind=kind,
            recipe=ready,
            needs=ids,
            key=artifact_key({"kind": str(kind), **ready}, [self.stages[i].key for i in ids]),
            files=tuple(files),
            weights=tuple(weights),
            shot=shot,
            take=take,
            backend=choice.backend,
            device=device,
            estimate=estimate(
                kind,
                cost or backend,
                work,
                device=device,
                threads=self.machine.cpu_threads,
                history=self.history,
            ),
            why=why,
            aside=dict(aside or {}),
        )
        self.works[stage_id] = work
        return stage_id

    def key_of(self, add: Callable[[], str]) -> str:
        """Key of a stage that is not planned: what `add` adds is forgotten again.

        Args:
            add: Adds it, and what it needs that is not there; returns its id.
        """
        held = dict(self.stages), dict(self.works), list(self.notes)
        try:
            return self.stages[add()].key
        finally:
            self.stages, self.works, self.notes = held

    def ordered(self) -> tuple[PlannedStage, ...]:
        """Every stage in running order; see `running_order`."""
        return running_order(tuple(self.stages.values()))

    def made_from(self, stage_ids: Iterable[str]) -> tuple[PlannedStage, ...]:
        """Those stages and everything they are made from, in running order."""
        wanted = set(stage_ids)
        for stage in reversed(self.ordered()):
            if stage.id in wanted:
                wanted.update(stage.needs)
        return tuple(stage for stage in self.ordered() if stage.id in wanted)

    def _choice(self, kind: StageKind, stage_id: str, backend: str) -> Choice:
        fastest = self.accelerator.partition(":")[0] if kind.runs_model else CPU
        locked = self.lock.choices.get(stage_id.partition(TRY_MARK)[0])
        if locked is None or locked.backend != backend:
            return Choice(backend, fastest)
        if locked.device != fastest and fastest != CPU:
            self._note(
                f"plan.lock has `{kind}` on {locked.device}; --replan moves it to {fastest}, which "
                "is not bit-identical."
            )
        return locked

    def _device(self, kind: StageKind, choice: Choice) -> str:
        asked = self.devices.get(kind)
        if asked is not None:
            return asked
        if choice.device == CPU:
            return CPU
        for each in self.machine.accelerators:
            if each.device.partition(":")[0] == choice.device:
                return each.device
        self._note(
            f"plan.lock has `{kind}` on {choice.device}, which this machine has not: it runs on "
            "the CPU, and is not bit-identical to what was made before."
        )
        return CPU

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def running_order(stages: Sequence[PlannedStage]) -> tuple[PlannedStage, ...]:
    """Stages in the order they run: each after what it needs, kinds together where that can be.

    A film whose shots do not wait for one another runs kind by kind, and in a kind as added. A
    chain of `continues` runs in waves: the drafts of all shots that wait for nothing, then what
    follows from them as far as the next shots need, then their drafts.
    """
    place = {stage.id: i for i, stage in enumerate(stages)}
    missing = {stage.id: len(set(stage.needs)) for stage in stages}
    followers: dict[str, list[int]] = {}
    for i, stage in enumerate(stages):
        for need in set(stage.needs):
            followers.setdefault(need, []).append(i)
    ready: dict[StageKind, list[int]] = {}
    for stage in stages:
        if not missing[stage.id]:
            heappush(ready.setdefault(stage.kind, []), place[stage.id])
    ordered: list[PlannedStage] = []
    kind: StageKind | None = None
    while ready:
        if kind not in ready:
            kind = min(ready, key=lambda each: each.order)
        stage = stages[heappop(ready[kind])]
        if not ready[kind]:
            del ready[kind]
        ordered.append(stage)
        for i in followers.get(stage.id, ()):
            missing[stages[i].id] -= 1
            if not missing[stages[i].id]:
                heappush(ready.setdefault(stages[i].kind, []), i)
    return tuple(ordered)
