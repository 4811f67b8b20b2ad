"""The film and its report, put where the person wants them.

The results stay in the work folder; what lies beside the storyboard is a copy that appears whole
or not at all, and is put there again if it is missing or was altered.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import InputError, MediaError
from reelwright.plan import DigestStore
from reelwright.production.artifacts import Artifact
from reelwright.production.disk import files_under
from reelwright.production.film_file import FILM_FACTS, SEQUENCES, report_path

REPORT_HTML = "report.html"
REPORT_JSON = "report.json"
_MARKER = "reelwright.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What lies where.

    Attributes:
        film: The film; None if it was not made.
        report: Its report; None likewise.
        changed: Whether anything had to be copied.
    """

    film: Path | None
    report: Path | None
    changed: bool


def publish(
    mux: Artifact | None, report: Artifact | None, out: Path, digests: DigestStore
) -> Published:
    """Put a film and its report where they belong, unless they lie there already.

    Args:
        mux: The result that holds the film; None leaves it.
        report: The result that holds the report; None leaves it.
        out: Where the film goes.
        digests: Digests that are kept between runs: an unchanged film is not read again.

    Raises:
        MediaError: Something else lies there, or it may not be written.
        ResourceError: The disk is full.
    """
    film, page, changed = None, None, False
    if mux is not None:
        source = mux.folder / json.loads((mux.folder / FILM_FACTS).read_bytes())["file"]
        changed = _publish(source, out, digests)
        film = out
    if report is not None:
        page = report_path(out)
        changed |= _publish(report.folder / REPORT_HTML, page, digests)
        changed |= _publish(report.folder / REPORT_JSON, page.with_suffix(".json"), digests)
    return Published(film, page, changed)


def chosen_path(out: Path, default: Path, kind: str) -> Path:
    """Where a film goes that the person gave a place.

    Args:
        out: As it was given: a file, or a folder that is there.
        default: Where it would go otherwise; its name is used inside a folder.
        kind: The format.
    """
    out = out.expanduser().absolute()
    if kind not in SEQUENCES and out.is_dir():
        return out / default.name
    return out


def format_of(out: Path, kind: str) -> str:
    """The format that a path asks for: its suffix decides.

    Args:
        out: As it was given.
        kind: The storyboard's format; stays where the path says nothing.

    Raises:
        InputError: The suffix is of no format there is.
    """
    suffix = out.suffix.lower().lstrip(".")
    if not suffix or out.is_dir():
        if kind in SEQUENCES or out.is_dir():
            return kind
        raise InputError(
            f'"{out.name}" has no suffix that tells the format.',
            f"Call it {out.name}.{kind}.",
            where="out",
        )
    if suffix in _FORMATS:
        return suffix
    raise InputError(
        f'A film cannot be written as ".{suffix}".',
        f"Use {', '.join(f'.{each}' for each in _FORMATS)}, or a folder for png and exr.",
        where="out",
    )


_FORMATS = ("mp4", "mov", "mkv", "wav")


def _publish(source: Path, target: Path, digests: DigestStore) -> bool:
    """Copy a file or folder unless the same lies there; whether it was copied."""
    from reelwright.media.atomic import atomic_file, atomic_folder

    if _is_same(source, target, digests):
        return False
    if source.is_dir():
        with atomic_folder(target, _MARKER) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)
    elif target.is_dir():
        raise MediaError(
            "There is a folder of this name.",
            "Name a file with -o, or move the folder.",
            where=str(target),
        )
    else:
        with atomic_file(target) as part:
            shutil.copyfile(source, part)
    return True


def _is_same(source: Path, target: Path, digests: DigestStore) -> bool:
    if source.is_dir():
        names = [path.relative_to(source) for path in files_under(source)]
        return target.is_dir() and all(
            _is_same_file(source / name, target / name, digests) for name in names
        )
    return _is_same_file(source, target, digests)


def _is_same_file(source: Path, target: Path, digests: DigestStore) -> bool:
    if not target.is_file() or target.stat().st_size != source.stat().st_size:
        return False
    return digests.digest(source) == digests.digest(target)
