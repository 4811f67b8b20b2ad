from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.assets.builtin_shapes import SHAPES, Dimensions, make_shape, torus_thickness_m

side = st.floats(0.05, 20.0)
box = st.tuples(side, side, side)
SOLIDS = sorted(set(SHAPES) - {"plane"})


def _volume(shape: str, x: float, y: float, z: float) -> float:
    ellipse = np.pi * x * y / 4
    return {
        "box": x * y * z,
        "cylinder": ellipse * z,
        "cone": ellipse * z / 3,
        "sphere": np.pi / 6 * x * y * z,
        "capsule": ellipse * (z - min(x, y, z) / 3),
        # A ring of outer radius 1/2 and tube radius 1/6, stretched by y / x.
        "torus": 2 * np.pi**2 * (1 / 2 - 1 / 6) / 6**2 * y / x,
    }[shape]


@pytest.mark.parametrize("shape", sorted(SHAPES))
@settings(max_examples=15, deadline=None)
@given(dimensions=box)
def test_fills_its_box_and_stands_on_the_ground(shape: str, dimensions: Dimensions) -> None:
    surface = make_shape(shape, dimensions)
    x, y, z = dimensions
    high = {"plane": 0.0, "torus": torus_thickness_m(dimensions)}.get(shape, z)
    np.testing.assert_allclose(surface.vertices.min(axis=0), [-x / 2, -y / 2, 0], atol=1e-5)
    np.testing.assert_allclose(surface.vertices.max(axis=0), [x / 2, y / 2, high], atol=1e-5)


@pytest.mark.parametrize("shape", sorted(SHAPES))
@settings(max_examples=15, deadline=None)
@given(dimensions=box)
def test_faces_look_where_their_normals_do(shape: str, dimensions: Dimensions) -> None:
    surface = make_shape(shape, dimensions)
    assert surface.normals is not None
    corners = surface.vertices[surface.faces].astype(np.float64)
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.linalg.norm(crosses, axis=1) > 0).all()
    toward = np.einsum("fa,fa->f", crosses, surface.normals[surface.faces].sum(axis=1))
    assert (toward > 0).all()
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("shape", SOLIDS)
def test_encloses_its_volume(shape: str) -> None:
    dimensions = (1.0, 1.5, 2.5)
    surface = make_shape(shape, dimensions)
    a, b, c = (surface.vertices[surface.faces[:, i]].astype(float) for i in range(3))
    volume = float(np.einsum("fa,fa->f", a, np.cross(b, c)).sum() / 6)
    wanted = float(_volume(shape, *dimensions))
    assert volume == pytest.approx(wanted, rel=0.015)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_uvs_cover_the_picture_and_are_not_mirrored(shape: str) -> None:
    surface = make_shape(shape, (1.0, 1.0, 1.0))
    assert surface.uvs is not None
    assert surface.uvs.min() >= -1e-6
    assert surface.uvs.max() <= 1 + 1e-6
    a, b, c = (surface.uvs[surface.faces[:, i]].astype(float) for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (area < 1e-9).all()  # v runs down: a picture seen the right way round winds clockwise


def test_sphere_is_round() -> None:
    surface = make_shape("sphere", (2.0, 2.0, 2.0))
    middle = surface.vertices[surface.faces].mean(axis=1) - [0, 0, 1]
    assert np.linalg.norm(middle, axis=1).min() > 0.995
    assert len(surface.faces) == 64 * 32 * 2 - 2 * 64


def test_torus_keeps_a_hole() -> None:
    assert torus_thickness_m((3.0, 6.0, 0.5)) == 0.5
    assert torus_thickness_m((3.0, 6.0, 2.5)) == pytest.approx(1.0)
