"""Start-up of the command line: seconds for `--help` and for a command, and what is imported."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from card import show

HEAVY = ("torch", "av", "trimesh", "OpenEXR", "PIL", "scipy")


def seconds(words: list[str], runs: int = 7) -> float:
    """Median wall seconds of a whole process."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "reelwright", *words], capture_output=True, check=True
        )
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def heavy_modules(words: list[str]) -> list[str]:
    """Which of the heavy modules a command imports in its own process."""
    code = (
        "import sys; from reelwright.cli import main; main(sys.argv[1:]);"
        f"sys.stderr.write('HEAVY ' + ' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    return done.stderr.rsplit("HEAVY", 1)[1].split()


def main() -> int:
    """Measure and print."""
    film = "examples/lighthouse/storyboard.toml"
    rows = {
        "help_s": round(seconds(["--help"]), 3),
        "schema_s": round(seconds(["schema"]), 3),
        "check_s": round(seconds(["check", film]), 3),
    }
    gates = {
        f"heavy modules imported by {words[0]}": (len(heavy_modules(words)), allowed)
        for words, allowed in ((["--help"], 0), (["schema"], 0))
    }
    return show("start-up", rows, gates)


if __name__ == "__main__":
    sys.exit(main())
