"""`render`: make the film."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reelwright.cli.options import Flag, Output, Shots, shot_names
from reelwright.cli.terminal import say
from reelwright.errors import SettingError

if TYPE_CHECKING:
    from reelwright.plan import StageKind


def render(
    film: Path,
    /,
    *,
    output: Output = None,
    shots: Shots = None,
    tier: str | None = None,
    takes: int | None = None,
    until: str | None = None,
    explain: Flag = False,
    replan: Flag = False,
    devices: str | None = None,
    threads: int | None = None,
    events: Flag = False,
    debug: Annotated[bool, Parameter(show=False, negative="")] = False,
    work_dir: Path | None = None,
) -> None:
    """Make the film; what is made already is used. The last line is the film's path.

    Parameters
    ----------
    film
        A storyboard; a film of Reelwright's, which is made again from what it carries inside; or a
        .reelpack.
    output
        Where the film goes. Its suffix decides the format: .mp4 (H.264), .mov (ProRes), .mkv
        (FFV1), .wav; or a folder, for png and exr. By default beside the storyboard.
    shots
        Only these, e.g. approach,lamp, as a film of their own.
    tier
        Wins over the storyboard's: animatic.
    takes
        Takes of every shot; the storyboard's take chooses.
    until
        Stop after a stage: assets, stage, keyframes, generate, finish, quality, mix, mux, report.
    explain
        Say of every stage why it runs or why it does not.
    replan
        Choose anew what plan.lock holds.
    devices
        Devices by stage, e.g. stage=0,generate=1.
    threads
        CPU threads of a worker; by default all that this process may use.
    events
        Print every event as a line of JSON instead of bars.
    work_dir
        Where artifacts and the journal lie; by default .reelwright beside the storyboard.
    """
    from reelwright import production
    from reelwright.cli.progress import TerminalProgress

    def run(on_event: production.OnEvent) -> production.RenderResult:
        return production.render(
            film,
            out=output,
            until=until,
            shots=shot_names(shots),
            tier=tier,
            takes=takes,
            work_dir=work_dir,
            on_event=on_event,
            explain=explain,
            replan=replan,
            devices=_devices(devices),
            threads=threads,
        )

    if events:
        run(production.ndjson_to(sys.stdout))
        return
    with TerminalProgress(debug=debug) as listener:
        result = run(listener)
    if result.report is not None:
        say(f"report: {result.report}")
    if result.film is not None:
        say(str(result.film))
    else:
        for folder in result.folders.values():
            say(str(folder))


def _devices(text: str | None) -> Mapping[StageKind, str] | None:
    """`stage=0,generate=cpu` as devices by kind of stage."""
    from reelwright.plan import StageKind

    if text is None:
        return None
    chosen: dict[StageKind, str] = {}
    for part in text.split(","):
        kind, equals, device = part.strip().partition("=")
        if not equals or not device:
            raise SettingError(
                f'"{part}" does not give a stage its device.',
                "Write stage=0,generate=cpu.",
                where="--devices",
            )
        chosen[StageKind.named(kind)] = f"cuda:{device}" if device.isdecimal() else device
    return chosen
