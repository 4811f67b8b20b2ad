"""What the command line says, and how.

Results go to standard output as plain text that a script can read; everything else (progress,
notes, errors) goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reelwright.errors import ReelwrightError, StoryboardError

if TYPE_CHECKING:
    from rich.console import Console


def say(text: str = "") -> None:
    """One line of the result, to standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line for the person, to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def console() -> Console:
    """A rich console on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_error(error: ReelwrightError) -> None:
    """Three lines: what, where, mend. A storyboard's problems one after another."""
    if isinstance(error, StoryboardError):
        for problem in error.problems:
            _three_lines(problem.what, problem.where, problem.mend)
        count = len(error.problems)
        note(f"{count} problem{'s' if count > 1 else ''}; nothing was started.")
        return
    _three_lines(error.what, error.where, error.mend)


def _three_lines(what: str, where: str, mend: str) -> None:
    note(f"error: {what}")
    if where:
        note(f"   at: {where}")
    if mend:
        note(f" mend: {mend}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
    """A plain table to standard output, columns as wide as they need.

    Args:
        head: Column titles.
        rows: Cells.
        right: Columns that are set flush right.
    """
    cells = [list(map(str, row)) for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    for row in [list(head), *cells]:
        parts = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(parts).rstrip())


def seconds_text(seconds: float) -> str:
    """A length of time for a person: `0.4 s`, `48 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def bytes_text(count: float) -> str:
    """An amount of memory or disk for a person: `512 MB`, `1.4 GB` (powers of ten)."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return (
                f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
            )
    return f"{count:.0f} B"
