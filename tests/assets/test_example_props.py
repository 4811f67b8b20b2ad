"""The props that the example film ships: they build, move, and are as large as is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelwright.assets import build_mesh, load_geometry
from reelwright.storyboard.prop import Prop

PROJECT = Path(__file__).parents[2] / "examples" / "lighthouse"
SIZES = {
    "boat": (5.7, 1.8, 5.8),
    "buoy": (2.2, 2.2, 4.3),
    "crate": (0.9, 0.6, 0.5),
    "gull": (0.7, 1.4, 0.2),
    "islet": (23.2, 22.1, 5.0),
    "jetty": (2.7, 8.2, 3.9),
    "lighthouse": (5.9, 7.0, 17.2),
    "rocks": (5.4, 4.5, 1.8),
}
MOVES = {
    "boat": {"bob": 4.0},
    "buoy": {"rock": 5.0},
    "gull": {"flap": 0.8, "glide": 6.0},
    "lighthouse": {"turn": 8.0},
}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_builds_without_a_warning(tmp_path: Path, name: str) -> None:
    mesh = build_mesh(Prop(file=f"props/{name}.glb"), PROJECT, tmp_path)
    assert mesh.warnings == ()
    low, high = mesh.bounds_m
    np.testing.assert_allclose(np.subtract(high, low), SIZES[name], atol=0.06)
    geometry = load_geometry(mesh)
    assert any(p.material.base_texture is not None or p.colors is not None for p in geometry.parts)
    moves = {each.name: each.duration_s for each in geometry.rig.animations}
    assert moves == pytest.approx(MOVES.get(name, {}))
    for animation, seconds in moves.items():
        first, last = (geometry.part_matrices(animation, t, loop=False) for t in (0.0, seconds))
        np.testing.assert_allclose(first, last, atol=1e-4)  # it can be looped
        halfway = geometry.part_matrices(animation, 0.3 * seconds)
        assert np.abs(halfway - first).max() > 0.01


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in (PROJECT / "props").iterdir()) < 3_000_000
