"""Scenes that nobody would stage on purpose: nothing breaks."""

from __future__ import annotations

import numpy as np
import pytest

from reelwright.assets.geometry import Geometry, Material
from reelwright.stage.shadow_groups import joined_boxes

PATTERNS = ("plain", "checker", "grid", "noise", "water")
MOVES = ("static", "orbit-left", "dolly-in", "pan-left", "crane-up", "handheld")


def _material(chance, kit):
    return Material(
        base_color=(*chance.uniform(0, 1, 3), float(chance.choice([1.0, 0.5, 0.2]))),
        metallic=float(chance.choice([0, 0.5, 1])),
        roughness=float(chance.uniform(0, 1)),
        alpha_mode=str(chance.choice(["OPAQUE", "BLEND", "MASK"])),
        double_sided=bool(chance.integers(2)),
        unlit=bool(chance.random() < 0.3),
        base_texture=kit.checks(8, 4) if chance.integers(2) else None,
        emissive=(float(chance.choice([0, 3])),) * 3,
    )


def _part(chance, kit):
    material = _material(chance, kit)
    kind = chance.integers(3)
    if kind == 0:
        return kit.sphere(6, 0.5, material)
    return kit.box(0.5, material) if kind == 1 else kit.wall(0.8, 3, 0.5, material)


def _scene(chance, kit):
    parts, place = {}, []
    for k in range(chance.integers(0, 5)):
        parts[f"p{k}"] = _part(chance, kit)
        at = chance.normal(size=3) * 10 ** chance.uniform(-1, 2)
        keys = [{"t_s": 0, "at": at.tolist(), "scale": float(10 ** chance.uniform(-3, 3))}]
        if chance.integers(2):
            turn = chance.uniform(-180, 180, 3).tolist()
            keys.append({"t_s": 0.3, "at": (at + chance.normal(size=3)).tolist(), "turn_deg": turn})
        place.append({"prop": f"p{k}", "keys": keys})
    camera = {
        "at": (chance.normal(size=3) * 10 ** chance.uniform(-1, 2)).tolist(),
        "look_at": chance.normal(size=3).tolist(),
        "lens_mm": float(10 ** chance.uniform(0.5, 3)),
        "move": str(chance.choice(MOVES)),
    }
    light = {
        "sun_azimuth_deg": float(chance.uniform(0, 360)),
        "sun_elevation_deg": float(chance.uniform(-20, 90)),
        "sun_softness_deg": float(chance.choice([0, 1, 10, 45])),
        "haze_m": chance.choice([None, 10.0, 1000.0]),
    }
    ground = {
        "show": bool(chance.random() < 0.7),
        "pattern": str(chance.choice(PATTERNS)),
        "roughness": float(chance.uniform(0, 1)),
        "tile_m": float(10 ** chance.uniform(-2, 2)),
        "height_m": float(chance.choice([0, 0, -3, 2])),
    }
    more = {"camera": camera, "light": light, "ground": ground}
    return kit.scene(place, size=(128, 64), **more), parts


@pytest.mark.parametrize("seed", range(12))
def test_odd_scenes_are_staged(kit, seed):
    scene, parts = _scene(np.random.default_rng(seed), kit)
    renderer = kit.renderer(scene, parts)
    for frame in (0, 8):
        drawn = renderer.render(frame)
        assert (drawn.depth > 0).all()
        assert drawn.mask.max() <= len(parts)
        assert (drawn.motion is None) == (frame == 8)
        if drawn.motion is not None:
            assert np.isfinite(drawn.motion).all()


@pytest.mark.parametrize("place", [[0.0, -5.0, 0.0], [0.0, -5.0, 1e-9], [0.0, -5.0, -0.5]])
def test_a_camera_in_or_under_the_ground_is_no_fault(kit, place):
    camera = {"at": place, "look_at": [0, 0, 0.3], "move": "truck-right"}
    scene = kit.scene([{"prop": "box", "at": [0, 0, 0.5]}], camera=camera)
    drawn = kit.draw(scene, {"box": kit.box()})
    assert np.isfinite(drawn.motion).all()
    assert (drawn.mask == 1).any()


def test_a_prop_of_no_triangles_is_no_fault(kit):
    scene = kit.scene([{"prop": "nothing"}, {"prop": "box", "at": [0, 0, 1]}])
    drawn = kit.draw(scene, {"nothing": Geometry.still(()), "box": kit.box()})
    assert set(np.unique(drawn.mask)) == {0, 2}


def test_many_props_share_their_shadow_maps(kit):
    place = [
        {"prop": "box", "name": f"box{i}", "at": [i % 6 - 2.5, i // 6, 0.2], "scale": 0.3}
        for i in range(36)
    ]
    renderer = kit.renderer(kit.scene(place), {"box": kit.box()})
    assert len(renderer._plan.casters) <= 16
    assert sum(len(caster.parts) for caster in renderer._plan.casters) == 36
    assert set(np.unique(renderer.render(0).mask)) >= {1, 6}


def test_very_many_textures_are_held_smaller():
    from reelwright.stage.texture import MAX_SIDE, _side_that_fits

    assert _side_that_fits([(4096, 4096)] * 4) == MAX_SIDE
    assert _side_that_fits([(4096, 4096)] * 40) == MAX_SIDE // 2
    assert _side_that_fits([]) == MAX_SIDE


@pytest.mark.parametrize("count", [0, 1, 2, 50, 3000])
def test_boxes_are_joined_to_few_groups(count):
    low = np.random.default_rng(count).uniform(-50, 50, (count, 2))
    boxes = np.stack((low, low + 1), axis=1)
    groups = joined_boxes(boxes, 9)
    assert sorted(number for group in groups for number in group) == list(range(count))
    assert len(groups) <= 9


def test_neighbours_are_joined_and_strangers_are_not():
    low = np.array([[0.0, 0], [1, 0], [90, 90], [91, 90]])
    groups = joined_boxes(np.stack((low, low + 1), axis=1), 9)
    assert sorted(map(sorted, groups)) == [[0, 1], [2, 3]]
