"""The second-order sampler: two evaluations a step, with new noise at both.

The state is kept in float64. A schedule that ends in 0 is led to a level just above it, and the
last prediction there is the result. In short steps the place that a step starts from is itself
refined, so that start, prediction and middle agree; the reference iterates a hundred times towards
the fixed point that is taken here at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from reelwright.engine.sampling.noise import NoiseSource, Purpose
from reelwright.engine.sampling.sampler import Denoise, Latents, SamplerState, draw_all
from reelwright.engine.sampling.schedule import Sigmas, check_sigmas
from reelwright.engine.sampling.steps import res2s_coefficients, sde_step

LAST_LEVEL = 0.0011
"""Where a schedule that ends in 0 is led to first."""

REFINED_BELOW, REFINED_ABOVE = 0.5, 0.03
"""Steps shorter than the first, from levels above the second, have their start refined."""


@dataclass(frozen=True)
class Res2s:
    """Second order, stochastic.

    Attributes:
        sigmas: Levels, descending.
        noise: Where noise comes from; standardised, as in `noise.seeded_standardised`.
        eta: Share of each level's noise that is new.
        refine: Whether the start of short steps is refined.
    """

    sigmas: Sigmas
    noise: NoiseSource
    eta: float = 0.5
    refine: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", check_sigmas(self.sigmas))

    @property
    def levels(self) -> Sigmas:
        """The levels that are walked, the one just above 0 included."""
        if self.sigmas[-1] or self.sigmas[-2] <= LAST_LEVEL:
            return self.sigmas
        return (*self.sigmas[:-1], LAST_LEVEL, 0.0)

    @property
    def num_steps(self) -> int:
        """One less than there are levels."""
        return len(self.levels) - 1

    @property
    def evaluations(self) -> Sequence[float]:
        """The levels and, between them, the middles of the steps."""
        asked: list[float] = []
        for here, there in zip(self.levels[:-1], self.levels[1:], strict=True):
            asked += [here] if there == 0 else [here, math.sqrt(here * there)]
        return asked

    def start(self, latents: Latents) -> SamplerState:
        """The state before the first step, in float64."""
        return SamplerState(tuple(x.double() for x in latents))

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`."""
        here, there = self.levels[i : i + 2]
        first = _ask(denoise, state.latents, here, i)
        if there == 0:
            return SamplerState(first)
        h, middle = math.log(here / there), math.sqrt(here * there)
        a21, b1, b2 = res2s_coefficients(h)
        halves = tuple(x + h * a21 * (d - x) for x, d in zip(state.latents, first, strict=True))
        halves = self._stir(i, Purpose.SUBSTEP, state.latents, halves, (here, middle), denoise)
        anchors = state.latents
        if self.refine and h < REFINED_BELOW and here > REFINED_ABOVE:
            anchors = tuple(
                (x - h * a21 * d) / (1.0 - h * a21) for x, d in zip(halves, first, strict=True)
            )
        second = _ask(denoise, halves, middle, i)
        moved = tuple(
            a + h * (b1 * (d1 - a) + b2 * (d2 - a))
            for a, d1, d2 in zip(anchors, first, second, strict=True)
        )
        return SamplerState(self._stir(i, Purpose.STEP, anchors, moved, (here, there), denoise))

    def _stir(
        self,
        i: int,
        purpose: Purpose,
        latents: Latents,
        targets: Latents,
        levels: tuple[float, float],
        denoise: Denoise,
    ) -> Latents:
        """Replace part of a move by new noise, and put back what is kept."""
        drawn = draw_all(self.noise, i, latents, purpose)
        return denoise.pin(
            tuple(
                sde_step(x, y, *levels, n, eta=self.eta)
                for x, y, n in zip(latents, targets, drawn, strict=True)
            )
        )


def _ask(denoise: Denoise, latents: Latents, sigma: float, step: int) -> tuple[Tensor, ...]:
    """Predict in float32, go on in float64."""
    return tuple(x.double() for x in denoise(tuple(x.float() for x in latents), sigma, step))
