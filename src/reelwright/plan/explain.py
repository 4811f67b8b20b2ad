"""Why a stage runs: what of its recipe is not as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from reelwright.plan.canonical import JSON, Recipe, canonical_json

MAX_CHANGES = 3
_MAX_CHARS = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a recipe that is not what it was.

    Attributes:
        path: Where in the recipe, e.g. `scene.camera.lens_mm`.
        before: In words; empty if it was not there.
        after: In words; empty if it is not there any more.
    """

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"{self.path} is new: {self.after}"
        if not self.after:
            return f"{self.path} is gone"
        return f"{self.path}: {self.before} -> {self.after}"


def recipe_changes(before: Recipe, after: Recipe) -> tuple[Change, ...]:
    """Every value that differs between two recipes, in the order of their names."""
    return tuple(_changes("", before, after))


def changes_in_words(before: Recipe, after: Recipe, upstream: Sequence[str] = ()) -> str:
    """Why a stage that was made once has to be made again, in one sentence.

    Args:
        before: Recipe of its last result.
        after: Recipe that is planned.
        upstream: Ids of the stages it is made from whose results are new.
    """
    found = recipe_changes(before, after)
    parts = [str(change) for change in found[:MAX_CHANGES]]
    if len(found) > MAX_CHANGES:
        parts.append(f"and {len(found) - MAX_CHANGES} more")
    if upstream:
        parts.append("made from what is new: " + ", ".join(upstream))
    return "; ".join(parts) or "its result is gone"


def _changes(path: str, before: JSON, after: JSON) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            inner = f"{path}.{key}" if path else key
            if key not in before:
                yield Change(inner, "", _words(after[key]))
            elif key not in after:
                yield Change(inner, _words(before[key]), "")
            else:
                yield from _changes(inner, before[key], after[key])
    elif _is_list(before) and _is_list(after) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{path}[{place}]", old, new)
    elif canonical_json(before) != canonical_json(after):
        yield Change(path, _words(before), _words(after))


def _is_list(value: JSON) -> TypeGuard[Sequence[JSON]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _words(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 3]}..."
