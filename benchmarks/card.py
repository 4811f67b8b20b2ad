"""What every benchmark prints: a card for people, then one JSON line for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def machine_facts() -> dict[str, Any]:
    """Commit, processor, threads and versions: what a number means nothing without."""
    from importlib.metadata import version

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "commit": commit or "unknown",
        "cpu": _cpu_name(),
        "threads": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def show(name: str, rows: Mapping[str, Any], gates: Mapping[str, tuple[float, float]]) -> int:
    """Print the card and the JSON line; counts gate, times are a trend.

    Args:
        name: The benchmark.
        rows: What was measured.
        gates: Counts that must hold: name to (measured, largest allowed).

    Returns:
        1 if a gate is broken, else 0.
    """
    facts = machine_facts()
    width = max(len(key) for key in [*rows, *gates, *facts])
    print(f"{name}")
    for key, value in {**facts, **rows}.items():
        print(f"  {key:<{width}}  {value}")
    broken = {key: pair for key, pair in gates.items() if pair[0] > pair[1]}
    for key, (measured, allowed) in gates.items():
        print(
            f"  {key:<{width}}  {measured} (at most {allowed}){'  BROKEN' if key in broken else ''}"
        )
    print(json.dumps({"bench": name, **facts, **rows, "gates": gates, "ok": not broken}))
    sys.stdout.flush()
    return 1 if broken else 0
