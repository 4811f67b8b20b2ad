"""Sun, sky, haze and the ground."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import Color, Coordinate, Degrees, Flag, Number, Share

Strength = Annotated[Number, Field(ge=0, le=1000)]


def _clear_at_zero(value: Any) -> Any:
    """TOML has no null: 0 is how a shot clears the film's haze."""
    return None if value == 0 and not isinstance(value, bool) else value


class Light(Entry):
    """The sun and the sky.

    A shot's light changes what it names and takes the rest from the film's.
    """

    sun_azimuth_deg: Degrees = Field(
        default=135.0,
        description="Where the sun stands, degrees clockwise from +Y as seen from above: "
        "90 is +X, 180 is -Y (behind a camera that looks along +Y).",
    )
    sun_elevation_deg: Number = Field(
        default=40.0,
        ge=-90,
        le=90,
        description="Height of the sun above the horizon, -90 to 90 degrees.",
    )
    sun_strength: Strength = Field(
        default=1.0, description="Light of the sun; 1 is a clear day at exposure 0, 0 is no sun."
    )
    sun_color: Color = Field(default="#fff4e0", description="Colour of the sun, sRGB.")
    sun_softness_deg: Number = Field(
        default=1.0,
        ge=0,
        le=45,
        description="Width of the sun's disc, 0 to 45 degrees; wider is a softer shadow.",
    )
    sky_top: Color = Field(default="#4f7fb8", description="Colour of the sky overhead, sRGB.")
    sky_horizon: Color = Field(
        default="#cfdde8", description="Colour of the sky at the horizon, sRGB."
    )
    sky_strength: Strength = Field(
        default=1.0, description="Light of the sky; 1 is a clear day at exposure 0."
    )
    haze_m: Annotated[
        Annotated[Number, Field(gt=0, le=1_000_000)] | None,
        BeforeValidator(_clear_at_zero, json_schema_input_type=Annotated[float, Field(ge=0)]),
    ] = Field(
        default=None,
        description="Distance in metres at which haze hides about two thirds; 0 or nothing is "
        "clear air.",
    )
    exposure_ev: Number = Field(
        default=0.0,
        ge=-16,
        le=16,
        description="Exposure in stops, -16 to 16; +1 doubles the light.",
    )


class Ground(Entry):
    """The ground: an endless level plane.

    A shot's ground changes what it names and takes the rest from the film's.
    """

    show: Flag = Field(default=True, description="Whether there is a ground at all.")
    color: Color = Field(default="#8f8a7e", description="Colour of the ground, sRGB.")
    color2: Color = Field(default="#77736a", description="Second colour of a pattern, sRGB.")
    pattern: Literal["plain", "checker", "grid", "noise", "water"] = Field(
        default="plain", description="What is drawn on it."
    )
    tile_m: Number = Field(
        default=1.0,
        gt=0,
        le=100_000,
        description="Size of one tile of the pattern in metres, above 0.",
    )
    roughness: Share = Field(default=0.9, description="0 is a mirror, 1 is chalk.")
    height_m: Coordinate = Field(
        default=0.0, description="Height of the ground in metres (world z)."
    )
