"""A film and all that it needs as one file, and back."""

from __future__ import annotations

from pathlib import Path

from reelwright.plan import PlanLock
from reelwright.production.film_file import default_path
from reelwright.production.planning import load, plan_film
from reelwright.progress import NO_PROGRESS, Progress

SUFFIX = ".reelpack"


def pack_film(
    storyboard: Path, *, out: Path | None = None, progress: Progress = NO_PROGRESS
) -> Path:
    """Put a storyboard, every file it names, its plan.lock and its film (if made) into one file.

    Args:
        storyboard: The .toml file.
        out: The pack; by default beside the storyboard, named after the film.
        progress: Told after every file.

    Returns:
        The pack.

    Raises:
        StoryboardError: The storyboard is wrong, or a file of it is missing.
        ResourceError: The disk is full.
    """
    from reelwright.media import pack_project, read_provenance

    loaded = load(storyboard)
    plan = plan_film(loaded).plan
    files = {use.path for stage in plan for use in stage.files}
    lock = PlanLock.path_for(loaded.path)
    if lock.is_file():
        files.add(lock.name)
    made = default_path(loaded.film, loaded.path, loaded.root, plan.label)
    film = made if made.is_file() else None
    return pack_project(
        loaded.root,
        loaded.path.name,
        sorted(files),
        out or made.with_suffix(SUFFIX),
        film=film,
        provenance=None if film is None else read_provenance(film),
        progress=progress,
    )


def unpack_film(pack: Path, progress: Progress = NO_PROGRESS) -> Path:
    """Take a project out of a pack, into a folder of the pack's name beside it.

    A folder that is there already is used as it is: the person may have gone on working in it.

    Args:
        pack: A .reelpack.
        progress: Told after every file.

    Returns:
        The storyboard.

    Raises:
        MediaError: Not a pack, damaged, or made to do harm.
        ResourceError: It does not fit on the disk.
    """
    from reelwright.media import packed_storyboard, unpack_project

    folder = pack.with_suffix("")
    there = folder / packed_storyboard(pack)
    return there if there.is_file() else unpack_project(pack, folder, progress=progress).storyboard
