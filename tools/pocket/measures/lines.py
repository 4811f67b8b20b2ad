"""What was measured so far: one JSON line for each clip and seed, so that a run can be stopped.

Lines of other weights, or of measures that were defined otherwise, are left where they are and not
read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFINITIONS = 1
"""Counted up whenever a measure is defined otherwise."""

Values = dict[str, Any]
Place = tuple[str, int, int]


@dataclass
class Lines:
    """The lines of one set of weights.

    Attributes:
        path: The file.
        weights: Digest of the weights.
        found: Values by part, clip and seed.
    """

    path: Path
    weights: str
    found: dict[Place, Values] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, weights: str) -> Lines:
        """Read what is there of these weights; a line that was cut short is none."""
        lines = cls(path, weights)
        if path.exists():
            for text in path.read_text().splitlines():
                lines._take(text)
        return lines

    def _take(self, text: str) -> None:
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            return
        if (line["weights"], line["definitions"]) == (self.weights, DEFINITIONS):
            self.found[line["part"], line["clip"], line["seed"]] = line["values"]

    def has(self, part: str, clip: int, seed: int = 0) -> bool:
        """Whether that was measured."""
        return (part, clip, seed) in self.found

    def add(self, part: str, clip: int, seed: int, values: Mapping[str, Any]) -> None:
        """Keep what was measured; numbers that are none are left out."""
        kept = {name: value for name, value in values.items() if not _is_nan(value)}
        self.found[part, clip, seed] = kept
        line = {
            "part": part, "clip": clip, "seed": seed, "values": kept,
            "weights": self.weights, "definitions": DEFINITIONS,
        }  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a") as file:
            file.write("\n" * cut + json.dumps(line) + "\n")

    def by_clip(self, part: str) -> dict[int, list[Values]]:
        """What was measured of a part: for each clip, one record for each seed."""
        clips: dict[int, list[Values]] = {}
        for (name, clip, _), values in self.found.items():
            if name == part:
                clips.setdefault(clip, []).append(values)
        return clips


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
