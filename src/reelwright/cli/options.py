"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from reelwright.errors import SettingError

if TYPE_CHECKING:
    from reelwright.models import WeightSet

AsJson: TypeAlias = Annotated[bool, Parameter("--json", negative="", show_default=False)]
"""`--json`."""

Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]
"""A switch without a `--no-` twin."""

Output: TypeAlias = Annotated[Path | None, Parameter(("--output", "-o"))]
"""`-o`."""

Shots: TypeAlias = Annotated[str | None, Parameter("--shots")]
"""`--shots a,b`."""


Checkpoint: TypeAlias = Annotated[
    list[Path] | None, Parameter("--checkpoint", consume_multiple=True, negative="")
]
"""`--checkpoint FILE...`."""

TextEncoder: TypeAlias = Annotated[Path | None, Parameter("--text-encoder")]
"""`--text-encoder PATH`."""

Upsampler: TypeAlias = Annotated[Path | None, Parameter("--upsampler")]
"""`--upsampler FILE`."""

Loras: TypeAlias = Annotated[
    list[str] | None, Parameter("--lora", consume_multiple=True, negative="")
]
"""`--lora FILE [STRENGTH]`, again for each."""


def weights_of(
    checkpoint: Sequence[Path] | None,
    text_encoder: Path | None,
    upsampler: Path | None,
    loras: Sequence[str] | None,
) -> tuple[WeightSet, ...] | None:
    """The weights that the options name; None where they name none."""
    from reelwright.production.weights import named_weights

    named = named_weights(checkpoint, text_encoder, upsampler, lora_strengths(loras or ()))
    return None if named is None else (named,)


def lora_strengths(words: Sequence[str]) -> tuple[tuple[Path, float], ...]:
    """`a.safetensors 0.8 b.safetensors` as files with their strengths; 1 where none is given."""
    found: list[tuple[Path, float]] = []
    expects_file = True
    for word in words:
        number = _number(word)
        if number is None:
            found.append((Path(word), 1.0))
            expects_file = False
        elif expects_file:
            raise SettingError(
                f'"{word}" is a strength without a LoRA.',
                "Write --lora FILE STRENGTH.",
                where="--lora",
            )
        else:
            found[-1] = (found[-1][0], number)
            expects_file = True
    return tuple(found)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def shot_names(text: str | None) -> tuple[str, ...] | None:
    """`approach,lamp` as names; None for every shot."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())
