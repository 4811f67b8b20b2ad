"""The picture: steady, smooth, lit and shadowed as it should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from reelwright.assets.geometry import Material

WHITE = Material(base_color=(0.8, 0.8, 0.8, 1.0), roughness=1.0)


def _luma(color):
    return color.astype(float) @ np.array([0.2126, 0.7152, 0.0722])


def _full_scene(kit, **more):
    keys = [{"t_s": 0, "at": [-1, 0, 0.6]}, {"t_s": 0.3, "at": [0.5, 0.3, 1.0]}]
    place = [{"prop": "ball", "keys": keys}, {"prop": "wall", "at": [0.8, 1, 0.8]}]
    cut = kit.checks(32, 4)
    cut[..., 3] = np.where(cut[..., 0] > 100, 255, 40)
    holes = Material(base_texture=cut, alpha_mode="MASK", double_sided=True)
    parts = {"ball": kit.sphere(16, 0.6), "wall": kit.wall(0.8, material=holes)}
    camera = {"at": [1, -4, 1.6], "look_at": [0, 0, 0.7], "move": "orbit-left"}
    return kit.renderer(kit.scene(place, camera=camera, **more), parts)


@pytest.mark.parametrize("pattern", ["checker", "water"])
def test_the_same_scene_gives_the_same_bytes_on_any_number_of_threads(kit, pattern):
    more = {"ground": {"pattern": pattern, "roughness": 0.2}, "light": {"haze_m": 60},
            "size": (128, 64)}  # fmt: skip
    one = _full_scene(kit, **more).render(3)
    torch.set_num_threads(2)
    other = _full_scene(kit, **more).render(3)
    for field in ("color", "depth", "mask", "motion"):
        assert getattr(one, field).tobytes() == getattr(other, field).tobytes(), field


def test_edges_are_smooth(kit):
    # A white wall before a dark one, turned by a little: its edge is a ramp, not stairs.
    black = Material(base_color=(0, 0, 0, 1), unlit=True)
    white = Material(base_color=(1, 1, 1, 1), unlit=True)
    place = [{"prop": "back", "at": [0, 3, 1]}, {"prop": "front", "turn_deg": [0, 7, 0],
             "at": [-1.0, 0, 1]}]  # fmt: skip
    scene = kit.scene(place, ground={"show": False})
    parts = {"back": kit.wall(9, material=black), "front": kit.wall(1.0, material=white)}
    color = kit.draw(scene, parts).color[..., 1].astype(int)
    rows = color[50:80, 75:]
    assert (rows[:, 0] == 255).all()
    assert (rows[:, -1] == 0).all()
    between = (rows > 5) & (rows < 250)
    assert (between.sum(1) >= 1).mean() > 0.8  # one row in eight meets the samples exactly
    assert (between.sum(1) <= 3).all()
    linear = np.where(
        rows / 255 <= 0.04045, rows / 255 / 12.92, ((rows / 255 + 0.055) / 1.055) ** 2.4
    )
    area = linear.sum(1)
    # The covered width falls by tan(7 degrees) a row; steps of an eighth of a pixel are left.
    assert np.abs(np.diff(area) - np.diff(area).mean()).max() < 0.2
    assert abs(np.diff(area).mean()) == pytest.approx(np.tan(np.radians(7)), abs=0.01)


def test_unlit_is_shown_as_it_is(kit):
    plain = Material(base_color=(0.5, 0.25, 0.0, 1.0), unlit=True)
    scene = kit.scene([{"prop": "wall", "at": [0, 0, 1]}], light={"exposure_ev": 1.5})
    color = kit.draw(scene, {"wall": kit.wall(0.6, material=plain)}).color[64, 96]
    assert np.abs(color.astype(int) - [188, 137, 0]).max() <= 1


def test_exposure_and_sun_do_what_they_say(kit):
    place = [{"prop": "wall", "at": [0, 0, 1]}]
    light = {"sun_azimuth_deg": 180, "sun_elevation_deg": 30}

    def luma(**more):
        scene = kit.scene(place, light={**light, **more})
        return _luma(kit.draw(scene, {"wall": kit.wall(0.6, material=WHITE)}).color[64, 96])

    plain = luma()
    assert luma(exposure_ev=1.0) > plain + 15
    assert luma(sun_strength=0.0) < plain - 30
    assert luma(sun_azimuth_deg=0) < plain - 30  # from behind
    assert luma(sun_elevation_deg=-10) < plain - 30  # set
    assert luma(sun_strength=0.0, sky_strength=0.0) < 30


def _shadow_profile(kit, softness, height):
    """Brightness along a line on the ground, across the shadow's far edge of a board."""
    board = kit.part([[-3, -0.5, 0], [3, -0.5, 0], [3, 0.5, 0], [-3, 0.5, 0]],
                     [[0, 1, 2], [0, 2, 3]], material=Material(double_sided=True))  # fmt: skip
    scene = kit.scene(
        [{"prop": "board", "at": [0, 0, height]}],
        size=(128, 192),
        camera={"at": [0, -0.4, 8], "look_at": [0, 0.9, 0], "lens_mm": 120},
        light={"sun_azimuth_deg": 180, "sun_elevation_deg": 60, "sun_softness_deg": softness},
        ground={"color": "#a0a0a0", "roughness": 1.0},
    )
    drawn, eye = kit.draw(scene, {"board": board}), kit.eye(scene)
    column = 64
    depth = -eye.place[2] / eye.rays[:, column, 2]
    along = eye.place[1] + depth * eye.rays[:, column, 1]
    ground = drawn.mask[:, column] == 0
    return along[ground], _luma(drawn.color[:, column])[ground]


