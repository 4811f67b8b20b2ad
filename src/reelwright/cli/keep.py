"""`pack` and `clean`: what stays of a film."""

from __future__ import annotations

import re
from pathlib import Path

from reelwright.cli.options import Flag, Output
from reelwright.cli.terminal import bytes_text, say
from reelwright.errors import SettingError


def pack(storyboard: Path, /, *, output: Output = None) -> None:
    """Put a film and all that it needs into one file: NAME.reelpack.

    `reelwright render NAME.reelpack` makes the film from it anywhere.

    Parameters
    ----------
    storyboard
        The .toml file.
    output
        The pack; by default beside the storyboard, named after the film.
    """
    from reelwright.production import pack_film

    say(str(pack_film(storyboard, out=output)))


def clean(
    project: Path = Path(),
    /,
    *,
    max_size: str | None = None,
    everything: Flag = False,
    dry_run: Flag = False,
    work_dir: Path | None = None,
) -> None:
    """Remove results that none of a project's storyboards needs as it stands.

    Parameters
    ----------
    project
        A storyboard or a project's folder; by default this folder.
    max_size
        Remove also what is needed, the longest unused first, until the rest is no larger: 20G.
    everything
        Remove every result; the next render makes all of it again.
    dry_run
        Only say what would be removed.
    work_dir
        Where artifacts lie; by default .reelwright beside the storyboard.
    """
    from reelwright.production import clean as clean_project

    result = clean_project(
        project,
        max_bytes=None if max_size is None else _bytes(max_size),
        everything=everything,
        dry_run=dry_run,
        work_dir=work_dir,
    )
    verb = "would be removed" if dry_run else "removed"
    say(
        f"{len(result.removed)} results {verb} ({bytes_text(result.freed_bytes)}); "
        f"{len(result.kept)} kept ({bytes_text(result.kept_bytes)})."
    )


def _bytes(text: str) -> int:
    """`20G` as bytes; powers of ten."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text.strip())
    if not match:
        raise SettingError(f'"{text}" is not a size.', "Write 500M or 20G.", where="--max-size")
    return round(float(match[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[match[2]])
