"""Thousands of storyboards, sound and broken: a film, or problems that a person can mend.

Never another exception. Documents are generated as a person would write them, then broken: keys
renamed and deleted, values of every wrong type, hostile paths, text cut and stirred.
"""

from __future__ import annotations

import copy
import string
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwright.errors import Problem, StoryboardError
from reelwright.storyboard import Film, Scene, film_to_toml, parse_film, resolve_scenes
from reelwright.storyboard.write import toml_value

quick = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

numbers = st.floats(-50, 50, width=32) | st.integers(-50, 50)
points = st.lists(numbers, min_size=3, max_size=3)
colors = st.sampled_from(["red", "#abc", "#102030", "CornflowerBlue"])
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
eases = st.sampled_from(["smooth", "linear", "in", "out", "in-out", "hold"])
NAMES = ["boat", "gull", "lamp"]


def table(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any choice of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


props = st.fixed_dictionaries(
    {"shape": st.sampled_from(["box", "sphere", "torus"])},
    optional={
        "dimensions": st.lists(st.floats(0.125, 9, width=32), min_size=3, max_size=3),
        "color": colors,
        "roughness": st.floats(0, 1),
        "turn_deg": points,
        "scale": st.floats(0.5, 4),
    },
)
lights = table(
    sun_azimuth_deg=numbers,
    sun_elevation_deg=st.floats(-90, 90),
    sun_color=colors,
    haze_m=st.sampled_from([0, 10, 250.5]),
    exposure_ev=st.integers(-3, 3),
)
grounds = table(
    show=st.booleans(), pattern=st.sampled_from(["plain", "checker", "water"]), height_m=numbers
)


@st.composite
def keys(draw: st.DrawFn, seconds: float, **channels: Any) -> list[dict[str, Any]]:
    times = sorted(draw(st.sets(st.integers(1, 8), max_size=4)))
    found = []
    for time in times:
        names = draw(st.sets(st.sampled_from(sorted(channels)), min_size=1))
        key = {"t_s": time / 8 * seconds, **{name: draw(channels[name]) for name in sorted(names)}}
        found.append({**key, "ease": draw(eases)})
    return found


@st.composite
def cameras(draw: st.DrawFn, seconds: float, placed: list[str]) -> dict[str, Any]:
    camera = draw(
        table(
            lens_mm=st.floats(8, 200),
            sensor=st.sampled_from(["full-frame", "super-16"]),
            shake=st.sampled_from([0, 0.25, 1]),
            roll_deg=numbers,
            ease=st.sampled_from(["linear", "in-out"]),
        )
    )
    camera["at"] = [draw(numbers), draw(numbers), draw(st.floats(1, 20))]
    camera["look_at"] = [draw(numbers), draw(numbers), draw(st.floats(-20, 0))]
    kind = draw(st.sampled_from(["plain", "distance", "angle", "path", "follow", "bare"]))
    if kind == "distance":
        camera["move"] = draw(st.sampled_from(["dolly-in", "truck-left", "crane-up"]))
        camera["distance"] = draw(st.floats(0.125, 5))
    elif kind == "angle":
        camera["move"] = draw(st.sampled_from(["pan-left", "tilt-down", "orbit-right"]))
    elif kind == "path":
        camera["keys"] = draw(keys(seconds, lens_mm=st.floats(8, 99), roll_deg=numbers))
    elif kind == "follow" and placed:
        camera["follow"] = draw(st.sampled_from(placed))
    return {} if kind == "bare" else camera


@st.composite
def shots(draw: st.DrawFn, earlier: list[str], known: list[str]) -> dict[str, Any]:
    seconds = draw(st.sampled_from([0.25, 0.5, 1, 2.5, 7]))
    shot: dict[str, Any] = {"id": f"shot-{len(earlier)}", "seconds": seconds}
    shot |= draw(table(prompt=words, sound=words, dialogue=words, seed=st.integers(0, 2**63 - 1)))
    if earlier and draw(st.booleans()):
        shot["continues"] = draw(st.sampled_from(earlier))
    placed = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    if placed:
        shot["place"] = [
            {
                "prop": name,
                **draw(table(turn_deg=points, at=points, scale=st.floats(0.5, 2))),
                "keys": draw(keys(seconds, at=points, turn_deg=points, scale=st.just(2))),
            }
            for name in placed
        ]
    if draw(st.booleans()):
        shot["camera"] = draw(cameras(seconds, placed))
    if "camera" in shot or placed:
        shot |= draw(table(light=lights, ground=grounds, first=st.sampled_from(["stage", "none"])))
    if draw(st.booleans()):
        shot["last"] = draw(st.sampled_from(["paint", {"from": "paint", "strength": 0.5}]))
    return shot


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A storyboard without a mistake."""
    known = draw(st.lists(st.sampled_from(NAMES), unique=True))
    ids: list[str] = []
    found = []
    for _ in range(draw(st.integers(1, 4))):
        found.append(draw(shots(ids, known)))
        ids.append(found[-1]["id"])
    settings_of_film = table(
        title=words,
        size=st.sampled_from([[768, 448], [1280, 720], [16, 8192]]),
        fps=st.sampled_from([24, 23.976, "30000/1001", 12.5]),
        seed=st.integers(0, 9),
        fit=st.sampled_from(["crop", "pad"]),
    )
    document = draw(table(film=settings_of_film, light=lights, ground=grounds))
    document |= {"props": {name: draw(props) for name in known}, "shots": found}
    return document


RICH = tomllib.loads("""
[film]
title = "Rich"
size = [768, 448]
fps = 23.976
seed = 7
tier = "animatic"
style = "dawn"
[light]
sun_azimuth_deg = 120
sky_top = "navy"
haze_m = 90
[ground]
pattern = "water"
tile_m = 2
[props.boat]
shape = "box"
dimensions = [1, 4, 1]
turn_deg = [0, 0, 90]
color = "red"
[props.gull]
prompt = "a gull"
size_m = 0.6
[finish]
loudness_lufs = -20
upscale = { to = "1080p", with = "rtx-vsr", quality = "high" }
[output]
file = "film.mov"
format = "mov"
[[shots]]
id = "shot-0"
seconds = 2
prompt = "A boat"
takes = 2
take = 2
first = "stage"
last = { from = "paint", strength = 0.5, frame = -3 }
keyframes = [ { frame = 20, from = "paint" }, { frame = -20, from = "stage", strength = 0.1 } ]
camera = { at = [0, -8, 2], look_at = [0, 0, 1], move = "orbit-left", angle_deg = 20, shake = 0.1 }
model = { steps = [8, 4], guidance = 1, control = { kind = "canny" }, backend = "ltx" }
[[shots.place]]
prop = "boat"
keys = [ { t_s = 0, at = [0, 0, 0], ease = "linear" }, { t_s = 2, at = [4, 0, 0], scale = 2 } ]
[[shots.place]]
prop = "gull"
name = "second"
at = [1, 1, 1]
animation = "none"
[[shots]]
id = "shot-1"
seconds = 1
continues = "shot-0"
light = { exposure_ev = 1 }
camera = { follow = "boat" }
[[shots]]
id = "shot-2"
seconds = 3
camera = { keys = [ { t_s = 0, at = [0, -9, 2], lens_mm = 24 }, { t_s = 3, at = [0, -4, 2] } ] }
""")


def toml(document: dict[str, Any]) -> str:
    """A document as TOML with inline tables; `film_to_toml` has its own layout and its own test."""
    lines = []
    for name, value in document.items():
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            for part in value:
                lines += [f"[[{toml_value({name: 0})[2:-6]}]]", *pairs(part)]
        elif isinstance(value, dict):
            lines += [f"[{toml_value({name: 0})[2:-6]}]", *pairs(value)]
        else:
            lines = [*pairs({name: value}), *lines]
    return "\n".join(lines)


def pairs(part: dict[str, Any]) -> list[str]:
    return [toml_value({name: value})[2:-2] for name, value in part.items()]


def test_the_rich_storyboard_is_sound() -> None:
    assert len(parse_film(toml(RICH)).shots) == 3


def film_or_problems(text: str, root: Path | None = None) -> Film | None:
    try:
        return parse_film(text, root)
    except StoryboardError as error:
        problems = error.problems
    check_problems(problems, text)
    return None


def check_problems(problems: tuple[Problem, ...], text: str) -> None:
    assert problems
    for problem in problems:
        assert problem.field or problem.line, problem
        assert problem.what.endswith("."), problem
        assert problem.mend.endswith((".", "?")), problem
        assert problem.file == "storyboard.toml"
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 1
        assert str(problem).isprintable()


@settings(quick, max_examples=250)
@given(documents())
def test_a_sound_storyboard_is_a_film_that_writes_and_resolves(document: dict[str, Any]) -> None:
    film = parse_film(toml(document))
    again = parse_film(film_to_toml(film))
    assert again == film
    scenes, scenes_again = resolve_scenes(film), resolve_scenes(again)
    for shot, scene in scenes.items():
        assert scene == scenes_again[shot]
        if scene is None:
            continue
        assert Scene.from_json(scene.to_json()) == scene
        for frame in (0, scene.frames.generated - 1):
            pose = scene.camera_pose(frame).world_from_camera
            assert abs(abs(float(pose[0, :3] @ pose[0, :3])) - 1) < 1e-9
            assert scene.intrinsics(frame)[0, 0] > 0
        before = scenes.get(film.shot(shot).continues or "")
        if before is not None and film.shot(shot).camera is None:
            gap = scene.camera_pose(0).world_from_camera - (
                before.camera_pose(before.frames.delivered).world_from_camera
            )
            assert abs(gap).max() < 1e-6


JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**63, -(2**70), 10**30, 0.0, -2.5, 1e308, float("inf"),
    float("nan"), "", "x", "auto", "../up", "/etc/passwd", "C:\\x", "a\nb", "\x01", "é" * 70,
    "x" * 25_000, [], [0], [0, 0, 0], ["a"], [[]], {}, {"a": 1}, {"from": "x"}, [{}], [{"t_s": 9}],
    "shot-0", "boat", "24/0", "#12345", "dolly-in", "follow", "path", [1, 2, 3, 4],
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key and element of a document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, part in parts:
        found.append((*path, name))
        if isinstance(part, dict | list):
            found += places(part, (*path, name))
    return found


junk = st.sampled_from(JUNK).map(copy.deepcopy)


@st.composite
def broken_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A storyboard with up to four mistakes."""
    # One in four is generated: that costs ten times what parsing does.
    is_rich = draw(st.integers(0, 3)) > 0
    document = copy.deepcopy(RICH if is_rich else draw(documents()))
    for _ in range(draw(st.integers(1, 4))):
        known = places(document)
        if not known:
            break
        path = draw(st.sampled_from(known))
        here: Any = document
        for part in path[:-1]:
            here = here[part]
        break_one(draw, here, path[-1])
    return document


def break_one(draw: st.DrawFn, here: Any, last: Any) -> None:
    how = draw(st.sampled_from(["delete", "junk", "rename", "double", "add"]))
    if how == "junk":
        here[last] = draw(junk)
    elif how == "delete":
        del here[last]
    elif how == "double" and isinstance(here, list):
        here.append(copy.deepcopy(here[last]))
    elif how == "rename" and isinstance(here, dict):
        here[draw(st.sampled_from([f"{last}s", f"{last}"[1:], "é", "a b", ""]))] = here.pop(last)
    elif isinstance(here, dict):
        here[draw(st.sampled_from(["keys", "camera", "follow", "continues", "file", "zz"]))] = draw(
            junk
        )


def without_null(value: Any) -> Any:
    """TOML has no null; leave those out."""
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    return [without_null(v) for v in value if v is not None] if isinstance(value, list) else value


@settings(quick, max_examples=700)
@given(broken_documents())
def test_a_broken_storyboard_has_problems_or_is_a_film(document: dict[str, Any]) -> None:
    film = film_or_problems(toml(without_null(document)))
    if film is not None:
        assert parse_film(film_to_toml(film)) == film
        resolve_scenes(film)


@settings(quick, max_examples=600)
@given(st.data())
def test_stirred_text_is_told_or_read(data: st.DataObject) -> None:
    text = film_to_toml(parse_film(toml(RICH)))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 12)))
        piece = data.draw(st.text("ab0.=[]{}\"'\\#,\n\r\t \0é", max_size=6))
        text = text[:start] + piece + text[stop:]
    film_or_problems(text)