@pytest.mark.parametrize("height", [0.4, 1.2])
def test_shadows_lie_where_the_sun_throws_them(kit, height):
    along, luma = _shadow_profile(kit, 0.5, height)
    shift = height / np.tan(np.radians(60))
    inside = (along > 0.2 + shift) & (along < 0.4 + shift)
    outside = (along > 0.6 + shift) & (along < 0.8 + shift)
    assert luma[inside].mean() < 0.75 * luma[outside].mean()
    middle = (luma[inside].mean() + luma[outside].mean()) / 2
    edge = along[(along < 0.8 + shift) & (luma < middle)].max()
    assert edge == pytest.approx(0.5 + shift, abs=0.02)


def test_shadows_grow_softer_away_from_what_throws_them(kit):
    widths = []
    for softness, height in ((0.5, 0.4), (8.0, 0.4), (8.0, 1.2)):
        along, luma = _shadow_profile(kit, softness, height)
        shift = height / np.tan(np.radians(60))
        window = (along > shift + 0.1) & (along < shift + 0.9)
        low, high = luma[window].min(), luma[window].max()
        share = (luma[window] - low) / (high - low)
        at = along[window]
        widths.append(at[share > 0.85].min() - at[share < 0.15].max())
    hard, near, far = widths
    assert hard < 0.04 < near
    assert far > 2 * near
    # The sun's disc of 8 degrees, 1.2 m up at 60 degrees: 0.22 m from edge to edge.
    assert 0.09 < far < 0.25


def test_a_lit_sphere_does_not_shade_itself(kit):
    scene = kit.scene(
        [{"prop": "ball", "at": [0, 0, 1]}],
        light={"sun_azimuth_deg": 180, "sun_elevation_deg": 12},
        camera={"at": [0, -4, 1.4], "look_at": [0, 0, 1], "lens_mm": 50},
        ground={"show": False},
    )
    drawn = kit.draw(scene, {"ball": kit.sphere(20, 0.9, WHITE)})
    luma = np.where(drawn.mask == 1, _luma(drawn.color), np.nan)
    inner = luma[40:88, 70:122]
    assert np.nanmin(inner) > 120
    rough = np.abs(inner[1:-1, 1:-1] - (inner[:-2, 1:-1] + inner[2:, 1:-1]) / 2)
    assert np.nanmax(rough) < 3  # acne would be steps of tens


