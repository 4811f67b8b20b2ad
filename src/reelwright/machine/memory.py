"""Main memory and CPU threads that this process may use: the machine's, or its container's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_UNLIMITED = 2**60


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory.

    Attributes:
        total_bytes: What may be used at all.
        free_bytes: What is free, or can be freed without swapping.
        limited: A container's limit is below what the machine has.
    """

    total_bytes: int
    free_bytes: int
    limited: bool = False


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """The tightest limit that a container sets.

    Attributes:
        limit_bytes: The limit.
        used_bytes: What counts against it and cannot simply be dropped (file pages can).
    """

    limit_bytes: int
    used_bytes: int


def read_memory() -> Memory:
    """Memory of this process: the smaller of what the machine has and its container allows."""
    import psutil

    system = psutil.virtual_memory()
    limits = list(container_limits(_read(_OWN_CGROUP), CGROUP_ROOT))
    return smaller_memory(system.total, system.available, limits)


def smaller_memory(total: int, available: int, limits: list[ContainerMemory]) -> Memory:
    """The machine's memory, narrowed by every container limit around the process."""
    usable, free = total, available
    for each in limits:
        usable = min(usable, each.limit_bytes)
        free = min(free, max(0, each.limit_bytes - each.used_bytes))
    return Memory(usable, min(free, usable), usable < total)


def container_limits(own_cgroup: str, root: Path) -> Iterator[ContainerMemory]:
    """Memory limits of the control groups around a process, v1 and v2, the innermost first.

    Args:
        own_cgroup: Text of `/proc/self/cgroup`.
        root: Where control groups are mounted.
    """
    for folder, version in _group_folders(own_cgroup, root, "memory"):
        limit, used, stat = (
            ("memory.max", "memory.current", "inactive_file")
            if version == 2
            else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        )
        limit_bytes = _number(_read(folder / limit))
        if limit_bytes is None or limit_bytes >= _UNLIMITED:
            continue
        used_bytes = _number(_read(folder / used)) or 0
        droppable = _table(_read(folder / "memory.stat")).get(stat, 0)
        yield ContainerMemory(limit_bytes, max(0, used_bytes - droppable))


def cpu_threads() -> int:
    """Threads that this process may run at once: affinity and container quota respected."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quotas = cpu_quotas(_read(_OWN_CGROUP), CGROUP_ROOT)
    return max(1, min([allowed, *quotas]))


def cpu_quotas(own_cgroup: str, root: Path) -> list[int]:
    """CPU quotas of the control groups around a process, in whole threads, rounded up."""
    quotas = []
    for folder, version in _group_folders(own_cgroup, root, "cpu"):
        if version == 2:
            parts = _read(folder / "cpu.max").split()
            quota, period = (_number(part) for part in [*parts, "", ""][:2])
        else:
            quota = _number(_read(folder / "cpu.cfs_quota_us"))
            period = _number(_read(folder / "cpu.cfs_period_us"))
        if quota is not None and period and quota > 0:
            quotas.append(ceil(quota / period))
    return quotas


def _group_folders(own_cgroup: str, root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Folders of a controller from the process's own group up to the mount, with the version.

    Inside a container the path may name a group of the host that is not mounted here; then only
    the ancestors that exist are given, and the mount itself, which stands for the container.
    """
    for line in own_cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            mount, version = root, 2
        elif controller in controllers.split(","):
            mount, version = root / controller, 1
        else:
            continue
        folder = mount / path.strip("/")
        while True:
            if folder.is_dir():
                yield folder, version
            if folder == mount or mount not in folder.parents:
                break
            folder = folder.parent


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""  # not this system's way of saying it


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def _table(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
