"""From a file to a film, or to everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reelwright.errors import Problem, StoryboardError
from reelwright.storyboard.check import check_document
from reelwright.storyboard.check_scene import check_scenes
from reelwright.storyboard.film import Document, Film
from reelwright.storyboard.problems import (
    MAX_FINDINGS,
    Finding,
    findings_from_validation,
    problems_from_findings,
)
from reelwright.storyboard.source import SourceMap, TooDeep
from reelwright.storyboard.syntax import syntax_mend
from reelwright.storyboard.words import listed

MAX_BYTES = 4 * 1024 * 1024
"""A storyboard of 2,000 shots, the most there may be, has some 1 MiB."""

FILE_NAME = "storyboard.toml"

PYTHON_NAME = "film.toml"
"""What the storyboard of a film that was made in Python is called; it is written nowhere."""

_AT_LINE = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)")
_MANY_DIGITS = re.compile(r"[0-9_]{4000,}")


@dataclass(frozen=True, slots=True)
class LoadedFilm:
    """A film with where it came from.

    Attributes:
        film: The film.
        path: Its file.
        root: The project's folder, links resolved; every file of the film is inside.
        text: The storyboard as written.
        source: The line of each value.
    """

    film: Film
    path: Path
    root: Path
    text: str
    source: SourceMap

    @classmethod
    def of(cls, film: Film, root: Path) -> LoadedFilm:
        """A film that was made in Python, as if its storyboard lay in a folder.

        Args:
            film: The film.
            root: The project's folder; the film's files are relative to it.

        Raises:
            StoryboardError: Files are missing or lie outside; all of its problems at once.
        """
        from reelwright.storyboard.write import film_to_toml

        problems = check_film(film, root)
        if problems:
            raise StoryboardError(problems)
        text = film_to_toml(film)
        return cls(film, root.resolve() / PYTHON_NAME, root.resolve(), text, SourceMap.of(text))


def load_film(path: Path | str) -> LoadedFilm:
    """Read a storyboard.

    Args:
        path: The file, or a folder with a `storyboard.toml`.

    Raises:
        StoryboardError: It cannot be read or carried out; all of its problems at once.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
    text = _text_of(path)
    root = path.parent.resolve()
    film, source = _read(text, root, str(path))
    return LoadedFilm(film, path, root, text, source)


def parse_film(text: str, root: Path | None = None, name: str = FILE_NAME) -> Film:
    """Read a storyboard from its text.

    Args:
        text: TOML.
        root: The project's folder, in which its files are looked for; None looks for none.
        name: What messages call it.

    Raises:
        StoryboardError: It cannot be carried out; all of its problems at once.
    """
    return _read(text, root, name)[0]


def check_film(film: Film, root: Path | None = None) -> tuple[Problem, ...]:
    """What is wrong between the parts of a film that was made in Python, and with its files.

    Args:
        film: The film.
        root: The project's folder; None looks for no files.
    """
    from reelwright.storyboard.document import document_from_film

    findings = list(islice(check_document(document_from_film(film), root), MAX_FINDINGS))
    findings = findings or list(check_scenes(film))
    return tuple(problems_from_findings(findings))


def _read(text: str, root: Path | None, name: str) -> tuple[Film, SourceMap]:
    text = text.removeprefix("\ufeff")
    _refuse_unreadable(text, name)
    source = _source(text, name)
    raw = _toml(text, name, source)
    findings: list[Finding] = []
    document: Document | None = None
    try:
        document = Document.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        findings += findings_from_validation(error, Document)
    findings += islice(check_document(raw, root), MAX_FINDINGS)
    film = _film(document) if document is not None and not findings else None
    findings += check_scenes(film) if film is not None else []
    if film is None or findings:
        raise StoryboardError(problems_from_findings(findings, source, name))
    return film, source


def _film(document: Document) -> Film:
    """The same values, flat; they are valid already."""
    parts = {name: getattr(document, name) for name in type(document).model_fields}
    settings = parts.pop("film")
    named = (document.model_fields_set - {"film"}) | settings.model_fields_set
    return Film.model_construct(named, **dict(settings), **parts)


def _text_of(path: Path) -> str:
    name = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _whole(name, *_TOO_LARGE)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _whole(name, "There is no such file.", _missing_mend(path)) from error
    except (OSError, ValueError) as error:
        what = "The file cannot be read."
        raise _whole(name, what, "See that it is a file and may be read.") from error
    if len(data) > MAX_BYTES:
        raise _whole(name, *_TOO_LARGE)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"The file is not UTF-8 (byte {data[error.start]:#04x})."
        raise _whole(name, what, "Save it as UTF-8.", line) from error


_TOO_LARGE = (
    f"The storyboard is larger than {MAX_BYTES // 1024**2} MiB.",
    "Split the film; pictures and sound stay in files of their own.",
)


def _missing_mend(path: Path) -> str:
    try:
        known = [entry.name for entry in path.parent.iterdir() if entry.suffix == ".toml"]
    except OSError:
        return f"There is no folder {path.parent}."
    hint = f"There is {listed(known)} in that folder." if known else ""
    return hint or "Make one with `reelwright new DIR`."


def _refuse_unreadable(text: str, name: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        what = "The text holds half of a character."
        raise _whole(name, what, "Save it as UTF-8.", line) from error
    if size > MAX_BYTES:
        raise _whole(name, *_TOO_LARGE)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        what = "The file holds a NUL byte; it is no text."
        raise _whole(name, what, "Save it as UTF-8 text.", line)
    if not text.strip():
        what = "The storyboard is empty."
        raise _whole(name, what, "Start with `reelwright new DIR`, or add [[shots]].", 1)


def _source(text: str, name: str) -> SourceMap:
    try:
        return SourceMap.of(text)
    except TooDeep as error:
        what = "Brackets or dotted keys are nested too deeply."
        mend = "A storyboard needs four levels at most."
        raise StoryboardError([Problem(what, mend, name, error.line, error.field)]) from error


def _toml(text: str, name: str, source: SourceMap) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        match = _AT_LINE.search(words)
        # At the end of the text: the last line that could be followed is where it began.
        line = int(match[1]) if match and match[1] else source.last_line
        said = _AT_LINE.sub("", words)
        raise _whole(name, f"This is not TOML: {said}.", syntax_mend(said), line) from error
    except (ValueError, RecursionError) as error:
        digits = _MANY_DIGITS.search(text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 1
        mend = "Write a smaller number." if digits else "Mend the text."
        raise _whole(name, "This is not TOML that can be read.", mend, line) from error


def _whole(name: str, what: str, mend: str, line: int | None = None) -> StoryboardError:
    """A problem of the file as a whole."""
    return StoryboardError([Problem(what, mend, name, line)])
