"""A report as rows of text, for a terminal or any other table."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.quality.comparison import Comparison
from reelwright.quality.report import Report, Status, Verdict
from reelwright.quality.threshold import Needs, Threshold
from reelwright.quality.thresholds import THRESHOLDS


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One verdict as text.

    Attributes:
        shot: The shot, or `film`.
        measure: Its name for people.
        subject: What it is about; may be empty.
        status: The verdict.
        value: The value with its unit; empty where there is none.
        limits: Where it becomes a warning and a failure; empty if it is only shown.
        message: What was found.
        remedy: What to try first; may be empty.
    """

    shot: str
    measure: str
    subject: str
    status: Status
    value: str
    limits: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One measure of two reports as text.

    Attributes:
        shot: The shot, or `film`.
        measure: Its name for people.
        subject: What it is about; may be empty.
        first: Value and verdict in the first report.
        second: Value and verdict in the second.
        change: `better`, `worse`, `same` ...
    """

    shot: str
    measure: str
    subject: str
    first: str
    second: str
    change: str


def report_rows(report: Report, *, everything: bool = False) -> list[ReportRow]:
    """A report's verdicts as rows, in the order of the film.

    Args:
        report: The report.
        everything: Also what passed, what is only shown, and what takes a stage where none is
            known; else what a person should look at, and what could not be judged.
    """
    rows = [
        _row(shot.shot or "shot", verdict)
        for shot in report.shots
        for verdict in shot.verdicts
        if everything or _tells(verdict, staged=shot.staged)
    ]
    film = [
        _row("film", verdict)
        for verdict in report.verdicts
        if everything or _tells(verdict, staged=True)
    ]
    return rows + film


def _tells(verdict: Verdict, *, staged: bool) -> bool:
    """Whether a verdict is news."""
    row = THRESHOLDS.get(verdict.measure)
    if verdict.status is not Status.NOT_JUDGED or row is None:
        return verdict.status is not Status.PASSED
    return row.gated and (staged or Needs.STAGE not in row.needs)


def compare_rows(comparison: Comparison, *, everything: bool = False) -> list[CompareRow]:
    """A comparison as rows; without `everything` only what changed."""
    return [
        CompareRow(
            row.shot or "film",
            measure_title(row.measure),
            row.subject,
            _short(row.first),
            _short(row.second),
            row.change.value,
        )
        for row in comparison.rows
        if everything or row.change.value != "same"
    ]


def summary_line(report: Report) -> str:
    """`2 failed, 1 warning, 30 passed, 4 not judged.`"""
    verdicts = [v for shot in report.shots for v in shot.verdicts] + list(report.verdicts)
    words = {
        Status.FAIL: ("failed", "failed"),
        Status.WARN: ("warning", "warnings"),
        Status.NOTE: ("note", "notes"),
        Status.PASSED: ("passed", "passed"),
        Status.NOT_JUDGED: ("not judged", "not judged"),
    }
    parts = []
    for status, (one, many) in words.items():
        count = sum(1 for verdict in verdicts if verdict.status is status)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return f"{', '.join(parts)}." if parts else "Nothing was measured."


def measure_title(measure: str) -> str:
    """A measure's name for people; its id where this version does not know it."""
    row = THRESHOLDS.get(measure)
    return row.title if row is not None else measure


def value_text(verdict: Verdict) -> str:
    """`0.31 levels`; empty where there is no value."""
    if verdict.value is None:
        return ""
    row = THRESHOLDS.get(verdict.measure)
    return with_unit(verdict.value, row.unit if row is not None else "")


def limits_text(row: Threshold | None) -> str:
    """`warns from 0.9, fails from 2`; `under` where small values are bad."""
    if row is None or not row.gated:
        return ""
    word = "from" if row.above else "under"
    named = (("noted", row.note), ("warns", row.warn), ("fails", row.fail))
    parts = [f"{verb} {word} {with_unit(limit, '')}" for verb, limit in named if limit is not None]
    return ", ".join(parts)


def with_unit(value: float, unit: str) -> str:
    """A number with its unit, as short as it can be said."""
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if abs(value) < 1:
        number = f"{round(value, 2) + 0.0:g}"
    number = number.replace("-", "\N{MINUS SIGN}")
    if unit == "log2":
        return f"{number} log2 (a factor of {2 ** min(abs(value), 64.0):.3g})"
    singular = {"frames": "frame", "levels": "level", "cuts": "cut", "flashes": "flash"}
    return f"{number} {singular.get(unit, unit) if number == '1' else unit}".strip()


def _row(shot: str, verdict: Verdict) -> ReportRow:
    return ReportRow(
        shot=shot,
        measure=measure_title(verdict.measure),
        subject=verdict.subject,
        status=verdict.status,
        value=value_text(verdict),
        limits=limits_text(THRESHOLDS.get(verdict.measure)),
        message=verdict.message,
        remedy=verdict.remedy,
    )


def _short(verdict: Verdict | None) -> str:
    if verdict is None:
        return "\N{EN DASH}"
    value = value_text(verdict)
    return f"{value} ({verdict.status.value})" if value else verdict.status.value
