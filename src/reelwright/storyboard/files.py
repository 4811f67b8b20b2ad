"""Files that a storyboard names: inside the project, or refused.

A storyboard may come from a stranger: no path of its choosing is opened outside its own folder,
neither by `..`, nor by an absolute path, nor by a link that leads out.
"""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from reelwright.errors import InputError
from reelwright.storyboard.words import nearest, shown


def project_file(root: Path, name: str) -> Path:
    """The file of this name in a project.

    Args:
        root: The project's folder.
        name: Path relative to it, with forward slashes.

    Returns:
        Its place on disk, links resolved. It need not exist.

    Raises:
        InputError: The path leads out of the project or cannot be a path.
    """
    wrong = path_problem(name)
    if wrong:
        raise InputError(wrong[0], wrong[1], where=name)
    base = root.resolve()
    try:
        found = (base / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long
        raise InputError(
            f"{shown(name)} cannot be followed to a file.", "Name a plain file.", where=name
        ) from error
    if not found.is_relative_to(base):
        raise InputError(
            f"{shown(name)} is a link that leads out of the project.",
            "Copy the file into the project's folder.",
            where=name,
        )
    return found


def path_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a path by its words alone, and the mend; None if nothing is."""
    windows = PureWindowsPath(name)
    inside = "Copy the file into the project's folder and name it from there."
    if "\\" in name:
        return (
            f"{shown(name)} has backslashes.",
            f"Write it with forward slashes: {shown(_slashed(name))}.",
        )
    if name.startswith(("/", "~/")) or windows.drive or windows.root:
        return f"{shown(name)} is not inside the project.", inside
    if ".." in name.split("/"):
        return f'{shown(name)} leads out of its folder with "..".', inside
    if not name.strip("./ "):
        return f"{shown(name)} names no file.", "Name a file in the project's folder."
    return None


def file_problem(
    root: Path | None, name: str, *, must_exist: bool = True
) -> tuple[str, str] | None:
    """What is wrong with a file that a storyboard names, and the mend; None if nothing is.

    Args:
        root: The project's folder; None looks at the words alone.
        name: Path as written.
        must_exist: Whether a file has to be there.
    """
    wrong = path_problem(name)
    if wrong or root is None:
        return wrong
    try:
        found = project_file(root, name)
        exists, is_file = found.exists(), found.is_file()
    except InputError as error:
        return error.what, error.mend
    except OSError:
        return f"{shown(name)} cannot be looked at.", "Name a plain file that may be read."
    if exists and not is_file:
        return f"{shown(name)} is not a file.", "Name a file."
    if must_exist and not exists:
        return f"There is no file {shown(name)} in the project.", _nearby(found, name)
    return None


def _nearby(missing: Path, name: str) -> str:
    """The mend for a missing file: the nearest name in the same folder."""
    try:
        names = [entry.name for entry in missing.parent.iterdir()][:1000]
    except OSError:
        names = []
    near = nearest(missing.name, sorted(names))
    folder = name.rpartition("/")[0]
    if near:
        return f"Did you mean {shown(f'{folder}/{near}' if folder else near)}?"
    return "Put it into the project's folder, or name another."


def _slashed(name: str) -> str:
    return name.replace("\\", "/")
