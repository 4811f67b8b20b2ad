"""A finished film, made again from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import InputError, Problem, StoryboardError
from reelwright.plan import (
    Choice,
    DigestStore,
    PlanLock,
    ShotTries,
    WeightFiles,
    tries_from_json,
)
from reelwright.production.carrying import How
from reelwright.production.job import Order
from reelwright.production.planning import Asked
from reelwright.production.project import Project
from reelwright.production.weights import weights_for

if TYPE_CHECKING:
    from reelwright.media import Provenance
    from reelwright.models import WeightSet
    from reelwright.storyboard import LoadedFilm


def order_again(
    film: Path, asked: Asked, how: How, out: Path | None, work_dir: Path | None
) -> Order:
    """The order that makes a finished film again.

    The files are looked for beside the film, in the folder above it and where the person is, by
    their digests. The storyboard itself need not be there; one that is there and says something
    else is neither used nor touched.

    Args:
        film: A film of Reelwright's, or the folder of a picture sequence.
        asked: What is asked for besides.
        how: How it is carried out.
        out: Where the new film goes; by default beside the old one, which is not overwritten.
        work_dir: Where artifacts lie.

    Raises:
        InputError: The film says nothing of how it was made, or the weights that made it are not
            here.
        StoryboardError: Files that it lacks, each by its digest.
        MediaError: It cannot be read.
    """
    from reelwright.media import find_project, read_provenance

    provenance = read_provenance(film)
    if provenance is None:
        raise InputError(
            "This film does not say how it was made.",
            "Render its storyboard; only films of Reelwright's can be made again from themselves.",
            where=str(film),
        )
    search = find_project(provenance, _candidates(film))
    if search.root is None or not search.complete:
        raise StoryboardError(
            [
                Problem(
                    f"{missing}.",
                    "Put it there, or run the command from the folder that has it.",
                    file=str(film),
                    field=missing.path,
                )
                for missing in search.missing
            ]
            or [Problem("Its project is not here.", "Run from its folder.", file=str(film))]
        )
    loaded = _loaded(provenance, search.root)
    shown = tuple(shot.id for shot in provenance.shots)
    part = asked.shots or (shown if 0 < len(shown) < len(loaded.film.shots) else None)
    return Order(
        loaded=loaded,
        asked=replace(
            asked,
            shots=part,
            weights=_weights(provenance, asked, search.root, work_dir),
            remedies=asked.remedies if "tries" in provenance.plan else 0,
        ),
        how=how,
        out=out or film.with_name(f"{film.stem}-again{film.suffix}"),
        work_dir=work_dir,
        lock=_lock(provenance),
        keeps_lock=False,
    )


def _candidates(film: Path) -> list[Path]:
    here = film.resolve().parent
    return [here, here.parent, Path.cwd()]


def _loaded(provenance: Provenance, root: Path) -> LoadedFilm:
    from reelwright.storyboard import LoadedFilm, SourceMap, parse_film

    text, name = provenance.storyboard, provenance.storyboard_name
    return LoadedFilm(
        film=parse_film(text, root, name),
        path=root / name,
        root=root,
        text=text,
        source=SourceMap.of(text),
    )


def _weights(
    provenance: Provenance, asked: Asked, root: Path, work_dir: Path | None
) -> tuple[WeightSet, ...]:
    """The weights that made the film, told by their digest; those that the person names win."""
    if asked.weights is not None:
        return asked.weights
    if not provenance.models:
        return ()
    made = provenance.models[0]
    lock = PlanLock.load(PlanLock.path_for(root / provenance.storyboard_name))
    digests = DigestStore(Project.at(root, work_dir).digests, root)
    for weights in weights_for(None, lock):
        if WeightFiles(weights, digests).sha256 == made.sha256:
            return (weights,)
    raise InputError(
        f'The weights that made this film are not here: "{made.name}" ({made.sha256}).',
        "Name them with --checkpoint and --text-encoder.",
        where="weights",
    )


def _lock(provenance: Provenance) -> PlanLock:
    """What was chosen when it was made. It comes from a file, so nothing in it is trusted."""
    stages = provenance.plan.get("stages")
    rows = [row for row in stages if isinstance(row, Mapping)] if isinstance(stages, list) else []
    choices = {str(row.get("id")): Choice(str(row.get("backend"))) for row in rows}
    return PlanLock(_tier(provenance.plan), choices, tries=_tries(provenance.plan))


def _tries(plan: Mapping[str, Any]) -> dict[str, ShotTries]:
    """What was tried of its shots; nothing where it is not said in a way that is known."""
    try:
        return tries_from_json(plan.get("tries", {}))
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def _tier(plan: Mapping[str, Any]) -> str:
    tier = plan.get("tier", "")
    return tier if isinstance(tier, str) else ""
