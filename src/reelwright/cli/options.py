"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

AsJson: TypeAlias = Annotated[bool, Parameter("--json", negative="", show_default=False)]
"""`--json`."""

Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]
"""A switch without a `--no-` twin."""

Output: TypeAlias = Annotated[Path | None, Parameter(("--output", "-o"))]
"""`-o`."""

Shots: TypeAlias = Annotated[str | None, Parameter("--shots")]
"""`--shots a,b`."""


def shot_names(text: str | None) -> tuple[str, ...] | None:
    """`approach,lamp` as names; None for every shot."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())