def test_things_darken_the_ground_that_they_stand_on(kit):
    light = {"sun_strength": 0.0}
    scene = kit.scene([{"prop": "box", "at": [0, 0, 0.5]}], light=light)
    with_box, bare = kit.draw(scene, {"box": kit.box()}), kit.draw(kit.scene(light=light), {})
    below = int(np.nonzero(with_box.mask[:, 96] == 1)[0].max())
    darker = _luma(bare.color[:, 96]) - _luma(with_box.color[:, 96])
    assert darker[below + 2 : below + 5].min() > 3
    assert darker[-5:].max() < 1.5


def _steps(frames):
    return np.stack([np.abs(np.diff(_luma(f.color), axis=0)).mean(1) for f in frames])


@pytest.mark.parametrize("pattern", ["checker", "grid", "noise"])
def test_ground_patterns_do_not_alias(kit, pattern):
    """The camera moves by a small part of a pixel's ground: nothing far away may jump."""
    scene = kit.scene(
        camera={"at": [0, -5, 1.5], "look_at": [0.2, 0, 1.2], "move": "truck-right",
                "distance": 0.05, "ease": "linear"},
        ground={"pattern": pattern, "color": "#ffffff", "color2": "#000000", "tile_m": 0.25},
        frames=4,
    )  # fmt: skip
    renderer = kit.renderer(scene, {})
    lumas = [_luma(renderer.render(frame).color) for frame in range(4)]
    ground = np.isfinite(renderer.render(0).depth)
    far = ground & (renderer.render(0).depth > 10)
    for now, then in pairwise(lumas):
        assert np.abs(then - now)[far].mean() < 2.5
        assert abs((then - now)[ground].mean()) < 0.2
    if pattern != "noise":  # whose largest patches are 10 m
        # At 18 m a tile is 2.6 pixels wide and 0.2 high: little contrast may be left.
        rows = lumas[0][(renderer.render(0).depth > 18).any(1) & ground.all(1)]
        assert np.abs(np.diff(rows, axis=1)).max() < 12


def test_a_shadow_does_not_crawl_under_a_moving_camera(kit):
    board = kit.part([[-0.6, -0.5, 0], [0.6, -0.5, 0], [0.6, 0.5, 0], [-0.6, 0.5, 0]],
                     [[0, 1, 2], [0, 2, 3]], material=Material(double_sided=True))  # fmt: skip
    scene = kit.scene(
        [{"prop": "board", "at": [0, 0, 1.2], "turn_deg": [0, 0, 20]}],
        camera={"at": [0, -5, 3], "look_at": [0, 0, 0], "move": "truck-right", "distance": 0.4,
                "ease": "linear"},
        ground={"color": "#c0c0c0", "roughness": 1.0},
    )  # fmt: skip
    renderer = kit.renderer(scene, {"board": board})
    eyes = [kit.eye(scene, frame) for frame in (2, 3, 4)]
    edges = []
    for frame, eye in zip((2, 3, 4), eyes, strict=True):
        drawn = renderer.render(frame)
        depth = -eye.place[2] / eye.rays[..., 2]
        world = eye.place + depth[..., None] * eye.rays
        dark = (drawn.mask == 0) & (_luma(drawn.color) < 170)
        edges.append(world[dark][:, :2].mean(0))
        assert dark.sum() > 100
    # The shadow's middle stays in the world to a fraction of a pixel (2.5 cm here).
    assert np.abs(np.diff(edges, axis=0)).max() < 0.006


