"""What is projected through the stated camera lands on the mask."""

from __future__ import annotations

import numpy as np
import pytest

from reelwright.assets.geometry import Geometry, Material
from reelwright.stage import project_points
from reelwright.storyboard import parse_film, resolve_scenes

CAMERA = {
    "at": [3, -6, 2.5],
    "look_at": [0.2, 0, 0.6],
    "lens_mm": 40,
    "roll_deg": 11,
    "move": "orbit-left",
    "shake": 0.6,
}


def _in_world(scene, name, frame, points):
    matrix = scene.prop_pose(name, frame)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.mark.parametrize("frame", [0, 5, 8])
def test_vertices_land_on_their_prop(kit, frame):
    keys = [{"t_s": 0, "at": [0, 0, 1]}, {"t_s": 0.3, "at": [0.6, 0.2, 1.2], "scale": [1, 2, 1]}]
    place = [{"prop": "ball", "keys": keys}, {"prop": "box", "at": [-1.5, 1, 0.7]}]
    scene = kit.scene(place, camera=CAMERA)
    ball = kit.sphere(24, 0.6)
    drawn = kit.draw(scene, {"ball": ball, "box": kit.box()}, frame)
    points = _in_world(scene, "ball", frame, ball.vertices.astype(float))
    pose = scene.camera_pose(frame).world_from_camera
    pixels, depth = project_points(points, scene.intrinsics(frame), pose)
    # Those that look at the camera: the others hide behind the outline or lie upon it.
    turn = scene.prop_pose("ball", frame)[:3, :3]
    normals = ball.normals @ np.linalg.inv(turn)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    toward = points - pose[:3, 3]
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    column, row = np.floor(pixels).astype(int).T
    height, width = drawn.mask.shape
    shown = (normals * toward).sum(1) < -0.35
    shown &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row, depth = column[shown], row[shown], depth[shown]
    assert shown.sum() > 120
    hidden = drawn.depth[row, column] < 0.99 * depth  # by the box
    assert (drawn.mask[row, column] == 1)[~hidden].all()
    # The vertex and the pixel's centre are up to 0.7 pixels apart.
    assert np.abs(drawn.depth[row, column] / depth - 1)[~hidden].max() < 0.01


def test_the_mask_covers_what_a_box_covers(kit):
    scene = kit.scene([{"prop": "box", "at": [0, 0, 1]}], ground={"show": False})
    drawn = kit.draw(scene, {"box": kit.box(0.5)})
    corners = np.array([[x, -0.5, z] for x in (-0.5, 0.5) for z in (0.5, 1.5)])
    pixels, _ = project_points(corners, scene.intrinsics(0), scene.camera_pose(0).world_from_camera)
    left, top = np.ceil(pixels.min(0) - 0.5).astype(int)
    right, bottom = np.ceil(pixels.max(0) - 0.5).astype(int)
    expected = np.zeros_like(drawn.mask)
    expected[top:bottom, left:right] = 1
    assert (drawn.mask == expected).all()


def test_points_behind_the_camera_have_no_pixel():
    pixels, depth = project_points(np.array([[0, 0, -1.0], [0, 0, 2.0]]), np.eye(3), np.eye(4))
    assert np.isnan(pixels[0]).all()
    assert depth.tolist() == [-1.0, 2.0]
    assert pixels[1].tolist() == [0.0, 0.0]


def test_mask_values_follow_the_storyboard(kit):
    place = [
        {"prop": "box", "name": "left", "at": [-1, 0, 0.5]},
        {"prop": "ball", "at": [0, 0, 0.5]},
        {"prop": "box", "name": "right", "at": [1, 0, 0.5]},
    ]
    scene = kit.scene(place)
    drawn = kit.draw(scene, {"box": kit.box(0.3), "ball": kit.sphere(16, 0.3)})
    order = [int(drawn.mask[:, column].max()) for column in (65, 96, 128)]
    assert order == [scene.placed(name).index for name in ("left", "ball", "right")]


