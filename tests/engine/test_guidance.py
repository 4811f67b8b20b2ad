from __future__ import annotations

import pytest
import torch

from reelwright.engine.sampling.guidance import (
    NEUTRAL,
    Guider,
    apg_delta,
    cfg_delta,
    cfg_star_delta,
    rescale,
    skips_step,
)


@pytest.fixture
def pair(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Two predictions of two samples."""
    return tuple(torch.randn(2, 5, 3, generator=generator) for _ in range(2))  # type: ignore[return-value]


Pair = tuple[torch.Tensor, torch.Tensor]


def test_neutral_scales_change_nothing(pair: Pair) -> None:
    cond, other = pair
    assert not cfg_delta(cond, other, 1.0).any()
    assert NEUTRAL.combine(cond) is cond
    alone = Guider(rescale_scale=0.7)
    assert alone.combine(cond) is cond


def test_terms_add_up(pair: Pair) -> None:
    cond, other = pair
    guider = Guider(cfg_scale=3.0, stg_scale=1.0, modality_scale=2.0)
    guided = guider.combine(cond, uncond=other, perturbed=other, isolated=other)
    assert torch.allclose(guided, cond + 4 * (cond - other), atol=1e-5)


def test_full_rescale_restores_the_deviation(pair: Pair) -> None:
    cond, other = pair
    assert torch.isclose(rescale(other * 9, cond, 1.0).std(), cond.std())
    assert torch.equal(rescale(other, cond, 0.0), other)


def test_apg_without_limits_is_cfg(pair: Pair) -> None:
    cond, other = pair
    assert torch.allclose(apg_delta(cond, other, 3.0), cfg_delta(cond, other, 3.0), atol=1e-5)


def test_apg_can_leave_out_what_lies_along(pair: Pair) -> None:
    cond, other = pair
    delta = apg_delta(cond, other, 3.0, eta=0.0, norm_threshold=0.5)
    assert torch.allclose((delta * cond).sum((1, 2)), torch.zeros(2), atol=1e-4)
    assert (delta.flatten(1).norm(dim=1) <= 2 * 0.5 + 1e-5).all()


def test_cfg_star_ignores_the_length_of_uncond(pair: Pair) -> None:
    cond, other = pair
    assert torch.allclose(
        cfg_star_delta(cond, other, 3.0), cfg_star_delta(cond, other * 5, 3.0), atol=1e-5
    )


def test_skipped_steps() -> None:
    assert [skips_step(i, 0) for i in range(3)] == [False] * 3
    assert [skips_step(i, 2) for i in range(7)] == [False, True, True] * 2 + [False]
