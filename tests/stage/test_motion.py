"""A frame moved by the staged motion is the next frame."""

from __future__ import annotations

import numpy as np
import pytest

from reelwright.assets.geometry import Geometry, Material
from reelwright.assets.rig import Animation, Channel, still_rig
from reelwright.stage import project_points


def _sampled(picture, x, y):
    height, width = picture.shape[:2]
    x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
    i, j = x.astype(int), y.astype(int)
    a, b = (x - i)[..., None], (y - j)[..., None]
    rows = [picture[j + k, i] * (1 - a) + picture[j + k, i + 1] * a for k in (0, 1)]
    return rows[0] * (1 - b) + rows[1] * b


def _flat(mask):
    """Pixels whose 5x5 neighbours are of the same prop."""
    same = np.ones(mask.shape, bool)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            same &= np.roll(mask, (dy, dx), (0, 1)) == mask
    return same


def _warped(now, then):
    """What `then` shows where the motion leads, and the pixels that can be compared."""
    height, width = now.mask.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = x + now.motion[..., 0], y + now.motion[..., 1]
    inside = (x > 2) & (x < width - 2) & (y > 2) & (y < height - 2)
    column, row = (np.clip(a.astype(int), 0, n - 1) for a, n in ((x, width), (y, height)))
    kept = inside & (then.mask[row, column] == now.mask) & _flat(now.mask)
    kept &= _flat(then.mask)[row, column]
    return _sampled(then.color.astype(float), x, y), kept


def _psnr(error):
    return 10 * np.log10(255**2 / np.mean(np.square(error)))


def test_a_warped_frame_is_the_next_one(kit):
    textured = Material(base_texture=kit.checks(128, 8), roughness=0.9)
    keys = [{"t_s": 0, "at": [-0.3, 0, 1]}, {"t_s": 0.5, "at": [0.8, -1, 1.4]}]
    scene = kit.scene(
        [{"prop": "wall", "keys": keys}, {"prop": "ball", "at": [1.2, 2, 0.7]}],
        size=(384, 256),
        frames=12,
        camera={"at": [0, -5, 1.5], "look_at": [0, 0, 0.9], "move": "orbit-right"},
        ground={"pattern": "noise", "tile_m": 0.7, "color": "#b0a070", "color2": "#405030"},
    )
    renderer = kit.renderer(scene, {"wall": kit.wall(0.7, material=textured),
                                    "ball": kit.sphere(24, 0.7)})  # fmt: skip
    now, then = renderer.render(4), renderer.render(5)
    picture, kept = _warped(now, then)
    error = picture - now.color
    assert kept.mean() > 0.75
    assert np.abs(now.motion[kept]).mean() > 2
    # Measured: ground 37.5 (the wall's moving shadow is on it), wall 32.3, ball 56 dB; without the
    # motion 26.8, 10.5 and 22.7 dB.
    for value, least in ((0, 35), (1, 30), (2, 45)):
        chosen = kept & (now.mask == value)
        assert chosen.sum() > 1000
        assert _psnr(error[chosen]) > least
    unmoved = then.color[kept].astype(float) - now.color[kept]
    assert _psnr(error[kept]) > _psnr(unmoved) + 10


def test_the_motion_is_that_of_the_point(kit):
    keys = [
        {"t_s": 0, "at": [0, 0, 1], "turn_deg": [0, 0, 0]},
        {"t_s": 0.3, "at": [0.5, 1, 1.2], "turn_deg": [20, 10, 90], "scale": [1.5, 1.5, 1.5]},
    ]
    scene = kit.scene(
        [{"prop": "box", "keys": keys}],
        camera={"at": [2, -4, 2], "look_at": [0, 0, 1], "move": "dolly-in", "shake": 0.5},
        ground={"show": False},
    )
    now, eye = kit.draw(scene, {"box": kit.box()}, 3), kit.eye(scene, 3)
    row, column = np.nonzero(now.mask == 1)
    world = eye.place + now.depth[row, column, None] * eye.rays[row, column]
    here, there = (scene.prop_pose("box", frame) for frame in (3, 4))
    local = (world - here[:3, 3]) @ np.linalg.inv(here[:3, :3]).T
    moved = local @ there[:3, :3].T + there[:3, 3]
    pixels, _ = project_points(moved, scene.intrinsics(4), scene.camera_pose(4).world_from_camera)
    expected = pixels - np.stack([column + 0.5, row + 0.5], 1)
    assert np.abs(expected).max() > 1
    assert np.abs(now.motion[row, column] - expected).max() < 2e-3


