"""The loop: a sampler, a denoiser, and someone who watches."""

from __future__ import annotations

from collections.abc import Callable

import torch

from reelwright.engine.sampling.sampler import Denoise, Sampler, SamplerState
from reelwright.errors import NumericsError

Watch = Callable[[int, SamplerState], None]
"""Called after each step with its number; may raise `Cancelled`, may save the state."""


def run_sampler(
    sampler: Sampler,
    state: SamplerState,
    denoise: Denoise,
    *,
    first_step: int = 0,
    watch: Watch = lambda i, state: None,
) -> SamplerState:
    """Walk a sampler's levels.

    Args:
        sampler: Moves the latents.
        state: From `sampler.start`, or one that was saved before `first_step`.
        denoise: Predicts clean latents.
        first_step: Where to go on.
        watch: Called after each step.

    Returns:
        The state after the last step.

    Raises:
        NumericsError: The result is not finite.
        Cancelled: Raised by `watch`.
    """
    for i in range(first_step, sampler.num_steps):
        state = sampler.step(i, state, denoise)
        watch(i, state)
    check_finite(state)
    return state


def check_finite(state: SamplerState) -> None:
    """Refuse latents with NaN or infinity: they decode to black.

    Raises:
        NumericsError: There is one.
    """
    for stream, latent in enumerate(state.latents):
        if not bool(torch.isfinite(latent).all()):
            raise NumericsError(
                f"The latent of stream {stream} has numbers that are not finite.",
                "Use bf16 or float32 where fp16 was asked for, and verify the checkpoint.",
                stream=stream,
            )
