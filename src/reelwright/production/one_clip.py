"""One clip with no storyboard: a film of one shot, made in memory and rendered as any other.

So it has a film's tiers, resume, weights, report and record inside the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reelwright.errors import AssetError, InputError, StoryboardError
from reelwright.plan.digests import sha256_of
from reelwright.production.events import OnEvent, ignore_event
from reelwright.production.film_file import slug
from reelwright.production.job import RenderResult, render
from reelwright.production.project import FOLDER
from reelwright.production.weights import weights_for

if TYPE_CHECKING:
    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm

SHOT = "clip"
"""Id of a clip's one shot."""

DEFAULT_SECONDS = 5.0
DEFAULT_SIZE = (768, 448)

_CLIPS, _GIVEN = "clips", "given"
_TITLE_WORDS = 8
_MAX_TITLE = 60


@dataclass(frozen=True, slots=True)
class ClipPicture:
    """A picture that a clip passes through.

    Attributes:
        file: Where it lies.
        frame: Frame of the clip; negative counts from the end.
        strength: How firmly the model is held to it, 0 to 1.
    """

    file: Path
    frame: int
    strength: float = 1.0


def clip(
    prompt: str,
    *,
    out: Path | str | None = None,
    first: Path | str | None = None,
    last: Path | str | None = None,
    pictures: Sequence[ClipPicture] = (),
    audio: Path | str | None = None,
    sound: str = "",
    dialogue: str = "",
    seconds: float | None = None,
    num_frames: int | None = None,
    size: tuple[int, int] = DEFAULT_SIZE,
    frame_rate: float | Fraction = 24,
    seed: int = 0,
    tier: str | None = None,
    negative: str = "",
    steps: Sequence[int] | None = None,
    guidance: float | None = None,
    weights: Sequence[WeightSet] | None = None,
    work_dir: Path | None = None,
    on_event: OnEvent = ignore_event,
    **how: Any,
) -> RenderResult:
    """Make one clip from words, pictures and a sound.

    Args:
        prompt: What is seen.
        out: Where it goes; by default into the current folder, named after the words.
        first: The picture that it begins with.
        last: The picture that it ends with.
        pictures: Pictures that it passes through.
        audio: A sound that it is made for, and that is its sound.
        sound: What is heard, in words.
        dialogue: What is said, in words.
        seconds: Its length; 5 where neither this nor `num_frames` is given.
        num_frames: Its length in frames.
        size: Width and height, pixels, even.
        frame_rate: Frames per second.
        seed: Of chance.
        tier: `draft`, `standard` or `final`; by default the best that is installed.
        negative: What should not be seen or heard; read by a guided model alone.
        steps: Denoising steps, pass by pass.
        guidance: Guidance scale; 1 is none.
        weights: What makes it, the preferred first; None for what is installed.
        work_dir: Where results are kept; by default `.reelwright` beside the clip.
        on_event: Hears of everything that happens.
        how: Further options of `render`: `stop`, `executor`, `devices`, `threads`, `explain`,
            `machine`, `until`.

    Returns:
        As `render` does; `film` is the clip.

    Raises:
        InputError: A file that is missing or cannot be used, a frame that the clip has not, a
            length given twice, or a tier that makes no clip; nothing has been done then.
        ReelwrightError: As `render`.
    """
    length = _seconds(seconds, num_frames, Fraction(frame_rate))
    if tier == "animatic":
        raise InputError(
            "A clip of words has nothing staged that an animatic could show.",
            "Use draft, standard or final.",
            where="tier",
        )
    if not weights_for(weights, None):
        raise InputError(
            "No video model is installed, so no clip can be made.",
            "Name weights with --checkpoint and --text-encoder.",
            where="weights",
        )
    root = _root(out)
    given = [*pictures]
    given += [ClipPicture(Path(first), 0)] if first is not None else []
    given += [ClipPicture(Path(last), -1)] if last is not None else []
    _check(given, audio, round(Fraction(length) * Fraction(frame_rate)))
    inside = {each.file: bring_inside(each.file, root) for each in given}
    driving = None if audio is None else bring_inside(Path(audio), root)
    film = _film(
        title=_title(prompt, given, audio),
        size=size,
        fps=frame_rate,
        seed=seed,
        tier=tier,
        shot={
            "seconds": length,
            "prompt": prompt,
            "sound": sound,
            "dialogue": dialogue,
            "seed": seed,
            "keyframes": [
                {"frame": each.frame, "from": inside[each.file], "strength": each.strength}
                for each in given
            ],
            "audio": [] if driving is None else [{"file": driving, "mode": "drive"}],
            "model": {
                "negative": negative,
                "guidance": guidance,
                "steps": None if steps is None else list(steps),
            },
        },
    )
    return render(
        in_clips_folder(film, root),
        out=out,
        weights=weights,
        work_dir=work_dir,
        replan=True,
        on_event=on_event,
        **how,
    )


