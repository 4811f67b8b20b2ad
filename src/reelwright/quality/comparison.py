"""Two reports beside each other: what got better, what got worse."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reelwright.quality.report import Report, Status, Verdict
from reelwright.quality.thresholds import THRESHOLDS

_SAME = 0.02  # of the larger value, or of the first limit: below it nothing has changed


class Change(StrEnum):
    """How the second report compares with the first."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    ONLY_FIRST = "only in the first"
    ONLY_SECOND = "only in the second"


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One measure in two reports.

    Attributes:
        shot: The shot, or empty for the whole.
        measure: Id of the measure.
        subject: What it is about.
        first: The verdict in the first report.
        second: The verdict in the second.
        change: How the second compares.
    """

    shot: str
    measure: str
    subject: str
    first: Verdict | None
    second: Verdict | None
    change: Change


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports beside each other.

    Attributes:
        first: Title of the first.
        second: Title of the second.
        rows: One a measure, in the first report's order.
        notes: Why they may not be comparable.
    """

    first: str
    second: str
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...] = ()

    def count(self, change: Change) -> int:
        """How many rows changed so."""
        return sum(1 for row in self.rows if row.change is change)

    @property
    def summary(self) -> str:
        """`3 better, 1 worse, 20 the same.`"""
        return (
            f"{self.count(Change.BETTER)} better, {self.count(Change.WORSE)} worse, "
            f"{self.count(Change.SAME)} the same."
        )


def compare(first: Report, second: Report) -> Comparison:
    """Compare two reports measure by measure.

    Shots are matched by id, and by place where no id is shared.
    """
    names = _shot_names(first, second)
    left, right = _verdicts(first, names[0]), _verdicts(second, names[1])
    keys = [*left, *(key for key in right if key not in left)]
    rows = [_row(key, left.get(key), right.get(key)) for key in keys]
    return Comparison(first.title, second.title, tuple(rows), tuple(_notes(first, second)))


_Key = tuple[str, str, str]


def _shot_names(first: Report, second: Report) -> tuple[list[str], list[str]]:
    left = [shot.shot for shot in first.shots]
    right = [shot.shot for shot in second.shots]
    if set(left) & set(right):
        return left, right
    return left, [left[index] if index < len(left) else name for index, name in enumerate(right)]


def _verdicts(report: Report, names: list[str]) -> dict[_Key, Verdict]:
    found: dict[_Key, Verdict] = {}
    for name, shot in zip(names, report.shots, strict=True):
        for verdict in shot.verdicts:
            found[(name, verdict.measure, verdict.subject)] = verdict
    for verdict in report.verdicts:
        found[("", verdict.measure, verdict.subject)] = verdict
    return found


def _row(key: _Key, first: Verdict | None, second: Verdict | None) -> ComparedRow:
    return ComparedRow(*key, first, second, _change(first, second))


def _change(first: Verdict | None, second: Verdict | None) -> Change:
    if first is None or second is None:
        return Change.ONLY_SECOND if first is None else Change.ONLY_FIRST
    judged = (first.status, second.status)
    if Status.NOT_JUDGED not in judged and first.status.rank != second.status.rank:
        return Change.BETTER if second.status.rank < first.status.rank else Change.WORSE
    if first.value is None or second.value is None:
        return Change.SAME
    row = THRESHOLDS.get(first.measure)
    limit = next((x for x in (row.note, row.warn, row.fail) if x is not None), 0) if row else 0
    least = _SAME * max(abs(first.value), abs(second.value), abs(limit or 0))
    if row is None or abs(second.value - first.value) <= least:
        return Change.SAME
    grew = second.value > first.value
    return Change.WORSE if grew == row.above else Change.BETTER


def _notes(first: Report, second: Report) -> list[str]:
    notes = []
    if len(first.shots) != len(second.shots):
        notes.append(f"They have {len(first.shots)} and {len(second.shots)} shots.")
    raw = [{shot.raw for shot in report.shots} for report in (first, second)]
    if raw[0] != raw[1]:
        notes.append("One was measured before the encoder and the other after it.")
    sizes = [{shot.measured_size for shot in report.shots} for report in (first, second)]
    if sizes[0] != sizes[1]:
        notes.append("They were measured at different sizes: sharpness cannot be compared.")
    if first.label != second.label:
        notes.append(f"One is {first.label or 'unlabelled'}, the other {second.label or 'not'}.")
    return notes
