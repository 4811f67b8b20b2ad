"""Remedies: a clip that breaks a guard is made another way, judged alike, and the better one kept.

What is tried is a change to the plan: beside the clip that is planned stands the one that is tried,
with keys of its own, until both are judged; then the plan has the better one, as if it had been
meant from the beginning, and everything after is made from that. Must stay true: what is decided
depends on what was measured alone, so a run that was killed in a try, or a second run, comes to the
same; whatever is made from a shot's clip waits until that shot is settled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from reelwright.errors import NumericsError, ReelwrightError
from reelwright.plan import GuardedShot, Made, Plan, PlannedStage, ShotTries, StageKind, Way
from reelwright.production import events
from reelwright.production.artifacts import Artifact, ArtifactStore
from reelwright.production.demand import Demand, demand_of
from reelwright.production.film_file import SHOT_REPORT

if TYPE_CHECKING:
    from reelwright.quality import ShotReport

Replan: TypeAlias = Callable[[Mapping[str, ShotTries]], Plan]
"""The film planned anew, with what was tried of its shots."""

_JUDGING = frozenset({StageKind.FINISH, StageKind.QUALITY})
_NOT_FINITE = "Pixels or samples that are no numbers"


@dataclass(frozen=True, slots=True)
class Revision:
    """A plan that took the place of another while it was carried out.

    Attributes:
        plan: The plan.
        demand: What of it has to run.
        held: Ids of the stages that wait for a shot to be settled.
    """

    plan: Plan
    demand: Demand
    held: frozenset[str]

    def does_without(self, stage: PlannedStage) -> bool:
        """Whether nothing that may run now waits for a stage's result."""
        planned = {each.id for each in self.demand.asked} - self.held
        return stage.id not in planned


