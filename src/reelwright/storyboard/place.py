"""Where a prop stands in a shot, and how it moves."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import (
    Flag,
    KeyEase,
    Name,
    Number,
    Point,
    Scale3,
    Seconds,
    Text,
    Turn,
)


class PlaceKey(Entry):
    """Where a prop is at one time of the shot. What a key leaves out passes it by."""

    t_s: Seconds = Field(description="Time in the shot, seconds.")
    at: Point | None = Field(default=None, description="Place in metres.")
    turn_deg: Turn | None = Field(
        default=None,
        description="Turn in degrees about the world's x, then y, then z axis; 720 is two turns.",
    )
    scale: Scale3 | None = Field(
        default=None, description="Scale, above 0: one number, or [x, y, z]."
    )
    ease: KeyEase = Field(
        default="smooth",
        description="How it goes from here to the next key; smooth passes through keys without "
        "stopping and never overshoots.",
    )


class Place(Entry):
    """A prop placed in a shot."""

    prop: Name = Field(description="Name of the prop, from [props].")
    name: Name | None = Field(
        default=None,
        description="Name in this shot, unique. Default the prop's; lets a prop stand twice.",
    )
    at: Point | None = Field(
        default=None,
        description="Place in metres. Default [0, 0, 0]; in a shot that continues another, where "
        "it stood.",
    )
    turn_deg: Turn | None = Field(
        default=None,
        description="Turn in degrees about the world's x, then y, then z axis. Default [0, 0, 0]; "
        "in a shot that continues another, as it stood.",
    )
    scale: Scale3 | None = Field(
        default=None,
        description="Scale, above 0: one number, or [x, y, z]. Default 1; in a shot that continues "
        "another, as it stood.",
    )
    keys: tuple[PlaceKey, ...] = Field(
        default=(), max_length=1000, description="A path, in order of time."
    )
    animation: Annotated[Text, Field(min_length=1, max_length=256)] | None = Field(
        default=None,
        description="Which animation of the .glb plays: auto (the first), none, or its name. "
        "Default auto; in a shot that continues another, the one that played.",
    )
    animation_speed: Annotated[Number, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="How fast it plays, 0 to 1000; 1 is as made. Default 1; in a shot that "
        "continues another, as it played.",
    )
    animation_loop: Flag | None = Field(
        default=None,
        description="Whether it starts again at its end. Default true; in a shot that continues "
        "another, as it was.",
    )

    @property
    def placed_name(self) -> str:
        """Its name in the shot."""
        return self.prop if self.name is None else self.name
