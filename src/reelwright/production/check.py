"""Looked at before any work: the files that a film needs, opened, and all that is wrong at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import AssetError, Problem, StoryboardError
from reelwright.production.pictures import check_picture

if TYPE_CHECKING:
    from reelwright.storyboard import LoadedFilm, Prop


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a film is made from.

    Attributes:
        field: Where the storyboard names it.
        look: Opens it; raises `AssetError`, returns warnings.
        others: Where it names the further files that are looked at, by file.
    """

    field: str
    look: Callable[[], list[str]]
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)


def check_inputs(
    loaded: LoadedFilm,
    *,
    props: frozenset[str] | None = None,
    shots: frozenset[str] | None = None,
    seeing: frozenset[str] | None = None,
    music: bool = True,
) -> tuple[str, ...]:
    """Open every file that a film needs.

    Args:
        loaded: The film.
        props: Names of the props to look at; None for all.
        shots: Ids of the shots whose sounds to look at; None for all.
        seeing: Ids of the shots whose pictures to look at; None for all.
        music: Whether to look at the music.

    Returns:
        Warnings: what of a file is not shown, e.g. skinning.

    Raises:
        StoryboardError: Files that cannot be used, all of them, each with its line.
    """
    problems: list[Problem] = []
    warnings: list[str] = []
    for each in (*_inputs(loaded, props, shots, music), *_picture_inputs(loaded, seeing)):
        try:
            warnings += each.look()
        except AssetError as error:
            place = each.others.get(error.where, each.field)
            problems.append(_problem(error, place, loaded))
    if problems:
        raise StoryboardError(sorted(problems, key=lambda problem: problem.line or 0))
    return tuple(dict.fromkeys(warnings))


def check_sound(path: Path, name: str) -> list[str]:
    """Open a sound or video file and decode its beginning.

    Args:
        path: The file.
        name: As the storyboard has it.

    Raises:
        AssetError: It cannot be decoded or has no sound.
    """
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AssetError(
                    "This file has no sound.", "Name a file that has, or take it out.", where=name
                )
            frame = next(iter(container.decode(audio=0)), None)
    except (FFmpegError, OSError) as error:
        raise AssetError(
            f"This sound cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Check that it plays elsewhere; save it as WAV or FLAC.",
            where=name,
        ) from error
    if frame is None:
        raise AssetError(
            "This file has no sound in it.", "Save it again as WAV or FLAC.", where=name
        )
    return []


def _inputs(
    loaded: LoadedFilm, props: frozenset[str] | None, shots: frozenset[str] | None, music: bool
) -> Iterator[Input]:
    film, root = loaded.film, loaded.root
    for name, prop in film.props.items():
        if props is None or name in props:
            source = "file" if prop.file is not None else "shape"
            others = {prop.texture: f"props.{name}.texture"} if prop.texture else {}
            yield Input(f"props.{name}.{source}", _prop_look(prop, name, root), others)
    for i, shot in enumerate(film.shots):
        if shots is None or shot.id in shots:
            for j, sound in enumerate(shot.audio):
                yield Input(f"shots[{i}].audio[{j}].file", _sound_look(root, sound.file))
    for i, each in enumerate(film.music if music else ()):
        yield Input(f"music[{i}].file", _sound_look(root, each.file))


def _picture_inputs(loaded: LoadedFilm, seeing: frozenset[str] | None) -> Iterator[Input]:
    """Keyframes that are a person's pictures."""
    for i, shot in enumerate(loaded.film.shots):
        if seeing is not None and shot.id not in seeing:
            continue
        between = [(f"keyframes[{j}]", spec) for j, spec in enumerate(shot.keyframes)]
        for field, spec in (("first", shot.first), *between, ("last", shot.last)):
            if spec is not None and spec.picture is not None:
                yield Input(f"shots[{i}].{field}", _picture_look(loaded.root, spec.picture))


def _picture_look(root: Path, name: str) -> Callable[[], list[str]]:
    return lambda: check_picture(root / name, name)


def _prop_look(prop: Prop, name: str, root: Path) -> Callable[[], list[str]]:
    def look() -> list[str]:
        from reelwright.assets import check_prop

        return [f"{name}: {warning}" for warning in check_prop(prop, root)]

    return look


def _sound_look(root: Path, name: str) -> Callable[[], list[str]]:
    return lambda: check_sound(root / name, name)


def _problem(error: AssetError, field: str, loaded: LoadedFilm) -> Problem:
    what = f"{error.where}: {error.what}" if error.where else error.what
    return Problem(
        what, error.mend, file=str(loaded.path), line=loaded.source.line(field), field=field
    )
