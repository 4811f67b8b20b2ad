"""Files handed on without copying, and manifests written whole.

Staged pictures become a clip's pictures, and a clip's become the finished clip's, often unchanged.
A hard link makes that free; where the file system has none (FAT, some network shares, another
volume) the file is copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.disk import disk_error
from reelwright.errors import MediaError


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`; copy it where links cannot be made.

    Args:
        source: A file that nobody will write into again.
        target: Its new name; folders are made, an older file of that name is replaced.

    Raises:
        MediaError: `source` is missing, or `target` cannot be written.
        ResourceError: The disk is full.
    """
    if not source.is_file():
        raise MediaError("A file that was made before is gone.", "Render again.", where=str(source))
    try:
        if target.exists() and target.samefile(source):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except (
            OSError
        ):  # no links here, or not between these volumes: the copy tells of real trouble
            shutil.copyfile(source, target)
    except OSError as error:
        raise disk_error(error, target) from error


def write_json(path: Path, held: Mapping[str, Any]) -> None:
    """Write a manifest so that it is there whole or not at all.

    Args:
        path: Where to.
        held: Plain values; NaN and infinity are refused.

    Raises:
        ResourceError: The disk is full.
    """
    text = json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(text + "\n", encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
