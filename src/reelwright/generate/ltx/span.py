"""How many frames a model makes for a shot, and which of them the shot's clip shows."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.errors import InputError
from reelwright.shapes import ShotFrames

TAIL_FRAMES = 16
"""Frames of the shot before that a shot goes on from, the first one apart: 0.7 s at 24."""


@dataclass(frozen=True, slots=True)
class ShotSpan:
    """The frames of a model's clip.

    Attributes:
        tail: Of the shot before, which the clip begins with and which are not shown again.
        shown: Behind them: the frames of the shot's clip.
        total: All of them, as many as the model takes; what lies behind `shown` is dropped.
    """

    tail: int
    shown: int
    total: int

    @classmethod
    def of(cls, frames: ShotFrames, factor: int, before: int | None, beyond: int = 0) -> ShotSpan:
        """Lay out a shot's frames.

        A model takes `factor` * k + 1 frames, 8k+1 for LTX-2. A shot has 8k+1 already; behind a
        tail, or for a model of another factor, the next count that covers it is made.

        Args:
            frames: Of the shot.
            factor: Frames of a latent frame behind the first.
            before: Frames of the shot that it goes on from; None if it begins by itself.
            beyond: Frames to make behind the shot's own at least.

        Raises:
            InputError: The shot before is empty.
        """
        tail = 0 if before is None else tail_frames(before, factor)
        total = 1 + -(-(tail + frames.generated + beyond - 1) // factor) * factor
        return cls(tail, frames.generated, total)


def tail_frames(before: int, factor: int) -> int:
    """Frames of the shot before that a model takes as a beginning.

    Args:
        before: Frames that the shot before has.
        factor: Frames of a latent frame behind the first.

    Raises:
        InputError: It has none.
    """
    if before < 1:
        raise InputError("The shot before has no frames.", "Render it again.")
    groups = min(max(1, TAIL_FRAMES // factor), (before - 1) // factor)
    return 1 + groups * factor
