"""Finds the cases of a folder and runs each by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from reelwright.engine.parity import denoiser, loops, maths, places, sound, text, video
from reelwright.engine.parity.case import Case, Outcome, compare, open_case
from reelwright.errors import ReelwrightError

FAULTS = (
    ReelwrightError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a case that is not as its kind should be may raise: it fails, and the others still run."""

Run = Callable[[Case], Mapping[str, Tensor]]

KINDS: Mapping[str, Run] = {
    **denoiser.KINDS,
    **loops.KINDS,
    **maths.KINDS,
    **places.KINDS,
    **sound.KINDS,
    **text.KINDS,
    **video.KINDS,
}
"""What runs each kind of case."""


def find_cases(folder: Path) -> list[Path]:
    """The cases of a folder, by name."""
    return sorted(folder.glob("*.case.safetensors"))


def run_case(path: Path) -> Outcome:
    """Run one case and compare it.

    A case that cannot be run is a failed one: its outcome says why.
    """
    name = path.name.removesuffix(".case.safetensors")
    try:
        case = open_case(path)
        if case.kind not in KINDS:
            return Outcome(name, fault=f"the kind {case.kind!r} is not known")
        with torch.inference_mode():
            return compare(case, KINDS[case.kind](case))
    except FAULTS as error:
        return Outcome(name, fault=f"{type(error).__name__}: {error}".replace("\n", " "))
