"""What stands in a staged scene, in words: the things in view, the way they go, the ground.

Only what is true of the scene is said, and only of what the camera sees: a prop behind it would
otherwise be drawn.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from reelwright.prompt.color_words import word_from_color
from reelwright.prompt.said import is_plural, one_line, word_set, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from reelwright.storyboard import PlacedProp, Prop, Scene

MOST_THINGS = 4
"""So many kinds of things are listed at most; more drown what the shot is about."""

_LONGEST_PROP_WORDS = 12
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
_SHAPES = {
    "sphere": "ball",
    "torus": "ring",
    "plane": "panel",
}
_NO_NAMES = word_set("prop thing object item mesh model shape node part file asset")
_MARGIN = 0.1
_STILL_SHARE = 0.03
_DOWNWARD = -0.02


def thing_name(name: str) -> str:
    """A name of the storyboard as one says it: `bell_buoy-2` is `bell buoy`."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = one_line(re.sub(r"[-_]+", " ", words)).lower()
    return re.sub(r"(?<=[a-z])\s*\d+$", "", words)


def things_in_view(scene: Scene) -> tuple[PlacedProp, ...]:
    """The props whose middle comes into the picture at the beginning, middle or end of the shot."""
    last = scene.frames.delivered - 1
    frames = sorted({0, last // 2, last})
    return tuple(
        prop for prop in scene.props if any(_in_view(scene, prop, frame) for frame in frames)
    )


def list_of_things(scene: Scene, things: Iterable[PlacedProp]) -> str:
    """Name some props, what moves first, e.g. `a red ball rising, two firs and rocks`.

    Args:
        scene: Where they stand.
        things: Which; what has no speakable name is left out.
    """
    kinds: dict[str, list[PlacedProp]] = {}
    for thing in things:
        if noun_of(thing):
            kinds.setdefault(thing.prop_name, []).append(thing)
    ordered = sorted(kinds.values(), key=lambda same: not _way_of(scene, same[0]))
    named = [_counted(scene, same) for same in ordered[:MOST_THINGS]]
    if len(named) < 2:
        return "".join(named)
    return f"{', '.join(named[:-1])} and {named[-1]}"


def noun_of(thing: PlacedProp) -> str:
    """What a prop is called: its own words, its name, or its shape; empty where none says it."""
    own = one_line(thing.prop.prompt or "").rstrip(".,;")
    if own and len(own.split()) <= _LONGEST_PROP_WORDS:
        return own
    name = thing_name(thing.prop_name)
    letters = [word for word in words_of(name) if len(word) > 2 and word not in _NO_NAMES]
    if letters:
        return name
    shape = thing.prop.shape
    return _SHAPES.get(shape, shape) if shape is not None else ""


def ground_words(scene: Scene) -> str:
    """The ground, e.g. `The ground is green`; empty where there is none or it is not seen."""
    ground = scene.ground
    if not ground.show or not _sees_ground(scene):
        return ""
    if ground.pattern == "water":
        return "There is water all around"
    if ground.pattern == "checker":
        return "The floor is checkered"
    if ground.pattern == "grid":
        return "The floor has a grid"
    return f"The ground is {word_from_color(ground.color)}"


def _counted(scene: Scene, same: list[PlacedProp]) -> str:
    noun = noun_of(same[0])
    if same[0].prop.prompt and noun == one_line(same[0].prop.prompt).rstrip(".,;"):
        way = _way_of(scene, same[0]) if len(same) == 1 else ""
        return f"{noun} {way}".strip()
    noun = _colored(same[0].prop, noun)
    if len(same) > 1:
        return f"{_NUMBERS.get(len(same), 'many')} {_plural(noun)}"
    if not is_plural(noun.split()[-1]):
        noun = f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
    return f"{noun} {_way_of(scene, same[0])}".strip()


def _colored(prop: Prop, noun: str) -> str:
    if prop.color is None or prop.texture is not None:
        return noun
    color = word_from_color(prop.color)
    return noun if color in noun.split() else f"{color} {noun}"


def _plural(noun: str) -> str:
    if is_plural(noun):
        return noun
    if noun.endswith(("s", "x", "sh", "ch")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _way_of(scene: Scene, thing: PlacedProp) -> str:
    """Which way a prop goes, seen from where the camera begins; empty where it stays."""
    start, end = (np.array(thing.pose_at(t).at) for t in (0.0, scene.seconds))
    camera = scene.camera_pose(0).world_from_camera
    way = end - start
    length = float(np.linalg.norm(way))
    if length < _STILL_SHARE * float(np.linalg.norm(start - camera[:3, 3])):
        return ""
    if abs(way[2]) > 0.7 * length:
        return "rising" if way[2] > 0 else "sinking"
    right, _, forward = camera[:3, :3].T @ way
    if abs(right) >= abs(forward):
        return "moving to the right" if right > 0 else "moving to the left"
    return "moving away" if forward > 0 else "moving closer"


def _in_view(scene: Scene, thing: PlacedProp, frame: int) -> bool:
    """Whether the middle of a prop (of one from a file: its origin) is in the picture."""
    height = thing.prop.dimensions[2] * thing.prop.scale if thing.prop.shape else 0.0
    middle = scene.prop_pose(thing.name, frame) @ np.array([0.0, 0.0, height / 2, 1.0])
    from_world = np.linalg.inv(scene.camera_pose(frame).world_from_camera)
    seen = scene.intrinsics(frame) @ (from_world @ middle)[:3]
    x, y, depth = (float(value) for value in seen)
    if depth <= 0:
        return False
    width, tall = scene.size.generated
    across, down = x / depth / width, y / depth / tall
    return -_MARGIN < across < 1 + _MARGIN and -_MARGIN < down < 1 + _MARGIN


def _sees_ground(scene: Scene) -> bool:
    """Whether a ray through the middle of the picture's lower edge meets the ground."""
    return any(_looks_down(scene, frame) for frame in (0, scene.frames.delivered - 1))


def _looks_down(scene: Scene, frame: int) -> bool:
    camera = scene.camera_pose(frame).world_from_camera
    width, tall = scene.size.generated
    edge: NDArray[np.float64] = np.linalg.solve(
        scene.intrinsics(frame), np.array([width / 2, float(tall), 1.0])
    )
    ray = camera[:3, :3] @ (edge / np.linalg.norm(edge))
    return bool(camera[2, 3] > scene.ground.height_m and ray[2] < _DOWNWARD)
