"""Results on disk: written aside, committed at once, never half there.

    artifacts/<key>/manifest.json      there is a result; which attempt holds it, file by file
    artifacts/<key>/<attempt>/...      the result

A stage writes into an attempt's own folder; when all of it is on the disk, its manifest is made
under a temporary name, flushed, and **linked to its final name, which fails if there is one: that
is the commit, and the first writer wins**. Must stay true: whoever sees a manifest sees a whole
result, and nobody changes a file below an attempt that a manifest names.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import ResourceError
from reelwright.plan import fsync_folder, is_key
from reelwright.production.manifest import Manifest

MANIFEST_NAME = "manifest.json"
_ATTEMPT_PREFIX = "a-"
_RESUMING_PREFIX = "r-"  # what an attempt of this name leaves is kept for the next one
_TEMPORARY = ".tmp"
_CLAIM = "manifest.claim"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A folder that a stage writes into.

    Attributes:
        key: Name of the result to be.
        name: Its own.
        folder: Exists; empty when begun, or with what an attempt that was cut short has left.
    """

    key: str
    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """A result that is there.

    Attributes:
        key: Its name.
        folder: Where its files are.
        manifest: What is known of it.
    """

    key: str
    folder: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a result that should be there cannot be used.

    Attributes:
        key: Its name.
        why: In words.
    """

    key: str
    why: str


class ArtifactStore:
    """Results of a project.

    Args:
        root: The folder of all; made when the first attempt begins.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Where everything of a key lies."""
        if not is_key(key):
            raise ValueError(f"{key!r} is not a key")
        return self.root / key

    def find(self, key: str) -> Artifact | Damage | None:
        """A result as its manifest tells it; its files are not looked at. None: there is none."""
        path = self.folder(key) / MANIFEST_NAME
        try:
            manifest = Manifest.parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return Damage(key, f"its manifest cannot be read ({error})")
        if manifest.key != key or not _is_attempt(manifest.attempt):
            return Damage(key, "its manifest belongs to something else")
        return Artifact(key, path.parent / manifest.attempt, manifest)

    def verified(self, key: str) -> Artifact | Damage | None:
        """A result whose every file is there in its full length."""
        found = self.find(key)
        if not isinstance(found, Artifact):
            return found
        for name, size in found.manifest.files.items():
            path = found.folder / name
            try:
                actual = path.stat().st_size
            except OSError:
                return Damage(key, f"{name} is missing")
            if actual != size:
                return Damage(key, f"{name} has {actual} bytes of {size}")
        return found

    def begin(self, key: str, *, resumes: bool = False) -> Attempt:
        """A folder for an attempt: new and empty, or what one that was cut short has left.

        Args:
            key: Name of the result to be.
            resumes: Whether the attempt can go on from what another has left. What this one leaves
                is then kept until a result stands, through kills and power cuts.

        Raises:
            OSError: The disk is full or may not be written.
        """
        prefix = _RESUMING_PREFIX if resumes else _ATTEMPT_PREFIX
        name = f"{prefix}{secrets.token_hex(8)}"
        folder = self.folder(key) / name
        left = self._left_behind(key) if resumes else None
        if left is None:
            folder.mkdir(parents=True)
        else:
            left.replace(folder)
        return Attempt(key, name, folder)

    def _left_behind(self, key: str) -> Path | None:
        """The folder of an attempt that was cut short and can be gone on from; the newest."""
        left = [path for path in self.folder(key).glob(f"{_RESUMING_PREFIX}*") if path.is_dir()]
        return max(left, key=lambda path: path.stat().st_mtime, default=None)

    def commit(self, attempt: Attempt, manifest: Manifest) -> Artifact:
        """Make an attempt the result, unless another was first; then that one is it.

        The attempt's files are on the disk already (`sync_tree`).

        Returns:
            The result that stands; the attempt is removed if it is not its.

        Raises:
            OSError: The disk is full or may not be written; nothing was committed.
        """
        home = self.folder(attempt.key)
        temporary = home / f".{attempt.name}{_TEMPORARY}"
        try:
            with temporary.open("xb") as file:
                file.write(manifest.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            won = _name_exclusively(temporary, home / MANIFEST_NAME)
        finally:
            temporary.unlink(missing_ok=True)
        fsync_folder(home)
        fsync_folder(self.root)
        if won:
            return Artifact(attempt.key, attempt.folder, manifest)
        return self._yield_to_first(attempt)

    def abandon(self, attempt: Attempt) -> None:
        """Remove an attempt that came to nothing."""
        shutil.rmtree(attempt.folder, ignore_errors=True)
        _remove_if_empty(self.folder(attempt.key))

    def retire(self, key: str) -> None:
        """Take a damaged result away, so that it is made again. Hold the project's lock."""
        home = self.folder(key)
        (home / MANIFEST_NAME).unlink(missing_ok=True)
        fsync_folder(home)
        shutil.rmtree(home, ignore_errors=True)

    def remove(self, key: str) -> int:
        """Collect a result. Hold the project's lock. Returns the bytes that were freed."""
        freed = self.size(key)
        self.retire(key)
        return freed

    def all_keys(self) -> Iterator[str]:
        """Every key that has a folder, sorted."""
        if self.root.is_dir():
            yield from sorted(path.name for path in self.root.iterdir() if is_key(path.name))

    def manifests(self) -> Iterator[Manifest]:
        """Every readable manifest, oldest first."""
        found = [self.find(key) for key in self.all_keys()]
        manifests = [each.manifest for each in found if isinstance(each, Artifact)]
        yield from sorted(manifests, key=lambda each: (each.finished, each.key))

    def size(self, key: str) -> int:
        """Bytes of everything below a key."""
        return sum(
            (Path(here) / name).lstat().st_size
            for here, _, names in os.walk(self.folder(key))
            for name in names
        )

    def last_used(self, key: str) -> float:
        """When a result was last made or asked for, seconds since 1970; 0 if it is not there."""
        try:
            return (self.folder(key) / MANIFEST_NAME).stat().st_mtime
        except OSError:
            return 0.0

    def touch(self, key: str) -> None:
        """Note that a result was asked for: the size cap collects the longest unused first."""
        now = time.time()
        try:
            os.utime(self.folder(key) / MANIFEST_NAME, (now, now))
        except OSError:
            return  # a read-only store is still a store; only the order of collection suffers

    def sweep(self) -> int:
        """Remove what killed renders left half done and none can go on from. Hold the lock.

        Returns:
            Attempts that were removed.
        """
        return sum(self._sweep_key(key) for key in list(self.all_keys()))

    def _sweep_key(self, key: str) -> int:
        home = self.folder(key)
        entries = list(home.iterdir())
        names = {path.name for path in entries}
        if len(names) == 2 and MANIFEST_NAME in names:
            return 0  # the usual case: a manifest and its attempt; reading it would cost time
        found = self.find(key)
        kept = found.manifest.attempt if isinstance(found, Artifact) else None
        removed = 0
        for path in entries:
            if path.name in (kept, MANIFEST_NAME) or (kept is None and _resumes(path)):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
            else:
                path.unlink(missing_ok=True)
        _remove_if_empty(home)
        return removed

    def _yield_to_first(self, attempt: Attempt) -> Artifact:
        found = self.find(attempt.key)
        shutil.rmtree(attempt.folder, ignore_errors=True)
        if isinstance(found, Artifact):
            return found
        why = found.why if found else "it vanished"
        raise ResourceError(
            f"A result that another process made cannot be used: {why}.",
            "Run the same command again.",
            where=str(self.folder(attempt.key)),
        )


def _name_exclusively(temporary: Path, final: Path) -> bool:
    """Give a file its final name unless that is taken; whether it was given."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _rename_exclusively(temporary, final)
    return True


def _rename_exclusively(temporary: Path, final: Path) -> bool:
    # FAT and some network file systems know no links: a claim that only one can make, then rename.
    claim = final.with_name(_CLAIM)
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    try:
        if final.exists():
            return False
        temporary.replace(final)
    finally:
        claim.unlink(missing_ok=True)
    return True


def _is_attempt(name: str) -> bool:
    prefix, rest = name[: len(_ATTEMPT_PREFIX)], name[len(_ATTEMPT_PREFIX) :]
    return prefix in (_ATTEMPT_PREFIX, _RESUMING_PREFIX) and rest.isalnum()


def _resumes(path: Path) -> bool:
    return path.name.startswith(_RESUMING_PREFIX) and path.is_dir() and not path.is_symlink()


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # not empty, or gone already
