"""Digests of the files a film is made from, so that an unchanged file is not read again.

A file's digest is remembered by what the file system says of it: (inode, size, mtime_ns). A file
that was touched within the last moments is read each time: a second write could fall into the
same tick of the clock and look like the first.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import AssetError, relative_name
from reelwright.plan.atomic import write_atomic

Identity = tuple[int, int, int]
"""Inode, size in bytes, mtime in ns."""

SETTLED_NS = 2_000_000_000
"""FAT counts time in 2 s; a file older than that cannot change without showing it."""

_MAX_ENTRIES = 10_000
_VERSION = 1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileUse:
    """A file that a stage reads, as it was when the plan was made.

    Attributes:
        path: Relative to the project, with forward slashes; absolute where it lies outside.
        sha256: Digest of its bytes, hexadecimal.
        identity: What the file system said of it then.
    """

    path: str
    sha256: str
    identity: Identity

    def locate(self, root: Path) -> Path:
        """Where it lies now, given the project's folder."""
        return root / self.path

    def check(self, root: Path) -> None:
        """Make sure that it is still what was planned; read again only if it looks changed.

        Raises:
            AssetError: It is gone or has other bytes.
        """
        path = self.locate(root)
        try:
            if identity_of(path) == self.identity or sha256_of(path) == self.sha256:
                return
        except OSError as error:
            raise AssetError(
                "This file was there when the render began and cannot be read now.",
                "Put it back and run the same command again.",
                where=self.path,
            ) from error
        raise AssetError(
            "This file changed while the film was rendering.",
            "Run the same command again: what depends on it is made from the new file.",
            where=self.path,
        )


class DigestStore:
    """Digests that are kept between runs.

    Args:
        path: The JSON file that remembers them; None keeps them for this run alone. A missing or
            unreadable one is an empty one: it only saves time.
        root: The project's folder.
    """

    def __init__(self, path: Path | None, root: Path) -> None:
        self.path = path
        self.root = root
        self._entries: dict[str, tuple[Identity, str]] = _load(path) if path else {}
        self._changed = False
        self.num_hashed = 0

    def digest(self, path: Path) -> str:
        """Digest of a file's bytes, sha256 in hexadecimal.

        Args:
            path: Absolute, or relative to the project.

        Raises:
            AssetError: It cannot be read, or never stays still.
        """
        return self.use(path).sha256

    def use(self, path: Path) -> FileUse:
        """A file with its digest and identity; raises as `digest` does."""
        full = self.root / path
        name = relative_name(full, self.root)
        try:
            identity = identity_of(full)
            known = self._entries.get(name)
            if known and known[0] == identity:
                return FileUse(name, known[1], identity)
            identity, sha256 = _hash_still(full, name)
        except OSError as error:
            raise AssetError(
                f"This file cannot be read: {error.strerror or error}.",
                "Check that it exists and may be read.",
                where=name,
            ) from error
        self.num_hashed += 1
        if time.time_ns() - identity[2] > SETTLED_NS:
            self._entries[name] = (identity, sha256)
            self._changed = True
        return FileUse(name, sha256, identity)

    def save(self) -> None:
        """Keep what was learnt, at once or not at all.

        Raises:
            OSError: The disk is full or may not be written.
        """
        if self.path is None or not self._changed:
            return
        newest = dict(list(self._entries.items())[-_MAX_ENTRIES:])
        facts = {
            "version": _VERSION,
            "files": {name: [*identity, sha] for name, (identity, sha) in sorted(newest.items())},
        }
        write_atomic(self.path, json.dumps(facts, indent=0).encode("utf-8"))
        self._changed = False


def identity_of(path: Path) -> Identity:
    """What the file system says of a file, without reading it."""
    status = path.stat()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def sha256_of(path: Path, on_block: Callable[[int], None] | None = None) -> str:
    """Digest of a file's bytes, read in blocks of 1 MiB; `on_block` hears the bytes so far."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if on_block is not None:
                on_block(done)
    return digest.hexdigest()


def _hash_still(path: Path, name: str) -> tuple[Identity, str]:
    for _ in range(3):
        before = identity_of(path)
        sha256 = sha256_of(path)
        if identity_of(path) == before:
            return before, sha256
    raise AssetError(
        "This file changes while it is read.",
        "Wait until the program that writes it is done, then run the same command again.",
        where=name,
    )


def _load(path: Path) -> dict[str, tuple[Identity, str]]:
    try:
        facts: Any = json.loads(path.read_bytes())
        if facts["version"] != _VERSION:
            return {}
        return {
            str(name): ((int(inode), int(size), int(mtime)), str(sha))
            for name, (inode, size, mtime, sha) in facts["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
