"""The head of a `.blend`: whether it is one, and which Blender wrote it, where that can be told.

Compressed files say nothing of it outside; Blender is asked for theirs.
"""

from __future__ import annotations

import re
from pathlib import Path

from reelwright.errors import StageError

_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # gzip until 2.93, Zstandard since


def blend_version(path: Path, shot: str) -> tuple[int, int] | None:
    """Which Blender wrote a file.

    Args:
        path: The file.
        shot: For messages.

    Returns:
        E.g. (3, 4); None for a compressed file.

    Raises:
        StageError: It is missing or no .blend.
    """
    try:
        with path.open("rb") as file:
            head = file.read(17)
    except OSError as error:
        raise StageError(
            f"{path.name} cannot be read: {error.strerror or error}.",
            "Check that the file is there and that you may read it.",
            where=shot,
        ) from error
    if head.startswith(_COMPRESSED):
        return None
    # "BLENDER-v304": pointer size, byte order, version; since 5.0 "BLENDER17-01v0500".
    found = re.match(rb"BLENDER(?:[-_][vV](\d)(\d\d)|17-\d\dv(\d\d)(\d\d))", head)
    if found is None:
        raise StageError(
            f"{path.name} is no Blender file.",
            "Save it from Blender again, or name the right file.",
            where=shot,
        )
    major, minor = found[1] or found[3], found[2] or found[4]
    return int(major), int(minor)
