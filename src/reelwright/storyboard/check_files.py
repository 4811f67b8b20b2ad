"""Files that are named: inside the project, and there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.storyboard.check_keyframes import written_keyframes
from reelwright.storyboard.files import file_problem
from reelwright.storyboard.problems import Finding
from reelwright.storyboard.shot import KEYFRAME_SOURCES
from reelwright.storyboard.table import Table
from reelwright.storyboard.words import nearest, shown

if TYPE_CHECKING:
    from reelwright.storyboard.source import Path as FieldPath

Named = tuple[str, "FieldPath"]


def check_files(whole: Table, root: Path | None) -> Iterator[Finding]:
    """Files that lead out of the project or are missing.

    Args:
        whole: The document.
        root: The project's folder; None looks at the words alone.
    """
    for name, where in _read_files(whole):
        yield from _check_file(root, name, where)
    for shot in whole.tables("shots"):
        for keyframe in written_keyframes(shot):
            if keyframe.source and keyframe.source not in KEYFRAME_SOURCES:
                yield from _check_picture(root, keyframe.source, keyframe.source_path)
    output = whole.table("output")
    for name, where in _named_files(output, "file") if output else ():
        yield from _check_file(root, name, where, must_exist=False)


def _check_file(
    root: Path | None, name: str, where: FieldPath, *, must_exist: bool = True
) -> Iterator[Finding]:
    wrong = file_problem(root, name, must_exist=must_exist)
    if wrong:
        yield Finding(where, *wrong)


def _check_picture(root: Path | None, name: str, where: FieldPath) -> Iterator[Finding]:
    """A word that is neither a source nor a picture was probably meant as a source."""
    wrong = file_problem(root, name)
    near = nearest(name, KEYFRAME_SOURCES) if "." not in name else None
    if wrong:
        yield Finding(where, wrong[0], f"Did you mean {shown(near)}?" if near else wrong[1])


def _read_files(whole: Table) -> Iterator[Named]:
    """Every file that is read, but for keyframes."""
    for _, prop in whole.named("props"):
        yield from _named_files(prop, "file", "image", "texture")
    for music in whole.tables("music"):
        yield from _named_files(music, "file")
    for shot in whole.tables("shots"):
        yield from _named_files(shot, "scene")
        for sound in shot.tables("audio"):
            yield from _named_files(sound, "file")
        model = shot.table("model")
        for lora in model.tables("loras") if model else []:
            yield from _named_files(lora, "file")


def _named_files(table: Table, *names: str) -> Iterator[Named]:
    for name in names:
        value = table.text(name)
        if value:
            yield value, table.at(name)
