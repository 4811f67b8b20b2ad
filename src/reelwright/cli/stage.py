"""`stage` and `keyframes`: look at what steers the video before it is made."""

from __future__ import annotations

from pathlib import Path

from reelwright.cli.options import Output, Shots, shot_names
from reelwright.cli.progress import TerminalProgress
from reelwright.cli.terminal import say


def stage(
    storyboard: Path, /, *, output: Output = None, shots: Shots = None, work_dir: Path | None = None
) -> None:
    """Stage shots: depth as EXR, camera as JSON, masks, motion, a contact sheet and a preview.

    Parameters
    ----------
    storyboard
        The .toml file.
    output
        Folder for the results, one folder a shot; by default "stage" beside the storyboard.
    shots
        Only these, e.g. approach,lamp.
    work_dir
        Where artifacts lie; by default .reelwright beside the storyboard.
    """
    from reelwright.production import export_stage, render

    with TerminalProgress() as listener:
        result = render(
            storyboard,
            until="stage",
            shots=shot_names(shots),
            work_dir=work_dir,
            on_event=listener,
        )
        folders = export_stage(result, output or storyboard.parent / "stage")
    for folder in folders:
        say(str(folder))


def keyframes(
    storyboard: Path, /, *, output: Output = None, shots: Shots = None, work_dir: Path | None = None
) -> None:
    """Make the pictures that the video must pass through, to look at before it is made.

    Parameters
    ----------
    storyboard
        The .toml file.
    output
        Folder for the pictures; by default "keyframes" beside the storyboard.
    shots
        Only these, e.g. approach,lamp.
    work_dir
        Where artifacts lie; by default .reelwright beside the storyboard.
    """
    from reelwright.production import export_keyframes, render

    with TerminalProgress() as listener:
        result = render(
            storyboard,
            until="keyframes",
            shots=shot_names(shots),
            work_dir=work_dir,
            on_event=listener,
        )
        pictures = export_keyframes(result, output or storyboard.parent / "keyframes")
    for picture in pictures:
        say(str(picture))