def test_water_moves_and_mirrors(kit):
    red = Material(base_color=(0.9, 0.02, 0.02, 1), roughness=1.0)
    place = [{"prop": "box", "at": [0, 2, 1.0]}]
    scene = kit.scene(
        place,
        ground={"pattern": "water", "color": "#204050"},
        camera={"at": [0, -5, 1.2], "look_at": [0, 2, 0.6]},
        light={"sun_azimuth_deg": 180},
    )
    renderer = kit.renderer(scene, {"box": kit.box(1.0, red)})
    one, two = renderer.render(0), renderer.render(8)
    water = one.mask == 0
    assert one.depth.tobytes() == two.depth.tobytes()
    assert np.abs(one.color.astype(int) - two.color)[water].mean() > 0.3
    below = int(np.nonzero(one.mask[:, 96] == 1)[0].max()) + 6
    mirrored, beside = one.color[below, 90:102].mean(0), one.color[below, 4:16].mean(0)
    assert mirrored[0] - mirrored[2] > beside[0] - beside[2] + 20


def test_the_sky_has_the_colours_of_the_storyboard(kit):
    light = {"sky_top": "#3060a0", "sky_horizon": "#d0b0a0", "sun_strength": 0.0}
    camera = {"at": [0, 0, 1], "look_at": [0, 10, 1.4], "lens_mm": 20}
    low = kit.draw(kit.scene(light=light, camera=camera), {})
    sky = np.isinf(low.depth)
    edge = int(np.nonzero(sky.all(1))[0].max()) - 1
    assert np.abs(low.color[edge].mean(0) - [0xD0, 0xB0, 0xA0]).max() < 8
    up = kit.draw(kit.scene(light=light, camera={"at": [0, 0, 1], "look_at": [0, 0.4, 9]}), {})
    assert np.abs(np.median(up.color[40:80, 60:130], axis=(0, 1)) - [0x30, 0x60, 0xA0]).max() < 25


def test_haze_hides_what_is_far(kit):
    camera = {"at": [0, -5, 1], "look_at": [0, 0, 1]}
    place = [{"prop": "near", "at": [-0.7, -2, 1]}, {"prop": "far", "at": [6, 40, 4]}]
    dark = Material(base_color=(0.02, 0.02, 0.02, 1), roughness=1.0)
    parts = {"near": kit.box(0.4, dark), "far": kit.box(4.0, dark)}
    clear = kit.draw(kit.scene(place, camera=camera), parts)
    hazy = kit.draw(kit.scene(place, camera=camera, light={"haze_m": 30}), parts)
    change = _luma(hazy.color) - _luma(clear.color)
    far, near = np.median(change[clear.mask == 2]), np.median(change[clear.mask == 1])
    assert far > 2 * near > 40


def test_emissive_shines_in_the_dark(kit):
    lamp = Material(base_color=(0, 0, 0, 1), emissive=(3.0, 2.0, 0.5))
    light = {"sun_strength": 0.0, "sky_strength": 0.0}
    scene = kit.scene([{"prop": "ball", "at": [0, 0, 1]}], light=light)
    color = kit.draw(scene, {"ball": kit.sphere(12, 0.4, lamp)}).color
    assert color[64, 96].min() > 120
    assert color[120, 10].max() < 20


def test_textures_are_read_where_they_lie(kit):
    texture = np.zeros((2, 2, 4), np.uint8)
    texture[..., 3] = 255
    texture[0, 0, :3], texture[0, 1, :3] = (255, 0, 0), (0, 255, 0)
    texture[1, 0, :3], texture[1, 1, :3] = (0, 0, 255), (255, 255, 255)
    big = np.kron(texture, np.ones((16, 16, 1), np.uint8))
    scene = kit.scene([{"prop": "wall", "at": [0, 0, 1]}])
    shown = Material(base_color=(1, 1, 1, 1), base_texture=big, unlit=True)
    color = kit.draw(scene, {"wall": kit.wall(0.6, material=shown)}).color.astype(int)
    corners = [color[64 + y, 96 + x] for y in (-10, 10) for x in (-10, 10)]
    for found, wanted in zip(
        corners, ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)), strict=True
    ):
        assert np.abs(found - wanted).max() <= 2
