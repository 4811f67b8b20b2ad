"""How far a run is and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from reelwright.plan import PlannedStage

_TELLING_SHARE = 0.05  # below it, what a stage took so far says little of the rest


class UnderWay(Protocol):
    """A stage that runs."""

    @property
    def stage(self) -> PlannedStage:
        """Which."""

    @property
    def started(self) -> float:
        """When, by the monotonic clock."""

    @property
    def fraction(self) -> float:
        """Share of it that is done, 0 to 1."""


class Pace:
    """Measured against expected seconds: a run that is slower than planned stays so."""

    def __init__(self) -> None:
        self._expected_s = 0.0
        self._measured_s = 0.0
        self._told = 0.0

    def finished(self, stage: PlannedStage, seconds: float) -> None:
        """Count a stage that is done."""
        self._expected_s += stage.estimate.seconds
        self._measured_s += seconds

    def seconds_left(self, running: UnderWay) -> float:
        """Of one stage."""
        elapsed = time.monotonic() - running.started
        if running.fraction > _TELLING_SHARE:
            return elapsed * (1 - running.fraction) / running.fraction
        return max(running.stage.estimate.seconds * self._ratio - elapsed, 0.0)

    def whole(
        self, waiting: Iterable[PlannedStage], running: Iterable[UnderWay]
    ) -> tuple[float, float]:
        """Share of the run that is done (it never falls), and the seconds that are left."""
        running = tuple(running)
        waiting_s = sum(stage.estimate.seconds for stage in waiting)
        running_s = sum(each.stage.estimate.seconds for each in running)
        done_s = self._expected_s + sum(
            each.stage.estimate.seconds * each.fraction for each in running
        )
        all_s = self._expected_s + running_s + waiting_s
        self._told = max(self._told, min(done_s / all_s, 1.0) if all_s > 0 else 1.0)
        left = waiting_s * self._ratio + sum(self.seconds_left(each) for each in running)
        return self._told, left

    @property
    def _ratio(self) -> float:
        return self._measured_s / self._expected_s if self._expected_s > 0 else 1.0
