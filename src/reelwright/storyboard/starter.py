"""The small film that `reelwright new` starts a person with."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

from reelwright.errors import InputError, ResourceError
from reelwright.storyboard.load import FILE_NAME


def new_film(folder: Path | str) -> Path:
    """Write a small film that renders as it stands.

    Args:
        folder: Where; made if it is not there.

    Returns:
        The storyboard.

    Raises:
        InputError: The folder has something in it, or is a file.
        ResourceError: It cannot be written; nothing is left behind.
    """
    folder = Path(folder)
    _refuse_if_used(folder)
    text = files("reelwright.storyboard").joinpath("starter.toml").read_text(encoding="utf-8")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _write(folder, text)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ResourceError(
            f"The film cannot be written: {reason}.",
            "Choose a folder that may be written.",
            where=str(folder),
        ) from error
    return folder / FILE_NAME


def _refuse_if_used(folder: Path) -> None:
    try:
        used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except (OSError, ValueError) as error:
        what = "The folder cannot be looked at."
        raise InputError(what, "Choose another.", where=str(folder)) from error
    if used:
        raise InputError(
            f"{folder} is not empty." if folder.is_dir() else f"{folder} is a file.",
            "Choose a new folder; nothing is overwritten.",
            where=str(folder),
        )


def _write(folder: Path, text: str) -> None:
    """Write beside the folder, then rename: a half-written film is never seen."""
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        storyboard = made / FILE_NAME
        with storyboard.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()  # empty, or this fails
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
