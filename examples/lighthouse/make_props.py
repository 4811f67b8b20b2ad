"""Make every prop of the film: python make_props.py [NAME...]."""

from __future__ import annotations

import sys
from pathlib import Path

from make_boat import boat
from make_gull import gull
from make_harbour import buoy, crate, jetty
from make_islet import islet, rocks
from make_lighthouse import lighthouse

PROPS = (lighthouse, islet, rocks, boat, gull, buoy, jetty, crate)


def main() -> None:
    """Write props/*.glb and say their sizes."""
    folder = Path(__file__).parent / "props"
    folder.mkdir(exist_ok=True)
    total = 0
    wanted = sys.argv[1:]
    for make in PROPS:
        if wanted and make.__name__ not in wanted:
            continue
        path = make(folder)
        total += path.stat().st_size
        print(f"{path.name:18} {path.stat().st_size / 1000:7.0f} kB")
    print(f"{'':18} {total / 1000:7.0f} kB")


if __name__ == "__main__":
    main()
