"""A whole project as one file, NAME.reelpack: a ZIP that unpacks into a folder that renders.

Inside are the project's own files by their own names and `reelpack.json`, which lists each with
its size and digest. The same project gives the same bytes: names are sorted, times are left out.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import InputError
from reelwright.media.atomic import atomic_file
from reelwright.media.names import same_on_disk, unsafe_name
from reelwright.media.provenance import Provenance
from reelwright.plan import sha256_of
from reelwright.progress import NO_PROGRESS, Progress

FORMAT = 1
"""Version of the pack's list."""

SUFFIX = ".reelpack"
"""How a pack's name ends."""

MANIFEST = "reelpack.json"
"""The list inside a pack."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_BLOCK = 1024 * 1024
_PACKED = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".zip", ".flac", ".mp3", ".ogg", ".opus")
_COMPRESSED = frozenset((*_PACKED, ".m4a", ".mp4", ".mov", ".mkv", ".webm"))


@dataclass(frozen=True, slots=True)
class PackEntry:
    """A file in a pack.

    Attributes:
        path: Its name, relative to the project's folder.
        num_bytes: Its size.
        sha256: Its digest.
    """

    path: str
    num_bytes: int
    sha256: str


def pack_project(
    root: Path,
    storyboard: str,
    files: Iterable[str],
    out: Path,
    *,
    film: Path | None = None,
    provenance: Provenance | None = None,
    progress: Progress = NO_PROGRESS,
) -> Path:
    """Put a project into one file.

    Args:
        root: The project's folder.
        storyboard: The storyboard, relative to it.
        files: Everything else it needs (assets, `plan.lock`), relative to it.
        out: The pack; `.reelpack` is added if it is not there.
        film: The finished film; packed at the top under its own name.
        provenance: How that film was made.
        progress: Told after every file.

    Returns:
        The pack.

    Raises:
        InputError: A file is missing, lies outside the project, or two would be one.
        ResourceError: The disk is full.
    """
    out = out if out.suffix == SUFFIX else out.with_name(out.name + SUFFIX)
    sources = _sources(root, [storyboard, *files], film)
    entries = [
        PackEntry(name, path.stat().st_size, sha256_of(path)) for name, path in sources.items()
    ]
    manifest = {
        "reelpack": FORMAT,
        "storyboard": storyboard,
        "film": film.name if film else None,
        "provenance": provenance.to_json() if provenance else None,
        "files": [
            {"path": each.path, "bytes": each.num_bytes, "sha256": each.sha256} for each in entries
        ],
    }
    with atomic_file(out) as part, zipfile.ZipFile(part, "w", allowZip64=True) as pack:
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
        pack.writestr(_header(MANIFEST), text.encode())
        for index, (entry, path) in enumerate(zip(entries, sources.values(), strict=True), 1):
            _store(pack, entry, path)
            progress.step(index / len(entries), entry.path)
    return out


def _sources(root: Path, names: Iterable[str], film: Path | None) -> dict[str, Path]:
    """Every file to pack by its name inside, in the order of the names."""
    sources: dict[str, Path] = {}
    for name in names:
        reason = unsafe_name(name)
        if reason:
            raise InputError(f'"{name}" cannot be packed: {reason}.', "Rename it.", where=name)
        sources[name] = root / name
    if film is not None:
        reason = unsafe_name(film.name)
        if reason or film.name in sources:
            why = reason or "another file of the project has its name"
            raise InputError(f'"{film.name}" cannot be packed: {why}.', "Rename the film.")
        sources[film.name] = film
    _refuse_twins([*sources, MANIFEST], "The project")
    for name, path in sources.items():
        if not path.is_file():
            raise InputError(
                f"{name} is not there.",
                "Put it back, or take it out of the storyboard.",
                where=str(path),
            )
        if path is not film and not path.resolve().is_relative_to(root.resolve()):
            raise InputError(
                f"{name} leads out of the project.", "Copy the file into it.", where=str(path)
            )
    return dict(sorted(sources.items()))


def _refuse_twins(names: Iterable[str], whose: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(same_on_disk(name), name)
        if other is not name:
            raise InputError(
                f"{whose} has {other} and {name}, which many disks take for one file.",
                "Rename one of them.",
                where=name,
            )


def _header(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # the same on every system
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    stored = Path(name).suffix.lower() in _COMPRESSED
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return info


def _store(pack: zipfile.ZipFile, entry: PackEntry, path: Path) -> None:
    info = _header(entry.path)
    info.file_size = entry.num_bytes
    digest = hashlib.sha256()
    with path.open("rb") as source, pack.open(info, "w") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != entry.sha256:
        raise InputError(f"{entry.path} changed while it was packed.", "Pack again.")
