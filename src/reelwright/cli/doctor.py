"""`doctor`: what this machine can and cannot do, and the mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli.options import AsJson
from reelwright.cli.terminal import say

if TYPE_CHECKING:
    from reelwright.models import WeightSet

_MARKS = {"ok": "ok  ", "note": "note", "warn": "WARN", "fail": "FAIL"}


def doctor(directory: Path | None = None, /, *, as_json: AsJson = False) -> int:
    """Say what this machine can do and what stands in the way.

    Ends with 1 if something must be mended before a film can be made.

    Parameters
    ----------
    directory
        A project's folder, to check its disk too; by default the current one.
    as_json
        Print the findings as JSON.
    """
    from reelwright.machine import examine, probe
    from reelwright.models import installed_weights

    root = directory or Path.cwd()
    machine = probe(root)
    models = [_in_words(weights) for weights in installed_weights()]
    findings = examine(root, machine, models)
    if as_json:
        say(json.dumps({"machine": machine.to_json(), "findings": [f.to_json() for f in findings]}))
    else:
        say(machine.summary())
        for finding in findings:
            say(f"{_MARKS[finding.state]}  {finding.name}: {finding.what}")
            if finding.mend:
                say(f"      {finding.mend}")
    return 1 if any(finding.state == "fail" for finding in findings) else 0


def _in_words(weights: WeightSet) -> str:
    """A set of weights with what it has: `pocket (36 MB, upsampler, depth)`."""
    size = sum(path.stat().st_size for path in weights.files()) / 1e6
    parts = [f"{size:,.0f} MB"]
    parts += [name for name in ("upsampler", "refiner") if getattr(weights, name) is not None]
    parts += [f"follows staged {weights.control}"] if weights.control else []
    return f"{weights.name} ({', '.join(parts)})"
