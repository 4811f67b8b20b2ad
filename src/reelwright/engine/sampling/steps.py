"""Single moves along the flow: pure functions from one noise level to the next.

The flow is straight: latent = (1 - sigma) * clean + sigma * noise, and its velocity is noise minus
clean. Every function takes the latent and the prediction of the clean one ("denoised").
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

Latent = Float[Tensor, "B T C"]

SDE_CEILING = 0.9999
"""Largest share of a level that may be new noise."""


def velocity_from_denoised(latent: Latent, denoised: Latent, sigma: float) -> Latent:
    """Velocity that leads from a latent away from its clean one."""
    return (latent - denoised) / sigma


def denoised_from_velocity(
    latent: Latent, velocity: Latent, levels: Float[Tensor, "#B T_ 1"]
) -> Latent:
    """Clean latent that a velocity points away from, each token at a level of its own."""
    return latent - levels * velocity


def noised(
    initial: Latent, clean: Latent, mask: Float[Tensor, "B T 1"], noise: Latent, scale: float
) -> Latent:
    """A latent before the first step.

    Args:
        initial: What is denoised: zeros, or a latent to refine.
        clean: What is kept where the mask is 0.
        mask: 1 to generate, 0 to keep, between to start part of the way.
        noise: Standard normal.
        scale: Noise level to start from.
    """
    return clean + mask * (initial + scale * (noise - initial) - clean)


def pinned(denoised: Latent, clean: Latent, mask: Float[Tensor, "B T 1"]) -> Latent:
    """A prediction with what is kept put back."""
    return denoised * mask + clean * (1.0 - mask)


def euler_step(latent: Latent, denoised: Latent, sigma: float, sigma_next: float) -> Latent:
    """Move straight on.

    Args:
        latent: At `sigma`.
        denoised: Predicted clean latent.
        sigma: Noise level in (0, 1].
        sigma_next: The next level, below it.

    Source: Liu et al. 2022, Rectified Flow, arXiv:2209.03003.
    """
    velocity = velocity_from_denoised(latent, denoised, sigma)
    return latent + velocity * (sigma_next - sigma)


def ancestral_step(
    latent: Latent,
    denoised: Latent,
    sigma: float,
    sigma_next: float,
    noise: Latent,
    *,
    eta: float = 1.0,
    noise_scale: float = 1.0,
) -> Latent:
    """Move on too far, then go back up with new noise.

    Args:
        latent: At `sigma`.
        denoised: Predicted clean latent.
        sigma: Noise level in (0, 1].
        sigma_next: The next level, below it.
        noise: Standard normal.
        eta: How far too far; 0 is `euler_step`.
        noise_scale: Factor of the noise.
    """
    if sigma_next == 0:
        return denoised
    down = sigma_next * (1.0 + (sigma_next / sigma - 1.0) * eta)
    ratio, keep = down / sigma, (1.0 - sigma_next) / (1.0 - down)
    moved = ratio * latent + (1.0 - ratio) * denoised
    fresh = math.sqrt(max(0.0, sigma_next**2 - (down * keep) ** 2))
    return keep * moved + noise * (fresh * noise_scale)


def cfgpp_step(
    latent: Latent,
    denoised: Latent,
    uncond: Latent,
    sigma: float,
    sigma_next: float,
    noise: Latent,
    *,
    eta: float = 0.0,
) -> Latent:
    """Move on from the guided clean latent along the unguided noise.

    Args:
        latent: At `sigma`.
        denoised: Predicted clean latent, guided.
        uncond: Predicted clean latent without the text.
        sigma: Noise level in (0, 1].
        sigma_next: The next level, below it.
        noise: Standard normal.
        eta: Share of the next level's noise that is new.

    Source: Chung et al. 2024, CFG++, arXiv:2406.08070.
    """
    if sigma_next == 0:
        return denoised
    # In signal-to-noise units, where the ancestral share is defined: sigma / (1 - sigma).
    odds_ratio = sigma_next * (1.0 - sigma) / ((1.0 - sigma_next) * sigma)
    fresh = eta * sigma_next * math.sqrt(max(0.0, 1.0 - odds_ratio**2))
    kept = math.sqrt(max(0.0, sigma_next**2 - fresh**2))
    direction = (latent - (1.0 - sigma) * uncond) / sigma
    return (1.0 - sigma_next) * denoised + kept * direction + fresh * noise


def sde_step(
    latent: Latent, target: Latent, sigma: float, sigma_next: float, noise: Latent, *, eta: float
) -> Latent:
    """Replace part of a deterministic move by new noise.

    Args:
        latent: At `sigma`.
        target: Where the deterministic move ends, at `sigma_next`.
        sigma: Noise level.
        sigma_next: The next level.
        noise: Standard normal.
        eta: Share of the next level's noise that is new; 0 returns `target`.
    """
    fresh = min(sigma_next * eta, sigma_next * SDE_CEILING)
    if fresh == 0:
        return target
    rest = math.sqrt(sigma_next**2 - fresh**2)
    signal = (1.0 - sigma_next) + rest
    direction = (latent - target) / (sigma - sigma_next)
    denoised = latent - sigma * direction
    return signal * (denoised + rest / signal * direction) + fresh * noise


def lcm_step(denoised: Latent, sigma_next: float, noise: Latent) -> Latent:
    """Take the prediction, and go back up with nothing but new noise.

    Source: Luo et al. 2023, Latent Consistency Models, arXiv:2310.04378.
    """
    return denoised if sigma_next == 0 else (1.0 - sigma_next) * denoised + sigma_next * noise


def res2s_coefficients(h: float, c2: float = 0.5) -> tuple[float, float, float]:
    """Weights of a second-order exponential Runge-Kutta step.

    Args:
        h: Length of the step, log(sigma / sigma_next).
        c2: Where in it the second evaluation lies.

    Returns:
        a21 of the way to that place, b1 and b2 of the whole step.

    Source: Hochbruck and Ostermann 2010, Exponential integrators.
    """
    a21 = c2 * _phi1(-h * c2)
    b2 = _phi2(-h) / c2
    return a21, _phi1(-h) - b2, b2


def _phi1(z: float) -> float:
    return math.expm1(z) / z


def _phi2(z: float) -> float:
    return (math.expm1(z) - z) / z**2
