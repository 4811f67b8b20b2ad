"""The guards of a generated clip: which of its verdicts call for another try, and for what.

Nothing here tries anything: it says in what order remedies are worth trying, so that whoever
carries out a plan can try a bounded number of them and measure again.
"""

from __future__ import annotations

from collections.abc import Iterable

from reelwright.quality.remedy import Remedy
from reelwright.quality.report import Report, ShotReport, Status, Verdict
from reelwright.quality.thresholds import THRESHOLDS

GUARDS = tuple(row.id for row in THRESHOLDS.values() if row.guard)
"""Ids of the guards, in the table's order."""


def guard_verdicts(report: Report | ShotReport) -> tuple[Verdict, ...]:
    """A shot's verdicts (of a film: those over the whole) that are guards."""
    return tuple(verdict for verdict in report.verdicts if verdict.measure in GUARDS)


def broken_guards(report: Report | ShotReport, least: Status = Status.FAIL) -> tuple[Verdict, ...]:
    """The guards that are broken, gravest first.

    Args:
        report: A shot's report, or a film's for what lies over the whole.
        least: How grave a verdict must be.
    """
    broken = [item for item in guard_verdicts(report) if item.status.rank >= least.rank]
    return tuple(sorted(broken, key=lambda item: (-item.status.rank, GUARDS.index(item.measure))))


def remedies_of(verdicts: Iterable[Verdict]) -> tuple[Remedy, ...]:
    """What to try for some broken guards, each once: every verdict's first, then the seconds."""
    ranked = [
        (place, order, hint)
        for order, verdict in enumerate(verdicts)
        for place, hint in enumerate(verdict.hints)
    ]
    return tuple(dict.fromkeys(hint for _, _, hint in sorted(ranked, key=lambda item: item[:2])))
