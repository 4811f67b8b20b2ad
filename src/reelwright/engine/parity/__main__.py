"""`python -m reelwright.engine.parity DIR`: a line per case, then the count."""

from __future__ import annotations

import sys
from pathlib import Path

from reelwright.engine.parity.runner import find_cases, run_case


def main(arguments: list[str]) -> int:
    """Run every case of a folder.

    Args:
        arguments: The folder.

    Returns:
        0 if there are cases and all pass; 1 if not; 2 if no folder is given.
    """
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m reelwright.engine.parity FOLDER\n")
        return 2
    passed = failed = 0
    for path in find_cases(Path(arguments[0])):
        outcome = run_case(path)
        passed, failed = passed + outcome.passed, failed + (not outcome.passed)
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
