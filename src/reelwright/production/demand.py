"""What has to run: from what was asked for backwards, as far as results are missing.

A result that is there makes everything before it unnecessary, so that collected intermediates cost
nothing until something that needs them has to be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reelwright.plan import Plan, PlannedStage, changes_in_words
from reelwright.production.artifacts import Artifact, ArtifactStore, Damage
from reelwright.production.journal import Journal

_UNNEEDED = "not needed: what is made from it is there"


@dataclass(frozen=True, slots=True)
class Demand:
    """What has to run for a render, and what need not.

    Attributes:
        asked: Everything that was asked for and all it is made from, in running order.
        todo: What of it has to run, in running order.
        found: Results that are there, by stage id: all that `todo` reads from and all that was
            asked for.
        damaged: Results that are there and cannot be used; they are made again.
    """

    asked: tuple[PlannedStage, ...]
    todo: tuple[PlannedStage, ...]
    found: Mapping[str, Artifact]
    damaged: tuple[Damage, ...]

    @property
    def reused(self) -> tuple[str, ...]:
        """Ids of the stages that need not run."""
        todo = {stage.id for stage in self.todo}
        return tuple(stage.id for stage in self.asked if stage.id not in todo)


def demand_of(plan: Plan, targets: Iterable[PlannedStage], store: ArtifactStore) -> Demand:
    """Look for results, from the targets backwards; every file of each is checked for its size."""
    targets = tuple(targets)
    asked = plan.closure(targets)
    wanted = {stage.id for stage in targets}
    todo: set[str] = set()
    found: dict[str, Artifact] = {}
    damaged: dict[str, Damage] = {}
    for stage in reversed(asked):
        if stage.id not in wanted:
            continue
        result = store.verified(stage.key)
        if isinstance(result, Artifact):
            found[stage.id] = result
            continue
        if isinstance(result, Damage):
            damaged[stage.key] = result
        todo.add(stage.id)
        wanted.update(stage.needs)
    return Demand(
        asked=asked,
        todo=tuple(stage for stage in asked if stage.id in todo),
        found=found,
        damaged=tuple(damaged.values()),
    )


def explanations(demand: Demand, store: ArtifactStore, journal: Journal) -> dict[str, str]:
    """Why each stage that was asked for runs or does not, in words, by id."""
    todo = {stage.id for stage in demand.todo}
    damaged = {each.key: each.why for each in demand.damaged}
    said = {}
    for stage in demand.asked:
        if stage.id not in todo:
            said[stage.id] = "unchanged" if stage.id in demand.found else _UNNEEDED
        elif stage.key in damaged:
            said[stage.id] = f"its result is damaged: {damaged[stage.key]}"
        else:
            said[stage.id] = _why(stage, todo, store, journal)
    return said


def _why(stage: PlannedStage, todo: set[str], store: ArtifactStore, journal: Journal) -> str:
    before = journal.last_key(stage.id, but=stage.key)
    if before is None:
        return "it was never made"
    last = store.find(before)
    if not isinstance(last, Artifact):
        return "it changed since it was last made (what it was made of then is not kept any more)"
    old = last.manifest.upstream
    fresh = [need for need in stage.needs if need in todo]
    new = [need for need in fresh if need not in old]
    changed = [need for need in fresh if need in old]
    gone = [need for need in old if need not in stage.needs]
    words = changes_in_words(last.manifest.recipe, stage.recipe, [*changed, *new])
    return f"{words}; without {', '.join(gone)}" if gone else words
