"""The base of everything that a person writes in a storyboard.

Entries are frozen, refuse keys they do not know, and take no number that is not finite. Numbers are
strict: `seconds = "5"` and `seconds = true` are mistakes, not 5 and 1.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """A table of the storyboard.

    `defer_build` keeps the import of the room quick: validators are built at the first use.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        defer_build=True,
        hide_input_in_errors=True,
    )
