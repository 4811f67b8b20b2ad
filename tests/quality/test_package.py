"""The room's names: sorted, reachable, and cheap to name."""

from __future__ import annotations

import subprocess
import sys

from reelwright import quality


def test_public_names_are_sorted_and_reachable() -> None:
    names = quality.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    for name in names:
        assert getattr(quality, name) is not None


def test_naming_the_room_costs_nothing() -> None:
    code = (
        "import sys, reelwright.quality as q; q.Report, q.THRESHOLDS, q.report_rows, q.compare;"
        "heavy = {'torch', 'av', 'PIL', 'OpenEXR'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
