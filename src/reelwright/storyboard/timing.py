"""How long things are, read from a storyboard that may be partly wrong."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelwright.shapes import shot_frames
from reelwright.storyboard.rate import frame_rate_from_number
from reelwright.storyboard.shot import MAX_SHOT_S
from reelwright.storyboard.table import Table


@dataclass(frozen=True, slots=True)
class Timing:
    """Lengths at the film's frame rate.

    Attributes:
        frame_rate: Frames per second; None where what is written is none.
    """

    frame_rate: Fraction | None

    @classmethod
    def of(cls, whole: Table) -> Timing:
        """The timing of a document."""
        film = whole.table("film")
        if film is None or "fps" not in film:
            return cls(Fraction(24))
        try:
            return cls(frame_rate_from_number(film.raw["fps"]))
        except ValueError:
            return cls(None)

    def seconds(self, shot: Table) -> float | None:
        """Length of a shot as written, seconds."""
        seconds = shot.number("seconds")
        return seconds if seconds is not None and 0 < seconds <= MAX_SHOT_S else None

    def num_frames(self, shot: Table) -> int | None:
        """Delivered frames of a shot."""
        seconds = self.seconds(shot)
        if seconds is None or self.frame_rate is None:
            return None
        return shot_frames(seconds, self.frame_rate).delivered

    def film_seconds(self, whole: Table) -> float | None:
        """Length of the film, seconds; None if that of any shot is not known."""
        frames = [self.num_frames(shot) for shot in whole.tables("shots")]
        known = [count for count in frames if count is not None]
        if self.frame_rate is None or not frames or len(known) < len(frames):
            return None
        return float(sum(known) / self.frame_rate)
