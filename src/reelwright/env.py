"""Every environment variable that Reelwright reads, in one table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import SettingError


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        name: Its name.
        meaning: What it sets, with its default.
    """

    name: str
    meaning: str


WORK_DIR = Variable(
    "REELWRIGHT_WORK_DIR",
    "Folder for artifacts and the journal; by default `.reelwright` beside the storyboard. Set it "
    "to a local disk where the project lies on a network share.",
)
THREADS = Variable(
    "REELWRIGHT_THREADS",
    "CPU threads a worker uses; by default all that this process may use.",
)
BLENDER = Variable("REELWRIGHT_BLENDER", "The Blender program; by default the one on PATH.")
GOLDENS = Variable(
    "REELWRIGHT_GOLDENS",
    "Folder of the numerical reference cases for the tests; by default `../shared/goldens`.",
)
CHECKPOINT = Variable(
    "REELWRIGHT_CHECKPOINT",
    "Files of the video model that makes clips, as `--checkpoint` names them, several with the "
    "path separator between; by default what is installed.",
)
TEXT_ENCODER = Variable(
    "REELWRIGHT_TEXT_ENCODER", "Its text encoder, as `--text-encoder` names it."
)
UPSAMPLER = Variable("REELWRIGHT_UPSAMPLER", "Its latent upsampler, as `--upsampler` names it.")
VARIABLES: tuple[Variable, ...] = (
    WORK_DIR, THREADS, BLENDER, GOLDENS, CHECKPOINT, TEXT_ENCODER, UPSAMPLER,
)  # fmt: skip


def path_from(variable: Variable) -> Path | None:
    """The variable as a path, or None where it is not set."""
    value = os.environ.get(variable.name, "").strip()
    return Path(value).expanduser() if value else None


def count_from(variable: Variable) -> int | None:
    """The variable as a count of at least one, or None where it is not set.

    Raises:
        SettingError: It is set to something else.
    """
    value = os.environ.get(variable.name, "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise SettingError(
            f"{variable.name} is {value!r}, not a count.",
            f"Set {variable.name} to a whole number of at least 1, or unset it.",
        )
    return int(value)
