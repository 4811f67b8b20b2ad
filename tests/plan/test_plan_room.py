from __future__ import annotations

import subprocess
import sys

import reelwright.plan


def test_public_names_exist() -> None:
    # Their order is held by ruff (RUF022).
    names = reelwright.plan.__all__
    assert len(set(names)) == len(names)
    assert all(hasattr(reelwright.plan, name) for name in names)


def test_the_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, reelwright.plan\n"
        "heavy = {'torch', 'av', 'trimesh', 'OpenEXR', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
