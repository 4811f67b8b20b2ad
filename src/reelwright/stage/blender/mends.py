"""What Blender's script refuses, and how Blender ends, as errors a person can mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reelwright.errors import StageError
from reelwright.stage.blender.find import Blender


def refusal_error(code: str, facts: Mapping[str, Any], shot: str, blender: Blender) -> StageError:
    """The error for a refusal of `render_stage.py`.

    Args:
        code: Its `Refusal.code`.
        facts: Its facts.
        shot: The shot that it concerns.
        blender: Who refused.
    """
    what, mend = _SAID[code](facts, blender) if code in _SAID else _unknown(code)
    return StageError(what, mend, where=shot, code=code, **dict(facts))


def ended_error(exit_code: int, tail: str, shot: str, frame: int, blender: Blender) -> StageError:
    """The error for a Blender that ended before its work was done."""
    if exit_code == 3:
        last = [line for line in tail.splitlines() if line.strip()]
        return StageError(
            f"The script failed inside Blender {blender.version_text}"
            f"{': ' + _raised(last) if last else ''}.",
            "Run it again; if it fails again, please report it with what Blender printed.",
            where=shot,
            printed=tail,
        )
    how = f"signal {-exit_code}" if exit_code < 0 else f"code {exit_code}"
    return StageError(
        f"Blender was ended at frame {frame + 1} ({how}).",
        "Run it again: it goes on at that frame. If it ends there again, the scene may need more "
        "memory than there is.",
        where=shot,
        printed=tail,
        frame=frame,
        exit_code=exit_code,
    )


def newer_error(name: str, made_with: str, shot: str, blender: Blender) -> StageError:
    """The error for a .blend that was saved by a Blender newer than ours."""
    return StageError(
        f"{name} was saved by Blender {made_with}; here is Blender {blender.version_text}.",
        f"Install Blender {made_with} or later, or save the file for the older one.",
        where=shot,
    )


def _raised(lines: list[str]) -> str:
    """The line of a traceback that says what was raised; the last line where there is none."""
    raised = [line for line in lines if re.match(r"\w+Error: ", line)]
    return (raised[-1] if raised else lines[-1]).strip().rstrip(".")


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names) or "none"


def _unknown(code: str) -> tuple[str, str]:
    return f"Blender refused the scene ({code}).", "Please report it."


def _frame_range(facts: Mapping[str, Any], _: Blender) -> tuple[str, str]:
    rate = facts["frame_rate"]
    seconds = facts["available"] / rate
    return (
        f"Its frames {facts['first']} to {facts['last']} last {seconds:.2f} s "
        f"({facts['available']} frames of the film); the shot needs {facts['needed']}.",
        f"Make the scene's frame range longer, or the shot at most {seconds:.2f} s.",
    )


_SAID: dict[str, Callable[[Mapping[str, Any], Blender], tuple[str, str]]] = {
    "no-camera": lambda f, b: (
        "The scene has no camera.",
        "Add one in Blender and make it the scene's camera, or name one that is there.",
    ),
    "unknown-camera": lambda f, b: (
        f'There is no camera "{f["name"]}" in the scene.',
        f"Cameras there: {_listed(f['known'])}.",
    ),
    "camera-kind": lambda f, b: (
        f'The camera "{f["name"]}" is {f["kind"]}; a film\'s camera is a perspective one.',
        "Set its type to Perspective in Blender.",
    ),
    "unknown-collection": lambda f, b: (
        f'There is no collection "{f["name"]}" in the scene.',
        f"Collections there: {_listed(f['known'])}.",
    ),
    "frame-range": _frame_range,
    "newer": lambda f, b: (
        f"The file was saved by Blender {'.'.join(map(str, f['made_with'][:2]))}; here is Blender "
        f"{b.version_text}.",
        "Install that Blender or a later one, or save the file for the older one.",
    ),
    "not-opened": lambda f, b: (
        f"Blender {b.version_text} cannot open the file: {f['reason']}.",
        "It may be damaged, or saved by a newer Blender. Open it by hand and save it again.",
    ),
    "no-gltf": lambda f, b: (
        "This Blender cannot read .glb files: its glTF add-on is missing.",
        "On Debian and Ubuntu install python3-numpy; else install Blender from blender.org.",
    ),
    "bad-glb": lambda f, b: (
        f'Blender cannot read the mesh of "{f["prop"]}": {f["reason"]}.',
        "Export the model again, or stage with the built-in stage.",
    ),
    "sheared": lambda f, b: (
        f'"{f["name"]}" moves in a way that Blender cannot hold: it is sheared.',
        "Scale it evenly, or turn it before it is scaled; or stage with the built-in stage.",
    ),
    "no-engine": lambda f, b: (
        f"Blender {b.version_text} has no engine {f['name']}.",
        "Use cycles.",
    ),
    "not-rendered": lambda f, b: (
        f"Blender could not render: {f['reason']}.",
        "See that the disk has room, and that the scene renders in Blender.",
    ),
}
