"""The one exception tree: what is wrong, where, and the mend.

Every error that a person can meet is a `ReelwrightError`. Its message is made of three parts that
stay apart as attributes, so that a terminal prints them as three lines and a server as a problem
document. Facts that a program may want (a frame count, a path) ride in `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one file.

    Attributes:
        what: What is wrong, in one sentence.
        mend: What to do about it, in one sentence.
        file: The file it was found in, if any.
        line: Line in that file, counted from 1; None if it cannot be told.
        field: Dotted path of the field, e.g. `shots[1].camera.lens_mm`; empty if none.
    """

    what: str
    mend: str
    file: str | None = None
    line: int | None = None
    field: str = ""

    @property
    def where(self) -> str:
        """`file:line: field`, as much of it as is known."""
        place = self.file or ""
        if place and self.line is not None:
            place = f"{place}:{self.line}"
        return ": ".join(part for part in (place, self.field) if part)

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        return f"{head}{self.what} {self.mend}".strip()


class ReelwrightError(Exception):
    """The root: what is wrong, where, and the mend.

    Args:
        what: What is wrong, in one sentence.
        mend: What to do about it, in one sentence.
        where: The file, shot or field it concerns; empty if none.
        facts: Values that a program may want, by name.
    """

    code: ClassVar[str] = "RW000"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, mend: str = "", *, where: str = "", **facts: Any) -> None:
        super().__init__(what, mend, where)
        self.what = what
        self.mend = mend
        self.where = where
        self.facts = facts

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        return f"{head}{self.what} {self.mend}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.mend, self.where, self.facts))


def _rebuild(
    kind: type[ReelwrightError], what: str, mend: str, where: str, facts: dict[str, object]
) -> ReelwrightError:
    """Make an error again on the other side of a process boundary."""
    error = kind.__new__(kind)
    Exception.__init__(error, what, mend, where)
    error.what, error.mend, error.where, error.facts = what, mend, where, facts
    if isinstance(error, StoryboardError):
        error.problems = cast("tuple[Problem, ...]", facts["problems"])
    return error


class InputError(ReelwrightError):
    """Something that the person gave us and can mend."""

    code = "RW100"
    exit_code = 2


class StoryboardError(InputError):
    """A storyboard that cannot be carried out: all of its problems at once.

    Attributes:
        problems: Every problem found, in the order of the file.
    """

    code = "RW110"

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        if not self.problems:
            raise ValueError("a StoryboardError needs at least one problem")
        first = self.problems[0]
        more = len(self.problems) - 1
        what = first.what if not more else f"{first.what} (and {more} more)"
        super().__init__(what, first.mend, where=first.where, problems=self.problems)


class PlanError(InputError):
    """A film that this machine cannot make as asked."""

    code = "RW120"


class SettingError(InputError):
    """An option or environment variable with an illegal value."""

    code = "RW130"


class ModelError(ReelwrightError):
    """Weights that are missing, corrupt, foreign or unlicensed."""

    code = "RW200"


class ResourceError(ReelwrightError):
    """Memory, disk, a lock or a program that is not to be had."""

    code = "RW300"


class EngineError(ReelwrightError):
    """The engine was asked for something it cannot do."""

    code = "RW400"


class CheckpointError(EngineError, ModelError):
    """A checkpoint that cannot be read or is of another model."""

    code = "RW410"


class ScheduleError(EngineError):
    """Sigmas that do not descend, or too few steps."""

    code = "RW420"


class NumericsError(EngineError):
    """NaN or infinity where a number was expected."""

    code = "RW430"


class AssetError(InputError):
    """A prop, picture or sound file that cannot be used."""

    code = "RW500"


class StageError(ReelwrightError):
    """A scene that cannot be staged."""

    code = "RW510"


class MediaError(ReelwrightError):
    """A film, picture or sound that cannot be read or written."""

    code = "RW520"


class QualityError(ReelwrightError):
    """A measure that cannot be taken."""

    code = "RW530"


class FarmError(ReelwrightError):
    """A worker that was lost or could not be reached."""

    code = "RW540"


class Cancelled(ReelwrightError):  # noqa: N818 - a wish, not an error
    """The person asked to stop. What was finished is kept."""

    code = "RW900"
    exit_code = 130

    def __init__(self, what: str = "Stopped.", mend: str = "", **facts: Any) -> None:
        super().__init__(what, mend or "Run the same command again to go on.", **facts)


def relative_name(path: Path, root: Path) -> str:
    """Name a path for a message: relative to the project where it lies inside it."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)
