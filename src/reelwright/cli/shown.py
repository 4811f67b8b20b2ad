"""A render in front of a person: its events while it runs, then what it wrote."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from reelwright.cli.terminal import say

if TYPE_CHECKING:
    from reelwright.production import OnEvent, RenderResult


def run_shown(run: Callable[[OnEvent], RenderResult], *, events: bool, debug: bool) -> None:
    """Run it; its last line is the film's path, or that of each folder where there is no film.

    Args:
        run: Renders, given who listens.
        events: Print every event as a line of JSON, and nothing else.
        debug: Whether tracebacks are shown.
    """
    if events:
        from reelwright.production import ndjson_to

        run(ndjson_to(sys.stdout))
        return
    from reelwright.cli.progress import TerminalProgress

    with TerminalProgress(debug=debug) as listener:
        result = run(listener)
    if result.report is not None:
        say(f"report: {result.report}")
    if result.animatic is not None:
        say(f"animatic: {result.animatic}")
    for path in (result.film,) if result.film is not None else result.folders.values():
        say(str(path))
