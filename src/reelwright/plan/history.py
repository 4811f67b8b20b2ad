"""What stages really took on this machine, as ratios to what the model said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from reelwright.plan.stages import StageKind

NUM_SAMPLES = 15
"""The last so many runs count: enough for a median, few enough to follow a change of machine."""

_SECONDS_BOUNDS = (0.02, 50.0)
_RAM_BOUNDS = (0.5, 4.0)
_MIN_MODELLED_S = 0.01


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished run.

    Attributes:
        kind: What ran.
        row: Of the cost model.
        device: Where.
        seconds: Wall clock, measured.
        modelled_s: What the uncorrected model said.
        peak_ram_bytes: Anonymous memory, measured; 0 if it was not.
        modelled_ram_bytes: What the uncorrected model said.
    """

    kind: StageKind
    row: str
    device: str
    seconds: float
    modelled_s: float
    peak_ram_bytes: int = 0
    modelled_ram_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Measured by modelled; 1 where nothing was measured.

    Attributes:
        seconds: Of wall clock: the median of the samples, bounded.
        ram: Of peak memory: the largest of the samples, bounded; too little is worse than too
            much.
        samples: Runs behind it.
    """

    seconds: float = 1.0
    ram: float = 1.0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """Measured runs by kind, row of the cost model and device; the newest last."""

    samples: Mapping[tuple[StageKind, str, str], tuple[Sample, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> History:
        """Sort samples, oldest first, into a history."""
        found: dict[tuple[StageKind, str, str], list[Sample]] = {}
        for each in samples:
            found.setdefault((each.kind, each.row, each.device), []).append(each)
        return cls({key: tuple(runs[-NUM_SAMPLES:]) for key, runs in found.items()})

    def ratio(self, kind: StageKind, row: str, device: str) -> Ratio:
        """How the model must be corrected for such a stage."""
        runs = [
            each
            for each in self.samples.get((kind, row, device), ())
            if each.modelled_s >= _MIN_MODELLED_S and each.seconds > 0
        ]
        if not runs:
            return Ratio()
        ram = [
            each.peak_ram_bytes / each.modelled_ram_bytes
            for each in runs
            if each.peak_ram_bytes and each.modelled_ram_bytes
        ]
        return Ratio(
            seconds=_bounded(
                median(each.seconds / each.modelled_s for each in runs), _SECONDS_BOUNDS
            ),
            ram=_bounded(max(ram), _RAM_BOUNDS) if ram else 1.0,
            samples=len(runs),
        )


def _bounded(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
