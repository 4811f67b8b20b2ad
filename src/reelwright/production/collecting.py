"""Collect what no film of a project needs any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import ReelwrightError, StoryboardError
from reelwright.plan import DigestStore, History, Plan, PlanLock, StageKind
from reelwright.production.artifacts import ArtifactStore
from reelwright.production.planning import Asked, plan_for, this_machine
from reelwright.production.project import Project
from reelwright.production.workshop import locked_store

if TYPE_CHECKING:
    from reelwright.machine import Machine


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What was collected.

    Attributes:
        removed: Keys of the results that were removed (or would be).
        freed_bytes: What the disk gained (or would): a file that is linked elsewhere counts when
            its last link goes.
        kept: Keys of the results that stay.
        kept_bytes: What they hold.
    """

    removed: tuple[str, ...]
    freed_bytes: int
    kept: tuple[str, ...]
    kept_bytes: int


def clean(
    film: Path,
    *,
    max_bytes: int | None = None,
    everything: bool = False,
    dry_run: bool = False,
    work_dir: Path | None = None,
    machine: Machine | None = None,
) -> CleanResult:
    """Remove results that none of a project's storyboards needs as it stands.

    Args:
        film: A storyboard, or the project's folder.
        max_bytes: Remove also what is needed, the longest unused first and films last, until the
            rest is no larger. It is made again when it is asked for.
        everything: Remove every result.
        dry_run: Only say what would be removed.
        work_dir: Where artifacts lie; by default beside the storyboard.
        machine: What plans are made for; None for this machine.

    Raises:
        StoryboardError: A storyboard that was rendered here cannot be read now, so nobody can
            tell what it needs.
        ResourceError: Another process renders here.
    """
    root = (film if film.is_dir() else film.parent).resolve()
    project = Project.at(root, work_dir)
    if not project.work.is_dir():
        return CleanResult((), 0, (), 0)
    with locked_store(project, "clean") as store:
        needed = {} if everything else _needed(film, root, project, machine)
        doomed = [key for key in store.all_keys() if key not in needed]
        if max_bytes is not None:
            doomed += _over(store, doomed, needed, max_bytes)
        result = _result(store, doomed)
        if not dry_run:
            for key in doomed:
                store.remove(key)
            if everything:
                shutil.rmtree(project.previews, ignore_errors=True)
                shutil.rmtree(project.logs, ignore_errors=True)
        return result


class _Rank(IntEnum):
    """How late a needed result is collected under a cap."""

    INTERMEDIATE = 0
    """Missed only when something that is made from it has to be made."""

    LAST = 1
    """Nothing is made from it: keyframes, takes. Making it again needs what it is made from."""

    FILM = 2
    """The film's file and its report."""


def _needed(film: Path, root: Path, project: Project, machine: Machine | None) -> dict[str, _Rank]:
    """Keys that a storyboard of the project needs."""
    machine = machine or this_machine(root)
    digests = DigestStore(project.digests, root)
    needed: dict[str, _Rank] = {}
    for path in _storyboards(film, root):
        plan = _plan(path, film, machine, digests)
        for key, rank in _ranks(plan).items() if plan is not None else ():
            needed[key] = max(rank, needed.get(key, rank))
    return needed


def _ranks(plan: Plan) -> dict[str, _Rank]:
    ranks = dict.fromkeys((stage.key for stage in plan), _Rank.INTERMEDIATE)
    ranks.update(dict.fromkeys((stage.key for stage in plan.sinks()), _Rank.LAST))
    films = (*plan.of_kind(StageKind.MUX), *plan.of_kind(StageKind.REPORT))
    ranks.update(dict.fromkeys((stage.key for stage in films), _Rank.FILM))
    return ranks


def _storyboards(film: Path, root: Path) -> list[Path]:
    others = [path for path in root.glob("*.toml") if path.is_file()]
    named = [film.resolve()] if film.is_file() else []
    return list(dict.fromkeys([*named, *sorted(path.resolve() for path in others)]))


def _plan(path: Path, film: Path, machine: Machine, digests: DigestStore) -> Plan | None:
    from reelwright.storyboard import load_film

    lock_path = PlanLock.path_for(path)
    try:
        loaded = load_film(path)
        lock = PlanLock.load(lock_path)
        return plan_for(loaded, machine, Asked(), lock=lock, history=History(), digests=digests)
    except StoryboardError:
        if lock_path.is_file() or path == film.resolve():
            raise  # it was rendered here: what it needs cannot be told until it is mended
        return None  # some other program's TOML
    except ReelwrightError:
        if lock_path.is_file() or path == film.resolve():
            raise
        return None


def _over(
    store: ArtifactStore, doomed: Iterable[str], needed: dict[str, _Rank], max_bytes: int
) -> list[str]:
    """Needed results that have to go as well, to come under the cap."""
    gone = set(doomed)
    kept = [key for key in store.all_keys() if key not in gone]
    kept.sort(key=lambda key: (needed.get(key, _Rank.INTERMEDIATE), store.last_used(key), key))
    chosen: list[str] = []
    while kept and _bytes(store, kept) > max_bytes:
        chosen.append(kept.pop(0))
    return chosen


def _result(store: ArtifactStore, doomed: list[str]) -> CleanResult:
    kept = [key for key in store.all_keys() if key not in set(doomed)]
    kept_inodes = _inodes(store, kept)
    doomed_inodes = _inodes(store, doomed)
    freed = sum(size for inode, size in doomed_inodes.items() if inode not in kept_inodes)
    return CleanResult(tuple(doomed), freed, tuple(kept), sum(kept_inodes.values()))


def _bytes(store: ArtifactStore, keys: Iterable[str]) -> int:
    return sum(_inodes(store, keys).values())


def _inodes(store: ArtifactStore, keys: Iterable[str]) -> dict[tuple[int, int], int]:
    """Size of every file below some keys, each counted once however often it is linked."""
    found: dict[tuple[int, int], int] = {}
    for key in keys:
        for here, _, names in os.walk(store.folder(key)):
            for name in names:
                status = (Path(here) / name).lstat()
                found[status.st_dev, status.st_ino] = status.st_size
    return found
