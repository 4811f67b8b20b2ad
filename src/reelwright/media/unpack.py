"""A project out of a pack, which may come from a stranger.

Nothing is written before the list, the names and the sizes have been checked, nothing is written
outside the new folder, and no file is kept whose digest is not the one listed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reelwright.errors import MediaError, ResourceError
from reelwright.media.atomic import atomic_folder
from reelwright.media.names import same_on_disk, unsafe_name
from reelwright.media.pack import FORMAT, MANIFEST, PackEntry
from reelwright.media.provenance import Provenance
from reelwright.progress import NO_PROGRESS, Progress

_MARKER = ".reelpack-unpacked"
_BLOCK = 1024 * 1024
_HONEST_BYTES = 1024**3
_MAX_LIST_BYTES = 64 * 1024**2
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEND = "Ask for the pack again; this one is damaged or was made to do harm."


@dataclass(frozen=True, slots=True)
class PackLimits:
    """What an unpacked project may be at most.

    Attributes:
        num_files: Files.
        file_bytes: Bytes of one file.
        total_bytes: Bytes of all files together.
        ratio: Bytes out for each byte in, where that is more than 1 GiB in all. (Silence and flat
            colour shrink a thousandfold honestly, but no whole project does.)
    """

    num_files: int = 10_000
    file_bytes: int = 16 * 1024**3
    total_bytes: int = 64 * 1024**3
    ratio: int = 200


@dataclass(frozen=True, slots=True)
class UnpackedProject:
    """A project that came out of a pack.

    Attributes:
        root: Its folder.
        storyboard: The storyboard in it.
        film: The finished film, if one was packed.
        provenance: How that film was made, if known.
        files: Every file, relative to the folder.
    """

    root: Path
    storyboard: Path
    film: Path | None
    provenance: Provenance | None
    files: tuple[str, ...]


def unpack_project(
    pack: Path,
    out: Path,
    *,
    limits: PackLimits | None = None,
    progress: Progress = NO_PROGRESS,
) -> UnpackedProject:
    """Take a project out of a pack, into a new folder.

    Args:
        pack: The pack.
        out: The folder to make; it must not exist, or be empty.
        limits: What it may be at most.
        progress: Told after every file.

    Raises:
        MediaError: Not a pack, damaged, newer than this program, or made to do harm.
        ResourceError: It does not fit on the disk.
    """
    limits = limits or PackLimits()
    try:
        with zipfile.ZipFile(pack) as archive:
            manifest = _manifest(archive, pack)
            entries = _entries(manifest, pack, limits)
            infos = _checked_infos(archive, entries, pack)
            _check_room(entries, out)
            with atomic_folder(out, _MARKER) as folder:
                for index, entry in enumerate(entries, 1):
                    _extract(archive, infos[entry.path], entry, folder, pack)
                    progress.step(index / len(entries), entry.path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _bad(pack, f"it cannot be read ({error})") from error
    except FileNotFoundError as error:
        raise MediaError("There is no such pack.", "Check its name.", where=str(pack)) from error
    except OSError as error:
        raise _bad(pack, f"it cannot be read ({error.strerror or error})") from error
    film, record = manifest.get("film"), manifest.get("provenance")
    return UnpackedProject(
        out,
        out / manifest["storyboard"],
        out / film if film else None,
        Provenance.from_json(record, str(pack)) if record is not None else None,
        tuple(entry.path for entry in entries),
    )


def packed_storyboard(pack: Path) -> str:
    """Name of the storyboard in a pack, relative to its folder; nothing is unpacked.

    Raises:
        MediaError: Not a pack, damaged, newer than this program, or made to do harm.
    """
    try:
        with zipfile.ZipFile(pack) as archive:
            manifest = _manifest(archive, pack)
            _entries(manifest, pack, PackLimits())
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _bad(pack, f"it cannot be read ({error})") from error
    return str(manifest["storyboard"])


def _manifest(archive: zipfile.ZipFile, pack: Path) -> Mapping[str, Any]:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError as error:
        raise MediaError(
            "This is a ZIP, but not a Reelwright pack.",
            "Give a file that `reelwright pack` made.",
            where=str(pack),
        ) from error
    with archive.open(info) as file:
        text = _read_at_most(file, _MAX_LIST_BYTES)
    if text is None:
        raise _bad(pack, "its list is too long")
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(pack, "its list is not JSON") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("reelpack"), int):
        raise _bad(pack, "its list is not one of ours")
    if manifest["reelpack"] > FORMAT:
        raise MediaError(
            f"This pack is of a newer format ({manifest['reelpack']}) than this program reads "
            f"({FORMAT}).",
            "Update Reelwright.",
            where=str(pack),
        )
    return manifest


def _entries(manifest: Mapping[str, Any], pack: Path, limits: PackLimits) -> tuple[PackEntry, ...]:
    listed = manifest.get("files")
    if not isinstance(listed, list) or not listed:
        raise _bad(pack, "it lists no files")
    if len(listed) > limits.num_files:
        raise _bad(pack, f"it lists {len(listed)} files, more than {limits.num_files}")
    entries = tuple(_entry(each, pack, limits) for each in listed)
    total = sum(each.num_bytes for each in entries)
    if total > limits.total_bytes:
        raise _bad(pack, f"it would unpack to {total} bytes, more than {limits.total_bytes}")
    if total > _HONEST_BYTES and total > limits.ratio * pack.stat().st_size:
        raise _bad(pack, f"it would swell more than {limits.ratio} times")
    names = [each.path for each in entries]
    keys = {same_on_disk(name) for name in [*names, MANIFEST, _MARKER]}
    if len(keys) != len(names) + 2:
        raise _bad(pack, "two of its files would be one on many disks")
    wanted = (manifest.get("storyboard"), manifest.get("film"))
    if wanted[0] not in names or (wanted[1] is not None and wanted[1] not in names):
        raise _bad(pack, "its storyboard or its film is not in it")
    return entries


def _entry(listed: object, pack: Path, limits: PackLimits) -> PackEntry:
    facts = listed if isinstance(listed, dict) else {}
    path, num_bytes, digest = facts.get("path"), facts.get("bytes"), facts.get("sha256")
    if not isinstance(path, str) or not isinstance(digest, str) or type(num_bytes) is not int:
        raise _bad(pack, "its list is damaged")
    reason = unsafe_name(path)
    if reason:
        raise _bad(pack, f"the name {path!r} cannot be trusted: {reason}")
    if not 0 <= num_bytes <= limits.file_bytes or not _DIGEST.fullmatch(digest):
        raise _bad(pack, f"{path} has an impossible size or digest")
    return PackEntry(path, num_bytes, digest)


def _checked_infos(
    archive: zipfile.ZipFile, entries: tuple[PackEntry, ...], pack: Path
) -> dict[str, zipfile.ZipInfo]:
    """The archive's own directory, which has to say the same as the list."""
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in infos:
            raise _bad(pack, f"{info.filename!r} is in it twice")
        infos[info.filename] = info
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.is_dir() or info.flag_bits & 1:
            raise _bad(pack, f"{info.filename!r} is a link, a folder or encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _bad(pack, f"{info.filename!r} is compressed in a way that packs are not")
    if set(infos) != {each.path for each in entries} | {MANIFEST}:
        raise _bad(pack, "what is in it is not what it lists")
    for entry in entries:
        if infos[entry.path].file_size != entry.num_bytes:
            raise _bad(pack, f"{entry.path} has not the size that is listed")
    return infos


def _check_room(entries: tuple[PackEntry, ...], out: Path) -> None:
    place = next(each for each in [out.absolute(), *out.absolute().parents] if each.is_dir())
    free, wanted = shutil.disk_usage(place).free, sum(each.num_bytes for each in entries)
    if wanted > free:
        raise ResourceError(
            f"The project needs {wanted / 1e6:.0f} MB and {free / 1e6:.0f} MB are free.",
            "Free some space, or unpack on another disk.",
            where=str(out),
        )


def _extract(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: PackEntry, folder: Path, pack: Path
) -> None:
    """Write one file; never more bytes than were listed, none with another digest."""
    target = folder / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    with archive.open(info) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            count += len(block)
            if count > entry.num_bytes:
                raise _bad(pack, f"{entry.path} is longer than listed")
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != entry.sha256:
        raise _bad(pack, f"{entry.path} has not the digest that is listed")


def _read_at_most(file: IO[bytes], limit: int) -> bytes | None:
    data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _bad(pack: Path, why: str) -> MediaError:
    return MediaError(f"This pack cannot be trusted: {why}.", _MEND, where=str(pack))
