"""Renders a storyboard in a process of its own, as the command line would.

Usage: render_driver.py STORYBOARD. Prints a line of JSON for each event; ends with 130 when
stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reelwright.errors import ReelwrightError
from reelwright.production import ndjson_to, render


def main() -> int:
    try:
        render(Path(sys.argv[1]), on_event=ndjson_to(sys.stdout), threads=1)
    except ReelwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
