"""The kinds of value that stand in a storyboard: numbers with their bounds, points, names, files.

Each carries its own bounds, so that the models, the JSON Schema and the messages agree.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from reelwright.storyboard.color import normal_color
from reelwright.storyboard.rate import frame_rate_from_number, number_from_frame_rate

MAX_METRES = 1_000_000.0
MAX_TEXT = 20_000

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Coordinate = Annotated[Number, Field(ge=-MAX_METRES, le=MAX_METRES)]
Degrees = Annotated[Number, Field(ge=-1_000_000, le=1_000_000)]
Share = Annotated[Number, Field(ge=0, le=1)]
Seconds = Annotated[Number, Field(ge=0, le=36_000)]
Decibels = Annotated[Number, Field(ge=-96, le=24)]
Seed = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
Scale = Annotated[Number, Field(gt=0, le=1_000_000)]

Vec3 = tuple[float, float, float]
Point = tuple[Coordinate, Coordinate, Coordinate]
Turn = tuple[Degrees, Degrees, Degrees]


def _plain_text(text: str) -> str:
    """Refuse what no file name, prompt or terminal can hold."""
    bad = next((c for c in text if (c < " " and c not in "\n\t\r") or c == "\x7f"), None)
    if bad is not None:
        raise PydanticCustomError(
            "control_character",
            "It holds the control character {shown}.",
            {"shown": f"U+{ord(bad):04X}", "mend": "Take the character out."},
        )
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise PydanticCustomError(
            "surrogate",
            "It holds half of a character, which no file can.",
            {"mend": "Write the text again as UTF-8."},
        )
    return text


def _three(value: Any) -> Any:
    """One number stands for all three axes."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (value, value, value) if is_number else value


def _parse_rate(value: Any) -> Fraction:
    try:
        return frame_rate_from_number(value)
    except ValueError as error:
        what, mend = error.args
        raise PydanticCustomError("frame_rate", what, {"mend": mend}) from error


def _parse_color(value: str) -> str:
    try:
        return normal_color(value)
    except ValueError as error:
        what, mend = error.args
        raise PydanticCustomError("color", "{said}", {"said": what, "mend": mend}) from error


Text = Annotated[str, Field(strict=True, max_length=MAX_TEXT), AfterValidator(_plain_text)]
"""Words for people and models; any length up to 20,000 characters."""

Name = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
"""A name that may stand in a path: letters, digits, `-` and `_`, 64 characters at most."""

FilePath = Annotated[Text, Field(min_length=1, max_length=1024)]
"""A file inside the project, relative to the storyboard, with forward slashes."""

Color = Annotated[
    str,
    Field(strict=True),
    AfterValidator(_parse_color),
]
"""`#rrggbb`, `#rgb` or a CSS name; kept as `#rrggbb` (sRGB)."""

Scale3 = Annotated[
    tuple[Scale, Scale, Scale],
    BeforeValidator(_three, json_schema_input_type=Scale | tuple[Scale, Scale, Scale]),
]
"""One number for all axes, or one for each."""

FrameRate = Annotated[
    Fraction,
    BeforeValidator(_parse_rate),
    PlainSerializer(number_from_frame_rate, return_type=int | float | str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 1, "maximum": 240},
                {"type": "string", "pattern": r"^[0-9]+(/[0-9]+)?$"},
            ]
        }
    ),
]
"""Frames per second, exact: 24, 23.976 (read as 24000/1001) or `"24000/1001"`."""

Ease = Literal["linear", "in", "out", "in-out", "hold"]
"""How a move gets going and comes to rest."""

KeyEase = Literal["smooth", "linear", "in", "out", "in-out", "hold"]
"""How a value goes from one key to the next."""
