"""Shots by name: ids that are unique, and `continues` that leads to an earlier shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reelwright.storyboard.film import MAX_SHOTS
from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.words import listed, nearest, shown

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)
"""Names that Windows gives to no file; a shot's id names its files."""


_STAGED = ("camera", "place", "scene")

MAX_STANDING = 4096
"""Things in one shot. The mask could tell 65,535 apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a shot: what it places, on top of what the shot before left.

    Linked, not copied: 2,000 shots that each add a thing would otherwise hold two million names.

    Attributes:
        own: Prop by placed name, of the shot itself.
        left: What the shot before left.
        count: How many things there are, those placed again counted again.
    """

    own: dict[str, str]
    left: Standing | None
    count: int

    def __contains__(self, name: str) -> bool:
        here: Standing | None = self
        while here is not None:
            if name in here.own:
                return True
            here = here.left
        return False

    def __iter__(self) -> Iterator[str]:
        here: Standing | None = self
        while here is not None:
            yield from here.own
            here = here.left


@dataclass(frozen=True, slots=True)
class Chain:
    """The shots, which one each continues, and what stands in each.

    Attributes:
        shots: The shots in order.
        order: Index of the first shot of each id.
        before: For each shot the index of the one it continues; None if none, or none that is
            before it.
        placed: For each shot what stands in it.
        staged: For each shot whether there is more than words: a camera, a prop or a scene of its
            own or of a shot it continues.
    """

    shots: list[Table]
    order: dict[str, int]
    before: list[int | None]
    placed: list[Standing]
    staged: list[bool]

    @classmethod
    def of(cls, whole: Table) -> Chain:
        """The chain of a document."""
        shots = whole.tables("shots")[:MAX_SHOTS]
        order: dict[str, int] = {}
        for index, shot in enumerate(shots):
            order.setdefault(shot.text("id") or "", index)
        order.pop("", None)
        links = [order.get(shot.text("continues") or "") for shot in shots]
        before = [k if k is not None and k < i else None for i, k in enumerate(links)]
        placed: list[Standing] = []
        staged: list[bool] = []
        for shot, link in zip(shots, before, strict=True):
            left, own = placed[link] if link is not None else None, _placed(shot)
            placed.append(Standing(own, left, len(own) + (left.count if left else 0)))
            # A `continues` that leads nowhere is told as such; it hides what it would have shown.
            goes_on = staged[link] if link is not None else "continues" in shot
            staged.append(goes_on or any(name in shot for name in _STAGED))
        return cls(shots, order, before, placed, staged)


def check_chain(chain: Chain) -> Iterator[Finding]:
    """What is wrong with ids and `continues`."""
    yield from _check_ids(chain)
    yield from _check_crowds(chain)
    looped = _looped(chain)
    members = _all_looped(looped, chain)
    for index, shot in enumerate(chain.shots):
        wanted = shot.text("continues")
        if wanted is None or chain.before[index] is not None:
            continue
        if index in looped:
            yield Finding(
                shot.at("continues"),
                f"The shots continue each other in a loop: {looped[index]}.",
                "Take `continues` out of the first of them.",
            )
        elif index not in members:
            yield _not_before(chain, shot, wanted)


def _check_ids(chain: Chain) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for shot in chain.shots:
        name = shot.text("id")
        if name is None:
            continue
        if name.lower() in seen:
            other = seen[name.lower()]
            more = "" if other == name else f" (as {shown(other)}; some disks tell no case apart)"
            yield Finding(
                shot.at("id"),
                f"Another shot has the id {shown(name)}{more}.",
                f"Give this one another, e.g. {shown(f'{name[:50]}-2')}.",
            )
        if name.lower() in _RESERVED:
            yield Finding(
                shot.at("id"),
                f"{shown(name)} is a name that Windows gives to no file.",
                f'Use another, e.g. "shot-{name}".',
            )
        seen.setdefault(name.lower(), name)


def _check_crowds(chain: Chain) -> Iterator[Finding]:
    for shot, placed in zip(chain.shots, chain.placed, strict=True):
        if placed.count > MAX_STANDING:
            yield Finding(
                shot.at("place"),
                f"{placed.count} things stand in this shot, with those of the shots it continues.",
                f"Keep it to {MAX_STANDING}; join still things in one file.",
            )
            return


def _not_before(chain: Chain, shot: Table, wanted: str) -> Finding:
    if wanted in chain.order:
        return Finding(
            shot.at("continues"),
            f"{shown(wanted)} does not come before this shot.",
            "Move this shot after it, or continue an earlier one.",
        )
    near = nearest(wanted, chain.order)
    return Finding(
        shot.at("continues"),
        f"There is no shot {shown(wanted)}.",
        f"Did you mean {shown(near)}?" if near else f"Known: {listed(chain.order)}.",
    )


def _links(chain: Chain) -> list[int | None]:
    return [chain.order.get(shot.text("continues") or "") for shot in chain.shots]


def _looped(chain: Chain) -> dict[int, str]:
    """The loops: by the index of a loop's first shot, the loop in words."""
    links = _links(chain)
    state = [0] * len(links)  # 0 not seen, else the number of the walk that saw it
    loops: dict[int, str] = {}
    for start in range(len(links)):
        walk: list[int] = []
        here: int | None = start
        while here is not None and state[here] == 0:
            state[here] = start + 1
            walk.append(here)
            here = links[here]
        if here is not None and state[here] == start + 1 and here in walk:
            loop = walk[walk.index(here) :]
            first = loop.index(min(loop))
            loop = loop[first:] + loop[:first]
            ids = [shown(chain.shots[i].text("id")) for i in [*loop[:8], loop[0]]]
            loops[loop[0]] = " -> ".join(ids)
    return loops


def _all_looped(looped: dict[int, str], chain: Chain) -> set[int]:
    """Every shot of every loop: told once, at the loop's first."""
    links, members = _links(chain), set[int]()
    for first in looped:
        here: int | None = first
        while here is not None and here not in members:
            members.add(here)
            here = links[here]
    return members


def _placed(shot: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    for place in shot.tables("place"):
        prop = place.text("prop")
        name = place.text("name") if "name" in place else prop
        if name is not None:
            found[name] = prop or ""
    return found
