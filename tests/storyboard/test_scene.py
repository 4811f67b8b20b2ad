"""The mathematics of cameras and props, on scenes made by hand and by the resolver."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import InputError
from reelwright.storyboard import Film, Prop, Scene, Shot, resolve_scenes
from reelwright.storyboard.rotation import (
    roll_from_rotation,
    rotation_from_euler,
    rotation_from_view,
)
from reelwright.storyboard.shake import sway

VIEW = {"at": [0, -8, 1], "look_at": [0, 0, 1]}


def scene(seconds: float = 2, **camera: Any) -> Scene:
    view = {} if "keys" in camera else VIEW
    place = [{"prop": "boat", "at": [0, 0, 0]}]
    shot = Shot(id="a", seconds=seconds, camera={**view, **camera}, place=place)
    made = resolve_scenes(Film(props={"boat": Prop(shape="box")}, shots=[shot]))["a"]
    assert made is not None
    return made


def project(made: Scene, point: Any, frame: int) -> Any:
    """Pixel of a world point; the third value is its depth."""
    camera = np.linalg.inv(made.camera_pose(frame).world_from_camera) @ [*point, 1]
    pixel = made.intrinsics(frame) @ camera[:3]
    return np.array([*(pixel[:2] / pixel[2]), pixel[2]])


def axes(made: Scene, frame: int) -> tuple[Any, Any, Any, Any]:
    """Right, down, forward, place."""
    matrix = made.camera_pose(frame).world_from_camera
    return matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3]


def test_a_point_is_where_the_lens_says() -> None:
    made = scene(lens_mm=36, sensor="full-frame")
    assert made.size.generated == (1280, 768)
    assert project(made, (0, 0, 1), 0) == pytest.approx([640, 384, 8])
    # 1 m to the right and up at 8 m through a 36 mm lens on 36 mm: 1280 / 8 = 160 pixels.
    assert project(made, (1, 0, 2), 0) == pytest.approx([800, 224, 8])
    assert scene(lens_mm=36, sensor="super-16").intrinsics(0)[0, 0] == pytest.approx(
        1280 * 36 / 12.52
    )


def test_padding_frames_the_generated_picture() -> None:
    film = Film(
        size=(720, 1280), fit="pad", shots=[Shot(id="a", seconds=1, camera={"lens_mm": 36})]
    )
    made = resolve_scenes(film)["a"]
    assert made is not None
    assert made.intrinsics(0) == pytest.approx(
        np.array([[1280, 0, 384], [0, 1280, 640], [0, 0, 1]])
    )


MOVES: list[tuple[dict[str, Any], list[float], list[float]]] = [
    # camera, where it is at the end, the way it looks at the end
    ({"move": "static"}, [0, -8, 1], [0, 1, 0]),
    ({"move": "dolly-in", "distance": 3}, [0, -5, 1], [0, 1, 0]),
    ({"move": "dolly-in", "distance": 10}, [0, 2, 1], [0, 1, 0]),
    ({"move": "dolly-out", "distance": 3}, [0, -11, 1], [0, 1, 0]),
    ({"move": "dolly-in"}, [0, -6, 1], [0, 1, 0]),
    ({"move": "truck-left", "distance": 3}, [-3, -8, 1], [0, 1, 0]),
    ({"move": "truck-right", "distance": 3}, [3, -8, 1], [0, 1, 0]),
    ({"move": "pan-left", "angle_deg": 90}, [0, -8, 1], [-1, 0, 0]),
    ({"move": "pan-right", "angle_deg": 90}, [0, -8, 1], [1, 0, 0]),
    ({"move": "pan-right", "angle_deg": 450}, [0, -8, 1], [1, 0, 0]),
    ({"move": "tilt-up", "angle_deg": 90}, [0, -8, 1], [0, 0, 1]),
    ({"move": "tilt-down", "angle_deg": 90}, [0, -8, 1], [0, 0, -1]),
    ({"move": "orbit-left", "angle_deg": 90}, [-8, 0, 1], [1, 0, 0]),
    ({"move": "orbit-right", "angle_deg": 90}, [8, 0, 1], [-1, 0, 0]),
    ({"move": "crane-up", "distance": 8}, [0, -8, 9], [0, 0.5**0.5, -(0.5**0.5)]),
    ({"move": "crane-down", "distance": 8}, [0, -8, -7], [0, 0.5**0.5, 0.5**0.5]),
]


@pytest.mark.parametrize(("camera", "place", "ahead"), MOVES)
def test_each_move_goes_where_it_says(
    camera: dict[str, Any], place: list[float], ahead: list[float]
) -> None:
    made = scene(**camera)
    assert axes(made, 0)[3] == pytest.approx([0, -8, 1])
    right, _, forward, at = axes(made, 48)
    assert at == pytest.approx(place, abs=1e-9)
    assert forward == pytest.approx(ahead, abs=1e-9)
    assert right[2] == pytest.approx(0, abs=1e-9), "the horizon stays level"
    assert axes(made, 500)[3] == pytest.approx(place, abs=1e-9), "and it rests there"


@pytest.mark.parametrize("move", ["pan-left", "tilt-up", "orbit-right"])
def test_default_angles_are_those_that_the_schema_tells(move: str) -> None:
    made = scene(move=move)
    told = {"pan": 20, "tilt": 10, "orbit": 30}[move.partition("-")[0]]
    turned = np.degrees(np.arccos(np.clip(axes(made, 0)[2] @ axes(made, 48)[2], -1, 1)))
    assert turned == pytest.approx(told)


def test_a_move_takes_its_time_by_the_delivered_seconds() -> None:
    made = scene(move="truck-right", distance=4, ease="linear", seconds=2)
    assert axes(made, 24)[3][0] == pytest.approx(2)
    assert axes(made, 47)[3][0] == pytest.approx(4 * 47 / 48)
    eased = scene(move="truck-right", distance=4, seconds=2)
    assert axes(eased, 12)[3][0] == pytest.approx(4 * 0.15625)


def test_roll_leans_the_camera_to_its_right() -> None:
    right, down, forward, _ = axes(scene(roll_deg=90), 0)
    assert right == pytest.approx([0, 0, -1], abs=1e-12)
    assert down == pytest.approx([-1, 0, 0], abs=1e-12)
    assert forward == pytest.approx([0, 1, 0], abs=1e-12)


@pytest.mark.parametrize("up", [1.0, -1.0])
def test_straight_up_and_down_have_a_frame(up: float) -> None:
    made = scene(at=[0, 0, 1 - up * 5], look_at=[0, 0, 1])
    right, _, forward, _ = axes(made, 0)
    assert forward == pytest.approx([0, 0, up])
    assert right == pytest.approx([1, 0, 0])


@settings(deadline=None, max_examples=200, database=None)
@given(
    st.tuples(*[st.floats(-10, 10)] * 3).filter(lambda v: sum(x * x for x in v) > 1e-3),
    st.floats(-179, 179),
)
def test_a_view_is_a_rotation_and_its_roll_reads_back(
    forward: tuple[float, float, float], roll_deg: float
) -> None:
    turn = rotation_from_view(np.array(forward), roll_deg)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn[:, 2] == pytest.approx(np.array(forward) / np.linalg.norm(forward))
    # The angle wraps, so compare the turns.
    again = rotation_from_view(turn[:, 2], roll_from_rotation(turn))
    assert again == pytest.approx(turn, abs=1e-6)


def test_turns_are_about_world_x_then_y_then_z() -> None:
    turn = rotation_from_euler((90, 0, 90))
    assert turn @ [0, 1, 0] == pytest.approx([0, 0, 1])
    assert turn @ [0, 0, 1] == pytest.approx([1, 0, 0])
    assert turn @ [1, 0, 0] == pytest.approx([0, 1, 0])


def test_a_tilt_through_the_zenith_does_not_flip() -> None:
    made = scene(move="tilt-up", angle_deg=120, ease="linear", seconds=2)
    turns = [made.camera_pose(frame).world_from_camera[:3, :3] for frame in range(49)]
    steps = [np.abs(b - a).max() for a, b in pairwise(turns)]
    assert max(steps) < 0.06


def test_handheld_shakes_a_little_smoothly_and_the_same_each_time() -> None:
    made, again = scene(move="handheld", seconds=4), scene(move="handheld", seconds=4)
    places = np.array([axes(made, frame)[3] for frame in range(96)])
    aims = np.array([axes(made, frame)[2] for frame in range(96)])
    away = np.abs(places - [0, -8, 1]).max()
    assert 0.005 < away < 0.1
    assert np.degrees(np.arccos(np.clip(aims @ [0, 1, 0], -1, 1))).max() < 3
    assert np.abs(np.diff(places, n=2, axis=0)).max() < 0.005
    assert np.array_equal(places, [axes(again, frame)[3] for frame in range(96)])
    assert made.uses_seed
    assert not scene().uses_seed
    assert scene().seed == 0


def test_sway_is_unit_noise_and_differs_by_seed_and_axis() -> None:
    values = np.array([sway(5, t / 10) for t in range(20_000)])
    assert np.sqrt((values**2).mean(axis=0)) == pytest.approx(np.ones(6), abs=0.05)
    assert np.abs(np.corrcoef(values.T) - np.eye(6)).max() < 0.1
    assert sway(5, 1.0) != sway(6, 1.0)
    # Pinned: another value means that every handheld film of every person changes.
    assert sway(7, 0.5)[0] == pytest.approx(PINNED_SWAY, abs=1e-12)


PINNED_SWAY = -1.4658027318655582


def test_shake_joins_a_move() -> None:
    still, shaken = scene(move="dolly-in", distance=3), scene(move="dolly-in", distance=3, shake=1)
    gaps = [np.abs(axes(still, f)[3] - axes(shaken, f)[3]).max() for f in range(24, 48)]
    assert 0 < max(gaps) < 0.2


def test_a_camera_that_follows_keeps_its_offset_and_looks() -> None:
    keys = [{"t_s": 0, "at": [0, 0, 0.5], "ease": "linear"}, {"t_s": 2, "at": [6, 0, 0.5]}]
    shot = Shot(
        id="a",
        seconds=2,
        camera={"follow": "boat", "at": [0, -5, 2]},
        place=[{"prop": "boat", "keys": keys}],
    )
    made = resolve_scenes(Film(props={"boat": Prop(shape="box")}, shots=[shot]))["a"]
    assert made is not None
    for frame in (0, 10, 48):
        boat = made.prop_pose("boat", frame)[:3, 3]
        _, _, forward, at = axes(made, frame)
        assert at - boat == pytest.approx([0, -5, 1.5])
        assert np.cross(forward, boat - at) == pytest.approx(np.zeros(3), abs=1e-9)
    assert made.prop_pose("boat", 24)[0, 3] == pytest.approx(3)


def test_a_path_goes_through_its_keys_with_its_lens() -> None:
    keys = [
        {"t_s": 0, "at": [0, -8, 1], "look_at": [0, 0, 1], "lens_mm": 24},
        {"t_s": 1, "at": [4, -6, 2]},
        {"t_s": 2, "at": [8, -8, 1], "look_at": [8, 0, 1], "lens_mm": 48, "roll_deg": 10},
    ]
    made = scene(keys=keys)
    assert axes(made, 24)[3] == pytest.approx([4, -6, 2])
    assert made.camera_pose(24).lens_mm == pytest.approx(36)
    assert made.intrinsics(48)[0, 0] == pytest.approx(1280 * 48 / 36)
    assert axes(made, 48)[0][2] < -0.1


def test_a_prop_is_scaled_then_turned_then_placed() -> None:
    place = [{"prop": "boat", "at": [1, 2, 3], "turn_deg": [0, 0, 90], "scale": [2, 1, 1]}]
    shot = Shot(id="a", seconds=1, place=place)
    made = resolve_scenes(Film(props={"boat": Prop(shape="box")}, shots=[shot]))["a"]
    assert made is not None
    assert made.prop_pose("boat", 5) @ [1, 0, 0, 1] == pytest.approx([1, 4, 3, 1])
    with pytest.raises(InputError, match="Placed here: boat"):
        made.prop_pose("bot", 0)


def test_json_is_complete_canonical_and_reads_back() -> None:
    made = scene(move="handheld")
    text = json.dumps(made.to_json(), allow_nan=False)
    again = Scene.from_json(json.loads(text))
    assert again == made
    assert json.dumps(again.to_json()) == text
    assert np.array_equal(
        again.camera_pose(7).world_from_camera, made.camera_pose(7).world_from_camera
    )
    assert again.frame_rate == Fraction(24)


@pytest.mark.parametrize("broken", [{}, {"shot": 1}, {**scene().to_json(), "frames": 3}, [], None])
def test_what_is_no_scene_is_refused(broken: Any) -> None:
    with pytest.raises(InputError, match="Stage the shot again"):
        Scene.from_json(broken)
