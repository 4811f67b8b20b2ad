"""Noise schedules: the levels that a sampler walks down, from 1 (pure noise) to 0.

All are computed in float64. The reference computes in float32, where its own formula loses its last
digits for long sequences and, from some 60,000 tokens on, everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reelwright.errors import ScheduleError

Sigmas = tuple[float, ...]

DISTILLED: Sigmas = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875, 0.0)
"""The distilled model's first pass, 8 steps. Not to be shifted for resolution."""

DISTILLED_REFINE: Sigmas = (0.909375, 0.725, 0.421875, 0.0)
"""The second pass, on upsampled latents, 3 steps."""

DEFAULT_TOKENS = 4096
"""Sequence length that the schedule assumes where none is given."""

_FEWEST, _MOST = 1024, 4096
"""Sequence lengths at which the shift is `base_shift` and `max_shift`."""


def check_sigmas(sigmas: Sequence[float]) -> Sigmas:
    """Refuse levels that do not descend within [0, 1].

    Raises:
        ScheduleError: Fewer than two levels, one outside [0, 1], or one not below the one before.
    """
    levels = tuple(float(sigma) for sigma in sigmas)
    if len(levels) < 2:
        raise ScheduleError("A schedule needs two levels or more.", "Ask for at least one step.")
    for i, (level, following) in enumerate(zip(levels, (*levels[1:], -1.0), strict=True)):
        if not 0.0 <= level <= 1.0:
            raise ScheduleError(f"Level {i} is {level}.", "Use levels between 0 and 1.")
        if not following < level:
            raise ScheduleError(
                f"Level {i + 1} ({following}) is not below level {i} ({level}).",
                "Give the levels in descending order.",
            )
    return levels


def shift_sigma(sigma: float, shift: float) -> float:
    """Move a level towards noise: the odds of noise times e^shift.

    Source: Esser et al. 2024, arXiv:2403.03206.
    """
    return 0.0 if sigma == 0 else 1.0 - _shifted_signal(sigma, shift)


def _shifted_signal(sigma: float, shift: float) -> float:
    """One minus the shifted level, exact however close to 1 the level is."""
    odds = math.exp(-shift) * (1.0 / sigma - 1.0)
    return odds / (1.0 + odds)


def ltx2_sigmas(
    num_steps: int,
    num_tokens: int = DEFAULT_TOKENS,
    *,
    base_shift: float = 0.95,
    max_shift: float = 2.05,
    terminal: float = 0.1,
    stretch: bool = True,
) -> Sigmas:
    """The schedule of the undistilled model.

    Evenly spaced levels, shifted towards noise the more tokens there are, then stretched so that
    the last level before 0 is `terminal`.

    Args:
        num_steps: Steps; at least 2 where stretched.
        num_tokens: Cells of the latent; more than 4096 shift on.
        base_shift: Shift at 1024 tokens.
        max_shift: Shift at 4096 tokens.
        terminal: Last level before 0.
        stretch: Whether to stretch.

    Returns:
        `num_steps` + 1 levels.

    Raises:
        ScheduleError: Too few steps.
    """
    if num_steps < 1 + stretch:
        raise ScheduleError(
            f"{num_steps} steps cannot be scheduled.", f"Use {1 + stretch} or more."
        )
    slope = (max_shift - base_shift) / (_MOST - _FEWEST)
    shift = base_shift + slope * (num_tokens - _FEWEST)
    signals = [_shifted_signal(1.0 - i / num_steps, shift) for i in range(num_steps)]
    scale = (1.0 - terminal) / signals[-1] if stretch else 1.0
    return (*(1.0 - signal * scale for signal in signals), 0.0)


def linear_quadratic_sigmas(
    num_steps: int, *, threshold: float = 0.025, linear_steps: int | None = None
) -> Sigmas:
    """A straight line down to a little below 1, then a parabola to 0.

    Args:
        num_steps: Steps.
        threshold: How far below 1 the line ends.
        linear_steps: Steps of the line; half of them by default.

    Raises:
        ScheduleError: Too few steps.
    """
    line = num_steps // 2 if linear_steps is None else linear_steps
    curve = num_steps - line
    if line < 1 or curve < 1:
        raise ScheduleError(f"{num_steps} steps cannot be scheduled.", "Use 2 or more.")
    slope = threshold / line
    # The parabola goes on with the line's slope and reaches 1 at the last step.
    bend = (1.0 - threshold - slope * curve) / curve**2
    levels = [slope * i for i in range(line)]
    levels += [threshold + slope * i + bend * i**2 for i in range(curve)]
    return (*(1.0 - level for level in levels), 0.0)


def beta_sigmas(
    num_steps: int,
    *,
    alpha: float = 0.6,
    beta: float = 0.6,
    shift: float = 2.37,
    base_steps: int = 10_000,
) -> Sigmas:
    """Levels at the quantiles of a beta distribution: dense at both ends.

    Args:
        num_steps: Steps asked for.
        alpha: Of the distribution.
        beta: Of the distribution.
        shift: Of the levels.
        base_steps: Fineness of the levels that are chosen from.

    Returns:
        At most `num_steps` + 1 levels: quantiles that fall on the same level count once.

    Raises:
        ScheduleError: No step.

    Source: Lee et al. 2024, Beta Sampling, arXiv:2407.12173.
    """
    if num_steps < 1:
        raise ScheduleError(f"{num_steps} steps cannot be scheduled.", "Use 1 or more.")
    top = base_steps - 1
    chosen: list[int] = []
    for i in range(num_steps):
        # Rounded twice, so that the median's tie falls to the even level whatever the last digit.
        index = round(round(_beta_quantile(1.0 - i / num_steps, alpha, beta) * top, 6))
        if not chosen or index != chosen[-1]:
            chosen.append(index)
    return (*(shift_sigma((index + 1) / base_steps, shift) for index in chosen), 0.0)


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Where the beta distribution reaches a share, by bisection to the last digit."""
    low, high = 0.0, 1.0
    if share >= 1.0:
        return 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _beta_share(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def _beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function."""
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_share(1.0 - x, b, a)
    if x <= 0.0:
        return 0.0
    log_front = (
        a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )
    return math.exp(log_front) / a / _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float, terms: int = 80) -> float:
    """Its continued fraction (DLMF 8.17.22), from the last term up."""
    value = 1.0
    for n in range(terms, 0, -1):
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        value = 1.0 + term / value
    return value
