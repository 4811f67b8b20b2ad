"""A render's events, shown in a terminal: one bar for the film, one for the stage at work."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from reelwright.cli.terminal import bytes_text, console, seconds_text
from reelwright.production.events import (
    Event,
    Explained,
    JobFinished,
    JobStarted,
    Noted,
    RemedyJudged,
    RemedyTried,
    StageFailed,
    StageFinished,
    StagePreview,
    StageSkipped,
    StageStarted,
    StageStep,
    Warned,
    WorkerLost,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class TerminalProgress:
    """Listens to a render; use it in a `with`, so that the bars are taken down.

    Args:
        debug: Show where in the program a stage failed.
    """

    def __init__(self, *, debug: bool = False) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._debug = debug
        self._console: Console = console()
        self._bars: Progress = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]:<14}"),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
        )
        self._film: TaskID | None = None
        self._stages: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case JobStarted():
                self._job_started(event)
            case Noted():
                self._console.print(f"[dim]note:[/] {_plain(event.message)}", soft_wrap=True)
            case Explained():
                mark = "[green]runs[/]" if event.runs else "[dim]kept[/]"
                self._console.print(
                    f"{mark}  {_plain(event.stage):<24} {_plain(event.why)}", soft_wrap=True
                )
            case StageStarted():
                self._stages[event.stage] = self._bars.add_task(
                    event.stage, total=1.0, left="", note=""
                )
            case StageStep():
                self._step(event)
            case StagePreview():
                self._note(event.stage, f"preview: {event.path}")
            case StageFinished():
                self._finished(event)
            case StageFailed() | StageSkipped() | WorkerLost():
                self._trouble(event)
            case RemedyTried() | RemedyJudged():
                self._console.print(f"[cyan]remedy:[/] {_plain(event.message)}", soft_wrap=True)
            case Warned():
                self._console.print(f"[yellow]warning:[/] {_plain(event.message)}", soft_wrap=True)
            case JobFinished():
                self._job_finished(event)
            case _:
                return

    def _job_started(self, event: JobStarted) -> None:
        count = len(event.stages)
        label = f" ({event.label})" if event.label else ""
        self._console.print(f"[bold]{_plain(event.title)}[/]{_plain(label)}")
        if not count:
            return
        kept = f", {len(event.reused)} kept from before" if event.reused else ""
        self._console.print(
            f"{count} stage{'s' if count > 1 else ''} to run{kept}; about "
            f"{seconds_text(event.seconds)} and {bytes_text(event.disk_bytes)} of disk."
        )
        self._film = self._bars.add_task("film", total=1.0, left="", note="")

    def _step(self, event: StageStep) -> None:
        bar = self._stages.get(event.stage)
        if bar is not None:
            self._bars.update(
                bar, completed=event.fraction, left=_left(event.seconds_left), note=event.note
            )
        if self._film is not None:
            self._bars.update(
                self._film, completed=event.film_fraction, left=_left(event.film_seconds_left)
            )

    def _note(self, stage: str, text: str) -> None:
        if stage in self._stages:
            self._bars.update(self._stages[stage], note=text)

    def _finished(self, event: StageFinished) -> None:
        self._drop(event.stage)
        self._console.print(
            f"[green]done[/]  {_plain(event.stage):<24} {seconds_text(event.seconds):>8}  "
            f"[dim]{event.finished} of {event.total}[/]"
        )

    def _trouble(self, event: StageFailed | StageSkipped | WorkerLost) -> None:
        self._drop(event.stage)
        match event:
            case StageFailed():
                again = "; trying once more" if event.will_retry else ""
                where = f" ({event.where})" if event.where else ""
                text = f"{event.stage}: {event.what}{where}{again}"
                if self._debug and event.trace:
                    text += f"\n{event.trace}"
            case StageSkipped():
                text = f"{event.stage} cannot run because {event.because} failed"
            case WorkerLost():
                text = f"the worker on {event.device} ended: {event.why}"
        self._console.print(f"[red]failed[/] {_plain(text)}", soft_wrap=True)

    def _job_finished(self, event: JobFinished) -> None:
        if self._film is not None:
            self._bars.remove_task(self._film)
            self._film = None
        if event.unchanged:
            there = "the film is there as it should be" if event.film else "all of it is made"
            self._console.print(f"Nothing has changed: {there}.")
        else:
            self._console.print(
                f"{len(event.ran)} ran, {len(event.reused)} kept, {seconds_text(event.seconds)}."
            )

    def _drop(self, stage: str) -> None:
        bar = self._stages.pop(stage, None)
        if bar is not None:
            self._bars.remove_task(bar)


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds_text(seconds)} left"


def _plain(text: str) -> str:
    """Text that rich must not read as markup."""
    return text.replace("[", "\\[")
