"""Relative names from strangers: which of them may become a path.

A film or a pack can come from anybody, and the names in it end as files on this disk. A name is
taken only if it means the same file, inside the folder, on every system; everything else is
refused, never mended.
"""

from __future__ import annotations

from pathlib import PurePosixPath

MAX_NAME = 1024
"""The longest relative name, characters."""

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)]
)
_FORBIDDEN = frozenset('\\:*?"<>|')


def unsafe_name(name: str) -> str | None:
    """Why a relative name cannot be trusted, or None if it can.

    Args:
        name: A path with `/` between its parts, relative to a project's folder.
    """
    if not name or len(name) > MAX_NAME:
        return "it is empty or too long"
    if any(ord(letter) < 32 or letter in _FORBIDDEN for letter in name):
        return 'it has a control character or one of \\ : * ? " < > |'
    if name.startswith("/") or PurePosixPath(name).as_posix() != name:
        return "it is absolute or not in its simplest form"
    for part in name.split("/"):
        if part in ("..", "."):
            return "it leads out of its folder"
        if part.endswith((" ", ".")) or part.split(".")[0].lower() in _DEVICES:
            return "Windows cannot hold it"
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not Unicode"
    return None


def same_on_disk(name: str) -> str:
    """A key that is equal for names which a disk that ignores case would make one file."""
    return name.casefold()
