"""A range of time of a finished clip, made again: with other words, or by another chance.

The clip's own record says how it was made; a retake is one line more in it. What of the clip still
lies in its folder's work folder is used, and what does not is made again first.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import InputError, MediaError
from reelwright.production.again import order_again
from reelwright.production.carrying import How
from reelwright.production.events import Noted, OnEvent, ignore_event
from reelwright.production.job import Order, RenderResult, render
from reelwright.production.one_clip import in_clips_folder
from reelwright.production.planning import Asked
from reelwright.shapes import retaken_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm, Shot

_NUMBERED = re.compile(r"-retake(?:-(\d+))?$")


def retake(
    film: Path | str,
    from_s: float,
    to_s: float,
    prompt: str | None = None,
    *,
    sound: str | None = None,
    dialogue: str | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    tier: str | None = None,
    weights: Sequence[WeightSet] | None = None,
    work_dir: Path | None = None,
    on_event: OnEvent = ignore_event,
    **how: Any,
) -> RenderResult:
    """Make a range of a clip again; frames and sound outside it stay bit for bit.

    A model makes frames in groups of 8, the first one of a clip alone: the groups that lie wholly
    within the range are made again, and an event says which.

    Args:
        film: A film of one shot that a model made, by `clip` or by `render`.
        from_s: Where the range begins, seconds.
        to_s: Where it ends.
        prompt: What is seen; None for the words that the clip was made from.
        sound: What is heard, in words; None as before.
        dialogue: What is said; None as before.
        seed: Of chance; None for one of its own.
        out: Where the new film goes; by default beside the old one, as NAME-retake.
        tier: `draft`, `standard` or `final`; by default the film's.
        weights: What makes it; None for what made the film.
        work_dir: Where the film's results are kept; by default `.reelwright` beside it.
        on_event: Hears of everything that happens.
        how: Further options of `render`, as for `clip`.

    Returns:
        As `render` does; `film` is the new one.

    Raises:
        InputError: The film is not one of ours, is an animatic or of several shots, or the range
            is not within it; nothing has been done then.
        StoryboardError: Files that it was made from and that are gone.
        ReelwrightError: As `render`.
    """
    path = Path(film).expanduser()
    named = None if weights is None else tuple(weights)
    order = _order(path, Asked(tier=tier, weights=named), work_dir)
    shot = _shot(order, path)
    again = {"from_s": from_s, "to_s": to_s, "prompt": prompt, "sound": sound}
    changed = _with_retake(order.loaded.film, shot, {**again, "dialogue": dialogue, "seed": seed})
    loaded = _loaded(changed, order.loaded)
    target = _beside(path) if out is None else Path(out).expanduser()
    if target.resolve() == path.resolve():
        raise InputError(
            "The new film would take the place of the old one.",
            "Give it another name with -o.",
            where=str(target),
        )
    on_event(Noted(_remade(changed, shot.id)))
    return render(
        loaded,
        out=target,
        shots=order.asked.shots,
        tier=tier or (order.lock.tier if order.lock else None) or None,
        weights=order.asked.weights,
        work_dir=work_dir,
        replan=True,
        on_event=on_event,
        **how,
    )


def _order(path: Path, asked: Asked, work_dir: Path | None) -> Order:
    """The order that makes the old film again."""
    if not path.is_file():
        raise InputError("There is no such film.", "Check the path.", where=str(path))
    try:
        return order_again(path, asked, How(None), None, work_dir)
    except (InputError, MediaError) as error:
        if type(error) not in (InputError, MediaError) or "how it was made" not in error.what:
            raise
        raise InputError(
            "This film does not say how it was made, so it cannot be retaken: what a retake keeps "
            "are the latents and the lossless frames behind the film, and only films of "
            "Reelwright's have them.",
            "Retake a film that `reelwright clip` or `reelwright render` made.",
            where=str(path),
        ) from error


def _shot(order: Order, path: Path) -> Shot:
    """The one shot that the film shows."""
    film = order.loaded.film
    shown = order.asked.shots or tuple(shot.id for shot in film.shots)
    if len(shown) != 1:
        raise InputError(
            f"The film has {len(shown)} shots; a retake is of one.",
            "Write [[shots.retakes]] with from_s, to_s and prompt under the shot in "
            f"{order.loaded.path.name}, and render it again.",
            where=str(path),
        )
    if order.asked.weights == ():
        raise InputError(
            "The film is an animatic: no model made it, and so none can make it again.",
            "Render it with a model first, or change its storyboard.",
            where=str(path),
        )
    return film.shot(shown[0])


def _with_retake(film: Film, shot: Shot, again: dict[str, Any]) -> Film:
    from reelwright.storyboard import Retake

    said = {name: value for name, value in again.items() if value is not None}
    changed = shot.model_copy(
        update={"retakes": (*shot.retakes, Retake.model_validate(_floats(said)))}
    )
    shots = tuple(changed if each.id == shot.id else each for each in film.shots)
    return film.model_copy(update={"shots": shots})


def _floats(said: dict[str, Any]) -> dict[str, Any]:
    return {name: float(v) if name.endswith("_s") else v for name, v in said.items()}


def _loaded(film: Film, before: LoadedFilm) -> LoadedFilm:
    """The changed film, checked, with the files of the old one's folder."""
    return replace(in_clips_folder(film, before.root))


def _remade(film: Film, shot_id: str) -> str:
    """What is really made again, in words."""
    shot = film.shot(shot_id)
    last, rate = shot.retakes[-1], film.frame_rate
    frames = film.frames_of(shot)
    found = retaken_frames(
        last.from_s, last.to_s, frames, rate, continues=shot.continues is not None
    )
    if found is None:  # refused by the check
        return ""
    first, stop = found[0], min(found[1], frames.delivered)
    return (
        f"Frames {first} to {stop - 1} ({float(first / rate):.2f} s to {float(stop / rate):.2f} s) "
        "are made again, the whole groups of 8 within the range; all others stay as they are."
    )


def _beside(film: Path) -> Path:
    """NAME-retake, then NAME-retake-2 and so on."""
    match = _NUMBERED.search(film.stem)
    stem = film.stem if match is None else film.stem[: match.start()]
    number = 1 if match is None else int(match[1] or 1) + 1
    return film.with_name(f"{stem}-retake{f'-{number}' if number > 1 else ''}{film.suffix}")