def test_ground_and_sky_move_with_the_camera(kit):
    scene = kit.scene(
        camera={"at": [0, -5, 1.5], "look_at": [0, 0, 1.4], "move": "pan-left", "shake": 1.0}
    )
    now, eye = kit.draw(scene, {}, 3), kit.eye(scene, 3)
    intrinsics, pose = scene.intrinsics(4), scene.camera_pose(4).world_from_camera
    height, width = now.mask.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ground = np.isfinite(now.depth)
    depth = np.where(ground, now.depth, 1.0).astype(float)
    # A ground point stays where it is; a direction has no parallax.
    world = eye.place + depth[..., None] * eye.rays
    world = np.where(ground[..., None], world, pose[:3, 3] + eye.rays)
    pixels, _ = project_points(world.reshape(-1, 3), intrinsics, pose)
    expected = pixels.reshape(height, width, 2) - np.stack([x, y], -1)
    near = ~ground | (now.depth < 500)
    assert 0.2 < ground.mean() < 0.8
    assert np.abs(expected).max() > 1
    assert np.abs(now.motion - expected)[near].max() < 2e-3
    assert now.motion[~ground][:, 0].min() > 0.2  # a pan to the left moves the sky to the right


def test_nothing_moves_in_a_still_shot(kit):
    scene = kit.scene([{"prop": "ball", "at": [0, 0, 1]}], frames=9)
    renderer = kit.renderer(scene, {"ball": kit.sphere(12, 0.5)})
    one, two = renderer.render(0), renderer.render(5)
    assert not one.motion.any()
    for field in ("color", "depth", "mask", "motion"):
        assert getattr(one, field).tobytes() == getattr(two, field).tobytes()


def test_the_last_frame_has_no_motion(kit):
    scene = kit.scene(frames=9)
    renderer = kit.renderer(scene, {})
    assert renderer.render(7).motion is not None
    assert renderer.render(8).motion is None


def _spinning(kit):
    """A box that turns about z: a quarter turn in half a second."""
    rig = still_rig(1)
    half = np.sqrt(0.5)
    turn = Channel(
        0,
        "rotation",
        "LINEAR",
        np.array([0.0, 0.5]),
        np.array([[0, 0, 0, 1.0], [0, 0, half, half]]),
    )
    fields = {name: getattr(rig, name) for name in rig.__slots__}
    fields["animations"] = (Animation("spin", 0.5, (turn,)),)
    return Geometry((kit.box(),), type(rig)(**fields), np.arange(1))


@pytest.mark.parametrize(("speed", "turned"), [(1.0, True), (0.0, False)])
def test_node_animation_moves_the_part(kit, speed, turned):
    place = [{"prop": "box", "at": [0, 0, 1], "animation_speed": speed}]
    scene = kit.scene(place, frames=17, ground={"show": False})
    renderer = kit.renderer(scene, {"box": _spinning(kit)})
    first, later = renderer.render(0), renderer.render(6)
    assert (first.depth.tobytes() != later.depth.tobytes()) == turned
    assert bool(first.motion.any()) == turned
    if turned:
        # Half way: a corner towards the camera, 0.2 m nearer than a face.
        assert later.depth[64, 96] == pytest.approx(5 - np.sqrt(0.5), abs=0.02)


def test_what_passes_behind_the_camera_has_a_finite_motion(kit):
    scene = kit.scene(
        [{"prop": "wall", "at": [0, -4.9, 1]}],
        frames=9,
        camera={"at": [0, -5, 1], "look_at": [0, 0, 1], "move": "dolly-in", "distance": 4},
    )
    renderer = kit.renderer(scene, {"wall": kit.wall(5)})
    for frame in range(3):
        assert np.isfinite(renderer.render(frame).motion).all()
