"""How a film is called: inside its result, and beside the storyboard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.storyboard import Film

FILM_FACTS = "film.json"
"""Beside the film in its result: what was written."""

SHOT_REPORT = "shot.json"
"""What was measured of a shot, in the result of `quality`."""

SEQUENCES = frozenset({"png", "exr"})
"""Formats that are folders."""

_MAX_NAME = 80


def film_name(kind: str) -> str:
    """Its name inside the result of `mux`."""
    return "film" if kind in SEQUENCES else f"film.{kind}"


def default_path(
    film: Film, storyboard: Path, root: Path, label: str, shots: Sequence[str] | None = None
) -> Path:
    """Where a film goes that nobody gave a place.

    Args:
        film: The film; `output.file` wins.
        storyboard: Its storyboard.
        root: The project's folder.
        label: What its clips are, e.g. `animatic`; part of the name.
        shots: The shots it is of; None for all. A part never takes the place of the whole.

    Returns:
        Absolute; `the-lighthouse-animatic.mp4`, or `the-lighthouse-animatic-png` for a folder of
        pictures.
    """
    kind = film.output.format
    if film.output.file is not None:
        path = root / film.output.file
        return path if shots is None else _named_part(path, shots, kind)
    stem = f"{slug(film.title) or slug(storyboard.stem) or 'film'}-{_label_slug(label)}"
    path = root / (f"{stem}-{kind}" if kind in SEQUENCES else f"{stem}.{kind}")
    return path if shots is None else _named_part(path, shots, kind)


def animatic_beside(film: Path) -> Path:
    """Where the animatic goes that is written beside a film that was given a place."""
    return film.with_name(f"{film.stem}-animatic{film.suffix}")


def slug(title: str) -> str:
    """A title as a file's name: `The lighthouse, at dawn` -> `the-lighthouse-at-dawn`."""
    words = re.findall(r"[^\W_]+", title.lower().replace("'", ""))
    return "-".join(words)[:_MAX_NAME].strip("-")


def _label_slug(label: str) -> str:
    """A label as part of a name; one that is a file of weights without its suffix."""
    return slug(label.replace(".safetensors", "").replace(".gguf", "")) or "film"


def report_path(film: Path) -> Path:
    """Where the report of a film goes: beside it."""
    return film.with_name(f"{film.stem}.report.html")


def _named_part(path: Path, shots: Sequence[str], kind: str) -> Path:
    names = "-".join(shots)[:_MAX_NAME].strip("-")
    if kind in SEQUENCES:
        return path.with_name(f"{path.name}-{names}")
    return path.with_name(f"{path.stem}-{names}{path.suffix}")