def _film(*, tier: str | None, shot: Mapping[str, Any], **settings: Any) -> Film:
    from reelwright.storyboard import Film

    values: dict[str, Any] = {**settings, "tier": tier, "shots": [{"id": SHOT, **shot}]}
    return Film(**values)


def _seconds(seconds: float | None, num_frames: int | None, frame_rate: Fraction) -> float:
    """Its length, said at most once."""
    if seconds is not None and num_frames is not None:
        raise InputError(
            "The clip's length is given twice, in seconds and in frames.",
            "Give one of the two.",
            where="num_frames",
        )
    if num_frames is None:
        return DEFAULT_SECONDS if seconds is None else seconds
    if num_frames < 1:
        raise InputError(
            f"{num_frames} frames is not a clip.", "Ask for at least one.", where="num_frames"
        )
    return float(num_frames / frame_rate)


def _root(out: Path | str | None) -> Path:
    """The folder that a clip is made in."""
    if out is None:
        return Path.cwd()
    path = Path(out).expanduser().absolute()
    return path if path.is_dir() else path.parent


def _title(prompt: str, pictures: Sequence[ClipPicture], audio: Path | str | None) -> str:
    """The first of its words, or what it is made from."""
    words = " ".join(prompt.split()[:_TITLE_WORDS])[:_MAX_TITLE].strip(" .,;:!?")
    if words:
        return words
    files = [*(each.file for each in pictures), *([Path(audio)] if audio is not None else [])]
    return files[0].stem if files else SHOT


def _check(pictures: Sequence[ClipPicture], audio: Path | str | None, num_frames: int) -> None:
    """Refuse files that cannot be used and frames that there are not, before any work."""
    taken: dict[int, Path] = {}
    for each in pictures:
        _check_file(each.file, "picture")
        frame = each.frame if each.frame >= 0 else num_frames + each.frame
        if not 0 <= frame < num_frames:
            raise InputError(
                f"Frame {each.frame} is not in this clip, which has {num_frames} frames.",
                f"Use a frame from 0 to {num_frames - 1}, or from -{num_frames} to -1.",
                where=str(each.file),
            )
        if frame in taken:
            raise InputError(
                f"Frame {frame} has two pictures: {taken[frame].name} and {each.file.name}.",
                "Move one of them to another frame.",
                where=str(each.file),
            )
        if not 0 <= each.strength <= 1:
            raise InputError(
                f"A strength of {each.strength:g} cannot be.", "Use 0 to 1.", where=str(each.file)
            )
        taken[frame] = each.file
    if audio is not None:
        _check_file(Path(audio), "sound")


def _check_file(file: Path, noun: Literal["picture", "sound"]) -> None:
    from reelwright.production.check import check_sound
    from reelwright.production.pictures import check_picture

    if not file.expanduser().is_file():
        raise InputError(f"There is no such {noun}.", "Check the path.", where=str(file))
    look = check_picture if noun == "picture" else check_sound
    try:
        look(file.expanduser(), str(file))
    except AssetError as error:
        raise InputError(error.what, error.mend, where=str(file)) from error


def in_clips_folder(film: Film, root: Path) -> LoadedFilm:
    """A film of one clip as if its storyboard lay apart from the folder's own.

    Args:
        film: The film; its files are relative to `root`.
        root: The folder that the clip is made in.

    Raises:
        StoryboardError: It cannot be carried out.
    """
    from reelwright.storyboard import LoadedFilm, SourceMap, check_film, film_to_toml

    problems = check_film(film, root)
    if problems:
        raise StoryboardError(problems)
    name = slug(film.title) or SHOT
    text = film_to_toml(film)
    folder = root.resolve() / FOLDER / _CLIPS
    return LoadedFilm(film, folder / f"{name}.toml", root.resolve(), text, SourceMap.of(text))


def bring_inside(file: Path, root: Path) -> str:
    """A file's name in a folder; one that lies elsewhere is copied into the folder's work folder.

    Args:
        file: The file; it is there.
        root: The folder.

    Returns:
        Its path relative to the folder, with forward slashes.
    """
    found, base = file.expanduser().resolve(), root.resolve()
    if found.is_relative_to(base):
        return found.relative_to(base).as_posix()
    name = f"{sha256_of(found)[:12]}-{slug(found.stem) or 'file'}{found.suffix.lower()}"
    target = base / FOLDER / _GIVEN / name
    if not target.is_file():
        from reelwright.media.atomic import atomic_file

        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as part:
            shutil.copyfile(found, part)
    return target.relative_to(base).as_posix()
