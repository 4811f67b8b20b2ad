"""The disk where a project lies: free space, and whether it is really in this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_NETWORK = frozenset(
    [
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p"),
        *("ceph", "lustre", "gpfs", "beegfs", "glusterfs", "drvfs", "fuse.sshfs", "fuse.rclone"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.ceph"),
    ]
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted disk.

    Attributes:
        point: Where it is mounted.
        kind: Its file system's name.
    """

    point: str
    kind: str

    @property
    def is_network(self) -> bool:
        """Whether its locks and syncs cannot be trusted, as SQLite needs them."""
        return self.kind.lower() in _NETWORK


def existing_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    path = path.expanduser().absolute()
    return next(each for each in (path, *path.parents) if each.is_dir() or each == each.parent)


def free_bytes(path: Path) -> int:
    """Free space at a path that need not exist yet; 0 if it cannot be told."""
    try:
        return shutil.disk_usage(existing_folder(path)).free
    except OSError:
        return 0


def mount_of(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that a path lies on: the longest one above it, the last of equals."""
    place = existing_folder(path)
    best: Mount | None = None
    for mount in mounts:
        point = Path(mount.point)
        inside = point == place or point in place.parents
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def read_mounts() -> tuple[Mount, ...]:
    """Every disk that is mounted now."""
    import psutil

    return tuple(Mount(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True))
