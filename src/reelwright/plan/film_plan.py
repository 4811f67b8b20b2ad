"""A film's plan: its stages in running order, with what a person is told about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.plan.stages import Estimate, PlannedStage, StageKind, total
from reelwright.plan.ways import GuardedShot, ShotTries

PLAN_VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run, where, how long and why.

    Attributes:
        title: The film's.
        tier: What it is made as.
        label: What a clip of this tier is always called, e.g. `animatic`.
        stages: In running order; a stage stands after everything it needs.
        shots: Ids of the shots that are planned, in the film's order.
        whole: Whether that is every shot of the film.
        notes: Said to the person before anything runs.
        machine: The machine it was made for, in words.
        weights: What its clips are made with: `name`, `label`, `sha256`, `bytes`, `num_files`, and
            `set`, where they lie; empty where no model makes them.
        guarded: The shots whose clips could be made otherwise where a guard is broken.
    """

    title: str
    tier: str
    label: str
    stages: tuple[PlannedStage, ...]
    shots: tuple[str, ...] = ()
    whole: bool = True
    notes: tuple[str, ...] = ()
    machine: str = ""
    weights: Mapping[str, Any] = field(default_factory=dict)
    guarded: tuple[GuardedShot, ...] = ()

    @property
    def tries(self) -> dict[str, ShotTries]:
        """What was tried of its shots, where anything was."""
        return {each.shot: each.tries for each in self.guarded if each.tries.num_tries}

    def stage(self, stage_id: str) -> PlannedStage:
        """The stage of that id; KeyError if there is none."""
        for each in self.stages:
            if each.id == stage_id:
                return each
        raise KeyError(stage_id)

    def of_kind(self, kind: StageKind) -> tuple[PlannedStage, ...]:
        """Every stage of a kind, in order."""
        return tuple(each for each in self.stages if each.kind is kind)

    @property
    def keys(self) -> frozenset[str]:
        """Names of every result that the film is made of."""
        return frozenset(each.key for each in self.stages)

    def sinks(self) -> tuple[PlannedStage, ...]:
        """The stages that nothing else needs: what a whole render asks for."""
        needed = {need for each in self.stages for need in each.needs}
        return tuple(each for each in self.stages if each.id not in needed)

    def targets(self, until: StageKind | None = None) -> tuple[PlannedStage, ...]:
        """What a render up to `until` asks for: every stage of that kind, or the whole film.

        Up to `generate` it asks for every clip, whoever makes it.
        The whole film is its file and everything that nothing else is made from.
        """
        if until is StageKind.GENERATE:
            return tuple(each for each in self.stages if each.kind.makes_clips)
        if until is not None:
            return self.of_kind(until)
        last = {each.id for each in (*self.sinks(), *self.of_kind(StageKind.MUX))}
        return tuple(each for each in self.stages if each.id in last)

    def closure(self, stages: Iterable[PlannedStage]) -> tuple[PlannedStage, ...]:
        """Those stages and everything they are made from, in running order."""
        wanted = {each.id for each in stages}
        for each in reversed(self.stages):
            if each.id in wanted:
                wanted.update(each.needs)
        return tuple(each for each in self.stages if each.id in wanted)

    def total(self, stages: Iterable[PlannedStage] | None = None) -> Estimate:
        """Costs of some stages, or of all, one after another."""
        return total([each.estimate for each in (self.stages if stages is None else stages)])

    def __iter__(self) -> Iterator[PlannedStage]:
        return iter(self.stages)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, every stage with its recipe."""
        return {
            "version": PLAN_VERSION,
            "title": self.title,
            "tier": self.tier,
            "label": self.label,
            "machine": self.machine,
            "shots": list(self.shots),
            "whole": self.whole,
            "notes": list(self.notes),
            "weights": dict(self.weights),
            "total": self.total().to_json(),
            "stages": [each.to_json() for each in self.stages],
        }
