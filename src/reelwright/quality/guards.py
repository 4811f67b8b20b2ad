"""The guards of a generated clip: which of its verdicts call for another try, and for what.

Nothing here tries anything: it says in what order remedies are worth trying, so that whoever
carries out a plan can try a bounded number of them and measure again.
"""

from __future__ import annotations

from collections.abc import Iterable

from reelwright.quality.remedy import Remedy
from reelwright.quality.report import Report, ShotReport, Status, Verdict
from reelwright.quality.rows import measure_title, value_text
from reelwright.quality.thresholds import THRESHOLDS

GUARDS = tuple(row.id for row in THRESHOLDS.values() if row.guard)
"""Ids of the guards, in the table's order: the gravest first."""

_FARTHEST = 10.0


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


def badness(report: ShotReport) -> tuple[float, float, float]:
    """How bad the broken guards of a shot are; the smaller of two is the better clip.

    Returns:
        How grave the gravest is (0 where none is broken), how many are, and how far they are
        beyond their limits, as a share of these, added up.
    """
    broken = broken_guards(report)
    if not broken:
        return (0.0, 0.0, 0.0)
    places = [GUARDS.index(verdict.measure) for verdict in broken]
    far = sum(_distance(verdict) for verdict in broken)
    return (float(len(GUARDS) - min(places)), float(len(broken)), round(far, 4))


def _distance(verdict: Verdict) -> float:
    """How far a value is beyond its limit, as a share of it, at most 10."""
    if verdict.value is None or verdict.limit is None:
        return 0.0
    return min(abs(verdict.value - verdict.limit) / max(abs(verdict.limit), 1e-6), _FARTHEST)


def broken_words(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Broken guards for people, each with its worst: `Keyframe's PSNR-Y 17 dB (frame 48)`."""
    said: dict[str, str] = {}
    for verdict in verdicts:
        title, value = measure_title(verdict.measure), value_text(verdict)
        subject = f" ({verdict.subject})" if verdict.subject else ""
        said.setdefault(verdict.measure, f"{title}{f' {value}' if value else ''}{subject}")
    return tuple(said.values())


def remedies_of(verdicts: Iterable[Verdict]) -> tuple[Remedy, ...]:
    """What to try for some broken guards, each once: every verdict's first, then the seconds."""
    ranked = [
        (place, order, hint)
        for order, verdict in enumerate(verdicts)
        for place, hint in enumerate(verdict.hints)
    ]
    return tuple(dict.fromkeys(hint for _, _, hint in sorted(ranked, key=lambda item: item[:2])))
