"""Noise that a seed means the same by on every device.

Drawn on the CPU in float32 in token layout, each use from a stream of its own: what a step draws
depends on the seed and on what it is for, not on what was drawn before. So a run can be stopped at
any step and continued, and parts of it can be computed elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor


class Purpose(StrEnum):
    """What noise is for."""

    INITIAL = "initial"
    STEP = "step"
    SUBSTEP = "substep"
    DECODE = "decode"


@dataclass(frozen=True, slots=True)
class NoiseUse:
    """One use of noise.

    Attributes:
        purpose: What for.
        stream: Which stream, counted as the run counts them.
        step: Which step.
        stage: Which pass of the film.
    """

    purpose: Purpose
    stream: int = 0
    step: int = 0
    stage: int = 0


NoiseSource = Callable[[NoiseUse, tuple[int, ...]], Tensor]
"""Draws standard normal noise of a shape for a use."""


def noise(seed: int, use: NoiseUse, shape: tuple[int, ...]) -> Float[Tensor, " ..."]:
    """Draw standard normal noise.

    Args:
        seed: Of the run.
        use: What for; the same use is always given the same noise.
        shape: In token layout.

    Returns:
        float32, on the CPU.
    """
    words = f"{seed}/{use.stage}/{use.purpose}/{use.step}/{use.stream}"
    digest = hashlib.sha256(words.encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    return torch.randn(shape, generator=generator)


def standardised(drawn: Float[Tensor, "B *T C"]) -> Float[Tensor, "B *T C"]:
    """Noise of exactly mean 0 and deviation 1, over all of it and then per sample, in float64."""
    drawn = drawn.double()
    drawn = (drawn - drawn.mean()) / drawn.std()
    axes = (-2, -1)
    return (drawn - drawn.mean(axes, keepdim=True)) / drawn.std(axes, keepdim=True)


def seeded(seed: int, stage: int = 0) -> NoiseSource:
    """The noise of a run."""
    return lambda use, shape: noise(seed, NoiseUse(use.purpose, use.stream, use.step, stage), shape)


def seeded_standardised(seed: int, stage: int = 0) -> NoiseSource:
    """The noise of a run, standardised as the second-order sampler wants it."""
    draw = seeded(seed, stage)
    return lambda use, shape: standardised(draw(use, shape))


Shape = tuple[int, ...]

REFERENCE_STEP_SEED, REFERENCE_SUBSTEP_SEED = -1, 9999
"""The reference seeds the noise of steps and of their middles the same for every run."""


@dataclass
class ReferenceNoise:
    """The reference's draws: all initial noise from one generator, stream by stream, pass by pass.

    What is drawn follows from the seed and from what was drawn before, which is known: a run that
    goes on from a saved state draws that again and lets it go.

    Args:
        seed: Of the run.
        shapes: Of the streams of this pass, video first.
        earlier: Of the streams of the passes before, in order.
        dtype: That the initial noise is drawn in.
        standardise: Whether the noise of steps is drawn in float64 and standardised, as the
            second-order sampler has it.
    """

    seed: int
    shapes: tuple[Shape, ...]
    earlier: tuple[Shape, ...] = ()
    dtype: torch.dtype = torch.bfloat16
    standardise: bool = False
    _tapes: dict[int, _Tape] = field(init=False, repr=False, default_factory=dict)

    def __call__(self, use: NoiseUse, shape: Shape) -> Tensor:
        """Draw the noise of a use; its shape must be that of its stream."""
        if use.purpose == Purpose.INITIAL:
            before = (*self.earlier, *self.shapes[: use.stream])
            return self._draw(self.seed, before, shape, self.dtype).float()
        seed = REFERENCE_STEP_SEED if use.purpose == Purpose.STEP else REFERENCE_SUBSTEP_SEED
        before = (*self.shapes * use.step, *self.shapes[: use.stream])
        if self.standardise:
            return standardised(self._draw(seed, before, shape, torch.float64))
        return self._draw(seed, before, shape, self.dtype).float()

    def _draw(
        self, seed: int, before: tuple[Shape, ...], shape: Shape, dtype: torch.dtype
    ) -> Tensor:
        tape = self._tapes.get(seed)
        if tape is None or tape.place > len(before):
            tape = self._tapes[seed] = _Tape(torch.Generator().manual_seed(seed))
        for passed in before[tape.place :]:
            tape.draw(passed, dtype)
        return tape.draw(shape, dtype)


@dataclass
class _Tape:
    """A generator that knows how many tensors it has drawn."""

    generator: torch.Generator
    place: int = 0

    def draw(self, shape: Shape, dtype: torch.dtype) -> Tensor:
        self.place += 1
        return torch.randn(shape, generator=self.generator, dtype=dtype)
