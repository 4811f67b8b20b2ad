"""Samplers: how a latent is moved down a schedule.

A sampler is pure: it holds its levels and where its noise comes from, never a state. A state can be
saved after any step and continued by another process. All streams of a run move together; each is
one tensor of the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from reelwright.engine.sampling.noise import NoiseSource, NoiseUse, Purpose
from reelwright.engine.sampling.schedule import Sigmas, check_sigmas
from reelwright.engine.sampling.steps import (
    ancestral_step,
    euler_step,
    lcm_step,
    velocity_from_denoised,
)

Latents = tuple[Tensor, ...]
"""The tokens of each stream of a run."""


@runtime_checkable
class Denoise(Protocol):
    """Predicts clean latents: guided, with what is kept put back."""

    def __call__(self, latents: Latents, sigma: float, step: int = 0) -> Latents:
        """Predict at a noise level, for the sampler's step of this number."""
        ...

    def pin(self, latents: Latents) -> Latents:
        """Put back what is kept."""
        ...


@dataclass(frozen=True, slots=True)
class SamplerState:
    """Where a run is.

    Attributes:
        latents: Of each stream.
        memory: What the sampler carries from step to step besides.
    """

    latents: Latents
    memory: Latents = ()


@runtime_checkable
class Sampler(Protocol):
    """Moves latents down its levels."""

    @property
    def num_steps(self) -> int:
        """How many times `step` is called."""
        ...

    @property
    def evaluations(self) -> Sequence[float]:
        """The levels at which it will ask for predictions, in order."""
        ...

    def start(self, latents: Latents) -> SamplerState:
        """The state before the first step."""
        ...

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`, counted from 0."""
        ...


@dataclass(frozen=True)
class _Plain:
    """What samplers with one evaluation a step have in common."""

    sigmas: Sigmas

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", check_sigmas(self.sigmas))

    @property
    def num_steps(self) -> int:
        """One less than there are levels."""
        return len(self.sigmas) - 1

    @property
    def evaluations(self) -> Sequence[float]:
        """All levels but the last."""
        return self.sigmas[:-1]

    def start(self, latents: Latents) -> SamplerState:
        """The state before the first step."""
        return SamplerState(latents)


@dataclass(frozen=True)
class Euler(_Plain):
    """First order, deterministic.

    Attributes:
        sigmas: Levels, descending.
    """

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`."""
        here, there = self.sigmas[i : i + 2]
        pairs = zip(state.latents, denoise(state.latents, here, i), strict=True)
        return SamplerState(tuple(euler_step(x, x0, here, there) for x, x0 in pairs))


@dataclass(frozen=True)
class GradientEstimating(_Plain):
    """Euler whose velocity is extrapolated from the step before.

    Attributes:
        sigmas: Levels, descending.
        gamma: How far; 1 is Euler.

    Source: Permenter and Yuan 2023, arXiv:2306.04848.
    """

    gamma: float = 2.0

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`."""
        here, there = self.sigmas[i : i + 2]
        denoised = denoise(state.latents, here, i)
        if there == 0:
            return SamplerState(denoised)
        pairs = zip(state.latents, denoised, strict=True)
        velocities = tuple(velocity_from_denoised(x, x0, here) for x, x0 in pairs)
        before = state.memory or velocities
        moved = tuple(
            x + (v0 + self.gamma * (v - v0)) * (there - here)
            for x, v, v0 in zip(state.latents, velocities, before, strict=True)
        )
        return SamplerState(moved, velocities)


@dataclass(frozen=True)
class Ancestral(_Plain):
    """Euler with new noise at every step.

    Attributes:
        sigmas: Levels, descending.
        noise: Where noise comes from.
        eta: How much of it is new; 0 is Euler.
        noise_scale: Its factor.
    """

    noise: NoiseSource
    eta: float = 1.0
    noise_scale: float = 1.0

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`; what is kept stays as it is."""
        here, there = self.sigmas[i : i + 2]
        denoised = denoise(state.latents, here, i)
        moved = tuple(
            ancestral_step(x, x0, here, there, drawn, eta=self.eta, noise_scale=self.noise_scale)
            for x, x0, drawn in zip(
                state.latents, denoised, draw_all(self.noise, i, state.latents), strict=True
            )
        )
        return SamplerState(denoise.pin(moved))


@dataclass(frozen=True)
class Lcm(_Plain):
    """Each prediction noised anew, for models distilled to few steps.

    Attributes:
        sigmas: Levels, descending.
        noise: Where noise comes from.
    """

    noise: NoiseSource

    def step(self, i: int, state: SamplerState, denoise: Denoise) -> SamplerState:
        """Take step `i`; what is kept stays as it is."""
        here, there = self.sigmas[i : i + 2]
        denoised = denoise(state.latents, here, i)
        drawn = draw_all(self.noise, i, state.latents)
        moved = tuple(lcm_step(x0, there, n) for x0, n in zip(denoised, drawn, strict=True))
        return SamplerState(denoise.pin(moved))


def draw_all(
    noise: NoiseSource, step: int, latents: Latents, purpose: Purpose = Purpose.STEP
) -> Latents:
    """The noise of one step for every stream, beside its latent."""
    return tuple(
        noise(NoiseUse(purpose, stream, step), tuple(x.shape)).to(x.device, x.dtype)
        for stream, x in enumerate(latents)
    )
