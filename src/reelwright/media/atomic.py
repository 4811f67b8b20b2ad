"""Files and folders that appear whole or not at all.

The work is done under a hidden name in the destination's own folder (so that renaming stays on
one disk), synced, then renamed. Whatever goes wrong, the hidden name is removed; what a killed
process left behind is removed by the next one to write the same film.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwright.disk import disk_error
from reelwright.errors import MediaError

_PART = ".part"


@contextmanager
def atomic_file(out: Path) -> Iterator[Path]:
    """Give a temporary path to write; rename it to `out` when the block ends well.

    Raises:
        MediaError: `out` is a folder, or its folder cannot be written.
        ResourceError: The disk is full.
    """
    if out.is_dir():
        raise MediaError(
            "A film cannot be written over a folder.", "Give the name of a file.", where=str(out)
        )
    part = _begin(out)
    try:
        yield part
        _sync(part)
        part.replace(out)
        _sync(out.parent)
    except OSError as error:
        raise disk_error(error, out) from error
    finally:
        _remove(part)


@contextmanager
def atomic_folder(out: Path, marker: str) -> Iterator[Path]:
    """Give a temporary folder to fill; rename it to `out` when the block ends well.

    Args:
        out: The folder to make. One that is there is replaced if it is empty or one of ours.
        marker: The file by which a folder of ours is known.

    Raises:
        MediaError: `out` is a file, or a folder with other things in it.
        ResourceError: The disk is full.
    """
    if out.exists() and not (out.is_dir() and ((out / marker).is_file() or not any(out.iterdir()))):
        raise MediaError(
            "There is something else of this name, which would be lost.",
            "Give a folder that does not exist yet, or move what is there.",
            where=str(out),
        )
    part = _begin(out)
    try:
        part.mkdir()
        yield part
        for path in sorted(part.rglob("*")):
            if path.is_file():
                _sync(path)
        _sync(part)
        old = part.with_name(part.name + ".old")
        if out.exists():
            out.rename(old)
        part.rename(out)
        _sync(out.parent)
        _remove(old)
    except OSError as error:
        raise disk_error(error, out) from error
    finally:
        _remove(part)


def _begin(out: Path) -> Path:
    """The hidden name for this process, with what dead processes left of it cleared away."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        host = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
        stem = f".{out.name}.{host}-"
        for left in out.parent.glob(f"{_escape(stem)}*{_PART}*"):
            owner = left.name.removeprefix(stem).split(".")[0]
            if owner.isdecimal() and not _is_alive(int(owner)):
                _remove(left)
        part = out.with_name(f"{stem}{os.getpid()}{_PART}")
        _remove(part)
    except OSError as error:
        raise disk_error(error, out) from error
    return part


def _is_alive(process: int) -> bool:
    import psutil

    return process < 2**31 and psutil.pid_exists(process)


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot sync a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
