"""The disk: what is free, when it is full, and making sure that bytes are on it."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from reelwright.disk import DISK_MEND, FULL_ERRNOS
from reelwright.errors import ResourceError
from reelwright.plan import fsync_folder

_FULL_WORDS = ("no space left on device", "disk quota exceeded", "file too large", "disk is full")
_EMPTY_BYTES = 64 * 1024
_MANY_FILES = 64


def free_bytes(path: Path) -> int:
    """Free space where a path lies, or would lie."""
    here = path
    while not here.exists() and here != here.parent:
        here = here.parent
    return shutil.disk_usage(here).free


def is_disk_full(error: BaseException | None, folder: Path | None = None) -> bool:
    """Whether an error, or what caused it, is a full disk.

    Args:
        error: What was raised.
        folder: Where was written to: libraries that name no reason are believed if it is full.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, OSError) and each.errno in FULL_ERRNOS:
            return True
        if any(words in str(each).lower() for words in _FULL_WORDS):
            return True
        waiting += [each.__cause__, each.__context__]
    return folder is not None and folder.exists() and free_bytes(folder) < _EMPTY_BYTES


def disk_full_error(where: Path, doing: str = "") -> ResourceError:
    """The full disk, named."""
    said = f" while {doing}" if doing else ""
    return ResourceError(
        f"The disk is full{said}.", DISK_MEND, where=str(where), free_bytes=free_bytes(where)
    )


def files_under(folder: Path) -> Iterator[Path]:
    """Every file below a folder, sorted."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(here) / name


def sync_tree(folder: Path) -> dict[str, int]:
    """Flush every file and folder of a result to the disk.

    Returns:
        Size in bytes of every file, by path relative to the folder, with forward slashes.

    Raises:
        OSError: The disk is full or failing.
    """
    files = list(files_under(folder))
    if len(files) <= _MANY_FILES or not _sync_file_system(folder):
        for path in files:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    for here, _, _ in os.walk(folder):
        fsync_folder(Path(here))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _sync_file_system(folder: Path) -> bool:
    # A shot has two EXR a frame: thousands of fsyncs take minutes, one syncfs a moment.
    if not sys.platform.startswith("linux"):
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle) == 0:
            return True
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)
