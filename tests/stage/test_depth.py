"""Depth against planes and spheres whose depth is known."""

from __future__ import annotations

import numpy as np
import pytest

ORIGINS = [(0.0, 0.0, 0.0), (12_345.0, -54_321.0, 300.0), (900_000.0, 900_000.0, 0.0)]
LENSES = [(12.0, 3.0), (50.0, 9.0), (600.0, 90.0)]


def _camera(origin, lens_mm, away):
    at = [origin[0] + 0.3 * away, origin[1] - away, origin[2] + 0.1 * away]
    return {"at": at, "look_at": list(origin), "lens_mm": lens_mm}


@pytest.mark.parametrize(("lens_mm", "away"), LENSES)
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_plane_is_where_it_stands(kit, origin, lens_mm, away):
    scene = kit.scene(
        [{"prop": "wall", "at": list(origin)}],
        camera=_camera(origin, lens_mm, away),
        ground={"height_m": origin[2] - 0.9},
    )
    frame, eye = kit.draw(scene, {"wall": kit.wall(0.9, cells=3)}), kit.eye(scene)
    depth = (origin[1] - eye.place[1]) / eye.rays[..., 1]
    seen = frame.mask == 1
    assert seen.sum() > 1000
    assert np.abs(frame.depth / depth - 1)[seen].max() < 1e-6


@pytest.mark.parametrize(("lens_mm", "away"), LENSES)
@pytest.mark.parametrize("origin", [ORIGINS[0], ORIGINS[2]])
def test_a_sphere_is_where_it_stands(kit, origin, lens_mm, away):
    scene = kit.scene(
        [{"prop": "ball", "at": list(origin)}],
        camera=_camera(origin, lens_mm, away),
        ground={"height_m": origin[2] - 0.9},
    )
    ball = kit.sphere(160, 0.8)
    frame, eye = kit.draw(scene, {"ball": ball}), kit.eye(scene)
    offset = eye.place - np.array(origin)
    a, b = (eye.rays**2).sum(-1), eye.rays @ offset
    under = b * b - a * (offset @ offset - 0.64)
    depth = (-b - np.sqrt(np.maximum(under, 0))) / a
    inner = (frame.mask == 1) & (under > 0.05 * a)  # not the outline, where depth is steep
    assert inner.sum() > 500
    # The mesh's own flatness: 160 rings leave the sphere by 5e-5 of its radius.
    assert np.abs(frame.depth / depth - 1)[inner].max() < 1e-4
    outside = (frame.mask == 0) & (under < 0)
    assert (outside | (frame.mask == 1) | (np.abs(under) < 0.01 * a)).all()


@pytest.mark.parametrize("place", [(0.0, 0.0, 1.6), (9e5, -9e5, 250.0), (3.0, 4.0, 0.02)])
def test_the_ground_is_exact_up_to_the_horizon(kit, place):
    look_at = [place[0] + 1, place[1] + 10, place[2]]
    scene = kit.scene(camera={"at": list(place), "look_at": look_at, "roll_deg": 7})
    frame, eye = kit.draw(scene, {}), kit.eye(scene)
    depth = -eye.place[2] / eye.rays[..., 2]
    ground = (depth > 0) & (depth < 1e9)
    assert (np.isfinite(frame.depth) == ground).all()
    assert np.abs(frame.depth / depth - 1)[ground].max() < 2e-7
    assert depth[ground].max() > 50 * place[2]
    assert not frame.mask.any()


def test_without_a_ground_all_is_sky(kit):
    frame = kit.draw(kit.scene(ground={"show": False}), {})
    assert np.isinf(frame.depth).all()
    assert not frame.mask.any()


def test_a_triangle_through_the_camera_is_cut_at_the_near_plane(kit):
    # A floor of one huge triangle that passes under, beside and behind the camera.
    floor = kit.part([[-400, -300, 0], [500, -300, 0], [0, 900, 0]], [[0, 1, 2]])
    scene = kit.scene(
        [{"prop": "floor", "at": [0, 0, 0.5]}],
        camera={"at": [0, 0, 1.6], "look_at": [0.3, 3, 1.0], "lens_mm": 18},
    )
    frame, eye = kit.draw(scene, {"floor": floor}), kit.eye(scene)
    depth = (0.5 - 1.6) / eye.rays[..., 2]
    seen = (depth > 0) & (depth < 200)
    assert (frame.mask[seen] == 1).all()
    # 8e-5: float32 knows corners half a kilometre off to 0.05 mm; the floor is 1.1 m below.
    assert np.abs(frame.depth / depth - 1)[seen].max() < 2e-4


def test_one_triangle_fills_the_picture(kit):
    huge = kit.part([[-1e4, 0, -1e4], [1e4, 0, -1e4], [0, 0, 2e4]], [[0, 1, 2]])
    scene = kit.scene([{"prop": "huge", "at": [0, 0, 0]}], ground={"show": False})
    frame, eye = kit.draw(scene, {"huge": huge}), kit.eye(scene)
    assert (frame.mask == 1).all()
    assert np.abs(frame.depth * eye.rays[..., 1] / 5 - 1).max() < 1e-5


def test_the_nearer_of_two_surfaces_is_seen_and_back_faces_are_not(kit):
    scene = kit.scene(
        [{"prop": "near", "at": [0, -1, 1]}, {"prop": "far", "at": [0.6, 0, 1]}],
        ground={"show": False},
    )
    front = kit.draw(scene, {"near": kit.wall(0.5), "far": kit.wall(0.7)})
    middle = (64, 96)
    assert front.mask[middle] == 1
    assert front.depth[middle] == pytest.approx(4.0, rel=1e-6)
    turned = kit.scene(
        [{"prop": "near", "at": [0, -1, 1], "turn_deg": [0, 0, 180]},
         {"prop": "far", "at": [0.6, 0, 1]}],
        ground={"show": False},
    )  # fmt: skip
    assert kit.draw(turned, {"near": kit.wall(0.5), "far": kit.wall(0.7)}).mask[middle] == 2


def test_a_mirroring_scale_does_not_turn_a_mesh_inside_out(kit):
    from reelwright.assets.geometry import Geometry
    from reelwright.assets.rig import still_rig

    ball = kit.sphere(16, 0.5)
    rig = still_rig(1)
    mirrored = Geometry(
        (ball,), type(rig)(**{**{f: getattr(rig, f) for f in rig.__slots__},
                             "scales": rig.scales * np.array([-1.0, 1.0, 1.0])}),
        np.arange(1),
    )  # fmt: skip
    scene = kit.scene([{"prop": "ball", "at": [0, 0, 1]}], ground={"show": False})
    plain, turned = kit.draw(scene, {"ball": ball}), kit.draw(scene, {"ball": mirrored})
    middle = (64, 96)
    assert turned.depth[middle] == pytest.approx(plain.depth[middle], rel=1e-4)
    assert (plain.mask != turned.mask).mean() < 0.002
