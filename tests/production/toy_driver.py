"""Carries out a toy plan in a process of its own, as the command line would.

Usage: toy_driver.py PROJECT OPTIONS, where OPTIONS is JSON for `toy_plan` (and `film`, `grace_s`).
Prints a line of JSON for each event; ends with 130 when stopped.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import toy_stages

from reelwright.errors import ReelwrightError
from reelwright.production.carrying import How, carry_out
from reelwright.production.events import ndjson_to
from reelwright.production.process import WorkerSettings
from reelwright.production.project import Project
from reelwright.production.workshop import open_workshop


def main() -> int:
    # A test run in the background inherits an ignored SIGINT; a person at a terminal has not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    project = Project.at(Path(sys.argv[1]))
    options = json.loads(sys.argv[2])
    grace_s = options.pop("grace_s", 10.0)
    workers = WorkerSettings(
        registry=toy_stages.REGISTRY,
        threads=1,
        logs=project.logs,
        search_path=(toy_stages.FOLDER,),
    )
    emit = ndjson_to(sys.stdout)
    try:
        with open_workshop(project, "toys.toml", emit) as workshop:
            plan = toy_stages.toy_plan(**options)
            carry_out(plan, workshop, "toys.toml", How(workers=workers, grace_s=grace_s))
    except ReelwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
