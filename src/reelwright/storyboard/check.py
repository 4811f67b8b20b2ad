"""What the models cannot see: whether the parts of a storyboard fit each other and its files.

Reads the document as it was written (`Table`), so that a wrong type in one place hides nothing in
another. Each check yields `Finding`s; none raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reelwright.storyboard.check_camera import check_camera
from reelwright.storyboard.check_chain import Chain, Standing, check_chain
from reelwright.storyboard.check_files import check_files
from reelwright.storyboard.check_keyframes import check_keyframes
from reelwright.storyboard.check_keys import check_keys
from reelwright.storyboard.check_props import check_output, check_props
from reelwright.storyboard.check_retakes import check_retakes
from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.timing import Timing
from reelwright.storyboard.words import listed, nearest, shown


def check_document(document: dict[str, Any], root: Path | None) -> Iterator[Finding]:
    """Everything that is wrong between the parts of a storyboard.

    Args:
        document: As TOML was read, or a film written as one.
        root: The project's folder; None does not look for files.
    """
    whole = Table(document)
    chain, timing = Chain.of(whole), Timing.of(whole)
    yield from check_chain(chain)
    yield from check_props(whole)
    yield from check_output(whole)
    for index in range(len(chain.shots)):
        yield from _check_shot(whole, chain, index, timing)
    yield from _check_music(whole, timing)
    yield from check_files(whole, root)


def _check_shot(whole: Table, chain: Chain, index: int, timing: Timing) -> Iterator[Finding]:
    shot, placed = chain.shots[index], chain.placed[index]
    yield from _check_places(whole, shot, timing)
    yield from _check_takes(shot)
    yield from check_keyframes(shot, timing, staged=chain.staged[index])
    yield from check_retakes(shot, timing)
    yield from _check_sounds(shot, placed, timing)
    yield from check_camera(shot, placed, timing)
    for name in () if chain.staged[index] else ("light", "ground"):
        if name in shot:
            yield Finding(
                shot.at(name),
                f"This shot has words alone, so its {name} is seen by nobody.",
                "Give the shot a camera or place a prop in it, or take this out.",
            )


def _check_places(whole: Table, shot: Table, timing: Timing) -> Iterator[Finding]:
    props = whole.table("props")
    known = props.raw if props else {}
    seen: set[str] = set()
    for place in shot.tables("place"):
        prop = place.text("prop")
        if prop is not None and prop not in known:
            yield _unknown_prop(place, prop, list(known))
        name = place.text("name") if "name" in place else prop
        if name is not None and name in seen:
            yield Finding(
                place.at("name") if "name" in place else place.at("prop"),
                f"{shown(name)} is placed twice in this shot.",
                f"Give this one a name of its own: name = {shown(f'{name[:50]}-2')}.",
            )
        seen.add(name or "")
        yield from check_keys(place, ("at", "turn_deg", "scale"), timing.seconds(shot))


def _unknown_prop(place: Table, prop: str, known: list[str]) -> Finding:
    near = nearest(prop, known)
    mend = f"Did you mean {shown(near)}?" if near else f"Add it to [props]. Known: {listed(known)}."
    return Finding(place.at("prop"), f"There is no prop {shown(prop)}.", mend)


def _check_takes(shot: Table) -> Iterator[Finding]:
    take, takes = shot.whole("take"), shot.whole("takes") if "takes" in shot else 1
    if take is not None and takes is not None and 1 <= takes < take:
        yield Finding(
            shot.at("take"),
            f"Take {shown(take)} is chosen, but takes is {shown(takes)}.",
            f"Set takes = {shown(take)}, or choose an earlier one.",
        )


def _check_sounds(shot: Table, placed: Standing, timing: Timing) -> Iterator[Finding]:
    seconds = timing.seconds(shot)
    for sound in shot.tables("audio"):
        at_s, prop = sound.number("at_s"), sound.text("from_prop")
        if seconds is not None and at_s is not None and at_s >= seconds:
            yield Finding(
                sound.at("at_s"),
                f"The sound would start at {at_s:g} s, but the shot ends at {seconds:g} s.",
                f"Start it before {seconds:g} s, or lengthen the shot.",
            )
        if prop is not None and prop not in placed:
            near = nearest(prop, placed)
            yield Finding(
                sound.at("from_prop"),
                f"No {shown(prop)} stands in this shot.",
                f"Did you mean {shown(near)}?" if near else f"Placed here: {listed(placed)}.",
            )
        if "pan" in sound and "from_prop" in sound:
            yield Finding(
                sound.at("pan"),
                "The sound is panned twice: by `pan` and by where the prop stands.",
                "Keep one of `pan` and `from_prop`.",
            )


def _check_music(whole: Table, timing: Timing) -> Iterator[Finding]:
    length = timing.film_seconds(whole)
    for music in whole.tables("music"):
        at_s = music.number("at_s")
        if length is not None and at_s is not None and at_s >= length:
            yield Finding(
                music.at("at_s"),
                f"The music would start at {at_s:g} s, but the film ends at {length:g} s.",
                f"Start it before {length:g} s.",
            )
