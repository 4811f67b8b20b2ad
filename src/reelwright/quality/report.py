"""What was measured: verdicts, series and the report that holds them.

Values only: nothing here measures, draws or reads a file. `report_json` turns a report into JSON
and back. A verdict is never `passed` where nothing could be judged: it is `not judged` and says
why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from reelwright.quality.remedy import Remedy


class Status(StrEnum):
    """How a measure came out, mildest first."""

    PASSED = "passed"
    NOT_JUDGED = "not judged"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """Order of gravity: 0 is fine, 4 is a failure."""
        return list(Status).index(self)


def worst_status(statuses: list[Status]) -> Status:
    """The gravest of some; `passed` only if something passed.

    What could not be judged counts for nothing beside a measure that could, and for everything
    where there is no other.
    """
    judged = [status for status in statuses if status is not Status.NOT_JUDGED]
    return max(judged, key=lambda status: status.rank) if judged else Status.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one measure came out.

    Attributes:
        measure: Id of its row in `thresholds`.
        status: The verdict.
        message: What was found, where, in plain words; for `not judged`, why not.
        value: The worst value, in the unit of the row; None where there is none.
        limit: The limit that was crossed, or the nearest that was not; None if it is only shown.
        subject: What it is about: a prop's name, `frame 60`, `column 512`; empty for the picture.
        frames: First and last frame that it concerns, both included.
        time_s: When, in seconds from the start of the shot (of the film for film verdicts).
        remedy: What to try first; empty where nothing is wrong.
        hints: The remedies as names, in the order to try them; empty where nothing is wrong.
    """

    measure: str
    status: Status
    message: str
    value: float | None = None
    limit: float | None = None
    subject: str = ""
    frames: tuple[int, int] | None = None
    time_s: float | None = None
    remedy: str = ""
    hints: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers along a shot, rounded for keeping.

    Attributes:
        name: What it is, e.g. `psnr_y`.
        unit: Its unit.
        values: One number each; None where it could not be measured.
        start: Frame of the first number; that of a transition is the frame before it.
        step: Frames from one number to the next.
    """

    name: str
    unit: str
    values: tuple[float | None, ...]
    start: int = 0
    step: int = 1

    def frame_at(self, index: int) -> int:
        """Frame of the number at `index`."""
        return self.start + index * self.step


@dataclass(frozen=True, slots=True)
class Transition:
    """One step from a frame to the next, among a shot's worst.

    Attributes:
        frame: The frame before it.
        time_s: Its time in the shot.
        psnr_db: PSNR-Y between the two frames.
        drop_db: How far that lies below the steps around it.
    """

    frame: int
    time_s: float
    psnr_db: float
    drop_db: float


@dataclass(frozen=True, slots=True)
class Try:
    """A clip that was made and judged before one was kept.

    Attributes:
        remedy: What was tried; None for the clip as the storyboard says.
        words: The same for people.
        broken: The guards that it broke, for people, gravest first.
        failed: Why there was no clip; empty where there was one.
        seconds: What making and judging it took.
        kept: Whether this is the clip of the film.
    """

    remedy: Remedy | None
    words: str
    broken: tuple[str, ...] = ()
    failed: str = ""
    seconds: float = 0.0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class ShotReport:
    """What was measured on one shot.

    Attributes:
        shot: The shot's id.
        label: What the pictures are, e.g. `animatic`; empty if unknown.
        num_frames: Frames measured.
        frame_rate: Frames per second.
        size: Width and height of the pictures, pixels.
        measured_size: Width and height that they were measured at.
        raw: Measured before the encoder.
        staged: Measured against a stage.
        start_s: Where the shot begins in the film, seconds.
        verdicts: One for each measure, and for each prop, keyframe or line where it has several.
        series: Numbers along the shot, for plots.
        worst: The worst transitions by PSNR-Y, worst first.
        notes: What a person should know about how it was measured.
        tries: The clips that were made of it, the storyboard's own first; empty where that one
            broke no guard, or nothing was tried.
    """

    shot: str
    label: str
    num_frames: int
    frame_rate: Fraction
    size: tuple[int, int]
    measured_size: tuple[int, int]
    raw: bool
    staged: bool
    start_s: float = 0.0
    verdicts: tuple[Verdict, ...] = ()
    series: tuple[Series, ...] = ()
    worst: tuple[Transition, ...] = ()
    notes: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()

    @property
    def status(self) -> Status:
        """The gravest verdict."""
        return worst_status([verdict.status for verdict in self.verdicts])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.num_frames / self.frame_rate)

    def find_series(self, name: str) -> Series | None:
        """The series of that name, if it was measured."""
        return next((series for series in self.series if series.name == name), None)


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured on a film or a file.

    Attributes:
        title: The film's title or the file's name.
        label: What the pictures are, e.g. `animatic`; empty if unknown.
        shots: One report each, in order.
        verdicts: What concerns the whole: joins, sound, lengths.
        series: Numbers along the whole, `step` in frames.
        notes: What a person should know about how it was measured.
        version: Version of Reelwright that measured it.
    """

    title: str
    label: str
    shots: tuple[ShotReport, ...]
    verdicts: tuple[Verdict, ...] = ()
    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()
    version: str = field(default="")

    @property
    def status(self) -> Status:
        """The gravest verdict of the whole and of every shot."""
        own = [verdict.status for verdict in self.verdicts]
        return worst_status(own + [shot.status for shot in self.shots])

    @property
    def duration_s(self) -> float:
        """Length of the pictures in seconds."""
        return sum(shot.duration_s for shot in self.shots)

    def find_series(self, name: str) -> Series | None:
        """The series of that name, if it was measured."""
        return next((series for series in self.series if series.name == name), None)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values; see `report_json`."""
        from reelwright.quality.report_json import report_to_json

        return report_to_json(self)

    @classmethod
    def from_json(cls, data: object) -> Report:
        """A report from what `to_json` gave.

        Raises:
            QualityError: It is not a report, or of a version that this one does not read.
        """
        from reelwright.quality.report_json import report_from_json

        return report_from_json(data)
