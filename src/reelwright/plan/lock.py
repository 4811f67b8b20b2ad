"""`plan.lock`: what a plan chose, kept beside the storyboard so that it stays chosen.

A choice that depends on the machine (who carries a stage out, on what kind of device, with which
settings) is made once per film. More free memory tomorrow, or a better backend, does not change
its pixels unless asked (`--replan`). The file is small, sorted and meant to be committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwright.errors import PlanError
from reelwright.plan.atomic import write_atomic
from reelwright.plan.canonical import JSON, Recipe
from reelwright.plan.film_plan import Plan
from reelwright.plan.stages import StageKind
from reelwright.plan.ways import TRY_MARK, ShotTries

LOCK_VERSION = 1
_MEND = "Delete it, or run with --replan: it is written anew."


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a stage.

    Attributes:
        backend: Who carries it out.
        device: Class of device: `cpu`, `cuda`, `mps`, `xpu`. Which of several is free each time.
        settings: What else decides the result and was chosen rather than written by the person.
    """

    backend: str
    device: str = "cpu"
    settings: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; settings only where there are some."""
        facts: dict[str, Any] = {"backend": self.backend, "device": self.device}
        if self.settings:
            facts["settings"] = dict(self.settings)
        return facts


@dataclass(frozen=True, slots=True)
class PlanLock:
    """The choices of a film's last plan.

    Attributes:
        tier: What the film was made as where the storyboard leaves it open; empty if never made.
        choices: By stage id.
        weights: What a model's clips were last made with, as `Plan.weights` says it; empty for
            none yet.
        tries: What was tried of shots whose clips broke a guard, and what of it is kept, by shot.
    """

    tier: str = ""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    tries: Mapping[str, ShotTries] = field(default_factory=dict)

    @staticmethod
    def path_for(storyboard: Path) -> Path:
        """Where it lies: `storyboard.toml` has `plan.lock`, `other.toml` has `other.plan.lock`."""
        stem = storyboard.stem
        return storyboard.with_name("plan.lock" if stem == "storyboard" else f"{stem}.plan.lock")

    @classmethod
    def load(cls, path: Path) -> PlanLock | None:
        """Read it; None if there is none.

        Raises:
            PlanError: It is there and cannot be understood: guessing could change the film.
        """
        try:
            facts = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise PlanError("The plan's lock cannot be read.", _MEND, where=str(path)) from error
        try:
            if facts["version"] != LOCK_VERSION:
                raise PlanError(
                    f"The plan's lock is of version {facts['version']}; this Reelwright writes "
                    f"version {LOCK_VERSION}.",
                    _MEND,
                    where=str(path),
                )
            return cls(
                tier=str(facts["tier"]),
                choices={str(name): _choice(each) for name, each in facts["stages"].items()},
                weights=dict(facts.get("weights", {})),
                tries=tries_from_json(facts.get("tries", {})),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PlanError("The plan's lock is damaged.", _MEND, where=str(path)) from error

    def merged(self, newer: PlanLock, stage_ids: Iterable[str] | None = None) -> PlanLock:
        """These choices with newer ones over them.

        Args:
            newer: What the plan that is about to run chose.
            stage_ids: What the whole film has; choices for anything else are stale and dropped.
                None keeps them all (a plan for some shots does not know the others).
        """
        choices = {**self.choices, **newer.choices}
        if stage_ids is not None:
            known = set(stage_ids)
            choices = {name: each for name, each in choices.items() if name in known}
        tries = {**self.tries, **newer.tries}
        return PlanLock(newer.tier, choices, newer.weights or self.weights, tries)

    def for_weights(self, sha256: str) -> PlanLock:
        """These choices, but for how a model runs that is another one now."""
        if self.weights.get("sha256") == sha256:
            return self
        models = {str(kind) for kind in StageKind if kind.runs_model}
        kept = {
            name: each
            for name, each in self.choices.items()
            if name.partition("/")[0] not in models
        }
        return PlanLock(self.tier, kept, self.weights, self.tries)

    def save(self, path: Path) -> bool:
        """Write it, whole or not at all; leave the file alone if it says the same already.

        Returns:
            Whether it was written.

        Raises:
            OSError: The disk is full or may not be written.
        """
        data = (json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n").encode("utf-8")
        if path.is_file() and path.read_bytes() == data:
            return False
        write_atomic(path, data)
        return True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, sorted by stage; weights and tries only where there are some."""
        tries = {name: each.to_json() for name, each in sorted(self.tries.items())}
        return {
            "version": LOCK_VERSION,
            "tier": self.tier,
            **({"weights": dict(self.weights)} if self.weights else {}),
            **({"tries": tries} if tries else {}),
            "stages": {name: each.to_json() for name, each in sorted(self.choices.items())},
        }


def lock_of(plan: Plan) -> PlanLock:
    """The choices that a plan made."""
    return PlanLock(
        tier=plan.tier,
        choices={
            stage.id: Choice(
                backend=stage.backend,
                device=stage.device.partition(":")[0],
                settings=_settings_of(stage.recipe),
            )
            for stage in plan.stages
            if TRY_MARK not in stage.id
        },
        weights=_locked_weights(plan.weights),
        tries={name: replace(each, trying="") for name, each in plan.tries.items()},
    )


def tries_from_json(facts: Mapping[str, Any]) -> dict[str, ShotTries]:
    """What was tried, by shot, as `ShotTries.to_json` wrote it.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: It is nothing of the kind.
    """
    return {str(name): ShotTries.from_json(each) for name, each in facts.items()}


def _locked_weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    """What tells weights from others; where they lie only if a person named the place."""
    if not weights:
        return {}
    kept = {name: weights[name] for name in ("name", "label", "sha256")}
    return {**kept, "set": weights["set"]} if weights["name"] == "custom" else kept


def _settings_of(recipe: Recipe) -> Mapping[str, JSON]:
    settings = recipe.get("settings")
    return settings if isinstance(settings, Mapping) else {}


def _choice(facts: Mapping[str, Any]) -> Choice:
    return Choice(
        backend=str(facts["backend"]),
        device=str(facts["device"]),
        settings=dict(facts.get("settings", {})),
    )
