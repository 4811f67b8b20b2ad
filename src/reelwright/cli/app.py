"""The table of commands, and how any of them ends.

A command's module is imported only when it is called: `reelwright --help` costs a tenth of a
second, and torch is not imported by the command line at all (workers do that).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cyclopts import App, CycloptsError

from reelwright import __version__
from reelwright.cli.terminal import print_error
from reelwright.errors import Cancelled, ReelwrightError

EXIT_BAD_INPUT = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One verb.

    Attributes:
        name: What is typed.
        target: Where its function is, `module:function`.
        help: One line for the list.
    """

    name: str
    target: str
    help: str


COMMANDS: tuple[Command, ...] = (
    Command("new", "reelwright.cli.write:new", "Write a small film to start from."),
    Command("check", "reelwright.cli.write:check", "Say what is wrong with a storyboard."),
    Command("schema", "reelwright.cli.write:schema", "Print the storyboard's JSON Schema."),
    Command("plan", "reelwright.cli.plan:plan", "What would run, where, how long, and why."),
    Command("stage", "reelwright.cli.stage:stage", "Stage shots: depth, camera, contact sheet."),
    Command("keyframes", "reelwright.cli.stage:keyframes", "Pictures the video passes through."),
    Command("render", "reelwright.cli.render:render", "Make the film."),
    Command("clip", "reelwright.cli.clip:clip", "Make one clip with no storyboard."),
    Command("report", "reelwright.cli.report:report", "Measure how good a film is."),
    Command("pack", "reelwright.cli.keep:pack", "Put a film and all it needs into one file."),
    Command("clean", "reelwright.cli.keep:clean", "Remove what old renders left."),
    Command("doctor", "reelwright.cli.doctor:doctor", "What this machine can do, and the mend."),
)


def build_app() -> App:
    """The whole command line; nothing but the table is imported."""
    app = App(
        name="reelwright",
        help="Directed AI video on your own GPU: from a storyboard to a film with sound.",
        version=__version__,
        help_format="plaintext",
    )
    for command in COMMANDS:
        app.command(command.target, name=command.name, help=command.help)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after the program's name; by default those of this process.

    Returns:
        0 done, 1 failed, 2 bad input, 130 interrupted (and resumable).
    """
    # For commands that compute in this process (`report`): see `production.process`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    if debug:
        words.remove("--debug")
    try:
        result = build_app()(
            words, exit_on_error=False, print_error=True, result_action="return_value"
        )
    except CycloptsError:
        return EXIT_BAD_INPUT
    except ReelwrightError as error:
        if debug:
            raise
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print_error(Cancelled())
        return Cancelled.exit_code
    return result if isinstance(result, int) else 0
