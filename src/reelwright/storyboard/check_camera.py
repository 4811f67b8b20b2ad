"""Cameras that cannot be: looking at themselves, moving without what the move needs."""

from __future__ import annotations

from collections.abc import Iterator

from reelwright.storyboard.camera import (
    ANGLE_MOVES,
    DEFAULT_AT,
    DEFAULT_LOOK_AT,
    DISTANCE_MOVES,
)
from reelwright.storyboard.check_chain import Standing
from reelwright.storyboard.check_keys import check_keys
from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.timing import Timing
from reelwright.storyboard.words import listed, nearest, shown

_CHANNELS = ("at", "look_at", "lens_mm", "roll_deg")
_SAME_M = 1e-6


def check_camera(shot: Table, placed: Standing, timing: Timing) -> Iterator[Finding]:
    """What is wrong with the camera of a shot.

    Args:
        shot: The shot.
        placed: What stands in it.
        timing: The film's.
    """
    camera = shot.table("camera")
    if camera is None:
        return
    move = camera.text("move") if "move" in camera else "static"
    yield from check_keys(camera, _CHANNELS, timing.seconds(shot))
    yield from _check_move(camera, move, "continues" in shot)
    yield from _check_follow(camera, move, placed)
    yield from _check_view(camera, "continues" in shot)


def _check_move(camera: Table, move: str | None, continues: bool) -> Iterator[Finding]:
    if move is None:
        return
    if move == "path" and not camera.raw.get("keys"):
        yield Finding(
            camera.at("move"), "The move path has no keys.", "Add `keys`, or choose another move."
        )
    if camera.raw.get("keys") and move not in ("static", "path"):
        yield Finding(
            camera.at("keys"),
            f"Keys and the move {shown(move)} would both lead the camera.",
            "Keep one of `keys` and `move`; `shake` joins either.",
        )
    if "distance" in camera and move not in DISTANCE_MOVES:
        yield _no_use(camera, "distance", move, DISTANCE_MOVES)
    if "angle_deg" in camera and move not in ANGLE_MOVES:
        yield _no_use(camera, "angle_deg", move, ANGLE_MOVES)
    if move.startswith("orbit-") and "look_at" not in camera and not continues:
        yield Finding(
            camera.at("move"),
            "An orbit needs the point that it goes round.",
            "Add `look_at`.",
        )


def _no_use(camera: Table, name: str, move: str, moves: frozenset[str]) -> Finding:
    return Finding(
        camera.at(name),
        f"`{name}` has no effect on the move {shown(move)}.",
        f"Take it out, or choose one of: {', '.join(sorted(moves))}.",
    )


def _check_follow(camera: Table, move: str | None, placed: Standing) -> Iterator[Finding]:
    follow = camera.text("follow")
    if move == "follow" and "follow" not in camera:
        yield Finding(
            camera.at("move"),
            "The move follow does not say what it follows.",
            f"Add `follow` with a placed prop's name. Placed here: {listed(placed)}.",
        )
    if follow is None:
        return
    if follow not in placed:
        near = nearest(follow, placed)
        yield Finding(
            camera.at("follow"),
            f"No {shown(follow)} stands in this shot.",
            f"Did you mean {shown(near)}?" if near else f"Placed here: {listed(placed)}.",
        )
    if move not in (None, "static", "follow") or camera.raw.get("keys"):
        other = "Keys" if camera.raw.get("keys") else f"The move {shown(move)}"
        yield Finding(
            camera.at("follow"),
            f"{other} and `follow` would both lead the camera.",
            "Keep one of the two; `shake` joins either.",
        )


def _check_view(camera: Table, continues: bool) -> Iterator[Finding]:
    """The camera must not look at the point where it stands."""
    if not camera.raw.get("keys") and not camera.raw.get("follow"):
        at = camera.point("at") if "at" in camera else None if continues else DEFAULT_AT
        given = "look_at" in camera
        look_at = camera.point("look_at") if given else None if continues else DEFAULT_LOOK_AT
        if at is not None and look_at is not None and _same(at, look_at):
            yield _blind(camera, "look_at" if given else "at", at)
    for key in camera.tables("keys"):
        at, look_at = key.point("at"), key.point("look_at")
        if at is not None and look_at is not None and _same(at, look_at):
            yield _blind(key, "look_at", at)


def _blind(table: Table, name: str, at: tuple[float, float, float]) -> Finding:
    return Finding(
        table.at(name),
        f"The camera stands at the point it looks at, [{', '.join(f'{v:g}' for v in at)}].",
        "Move `at` or `look_at`.",
    )


def _same(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) < _SAME_M