@settings(quick, max_examples=300)
@given(st.text(max_size=80) | st.text(string.printable + "[]=\"'", max_size=80))
def test_any_text_is_told(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        document = {}
    assert film_or_problems(text) is None or "shots" in document


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("outer") / "project"
    root.mkdir()
    (root.parent / "secret.wav").touch()
    (root / "good.wav").touch()
    (root / "out.wav").symlink_to(root.parent / "secret.wav")
    (root / "up").symlink_to(root.parent)
    return root


parts = st.sampled_from(
    ["..", ".", "", "up", "good.wav", "out.wav", "secret.wav", "~", "C:", "\\", "//", "a" * 300]
) | st.text(max_size=6)


@settings(quick, max_examples=400)
@given(st.lists(parts, max_size=5).map("/".join), st.sampled_from(["file", "first", "image"]))
def test_no_path_leads_out(project: Path, name: str, field: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in name):
        return
    shot = {"id": "a", "seconds": 1}
    document: dict[str, Any] = {"shots": [shot]}
    if field == "first":
        document["shots"] = [{**shot, "first": name}]
    elif field == "file":
        document["music"] = [{"file": name}]
    else:
        document["props"] = {"x": {"image": name}}
    if film_or_problems(toml(document), project) is not None and name not in ("paint", "none"):
        assert (project / name).resolve() == project.resolve() / "good.wav"
