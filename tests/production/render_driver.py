"""Renders a storyboard in a process of its own, as the command line would.

Usage: render_driver.py STORYBOARD [TIER]. Prints a line of JSON for each event; ends with 130 when
stopped.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from reelwright.errors import ReelwrightError
from reelwright.production import ndjson_to, render


def main() -> int:
    # A test run in the background inherits an ignored SIGINT; a person at a terminal has not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        tier = sys.argv[2] if len(sys.argv) > 2 else None
        render(Path(sys.argv[1]), tier=tier, on_event=ndjson_to(sys.stdout), threads=1)
    except ReelwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
