"""Is the project that made a film here? Found by the digests in the film's own record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reelwright.media.names import unsafe_name
from reelwright.media.provenance import Provenance
from reelwright.plan import sha256_of


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that a film needs and a folder does not have.

    Attributes:
        path: Where it belongs, relative to the project's folder.
        sha256: What it has to be.
        state: `absent`, or `different` where another file has its name.
    """

    path: str
    sha256: str
    state: Literal["absent", "different"]

    def __str__(self) -> str:
        words = "is not there" if self.state == "absent" else "is not the one that was used"
        return f"{self.path} {words} (sha256 {self.sha256[:16]}...)"


@dataclass(frozen=True, slots=True)
class ProjectSearch:
    """The folder that comes nearest to a film's project.

    Attributes:
        root: The folder; None if no candidate is a folder.
        missing: What it lacks; empty when it is complete.
    """

    root: Path | None
    missing: tuple[MissingFile, ...]

    @property
    def complete(self) -> bool:
        """Whether the film can be made again there."""
        return self.root is not None and not self.missing


def find_project(provenance: Provenance, candidates: Iterable[Path]) -> ProjectSearch:
    """Find the folder that has every file a film was made from, each with the same digest.

    The storyboard itself need not be there: its text is in the record.

    Args:
        provenance: The film's record.
        candidates: Folders to look in, the likeliest first.

    Returns:
        The first complete folder; else the one that lacks the least, with what it lacks.
    """
    best = ProjectSearch(
        None, tuple(MissingFile(path, digest, "absent") for path, digest in _files(provenance))
    )
    for root in dict.fromkeys(each.resolve() for each in candidates if each.is_dir()):
        search = ProjectSearch(root, tuple(_missing(root, _files(provenance))))
        if search.complete:
            return search
        if best.root is None or len(search.missing) < len(best.missing):
            best = search
    return best


def _files(provenance: Provenance) -> Sequence[tuple[str, str]]:
    return sorted(provenance.files.items())


def _missing(root: Path, files: Sequence[tuple[str, str]]) -> Iterable[MissingFile]:
    for name, digest in files:
        path = root / name
        try:
            # A link may lead anywhere; only a file that stands inside the folder counts.
            inside = unsafe_name(name) is None and path.resolve().is_relative_to(root)
            if not inside or not path.is_file():
                yield MissingFile(name, digest, "absent")
            elif sha256_of(path) != digest:
                yield MissingFile(name, digest, "different")
        except OSError:
            yield MissingFile(name, digest, "absent")
