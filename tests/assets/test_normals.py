from __future__ import annotations

import numpy as np
import pytest
import trimesh

from reelwright.assets.normals import crease_normals, mended_normals


def test_a_ball_stays_whole_and_smooth() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    vertices = ball.vertices.astype(np.float32)
    old, faces, normals = crease_normals(vertices, ball.faces)
    assert len(old) == len(vertices)
    assert np.array_equal(old[faces], ball.faces)
    assert (normals * vertices[old]).sum(axis=1).min() > 0.999


def test_a_box_is_split_at_its_edges() -> None:
    box = trimesh.creation.box()
    old, faces, normals = crease_normals(box.vertices.astype(np.float32), box.faces)
    assert len(old) == 24
    np.testing.assert_allclose(normals[faces].mean(axis=1), box.face_normals, atol=1e-6)


@pytest.mark.parametrize(("angle_deg", "num_vertices"), [(35, 4), (45, 6)])
def test_an_edge_is_soft_below_the_crease_angle(angle_deg: float, num_vertices: int) -> None:
    lift = np.tan(np.radians(angle_deg))
    vertices = np.array([[0, 0, 0], [0, 1, 0], [-1, 0, 0], [1, 0, lift]], np.float32)
    old, _, _ = crease_normals(vertices, np.array([[0, 1, 2], [1, 0, 3]]))
    assert len(old) == num_vertices


def test_triangle_soup_is_welded_where_it_touches() -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    soup = ball.triangles.reshape(-1, 3).astype(np.float32)
    old, _, normals = crease_normals(soup, np.arange(len(soup)).reshape(-1, 3))
    assert (normals * soup[old]).sum(axis=1).min() > 0.99


def test_a_fan_of_ten_thousand_is_quick_and_flat() -> None:
    count = 10_000
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    rim = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1)
    vertices = np.vstack([np.zeros(3), rim]).astype(np.float32)
    step = np.arange(count)
    faces = np.stack([np.zeros(count, int), step + 1, (step + 1) % count + 1], axis=1)
    old, _, normals = crease_normals(vertices, faces)
    assert len(old) == count + 1
    np.testing.assert_allclose(normals, np.tile([0, 0, 1], (count + 1, 1)), atol=1e-6)


def test_flat_triangles_and_dead_normals_get_some_normal() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 3]])
    _, _, normals = crease_normals(vertices, faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    given = np.array([[0, 0, 0], [np.nan, 0, 1], [np.inf, 0, 0], [0, 0, 5]], np.float32)
    np.testing.assert_allclose(mended_normals(given, vertices, faces), [[0, 0, 1]] * 4, atol=1e-6)
