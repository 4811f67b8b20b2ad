from __future__ import annotations

import subprocess
import sys

import pytest

import reelwright.assets as assets

HEAVY = ("torch", "trimesh", "pygltflib", "av", "OpenEXR", "numpy", "PIL")


def test_all_is_sorted_and_there() -> None:
    assert assets.__all__ == sorted(assets.__all__)
    for name in assets.__all__:
        assert getattr(assets, name) is not None
    assert dir(assets) == assets.__all__


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Mush'"):
        _ = assets.Mush  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import reelwright.assets", HEAVY),
        ("from reelwright.assets import prop_files", ("torch", "trimesh", "pygltflib", "scipy")),
        ("from reelwright.assets import build_mesh, load_geometry", ("torch", "trimesh", "av")),
    ],
)
def test_imports_are_light(code: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys; {code}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
