"""The camera of a shot, as the director writes it. What it means in numbers is in `moves`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import Degrees, Ease, KeyEase, Name, Number, Point, Seconds, Share

SENSORS_MM: dict[str, float] = {
    "full-frame": 36.0,
    "super-35": 24.89,
    "aps-c": 23.6,
    "micro-four-thirds": 17.3,
    "one-inch": 13.2,
    "super-16": 12.52,
    "phone": 9.8,
    "large-format": 54.12,
    "65mm": 52.48,
    "imax": 70.41,
}
"""Larger side of each named sensor in millimetres."""

DEFAULT_LENS_MM = 35.0
DEFAULT_SENSOR = "full-frame"
DEFAULT_AT = (0.0, -8.0, 1.6)
DEFAULT_LOOK_AT = (0.0, 0.0, 1.0)

Move = Literal[
    "static",
    "dolly-in",
    "dolly-out",
    "truck-left",
    "truck-right",
    "pan-left",
    "pan-right",
    "tilt-up",
    "tilt-down",
    "orbit-left",
    "orbit-right",
    "crane-up",
    "crane-down",
    "handheld",
    "follow",
    "path",
]
Sensor = Literal[
    "full-frame",
    "super-35",
    "aps-c",
    "micro-four-thirds",
    "one-inch",
    "super-16",
    "phone",
    "large-format",
    "65mm",
    "imax",
]
LensMm = Annotated[Number, Field(ge=1, le=2000)]

DISTANCE_MOVES = frozenset(
    {"dolly-in", "dolly-out", "truck-left", "truck-right", "crane-up", "crane-down"}
)
ANGLE_MOVES = frozenset(
    {"pan-left", "pan-right", "tilt-up", "tilt-down", "orbit-left", "orbit-right"}
)


class CameraKey(Entry):
    """Where the camera is at one time of the shot. What a key leaves out passes it by."""

    t_s: Seconds = Field(description="Time in the shot, seconds.")
    at: Point | None = Field(default=None, description="Place of the camera, metres.")
    look_at: Point | None = Field(default=None, description="The point it looks at, metres.")
    lens_mm: LensMm | None = Field(default=None, description="Focal length, 1 to 2000 mm.")
    roll_deg: Degrees | None = Field(
        default=None, description="Roll in degrees; positive leans the camera to its right."
    )
    ease: KeyEase = Field(
        default="smooth",
        description="How it goes from here to the next key; smooth passes through keys without "
        "stopping and never overshoots.",
    )


class Camera(Entry):
    """A lens, a place and a move."""

    move: Move = Field(
        default="static",
        description="What the camera does. With `keys` it is path, with `follow` it is follow, "
        "without being said.",
    )
    lens_mm: LensMm | None = Field(
        default=None,
        description="Focal length, 1 to 2000 mm. Default 35; a shot that continues another keeps "
        "its lens.",
    )
    sensor: Sensor | None = Field(
        default=None,
        description="The sensor that the lens stands before (its larger side spans the picture's). "
        "Default full-frame (36 mm); a shot that continues another keeps its sensor.",
    )
    at: Point | None = Field(
        default=None,
        description="Place of the camera in metres. Default [0, -8, 1.6]; a shot that continues "
        "another begins where that ended.",
    )
    look_at: Point | None = Field(
        default=None,
        description="The point it looks at, metres. Default [0, 0, 1]; a shot that continues "
        "another begins as that ended; with `follow`, what it follows.",
    )
    distance: Number | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="How far a dolly, truck or crane goes in metres, above 0. Default a quarter of "
        "the distance to `look_at`.",
    )
    angle_deg: Number | None = Field(
        default=None,
        gt=0,
        le=36_000,
        description="How far a pan (default 20), tilt (10) or orbit (30) turns, degrees, above 0.",
    )
    ease: Ease = Field(default="in-out", description="How the move gets going and comes to rest.")
    follow: Name | None = Field(
        default=None,
        description="Name of a placed prop: the camera goes with it, and so does the point it "
        "looks at (default the prop's origin).",
    )
    roll_deg: Degrees | None = Field(
        default=None,
        description="Roll in degrees; positive leans the camera to its right. Default 0.",
    )
    shake: Share = Field(
        default=0.0,
        description="How much a hand shakes it, 0 to 1; joins any move. handheld without it is "
        "0.5.",
    )
    keys: tuple[CameraKey, ...] = Field(
        default=(), max_length=1000, description="A free path, in order of time."
    )

    @property
    def action(self) -> Move:
        """The move that is meant: `keys` alone mean path, `follow` alone means follow."""
        if self.move == "static":
            return "path" if self.keys else "follow" if self.follow else "static"
        return self.move

    @property
    def shake_amount(self) -> float:
        """The shake that is meant, 0 to 1."""
        return 0.5 if self.move == "handheld" and self.shake == 0 else self.shake
