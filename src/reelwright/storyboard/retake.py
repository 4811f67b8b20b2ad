"""A range of a shot that is made again."""

from __future__ import annotations

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import Seconds, Seed, Text


class Retake(Entry):
    """A range of a shot that the video model makes again; all else of it stays to the bit."""

    from_s: Seconds = Field(description="Where the range begins, seconds of the shot.")
    to_s: Seconds = Field(
        description="Where it ends. The groups of 8 frames that lie wholly within are made again."
    )
    prompt: Text | None = Field(
        default=None, description="What is seen, in words. Default the shot's."
    )
    sound: Text | None = Field(
        default=None, description="What is heard, in words. Default the shot's."
    )
    dialogue: Text | None = Field(
        default=None, description="What is said, in words. Default the shot's."
    )
    seed: Seed | None = Field(
        default=None, description="Seed of chance. Default: derived from the shot's."
    )
