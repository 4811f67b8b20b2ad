"""What happens while a film is made, typed, and as lines of JSON for programs.

Every event is a frozen dataclass of plain values; `event_json` is the published form. A consumer
ignores events and fields that it does not know.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TextIO, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; the root of the others."""


@dataclass(frozen=True, slots=True)
class JobStarted(Event):
    """A render begins.

    Attributes:
        film: The storyboard's file.
        title: The film's title.
        label: What its clips are always called, e.g. `animatic`.
        stages: Ids of the stages that will run, in order.
        reused: Ids of the stages whose results are there already.
        seconds: What the stages to run are expected to take.
        disk_bytes: What they are expected to write.
    """

    film: str
    title: str
    label: str
    stages: tuple[str, ...]
    reused: tuple[str, ...]
    seconds: float
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something about the film that the person should know; nothing is wrong.

    Attributes:
        message: In words.
    """

    message: str


@dataclass(frozen=True, slots=True)
class Explained(Event):
    """Why a stage runs, or why it does not.

    Attributes:
        stage: Its id.
        runs: Whether it runs.
        why: In words.
    """

    stage: str
    runs: bool
    why: str


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage begins.

    Attributes:
        stage: Its id.
        kind: Its kind.
        shot: The shot it belongs to; empty for none.
        device: Where it runs.
        attempt: 1, or 2 after its worker was lost.
        seconds: What it is expected to take.
        why: Why it runs.
    """

    stage: str
    kind: str
    shot: str
    device: str
    attempt: int
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class StageStep(Event):
    """A stage is so far.

    Attributes:
        stage: Its id.
        shot: The shot it belongs to; empty for none.
        fraction: Share of the stage that is done, 0 to 1.
        note: A few words, e.g. `frame 12 of 121`.
        seconds_left: Of this stage; None while it cannot be told.
        film_fraction: Share of all that this render runs, 0 to 1.
        film_seconds_left: Of this render; None while it cannot be told.
    """

    stage: str
    shot: str
    fraction: float
    note: str
    seconds_left: float | None
    film_fraction: float
    film_seconds_left: float | None


@dataclass(frozen=True, slots=True)
class StagePreview(Event):
    """A picture of the work so far.

    Attributes:
        stage: Its id.
        shot: The shot it belongs to; empty for none.
        path: A JPEG in the work folder; overwritten by the stage's next preview.
    """

    stage: str
    shot: str
    path: str


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """A stage is done and its result is kept.

    Attributes:
        stage: Its id.
        kind: Its kind.
        shot: The shot it belongs to; empty for none.
        key: Name of the result.
        path: Folder of the result.
        seconds: What it took.
        peak_ram_bytes: Anonymous memory of its worker at its highest; 0 if unknown.
        disk_bytes: Size of the result.
        finished: Stages done so far in this render.
        total: Stages that this render runs.
    """

    stage: str
    kind: str
    shot: str
    key: str
    path: str
    seconds: float
    peak_ram_bytes: int
    disk_bytes: int
    finished: int
    total: int


@dataclass(frozen=True, slots=True)
class StageFailed(Event):
    """A stage ended without a result.

    Attributes:
        stage: Its id.
        shot: The shot it belongs to; empty for none.
        code: Code of the error.
        what: What is wrong.
        mend: What to do about it.
        where: The file or field it concerns; empty for none.
        will_retry: Whether it is tried once more.
        trace: Where in the program it happened, for `--debug`.
    """

    stage: str
    shot: str
    code: str
    what: str
    mend: str
    where: str
    will_retry: bool
    trace: str = ""


@dataclass(frozen=True, slots=True)
class StageSkipped(Event):
    """A stage could not run because something it needs failed.

    Attributes:
        stage: Its id.
        shot: The shot it belongs to; empty for none.
        because: The stage that failed.
    """

    stage: str
    shot: str
    because: str


@dataclass(frozen=True, slots=True)
class WorkerLost(Event):
    """A worker process ended by itself, or was killed for its silence.

    Attributes:
        device: Where it worked.
        pid: Its process.
        why: In words, e.g. `killed by SIGKILL (often the system, out of memory)`.
        stage: What it was doing; empty for nothing.
    """

    device: str
    pid: int
    why: str
    stage: str


@dataclass(frozen=True, slots=True)
class RemedyTried(Event):
    """A shot's clip breaks a guard and is made another way.

    Attributes:
        shot: The shot.
        remedy: What is tried, e.g. `keyframe_at_minus_12`.
        broken: The guards that are broken, in words, gravest first.
        message: All of it in words.
    """

    shot: str
    remedy: str
    broken: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class RemedyJudged(Event):
    """A clip that was tried is judged, and the better one kept.

    Attributes:
        shot: The shot.
        remedy: What was tried.
        kept: Whether the film has it.
        broken: The guards that it breaks, in words; empty where it breaks none, or there is none.
        message: All of it in words.
    """

    shot: str
    remedy: str
    kept: bool
    broken: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that the person should know but that stops nothing.

    Attributes:
        message: In words.
        stage: The stage that said it; empty for none.
    """

    message: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class JobFinished(Event):
    """A render is done.

    Attributes:
        film: The film that was asked for; None where the render stopped before it.
        report: Its report; None likewise.
        ran: Ids of the stages that ran.
        reused: Ids of the stages that did not have to.
        unchanged: Nothing had to run and the film lay there as it should.
        seconds: What it took.
    """

    film: str | None
    report: str | None
    ran: tuple[str, ...]
    reused: tuple[str, ...]
    unchanged: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class JobFailed(Event):
    """A render ended in an error; what was finished is kept.

    Attributes:
        code: Code of the error.
        what: What is wrong.
        mend: What to do about it.
        where: The file or field it concerns; empty for none.
        ran: Ids of the stages that finished in this render.
    """

    code: str
    what: str
    mend: str
    where: str
    ran: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobCancelled(Event):
    """A render was stopped by the person; what was finished is kept.

    Attributes:
        ran: Ids of the stages that finished in this render.
    """

    ran: tuple[str, ...]


OnEvent: TypeAlias = Callable[[Event], None]
"""Who listens; called in the thread that renders."""


def event_name(event: Event | type[Event]) -> str:
    """Its name in JSON: `stage-finished` for `StageFinished`."""
    kind = event if isinstance(event, type) else type(event)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def event_json(event: Event) -> dict[str, Any]:
    """Its published form: its name and its fields."""
    return {"event": event_name(event), **asdict(event)}


def ignore_event(event: Event) -> None:
    """For when nobody listens."""


def ndjson_to(stream: TextIO) -> OnEvent:
    """A listener that writes a line of JSON for each event, with the time, at once.

    Args:
        stream: Where to; a reader that went away is the person's affair, and raises.
    """

    def write(event: Event) -> None:
        line = {"time": round(time.time(), 3), **event_json(event)}
        stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        stream.flush()

    return write
