"""What an executor is given, and what it answers with.

These values cross a process boundary (a pipe today, a network with a farm), so they are plain,
frozen and picklable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.errors import ReelwrightError
from reelwright.plan import FileUse, PlannedStage, Recipe, StageKind


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one stage: everything that its function is told.

    Attributes:
        id: The stage's id.
        kind: The stage's kind.
        key: Name of the result.
        attempt: Name of this attempt.
        recipe: What decides the result.
        root: The project's folder; `files` are relative to it.
        out: A folder for the result; nothing else is written to. Empty, but for a kind of stage
            that `resumes`, which finds in it what an attempt that was cut short has left.
        inputs: Folders of the results it reads, by stage id, in the order of the stage's `needs`.
        files: Files of the project that it reads.
        weights: Files of models that it reads.
        shot: The shot it belongs to; empty for none.
        take: The candidate, counted from 1; 0 where takes share it.
        backend: Who carries it out.
        device: Where.
        preview: Where a preview is put; None for nowhere.
        aside: What it is told besides and that nothing seen or heard depends on.
    """

    id: str
    kind: StageKind
    key: str
    attempt: str
    recipe: Recipe
    root: Path
    out: Path
    inputs: Mapping[str, Path] = field(default_factory=dict)
    files: tuple[FileUse, ...] = ()
    weights: tuple[FileUse, ...] = ()
    shot: str = ""
    take: int = 0
    backend: str = "builtin"
    device: str = "cpu"
    preview: Path | None = None
    aside: Mapping[str, Any] = field(default_factory=dict)

    def input(self, kind: StageKind) -> Path:
        """Folder of the one result of that kind that it reads.

        Raises:
            KeyError: It reads none, or several.
        """
        found = self.inputs_of(kind)
        if len(found) != 1:
            raise KeyError(f"{self.id} reads {len(found)} results of kind {kind}")
        return found[0]

    def inputs_of(self, kind: StageKind) -> tuple[Path, ...]:
        """Folders of every result of that kind that it reads, in order."""
        head = str(kind)
        return tuple(
            path
            for name, path in self.inputs.items()
            if name == head or name.startswith(f"{head}/")
        )


def task_of(
    stage: PlannedStage,
    attempt: str,
    *,
    root: Path,
    out: Path,
    inputs: Mapping[str, Path],
    preview: Path | None = None,
) -> Task:
    """The task of a planned stage."""
    return Task(
        id=stage.id,
        kind=stage.kind,
        key=stage.key,
        attempt=attempt,
        recipe=stage.recipe,
        root=root,
        out=out,
        inputs=dict(inputs),
        files=stage.files,
        weights=stage.weights,
        shot=stage.shot,
        take=stage.take,
        backend=stage.backend,
        device=stage.device,
        preview=preview,
        aside=stage.aside,
    )


@dataclass(frozen=True, slots=True)
class Message:
    """Something that an executor says of a task.

    Attributes:
        attempt: The attempt it concerns.
    """

    attempt: str


@dataclass(frozen=True, slots=True)
class TaskStep(Message):
    """It is so far: `fraction` 0 to 1, `note` a few words."""

    fraction: float
    note: str


@dataclass(frozen=True, slots=True)
class TaskWarned(Message):
    """It has something to say that stops nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class TaskPreview(Message):
    """It has put a picture there."""

    path: str


@dataclass(frozen=True, slots=True)
class TaskDone(Message):
    """It is done and flushed to the disk.

    Attributes:
        files: Size in bytes of every file of the result, by path relative to its folder.
        seconds: What it took.
        peak_ram_bytes: Anonymous memory of its process at its highest; 0 if unknown.
        fingerprint: What it ran with, in words: device, versions, threads.
    """

    files: Mapping[str, int]
    seconds: float
    peak_ram_bytes: int
    fingerprint: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskFailed(Message):
    """It ended in an error.

    Attributes:
        error: What is wrong; `Cancelled` where it was asked to stop.
        seconds: What it took until then.
        trace: Where in the program it happened.
    """

    error: ReelwrightError
    seconds: float
    trace: str = ""


@dataclass(frozen=True, slots=True)
class TaskLost(Message):
    """Its process is gone.

    Attributes:
        device: Where it ran.
        pid: The process.
        why: In words.
        seconds: How long it had run.
    """

    device: str
    pid: int
    why: str
    seconds: float
