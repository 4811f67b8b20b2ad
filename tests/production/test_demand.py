"""What has to run, over any film and anything that is there already."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.plan import Plan, PlannedStage
from reelwright.production.artifacts import Artifact, Damage
from reelwright.production.demand import Demand, demand_of
from reelwright.production.manifest import Manifest


class Shelf:
    """A store that is a set of keys."""

    def __init__(self, there: set[str], damaged: set[str]) -> None:
        self.there = there
        self.damaged = damaged

    def verified(self, key: str) -> Artifact | Damage | None:
        if key in self.damaged:
            return Damage(key, "cut short")
        if key in self.there:
            return Artifact(key, Path(key), Manifest(key, "a-1", "", "", {}, {}))
        return None


def film(toys: ModuleType, edges: list[list[int]]) -> Plan:
    stages: list[PlannedStage] = []
    for index, needs in enumerate(edges):
        picked = tuple(stages[i] for i in sorted({n % index for n in needs})) if index else ()
        stages.append(toys.toy_stage(f"stage/{index}", picked))
    return Plan("Any", "animatic", "", tuple(stages))


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(), edges=st.lists(st.lists(st.integers(0, 99), max_size=3), min_size=1, max_size=9)
)
def test_just_what_is_missing_runs(
    toys: ModuleType, data: st.DataObject, edges: list[list[int]]
) -> None:
    plan = film(toys, edges)
    ids = [stage.id for stage in plan]
    there = data.draw(st.sets(st.sampled_from(ids)))
    damaged = data.draw(st.sets(st.sampled_from(ids)))
    asked = data.draw(st.sets(st.sampled_from(ids), min_size=1))
    key = {stage.id: stage.key for stage in plan}
    shelf = Shelf({key[i] for i in there}, {key[i] for i in damaged})
    usable = there - damaged
    demand: Demand = demand_of(plan, [plan.stage(i) for i in asked], shelf)  # type: ignore[arg-type]
    todo = {stage.id for stage in demand.todo}
    wanted = asked | {need for stage in demand.todo for need in stage.needs}
    assert todo == wanted - usable  # complete, and nothing that is there or that nobody wants
    assert set(demand.found) == wanted & usable
    assert {stage.id for stage in demand.asked} == {
        stage.id for stage in plan.closure(plan.stage(i) for i in asked)
    }
    assert set(demand.reused) == {stage.id for stage in demand.asked} - todo
    assert {damage.key for damage in demand.damaged} == {key[i] for i in todo & damaged}
    seen: set[str] = set(demand.found)
    for stage in demand.todo:  # in running order
        assert set(stage.needs) <= seen
        seen.add(stage.id)
