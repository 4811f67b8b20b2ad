from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.engine.sampling.schedule import (
    DISTILLED,
    DISTILLED_REFINE,
    beta_sigmas,
    check_sigmas,
    linear_quadratic_sigmas,
    ltx2_sigmas,
    shift_sigma,
)
from reelwright.errors import ScheduleError


def test_documented_values() -> None:
    assert ltx2_sigmas(4) == pytest.approx((1, 0.867083, 0.631569, 0.1, 0), abs=1e-6)
    assert ltx2_sigmas(4, 6144) == pytest.approx((1, 0.883844, 0.665061, 0.1, 0), abs=1e-6)
    assert ltx2_sigmas(15, 8160)[:4] == pytest.approx((1, 0.993491, 0.986015, 0.977340), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(1, 200_000))
def test_schedules_descend(steps: int, tokens: int) -> None:
    sigmas = ltx2_sigmas(steps, tokens)
    assert check_sigmas(sigmas) == sigmas
    assert len(sigmas) == steps + 1
    assert sigmas[0] == 1
    assert sigmas[-2] == pytest.approx(0.1)
    assert check_sigmas(linear_quadratic_sigmas(steps))


@pytest.mark.parametrize("steps", [1, 2, 7, 40, 500])
def test_beta_is_symmetric_before_its_shift(steps: int) -> None:
    sigmas = beta_sigmas(steps, shift=0.0)
    assert len(sigmas) <= steps + 1
    inner = sigmas[1:-1]
    mirrored = [1 - sigma for sigma in reversed(inner)]
    assert inner == pytest.approx(mirrored, abs=3e-4)


def test_beta_of_a_flat_distribution_is_even() -> None:
    assert beta_sigmas(4, alpha=1.0, beta=1.0, shift=0.0) == pytest.approx(
        (1, 0.75, 0.5, 0.25, 0), abs=2e-4
    )


def test_shift() -> None:
    assert shift_sigma(0.0, 2.0) == 0
    assert shift_sigma(1.0, 2.0) == 1
    assert shift_sigma(0.3, 0.0) == pytest.approx(0.3)


def test_fixed_schedules_end_alike() -> None:
    assert DISTILLED[-4:] == DISTILLED_REFINE


@pytest.mark.parametrize(
    ("sigmas", "words"),
    [
        ((), "two levels"),
        ((1.0,), "two levels"),
        ((1.0, 1.0, 0.0), "not below"),
        ((0.5, 0.9), "not below"),
        ((1.2, 0.0), "between 0 and 1"),
        ((1.0, float("nan")), "not below"),
    ],
)
def test_levels_that_do_not_descend(sigmas: tuple[float, ...], words: str) -> None:
    with pytest.raises(ScheduleError, match=words):
        check_sigmas(sigmas)


def test_too_few_steps() -> None:
    with pytest.raises(ScheduleError, match="Use 2 or more"):
        ltx2_sigmas(1)
    assert ltx2_sigmas(1, stretch=False) == (1.0, 0.0)
    for make in (beta_sigmas, linear_quadratic_sigmas):
        with pytest.raises(ScheduleError, match="or more"):
            make(0)
