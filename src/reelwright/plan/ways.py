"""Ways of making a shot's clip otherwise than its storyboard says, and what came of those tried.

A way is a change to the shot's recipe, by the name of the remedy that asks for it: the clip that
it makes has keys of its own, and one that is kept is planned like any other. Must stay true: a way
is offered only where it changes something in this plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import Any

from reelwright.plan.model_settings import ModelChoices
from reelwright.shapes import ShotFrames

TRY_MARK = "+"
"""Parts a stage's id from the way it is tried in; no name of a person's has it."""

DEFAULT_TRIES = 1
"""Further tries for a shot whose clip breaks a guard, unless it is said."""

TILED_FRAMES, TILED_SIDE = 80, 768
"""Clips of more are decoded in tiles: frames, and pixels of a side."""

_FROM_END = 12
_GAP = 16


class Way(StrEnum):
    """What can be made otherwise."""

    ADD_KEYFRAME = "add_keyframe"
    """A staged frame in the middle of the longest stretch without one."""

    GUIDANCE_1 = "guidance_1"
    """No guidance away from the negative words."""

    KEYFRAME_AT_MINUS_12 = "keyframe_at_minus_12"
    """Frames behind the last keyframe are made and cut off, so that it is the 12th from the end."""

    KEYFRAME_STRENGTH_1 = "keyframe_strength_1"
    """Every keyframe as firmly as can be."""

    OTHER_SEED = "other_seed"
    """Other noise."""

    OTHER_TILES = "other_tiles"
    """The same latents, decoded in tiles that lie elsewhere."""

    STRONGER_CONTROL = "stronger_control"
    """The staged depth as firmly as can be."""

    @property
    def words(self) -> str:
        """For people: what it is made with."""
        return _WORDS[self]


_WORDS = {
    Way.ADD_KEYFRAME: "one more staged keyframe",
    Way.GUIDANCE_1: "a guidance of 1",
    Way.KEYFRAME_AT_MINUS_12: "the last keyframe at -12",
    Way.KEYFRAME_STRENGTH_1: "its keyframes at full strength",
    Way.OTHER_SEED: "another seed",
    Way.OTHER_TILES: "other tiles",
    Way.STRONGER_CONTROL: "the staged depth at full strength",
}


KeyframeAt = tuple[int, float]
"""Frame and strength."""


def ways_for(
    choices: ModelChoices,
    frames: ShotFrames,
    keyframes: Sequence[KeyframeAt],
    size: tuple[int, int],
    *,
    staged: bool,
) -> tuple[Way, ...]:
    """The ways that would change something of a shot's clip.

    Args:
        choices: What it asks of its model.
        frames: How many it has.
        keyframes: Those it passes through, in order of time.
        size: Width and height that are generated, pixels.
        staged: Whether there are staged frames that could be keyframes.
    """
    held = [(frame, strength) for frame, strength in keyframes if strength > 0]
    able = {
        Way.ADD_KEYFRAME: staged and added_keyframe(held, frames) is not None,
        Way.GUIDANCE_1: choices.is_guided,
        Way.KEYFRAME_AT_MINUS_12: frames_beyond(held, frames) > 0,
        Way.KEYFRAME_STRENGTH_1: any(strength < 1 for _, strength in held),
        Way.OTHER_SEED: True,
        Way.OTHER_TILES: frames.generated > TILED_FRAMES or max(size) > TILED_SIDE,
        Way.STRONGER_CONTROL: choices.control != "none" and choices.strength < 1,
    }
    return tuple(way for way in Way if able[way])


def frames_beyond(keyframes: Sequence[KeyframeAt], frames: ShotFrames) -> int:
    """Frames to make behind a shot, so that its last keyframe is the 12th from the end.

    Only a keyframe near the end is brought there.
    """
    last = max((frame for frame, strength in keyframes if strength > 0), default=0)
    if last <= frames.generated - _FROM_END or last == 0:
        return 0
    return last + _FROM_END - frames.generated


def added_keyframe(keyframes: Sequence[KeyframeAt], frames: ShotFrames) -> int | None:
    """The frame in the middle of the longest stretch without a keyframe; None if all are short."""
    held = sorted({0, frames.delivered - 1, *(frame for frame, _ in keyframes)})
    gaps = [(after - before, before) for before, after in pairwise(held)]
    length, start = max(gaps, key=lambda gap: (gap[0], -gap[1]), default=(0, 0))
    return start + length // 2 if length >= _GAP else None


def other_seed(seed: int) -> int:
    """A seed in the place of another: 63 bits of `sha256("reelwright other seed <seed>")`."""
    return int.from_bytes(sha256(f"reelwright other seed {seed}".encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Made:
    """A clip that was made and judged.

    Attributes:
        way: How; empty as the storyboard says.
        broken: The guards that it breaks, in words, gravest first; empty where it breaks none.
        badness: How bad that is: the gravest first, then how many, then how far. Smaller is
            better; empty where there is no clip.
        seconds: What making and judging it took.
        failed: Why there is no clip; empty where there is one.
    """

    way: str
    broken: tuple[str, ...] = ()
    badness: tuple[float, ...] = ()
    seconds: float = 0.0
    failed: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether it breaks no guard."""
        return not self.broken and not self.failed

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "way": self.way,
            "broken": list(self.broken),
            "badness": list(self.badness),
            "seconds": round(self.seconds, 2),
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True)
class ShotTries:
    """What was tried for a shot.

    Attributes:
        of: Key of its first pass as the storyboard says: what was tried for another is void.
        made: The clips that were judged, in the order they were made; the storyboard's own first.
        kept: The way that is kept; empty for the storyboard's own.
        trying: The way that is being tried; empty for none. Never written down.
        hints: What the guards that the storyboard's own clip breaks call for, in order.
    """

    of: str
    made: tuple[Made, ...] = ()
    kept: str = ""
    trying: str = ""
    hints: tuple[str, ...] = ()

    @property
    def num_tries(self) -> int:
        """How many ways were tried beside the storyboard's own."""
        return sum(1 for each in self.made if each.way)

    @property
    def is_fine(self) -> bool:
        """Whether what is kept breaks no guard."""
        return any(each.is_fine for each in self.made if each.way == self.kept)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` reads it."""
        return {
            "of": self.of,
            "kept": self.kept,
            "hints": list(self.hints),
            "made": [each.to_json() for each in self.made],
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ShotTries:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is nothing of the kind, or names a way that this
                version does not know.
        """
        made = tuple(
            Made(
                way=str(each["way"]),
                broken=tuple(str(word) for word in each["broken"]),
                badness=tuple(float(number) for number in each["badness"]),
                seconds=float(each["seconds"]),
                failed=str(each["failed"]),
            )
            for each in facts["made"]
        )
        kept = str(facts["kept"])
        for way in (kept, *(each.way for each in made)):
            if way:
                Way(way)
        hints = tuple(str(hint) for hint in facts["hints"])
        return cls(str(facts["of"]), made, kept, hints=hints)


@dataclass(frozen=True, slots=True)
class GuardedShot:
    """A shot of a plan whose clip could be made otherwise.

    Attributes:
        shot: Its id.
        continues: The shot that it goes on from; None for none.
        tries: What was tried for it, as far as that still holds.
        ways: The ways that would change something.
        quality: Id of the stage that judges the clip that is planned.
        try_quality: Id of the one that judges the clip that is being tried; empty for none.
    """

    shot: str
    continues: str | None
    tries: ShotTries
    ways: tuple[Way, ...]
    quality: str
    try_quality: str = ""
