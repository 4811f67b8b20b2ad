"""The small things of a render: an unchanged film, and memory against the length of a shot.

python benchmarks/bench_render.py            # an unchanged re-render
python benchmarks/bench_render.py --memory   # also shots of 2, 8 and 32 s: some minutes
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from card import show
from reelwright.production import RenderResult, render
from reelwright.production.events import Event, StageFinished

SHOT = """
[film]
title = "Length"
size = [256, 128]
fps = 24
tier = "animatic"
[props.ball]
shape = "sphere"
[[shots]]
id = "ball"
seconds = {seconds}
[shots.camera]
move = "orbit-left"
at = [0, -6, 1.5]
look_at = [0, 0, 0.5]
[[shots.place]]
prop = "ball"
"""


def film_of(seconds: float, folder: Path) -> Path:
    """A one-shot film of so many seconds."""
    folder.mkdir(parents=True)
    path = folder / "storyboard.toml"
    path.write_text(SHOT.format(seconds=seconds), encoding="utf-8")
    return path


def peaks(storyboard: Path) -> dict[str, int]:
    """Peak anonymous memory of each stage's worker, bytes, by kind."""
    found: dict[str, int] = {}

    def listen(event: Event) -> None:
        if isinstance(event, StageFinished):
            found[event.kind] = max(found.get(event.kind, 0), event.peak_ram_bytes)

    render(storyboard, on_event=listen)
    return found


def timed(storyboard: Path) -> tuple[float, RenderResult]:
    """Wall seconds of one render and what it came to."""
    start = time.perf_counter()
    result = render(storyboard)
    return time.perf_counter() - start, result


def main() -> int:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="reelwright-bench-"))
    rows: dict[str, Any] = {}
    gates: dict[str, tuple[float, float]] = {}
    try:
        storyboard = film_of(2, folder / "two")
        first, made = timed(storyboard)
        again = [timed(storyboard) for _ in range(5)]
        rows["first_render_s"] = round(first, 2)
        rows["unchanged_render_s"] = round(statistics.median(seconds for seconds, _ in again), 3)
        gates["stages of a first render"] = (len(made.ran), 9)
        gates["stages of an unchanged render"] = (max(len(r.ran) for _, r in again), 0)
        if "--memory" in sys.argv:
            by_length = {
                length: peaks(film_of(length, folder / str(length))) for length in (2, 8, 32)
            }
            for kind in by_length[2]:
                rows[f"peak_mb_{kind}"] = [round(p[kind] / 1e6) for p in by_length.values()]
                grown = by_length[32][kind] / max(1, by_length[2][kind])
                gates[f"growth of {kind} from 2 s to 32 s"] = (round(grown, 2), 1.25)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return show("render", rows, gates)


if __name__ == "__main__":
    sys.exit(main())
