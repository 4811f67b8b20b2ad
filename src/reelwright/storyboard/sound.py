"""Sound that the director places: in a shot, or under the film."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import Decibels, FilePath, Flag, Name, Number, Seconds

Length = Annotated[Number, Field(gt=0, le=36_000)]


class _Recording(Entry):
    """What a sound in a shot and music under the film have in common."""

    file: FilePath = Field(description="A sound or video file in the project.")
    from_s: Seconds = Field(default=0.0, description="Where in the file it starts, seconds.")
    length_s: Length | None = Field(
        default=None,
        description="How much is played, seconds, above 0. Without it to the file's end.",
    )
    gain_db: Decibels = Field(default=0.0, description="Louder or softer, -96 to 24 dB.")
    fade_in_s: Seconds = Field(
        default=0.01, description="Length of the fade at its start, seconds."
    )
    fade_out_s: Seconds = Field(default=0.01, description="Length of the fade at its end, seconds.")
    loop: Flag = Field(
        default=False,
        description="Whether it starts again at its end, until the shot or film ends.",
    )


class PlacedSound(_Recording):
    """A recording placed in a shot."""

    at_s: Seconds = Field(default=0.0, description="When in the shot it starts, seconds.")
    from_prop: Name | None = Field(
        default=None, description="Name of a placed prop: the sound is panned by where it stands."
    )
    pan: Number | None = Field(
        default=None, ge=-1, le=1, description="Fixed place between left (-1) and right (1)."
    )
    mode: Literal["mix", "replace", "duck", "drive"] = Field(
        default="mix",
        description="mix: beside what the model makes; replace: in its place; duck: the rest "
        "steps back under it; drive: given to the model, which moves to it.",
    )


class Music(_Recording):
    """Music under the film."""

    at_s: Seconds = Field(default=0.0, description="When in the film it starts, seconds.")
    duck_db: Number = Field(
        default=0.0,
        ge=0,
        le=60,
        description="How far it steps back under dialogue and sounds of mode duck, 0 to 60 dB.",
    )