def test_what_a_texture_cuts_away_is_not_there(kit):
    texture = kit.checks(64, 2)
    texture[..., 3] = np.where(texture[..., 0] > 100, 255, 0)
    cut = Material(base_texture=texture, alpha_mode="MASK")
    scene = kit.scene([{"prop": "wall", "at": [0, 0, 1]}], ground={"show": False})
    drawn = kit.draw(scene, {"wall": kit.wall(0.8, material=cut)})
    rows, columns = 64, 96
    quarters = [drawn.mask[rows + y, columns + x] for y in (-15, 15) for x in (-15, 15)]
    assert quarters == [0, 1, 1, 0]
    assert np.isinf(drawn.depth[drawn.mask == 0]).all()


@pytest.mark.parametrize(("opacity", "seen"), [(0.8, 1), (0.3, 2)])
def test_glass_has_depth_and_mask_from_half_opaque_on(kit, opacity, seen):
    glass = Material(base_color=(0.2, 0.6, 0.9, opacity), alpha_mode="BLEND")
    place = [{"prop": "pane", "at": [0, -1, 1]}, {"prop": "ball", "at": [0, 0, 1]}]
    scene = kit.scene(place, ground={"show": False})
    parts = {"pane": kit.wall(0.5, material=glass), "ball": kit.sphere(16, 0.8)}
    drawn = kit.draw(scene, parts)
    assert drawn.mask[64, 96] == seen
    assert drawn.depth[64, 96] == pytest.approx(4.0 if seen == 1 else 4.2, abs=0.01)
    without = kit.draw(kit.scene(place[1:], ground={"show": False}), {"ball": parts["ball"]})
    change = drawn.color[64, 96].astype(int) - without.color[64, 96]
    assert change[2] - change[0] > 5  # bluer, whether or not it counts as there


def test_panes_behind_one_another_blend_in_order(kit):
    red = Material(base_color=(0.9, 0.05, 0.05, 0.5), alpha_mode="BLEND")
    blue = Material(base_color=(0.05, 0.05, 0.9, 0.5), alpha_mode="BLEND")
    place = [{"prop": "red", "at": [0, -1, 1]}, {"prop": "blue", "at": [0, -0.5, 1]}]
    swapped = [{"prop": "red", "at": [0, -0.5, 1]}, {"prop": "blue", "at": [0, -1, 1]}]
    parts = {"red": kit.wall(0.5, material=red), "blue": kit.wall(0.5, material=blue)}
    one = kit.draw(kit.scene(place), parts).color[64, 96].astype(int)
    two = kit.draw(kit.scene(swapped), parts).color[64, 96].astype(int)
    assert one[0] > two[0] + 15
    assert two[2] > one[2] + 15


def test_a_rug_on_the_floor_is_drawn_before_it(kit):
    rug = kit.part([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    drawn = kit.draw(kit.scene([{"prop": "rug"}]), {"rug": rug})
    eye = kit.eye(kit.scene([{"prop": "rug"}]))
    depth = -eye.place[2] / eye.rays[..., 2]
    x, y = (eye.place[k] + depth * eye.rays[..., k] for k in (0, 1))
    inside = (depth > 0) & (np.abs(x) < 0.98) & (np.abs(y) < 0.98)
    assert inside.sum() > 300
    assert (drawn.mask[inside] == 1).all()


def test_a_built_prop_is_staged(kit, tmp_path):
    from reelwright.assets import build_mesh, load_geometry

    text = """
        [film]
        size = [192, 128]
        [props.ball]
        shape = "sphere"
        color = "red"
        [[shots]]
        id = "a"
        seconds = 1
        prompt = "a ball"
        [shots.camera]
        at = [0, -4, 0.5]
        look_at = [0, 0, 0.5]
        [[shots.place]]
        prop = "ball"
    """
    film = parse_film(text, tmp_path, "film.toml")
    scene = resolve_scenes(film)["a"]
    assert scene is not None
    geometry = load_geometry(build_mesh(film.props["ball"], tmp_path, tmp_path / "ball"))
    assert isinstance(geometry, Geometry)
    drawn = kit.draw(scene, {"ball": geometry})
    red, green, blue = drawn.color[64, 96].astype(int)
    assert drawn.mask[64, 96] == 1
    assert red > 100 > max(green, blue)
    assert drawn.depth[64, 96] == pytest.approx(3.5, abs=0.01)