class Remedies:
    """Decides what is tried, from what was measured.

    Args:
        plan: The film as planned.
        replan: Plans it anew.
        bound: The most ways that are tried for a shot; 0 tries none.
        until: What the render stops after; tries belong to one that judges its shots.
        store: Results.
        emit: Who listens.
    """

    def __init__(
        self,
        plan: Plan,
        replan: Replan,
        *,
        bound: int,
        until: StageKind | None,
        store: ArtifactStore,
        emit: events.OnEvent,
    ) -> None:
        self._plan = plan
        self._replan = replan
        self._bound = bound
        self._until = until
        self._store = store
        self._emit = emit
        self._known: dict[str, ShotTries] = {}
        self._closed: set[str] = set()
        self._announced: set[str] = set()
        self._settle()

    def revision(self) -> Revision:
        """The plan as far as it is decided."""
        demand = demand_of(self._plan, self._plan.targets(self._until), self._store)
        return Revision(self._plan, demand, self._held())

    def finished(self, stage: PlannedStage) -> Revision | None:
        """Look at what a stage made; None where it decides nothing."""
        if stage.kind is not StageKind.QUALITY or not self._open():
            return None
        self._settle()
        return self.revision()

    def failed(self, stage: PlannedStage, error: ReelwrightError) -> Revision | None:
        """Look at a failure; None where no shot waits for it.

        A try that fails is none, and the clip that was there is kept. A clip of no numbers is tried
        another way; after any other failure nothing is.
        """
        shot = next((each for each in self._open() if each.shot == stage.shot), None)
        if shot is None:
            return None
        if shot.tries.trying:
            if stage.id not in self._beside(shot):
                return None
            self._judged(shot, Made(shot.tries.trying, failed=error.what))
        elif not self._tries_numbers(shot, stage, error):
            self._closed.add(shot.tries.of)
        self._settle()
        return self.revision()

    def _settle(self) -> None:
        """Decide whatever can be decided from what is there."""
        while any(self._decide(shot) for shot in self._open()):
            pass

    def _open(self) -> list[GuardedShot]:
        """Shots that are not settled and go on from none that is not, in the film's order."""
        if not self._bound:
            return []
        asked = {each.id for each in self._plan.closure(self._plan.targets(self._until))}
        found, waiting = [], set()
        for shot in self._plan.guarded:
            if shot.continues in waiting:
                waiting.add(shot.shot)
            elif shot.quality in asked and not self._is_settled(shot):
                waiting.add(shot.shot)
                found.append(shot)
        return found

    def _is_settled(self, shot: GuardedShot) -> bool:
        tries = shot.tries
        if tries.trying:
            return False
        return tries.of in self._closed or (bool(tries.made) and self._next(shot, tries) is None)

    def _next(self, shot: GuardedShot, tries: ShotTries) -> Way | None:
        """The way to try next; None where that is enough."""
        if tries.is_fine or tries.num_tries >= self._bound:
            return None
        tried = {each.way for each in tries.made}
        able = {str(way) for way in shot.ways} - tried
        return next((Way(hint) for hint in tries.hints if hint in able), None)

    def _decide(self, shot: GuardedShot) -> bool:
        """Decide what can be decided of a shot; whether the plan changed."""
        tries = shot.tries
        if tries.trying:
            made = self._made(shot, shot.try_quality, tries.trying)
            if made is not None:
                self._judged(shot, made)
            return made is not None
        made = self._made(shot, shot.quality, tries.kept)
        if made is None:
            return False
        # Judged anew: at another tier the clip that is kept is another.
        hints = tries.hints if tries.made else self._hints(shot)
        others = tuple(each for each in tries.made if each.way != tries.kept)
        first = (made, *others) if not tries.kept else (*others, made)
        tries = replace(tries, made=first, hints=hints)
        way = self._next(shot, tries)
        if way is None:
            self._closed.add(tries.of)
            return False
        self._try(shot, tries, way)
        return True

    def _try(self, shot: GuardedShot, tries: ShotTries, way: Way) -> None:
        self._take(shot.shot, replace(tries, trying=str(way)))
        (beside,) = (each for each in self._plan.guarded if each.shot == shot.shot)
        if self._found(beside.try_quality) is None:
            broken = next(each.broken for each in tries.made if each.way == tries.kept)
            message = f"{shot.shot}: {_in_words(broken)}; trying with {way.words}"
            self._announced.add(shot.shot)
            self._emit(events.RemedyTried(shot.shot, str(way), broken, message))

    def _judged(self, shot: GuardedShot, made: Made) -> None:
        """Keep the better clip."""
        before = shot.tries
        rival = next(each for each in before.made if each.way == before.kept)
        kept = not made.failed and (bool(rival.failed) or made.badness < rival.badness)
        best = made.way if kept else before.kept
        self._take(shot.shot, replace(before, made=(*before.made, made), kept=best, trying=""))
        if shot.shot in self._announced:
            self._announced.discard(shot.shot)
            message = f"{shot.shot}: {_outcome(made, kept=kept)}"
            self._emit(events.RemedyJudged(shot.shot, made.way, kept, made.broken, message))

    def _take(self, name: str, tries: ShotTries) -> None:
        self._known[name] = tries
        self._plan = self._replan(self._known)

    def _tries_numbers(
        self, shot: GuardedShot, stage: PlannedStage, error: ReelwrightError
    ) -> bool:
        """Try another seed for a clip that ended in numbers that are not finite."""
        if not isinstance(error, NumericsError) or Way.OTHER_SEED not in shot.ways:
            return False
        if shot.tries.made or not stage.kind.runs_model:
            return False
        made = Made("", broken=(_NOT_FINITE,), failed=error.what)
        tries = replace(shot.tries, made=(made,), hints=(str(Way.OTHER_SEED),))
        self._try(shot, tries, Way.OTHER_SEED)
        return True

    def _beside(self, shot: GuardedShot) -> set[str]:
        """Ids of the stages that a try has and the clip that is planned has not."""
        return self._made_by(shot.try_quality) - self._made_by(shot.quality)

    def _made_by(self, stage_id: str) -> set[str]:
        """Ids of a stage and of everything it is made from."""
        return {each.id for each in self._plan.closure([self._plan.stage(stage_id)])}

    def _held(self) -> frozenset[str]:
        """What is made from the clip of a shot that is not settled, and is not that shot's own."""
        names = {shot.shot: shot for shot in self._open()}
        held: set[str] = set()
        stages = {stage.id: stage for stage in self._plan}
        for shot in names.values():
            if shot.tries.trying and shot.tries.made and shot.tries.made[0].failed:
                held |= self._made_by(shot.quality) - self._made_by(shot.try_quality)
        for stage in self._plan:
            foreign = (stages[need] for need in stage.needs)
            if any(
                need.id in held or (need.shot in names and need.shot != stage.shot)
                for need in foreign
            ):
                held.add(stage.id)
        return frozenset(held)

    def _found(self, stage_id: str) -> Artifact | None:
        found = self._store.verified(self._plan.stage(stage_id).key)
        return found if isinstance(found, Artifact) else None

    def _made(self, shot: GuardedShot, quality: str, way: str) -> Made | None:
        """What came of a clip; None where it is not judged yet."""
        from reelwright.quality import badness, broken_guards, broken_words

        report = self._report(quality)
        if report is None:
            return None
        return Made(
            way,
            broken=broken_words(broken_guards(report)),
            badness=badness(report),
            seconds=self._seconds(shot, quality),
        )

    def _hints(self, shot: GuardedShot) -> tuple[str, ...]:
        """What the broken guards of a clip call for, in order."""
        from reelwright.quality import broken_guards, remedies_of

        report = self._report(shot.quality)
        broken = () if report is None else broken_guards(report)
        return tuple(str(remedy) for remedy in remedies_of(broken))

    def _report(self, quality: str) -> ShotReport | None:
        from reelwright.quality import shot_report_from_json

        found = self._found(quality)
        if found is None:
            return None
        return shot_report_from_json(json.loads((found.folder / SHOT_REPORT).read_bytes()))

    def _seconds(self, shot: GuardedShot, quality: str) -> float:
        """What a clip's own stages took; a try shares some with the clip beside it."""
        stages = {stage.id: stage for stage in self._plan}
        own = [stages[each] for each in self._made_by(quality) if stages[each].shot == shot.shot]
        keys = {each.key for each in own if each.kind.runs_model or each.kind in _JUDGING}
        if shot.tries.trying:
            keys -= {stages[each].key for each in self._made_by(shot.quality)}
        made = (self._store.find(key) for key in sorted(keys))
        took = sum(each.manifest.seconds for each in made if isinstance(each, Artifact))
        return round(took, 2)


def _in_words(broken: Sequence[str]) -> str:
    """The gravest, and how many there are besides."""
    if not broken:
        return "its clip failed"
    more = len(broken) - 1
    return f"{broken[0]}{f' and {more} more' if more else ''} broken"


def _outcome(made: Made, *, kept: bool) -> str:
    words = Way(made.way).words
    if made.failed:
        return f"with {words} it failed ({made.failed}); what was there is kept"
    broken = f"breaks {len(made.broken)} ({made.broken[0]})" if made.broken else "breaks no guard"
    return f"with {words} it {broken}; {'kept' if kept else 'what was there is kept'}"
