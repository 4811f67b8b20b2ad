"""What is known of a result: the journal's row, kept with the result itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from reelwright.plan import Recipe

MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """Written once, when a result is committed.

    Attributes:
        key: Name of the result.
        attempt: Name of the folder that holds it.
        stage: Id of the stage in the film it was made for.
        kind: The stage's kind.
        shot: The shot; empty for none.
        take: The candidate; 0 where takes share it.
        backend: Who made it.
        device: Where.
        recipe: What decided it.
        upstream: Keys of what it was made from, by stage id, in order.
        files: Size in bytes by path relative to the folder, with forward slashes.
        started: Seconds since 1970.
        finished: Seconds since 1970.
        seconds: Wall clock of its function.
        peak_ram_bytes: Anonymous memory of the worker at its highest; 0 if unknown.
        cost_row: Of the cost model.
        modelled_s: What the uncorrected cost model said.
        modelled_ram_bytes: What the uncorrected cost model said.
        costs_version: Of that model.
        fingerprint: What it ran with: versions, device, threads.
        warnings: What it said on the way.
    """

    key: str
    attempt: str
    stage: str
    kind: str
    recipe: Recipe
    files: Mapping[str, int]
    shot: str = ""
    take: int = 0
    backend: str = ""
    device: str = ""
    upstream: Mapping[str, str] = field(default_factory=dict)
    started: float = 0.0
    finished: float = 0.0
    seconds: float = 0.0
    peak_ram_bytes: int = 0
    cost_row: str = ""
    modelled_s: float = 0.0
    modelled_ram_bytes: int = 0
    costs_version: int = 0
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def disk_bytes(self) -> int:
        """Size of the result."""
        return sum(self.files.values())

    def to_bytes(self) -> bytes:
        """As it lies on the disk."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        facts["version"] = MANIFEST_VERSION
        return json.dumps(facts, indent=1, ensure_ascii=False).encode("utf-8")

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """The reverse of `to_bytes`.

        Raises:
            ValueError: It is damaged, of another version, or names files outside its folder.
        """
        facts = json.loads(data)
        try:
            if facts.pop("version") != MANIFEST_VERSION:
                raise ValueError("it is of another version")
            facts["files"] = {str(name): int(size) for name, size in facts["files"].items()}
            facts["warnings"] = tuple(str(each) for each in facts["warnings"])
            manifest = cls(**facts)
            _check(manifest)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it is damaged: {error!r}") from error
        return manifest


def _check(manifest: Manifest) -> None:
    texts = (manifest.key, manifest.attempt, manifest.stage, manifest.kind)
    if not all(isinstance(each, str) for each in texts):
        raise ValueError("it is damaged")
    for name in manifest.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"it names {name!r}, outside its folder")
