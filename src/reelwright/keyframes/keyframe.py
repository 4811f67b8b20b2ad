"""`Keyframe`: a picture that the video must pass through, and the folder they lie in.

A folder of keyframes is `%06d.png` by frame index and `keyframes.json`, which is written last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reelwright.disk import disk_error
from reelwright.errors import MediaError

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """A picture that is asked for.

    Attributes:
        frame: Frame of the shot, from 0; negative counts of the storyboard are resolved before.
        strength: How closely the video keeps to it, 0 to 1.
        source: What makes it: `stage` is the staged frame itself.
    """

    frame: int
    strength: float = 1.0
    source: Literal["stage"] = "stage"


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A picture that the video must pass through.

    Attributes:
        image: An 8-bit RGB PNG of the generated size.
        frame: Frame of the shot, from 0.
        strength: How closely the video keeps to it, 0 to 1.
    """

    image: Path
    frame: int
    strength: float = 1.0


def save_keyframes(keyframes: Sequence[Keyframe], folder: Path) -> tuple[Keyframe, ...]:
    """Write `keyframes.json` beside pictures that already lie in `folder`.

    Args:
        keyframes: In the order of their frames.
        folder: The folder that holds their pictures.

    Returns:
        The keyframes.

    Raises:
        ResourceError: The disk is full.
    """
    held = {
        "format": _FORMAT,
        "keyframes": [
            {
                "image": keyframe.image.relative_to(folder).as_posix(),
                "frame": keyframe.frame,
                "strength": keyframe.strength,
            }
            for keyframe in keyframes
        ],
    }
    target = folder / "keyframes.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(".keyframes.json.part")
        draft.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8", newline="\n")
        draft.replace(target)
    except OSError as error:
        raise disk_error(error, target) from error
    return tuple(keyframes)


def load_keyframes(folder: Path) -> tuple[Keyframe, ...]:
    """Read the keyframes that lie in a folder, in the order of their frames.

    Args:
        folder: A folder that `save_keyframes` wrote.

    Raises:
        MediaError: There are none, the list is not whole, or a picture is missing.
    """
    path = folder / "keyframes.json"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        keyframes = tuple(_keyframe(folder, entry) for entry in held["keyframes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(
            f"There are no keyframes that can be read here ({error}).",
            "Make the keyframes again.",
            where=str(path),
        ) from error
    for keyframe in keyframes:
        if not keyframe.image.is_file():
            raise MediaError(
                f"The picture of frame {keyframe.frame} is missing.",
                "Make the keyframes again.",
                where=str(keyframe.image),
            )
    return keyframes


def _keyframe(folder: Path, entry: dict[str, Any]) -> Keyframe:
    return Keyframe(folder / entry["image"], int(entry["frame"]), float(entry["strength"]))
