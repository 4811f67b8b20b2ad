"""What a row of the table of limits holds, and how it judges a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reelwright.quality.remedy import Remedy
from reelwright.quality.report import Status


class Needs(StrEnum):
    """What a measure cannot do without."""

    STAGE = "stage"
    RAW = "raw"
    KEYFRAME = "keyframe"
    JOIN = "join"
    BOUNDS = "bounds"
    SOUND = "sound"
    EVENTS = "events"
    GENERATED = "generated"
    DEPTH = "depth"


@dataclass(frozen=True, slots=True)
class Threshold:
    """One measure's row.

    Attributes:
        id: Its name, also in JSON.
        title: Its name for people.
        unit: Unit of value and limits.
        note: From here it is mentioned; None if never.
        warn: From here it is a warning; None if never.
        fail: From here it is a failure; None if never.
        needs: What must be there to judge it.
        source: Where it comes from: `measured` on clean clips, or a standard.
        finds: The smallest planted fault that it found in 95 % of clips.
        remedy: What to try first.
        above: Large values are bad; False if small ones are.
        gates: Numbers inside the measure.
        guard: A generated clip that fails it is not to be shown before a remedy was tried.
        hints: The remedies as names, in the order to try them.
    """

    id: str
    title: str
    unit: str
    note: float | None = None
    warn: float | None = None
    fail: float | None = None
    needs: frozenset[Needs] = frozenset()
    source: str = ""
    finds: str = ""
    remedy: str = ""
    above: bool = True
    gates: Mapping[str, float] = field(default_factory=dict)
    guard: bool = False
    hints: tuple[Remedy, ...] = ()

    @property
    def gated(self) -> bool:
        """Whether it can alarm, rather than only be shown."""
        return any(limit is not None for limit in (self.note, self.warn, self.fail))

    def status(self, value: float, *, scale: float = 1.0) -> Status:
        """Judge a value, with every limit multiplied by `scale`.

        What has no limit is shown and not judged.
        """
        for status, limit in self._limits():
            reached = value >= limit * scale if self.above else value <= limit * scale
            if reached:
                return status
        return Status.PASSED if self.gated else Status.NOT_JUDGED

    def limit(self, status: Status, *, scale: float = 1.0) -> float | None:
        """The limit that led to a status; for `passed`, the first that would be crossed."""
        limits = dict(self._limits())
        if status in limits:
            return limits[status] * scale
        return list(limits.values())[-1] * scale if limits else None

    def _limits(self) -> list[tuple[Status, float]]:
        pairs = ((Status.FAIL, self.fail), (Status.WARN, self.warn), (Status.NOTE, self.note))
        return [(status, limit) for status, limit in pairs if limit is not None]
