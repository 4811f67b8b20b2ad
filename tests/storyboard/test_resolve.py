"""What `continues` means, and what is in a recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reelwright.errors import InputError
from reelwright.storyboard import Film, Prop, Scene, Shot, parse_film, resolve_scenes, shot_seed

PROPS = {"boat": Prop(shape="box"), "gull": Prop(shape="cone")}
MOVING = {
    "prop": "boat",
    "animation": "rock",
    "keys": [
        {"t_s": 0, "at": [0, 0, 0], "ease": "linear"},
        {"t_s": 2, "at": [4, 0, 0], "turn_deg": [0, 0, 720]},
    ],
}
FIRST = {
    "id": "a",
    "seconds": 2,
    "camera": {"move": "orbit-left", "at": [0, -6, 2], "look_at": [0, 0, 1], "roll_deg": 7},
    "place": [MOVING, {"prop": "gull", "at": [0, 3, 2]}],
}


def scenes(*shots: dict[str, Any], **film: Any) -> dict[str, Scene | None]:
    made = Film(props=PROPS, shots=[Shot.model_validate(shot) for shot in shots], **film)
    return resolve_scenes(made)


def pair(second: dict[str, Any], **first: Any) -> tuple[Scene, Scene]:
    found = scenes({**FIRST, **first}, {"id": "b", "seconds": 2, "continues": "a", **second})
    assert found["a"] is not None
    assert found["b"] is not None
    return found["a"], found["b"]


def same_pose(a: Scene, frame_a: int, b: Scene, frame_b: int, tolerance: float = 1e-8) -> bool:
    one, two = a.camera_pose(frame_a), b.camera_pose(frame_b)
    return bool(np.abs(one.world_from_camera - two.world_from_camera).max() < tolerance)


def test_words_alone_have_no_scene() -> None:
    found = scenes({"id": "a", "seconds": 1}, {"id": "b", "seconds": 1, "continues": "a"})
    assert found == {"a": None, "b": None}


def test_a_camera_alone_is_a_scene() -> None:
    found = scenes({"id": "a", "seconds": 1, "camera": {}})["a"]
    assert found is not None
    assert found.camera_pose(0).world_from_camera[:3, 3] == pytest.approx([0, -8, 1.6])
    assert found.camera_pose(0).lens_mm == 35
    assert found.props == ()


def test_a_continuing_shot_begins_as_the_one_before_ended() -> None:
    a, b = pair({})
    assert a.frames.delivered == 48
    assert same_pose(a, 48, b, 0)
    assert same_pose(b, 0, b, 40)
    assert b.start_s == 2
    assert b.scene_time_s(24) == 3
    assert [(p.name, p.index) for p in b.props] == [("boat", 1), ("gull", 2)]
    for name in ("boat", "gull"):
        assert a.prop_pose(name, 48) == pytest.approx(b.prop_pose(name, 0), abs=1e-8)
        assert np.array_equal(b.prop_pose(name, 0), b.prop_pose(name, 40))
    assert b.placed("boat").animation == "rock"
    assert b.placed("boat").keys[0].turn_deg == (0, 0, 720)


def test_its_camera_moves_on_from_there() -> None:
    a, b = pair({"camera": {"move": "crane-up", "distance": 2}})
    assert same_pose(a, 48, b, 0)
    assert b.camera.keys[0].roll_deg == pytest.approx(7)
    lifted = b.camera_pose(48).world_from_camera[2, 3] - b.camera_pose(0).world_from_camera[2, 3]
    assert lifted == pytest.approx(2)


def test_what_a_camera_names_is_new_and_the_rest_goes_on() -> None:
    camera = {"at": [9, 9, 9], "lens_mm": 85}
    _, b = pair({"camera": camera}, camera={**FIRST["camera"], "sensor": "super-16"})
    assert b.camera.keys[0].at == (9, 9, 9)
    assert b.camera.keys[0].look_at == pytest.approx((0, 0, 1), abs=1e-8)
    assert b.camera.keys[0].lens_mm == 85
    assert b.camera.sensor_mm == 12.52


def test_keys_after_the_beginning_start_from_where_it_was() -> None:
    a, b = pair({"camera": {"keys": [{"t_s": 2, "at": [0, -20, 5]}]}})
    assert same_pose(a, 48, b, 0)
    assert b.camera_pose(48).world_from_camera[:3, 3] == pytest.approx([0, -20, 5])
    _, b = pair({"camera": {"keys": [{"t_s": 0, "at": [1, 1, 1]}, {"t_s": 2, "at": [0, -20, 5]}]}})
    assert b.camera_pose(0).world_from_camera[:3, 3] == pytest.approx([1, 1, 1])


def test_a_prop_placed_again_moves_on_from_where_it_stood() -> None:
    place = [
        {"prop": "boat", "keys": [{"t_s": 2, "at": [8, 0, 0]}]},
        {"prop": "gull", "name": "second", "at": [1, 1, 1]},
        {"prop": "gull", "name": "third"},
    ]
    a, b = pair({"place": place})
    assert [p.name for p in b.props] == ["boat", "gull", "second", "third"]
    assert [p.index for p in b.props] == [1, 2, 3, 4]
    assert a.prop_pose("boat", 48) == pytest.approx(b.prop_pose("boat", 0), abs=1e-8)
    assert b.prop_pose("boat", 48)[0, 3] == pytest.approx(8)
    assert b.placed("boat").animation == "rock"
    assert b.prop_pose("third", 0)[:3, 3] == pytest.approx([0, 0, 0])


def test_a_name_given_to_another_prop_starts_afresh() -> None:
    _, b = pair({"place": [{"prop": "gull", "name": "boat"}]})
    assert b.placed("boat").prop_name == "gull"
    assert b.prop_pose("boat", 0)[:3, 3] == pytest.approx([0, 0, 0])
    assert b.placed("boat").animation == "auto"


def test_light_and_ground_change_only_what_they_name() -> None:
    film = {"light": {"sun_color": "red", "haze_m": 50}, "ground": {"color": "green"}}
    found = scenes(
        {**FIRST, "light": {"sun_elevation_deg": 5}},
        {"id": "b", "seconds": 1, "continues": "a", "light": {"haze_m": 0}},
        {"id": "c", "seconds": 1, "camera": {}, "ground": {"show": False}},
        **film,
    )
    a, b, c = found["a"], found["b"], found["c"]
    assert a is not None
    assert b is not None
    assert c is not None
    assert (a.light.sun_color, a.light.haze_m, a.light.sun_elevation_deg) == ("#ff0000", 50, 5)
    assert (b.light.sun_color, b.light.haze_m, b.light.sun_elevation_deg) == ("#ff0000", None, 5)
    assert (c.light.sun_elevation_deg, c.ground.show, c.ground.color) == (40, False, "#008000")


@pytest.mark.parametrize("second", [{}, {"camera": {}}, {"camera": {"shake": 1}}])
@pytest.mark.parametrize("take", [1, 2])
def test_a_shaken_camera_joins_without_a_jump(second: dict[str, Any], take: int) -> None:
    first = {**FIRST["camera"], "shake": 0.6}
    a, b = pair(second, camera=first, takes=2, take=take)
    a = replace(a, seed=shot_seed(0, "a", take))
    assert same_pose(a, 48, b, 0)
    assert not same_pose(a, 24, replace(a, seed=1), 24)
    other_take = replace(b, seed=shot_seed(0, "b", 2))
    assert same_pose(a, 48, other_take, 0)
    assert b.uses_seed is (second != {"camera": {}})


def test_a_long_chain_stays_in_place() -> None:
    links = [{"id": f"s{i}", "seconds": 1, "continues": f"s{i - 1}"} for i in range(1, 40)]
    found = scenes({**FIRST, "id": "s0"}, *links)
    first, last = found["s0"], found["s39"]
    assert first is not None
    assert last is not None
    assert same_pose(first, 48, last, 0, 1e-6)
    assert last.start_s == 2 + 38


def recipe(film: Film, shot: str = "a") -> Any:
    made = resolve_scenes(film)[shot]
    assert made is not None
    return made.recipe()


def test_only_what_is_seen_is_in_the_recipe() -> None:
    film = Film(props=PROPS, shots=[Shot.model_validate(FIRST)])
    base = recipe(film)
    words = {"prompt": "x", "sound": "y", "dialogue": "z", "takes": 3, "seed": 5}
    same = Film(
        props=PROPS, title="t", style="s", seed=9, shots=[Shot.model_validate({**FIRST, **words})]
    )
    assert recipe(same) == base
    renamed = Film(props=PROPS, shots=[Shot.model_validate({**FIRST, "id": "z"})])
    assert recipe(renamed, "z") == base
    for change in (
        {"seconds": 3},
        {"camera": {**FIRST["camera"], "lens_mm": 36}},
        {"camera": {**FIRST["camera"], "shake": 0.1}},
        {"place": FIRST["place"][:1]},
        {"light": {"exposure_ev": 1}},
        {"ground": {"show": False}},
    ):
        changed = Film(props=PROPS, shots=[Shot.model_validate({**FIRST, **change})])
        assert recipe(changed) != base
    assert recipe(Film(props=PROPS, fps=25, shots=film.shots)) != base
    assert recipe(Film(props=PROPS, size=(768, 448), shots=film.shots)) != base


def test_with_a_hand_the_seed_is_in_the_recipe() -> None:
    shot = Shot.model_validate({**FIRST, "camera": {**FIRST["camera"], "shake": 0.1}})
    assert recipe(Film(props=PROPS, shots=[shot])) != recipe(
        Film(props=PROPS, seed=1, shots=[shot])
    )


def test_an_inserted_shot_changes_no_other(small: str) -> None:
    film = parse_film(small)
    more = Film(
        props=film.props,
        shots=[Shot(id="new", seconds=1, camera={"move": "handheld"}), *film.shots],
    )
    before, after = resolve_scenes(film), resolve_scenes(more)
    assert all(before[shot] == after[shot] for shot in before)


def test_seeds_are_derived_and_pinned() -> None:
    seeds = {shot_seed(7, "a"), shot_seed(7, "b"), shot_seed(8, "a"), shot_seed(7, "a", 2)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert shot_seed(7, "a", 1) == shot_seed(7, "a")
    assert shot_seed(7, "a", own=12) == 12
    assert shot_seed(7, "a", 2, own=12) == shot_seed(99, "z", 2, own=12) != 12
    assert shot_seed(7, "approach") == PINNED_SEED


PINNED_SEED = 5592747295176233285


def test_a_film_that_was_not_checked_is_refused_not_crashed(small: str) -> None:
    film = parse_film(small)
    lost = film.model_copy(update={"shots": film.shots[1:]})
    with pytest.raises(InputError, match="not before it"):
        resolve_scenes(lost)
    bare = film.model_copy(update={"props": {}})
    with pytest.raises(InputError, match="no prop of the film"):
        resolve_scenes(bare)
