"""Where a project keeps things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reelwright.env import WORK_DIR, path_from
from reelwright.errors import ResourceError

FOLDER = ".reelwright"
_IGNORE = "# Made by Reelwright; everything in this folder can be made again.\n*\n"


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folders.

    Attributes:
        root: Where the storyboard lies; every path of a recipe is relative to it.
        work: Artifacts, journal, locks; `.reelwright` in the root unless another was asked for.
    """

    root: Path
    work: Path

    @classmethod
    def at(cls, root: Path, work_dir: Path | None = None) -> Project:
        """The project of a folder; nothing is made yet.

        Args:
            root: Where the storyboard lies.
            work_dir: Another place for the work folder, e.g. on a local disk where the project
                lies on a network share; by default `REELWRIGHT_WORK_DIR`, else beside the film.
        """
        work = work_dir or path_from(WORK_DIR) or root / FOLDER
        return cls(root.resolve(), work.expanduser().absolute())

    @property
    def artifacts(self) -> Path:
        """Results, by key."""
        return self.work / "artifacts"

    @property
    def journal(self) -> Path:
        """The journal's database."""
        return self.work / "journal.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the process that renders."""
        return self.work / "lock"

    @property
    def digests(self) -> Path:
        """Digests of the project's files."""
        return self.work / "digests.json"

    @property
    def logs(self) -> Path:
        """What the workers' libraries say."""
        return self.work / "logs"

    @property
    def previews(self) -> Path:
        """Pictures of work that is under way."""
        return self.work / "previews"

    def make(self) -> None:
        """Make the folders, with a `.gitignore` that keeps them out of a repository.

        Raises:
            ResourceError: They cannot be made.
        """
        try:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            ignore = self.work / ".gitignore"
            if not ignore.exists():
                ignore.write_text(_IGNORE, encoding="utf-8")
        except OSError as error:
            raise ResourceError(
                f"The work folder cannot be made: {error.strerror or error}.",
                "Check that the folder may be written and the disk has room, or name another with "
                "--work-dir.",
                where=str(self.work),
            ) from error
