"""Locks against a second process: one render a project, one film a GPU.

The lock is the system's (`flock`, or `msvcrt.locking`), so it goes when its process goes, however
that ends; a file that was left behind locks nothing. What stands in the file is for people.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from reelwright.errors import ResourceError

_LOCKED_BYTE = 1 << 30  # msvcrt locks bytes; one far behind the text leaves the text readable
_MAX_TEXT = 4096


@contextmanager
def project_lock(path: Path, film: str) -> Iterator[None]:
    """Hold a project, or refuse.

    Args:
        path: The lock's file; its folder exists.
        film: The storyboard that is rendered, said to whoever is refused.

    Raises:
        ResourceError: Another process renders in this project; it is named.
    """
    with _held(path) as (fd, owner):
        if owner is not None:
            raise _refused("This project is being rendered already", owner, path)
        _sign(fd, film)
        try:
            yield
        finally:
            _unsign(fd)


@contextmanager
def device_lock(device: str, folder: Path | None = None) -> Iterator[None]:
    """Hold a GPU, or refuse. The CPU is shared: nothing is held for it.

    Args:
        device: As torch names it.
        folder: Where the locks of this machine lie; by default in the system's temporary folder.

    Raises:
        ResourceError: Another process renders on it; it is named.
    """
    if device == "cpu":
        yield
        return
    folder = folder or Path(tempfile.gettempdir()) / "reelwright-locks"
    _make_shared(folder)
    path = folder / f"{device.replace(':', '-')}.lock"
    with _held(path) as (fd, owner):
        if owner is not None:
            raise _refused(f"{device} is being used by another render", owner, path)
        _sign(fd, device)
        try:
            yield
        finally:
            _unsign(fd)


@contextmanager
def _held(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Try to take the lock; yields its file and, if somebody else has it, who."""
    try:
        fd = _open(path)
    except OSError as error:
        raise ResourceError(
            f"The lock cannot be opened: {error.strerror or error}.",
            "Check that the folder may be written.",
            where=str(path),
        ) from error
    try:
        taken = _try_lock(fd)
        yield fd, None if taken else _owner(fd)
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags | os.O_CREAT, 0o666)
    except PermissionError:
        # Another user's file in the shared folder: it can be locked, only not signed.
        return os.open(path, (flags & ~os.O_RDWR) | os.O_RDONLY)


def _try_lock(fd: int) -> bool:
    if os.name == "nt":
        return _try_lock_windows(fd)
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ResourceError(
            f"This file system cannot lock files: {error.strerror or error}.",
            "Name a work folder on a local disk with --work-dir.",
        ) from error
    return True


def _try_lock_windows(fd: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    finally:
        os.lseek(fd, 0, os.SEEK_SET)
    return True


def _sign(fd: int, subject: str) -> None:
    facts = {
        "pid": os.getpid(), "host": platform.node(), "since": time.time(), "subject": subject,
    }  # fmt: skip
    try:
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps(facts).encode("utf-8"))
    except OSError:
        return  # a full disk: the lock holds, only nobody can read whose it is


def _unsign(fd: int) -> None:
    try:
        os.ftruncate(fd, 0)
    except OSError:
        return  # as above


def _owner(fd: int) -> dict[str, Any]:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        facts = json.loads(os.read(fd, _MAX_TEXT))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _refused(what: str, owner: dict[str, Any], path: Path) -> ResourceError:
    pid, host, since = owner.get("pid"), owner.get("host"), owner.get("since")
    parts = [f"process {pid}"] if pid else ["another process"]
    if host:
        parts.append(f"on {host}")
    if isinstance(since, int | float):
        parts.append(f"since {datetime.fromtimestamp(since).astimezone():%Y-%m-%d %H:%M:%S}")
    return ResourceError(
        f"{what} by {' '.join(parts)}.",
        "Wait for it to end, or stop it; then run the same command again.",
        where=str(path),
        pid=pid,
        host=host,
        since=since,
    )


def _make_shared(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o777, parents=True, exist_ok=True)
        if os.name != "nt" and folder.stat().st_uid == os.getuid():
            folder.chmod(0o1777)  # every user of the machine shares its GPUs
    except OSError as error:
        raise ResourceError(
            f"The folder of the GPU locks cannot be made: {error.strerror or error}.",
            "Check the permissions of the system's temporary folder.",
            where=str(folder),
        ) from error
