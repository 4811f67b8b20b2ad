from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.storyboard.rate import frame_rate_from_number, number_from_frame_rate


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (24, Fraction(24)),
        (24.0, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (119.88, Fraction(120000, 1001)),
        (24000 / 1001, Fraction(24000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("25", Fraction(25)),
        (12.5, Fraction(25, 2)),
        (23.9, Fraction(239, 10)),
    ],
)
def test_a_rate_is_read_exactly(written: object, exact: Fraction) -> None:
    assert frame_rate_from_number(written) == exact


@pytest.mark.parametrize(
    "written",
    [0, 0.5, 241, -24, float("nan"), float("inf"), True, "24/0", "1e3", "", "x", None, [24], "٢٤"],
)
def test_what_is_no_rate_is_refused_with_a_mend(written: object) -> None:
    with pytest.raises(ValueError, match="frame rate") as caught:
        frame_rate_from_number(written)
    assert "24000/1001" in caught.value.args[1]


def test_a_rate_of_too_many_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="digits"):
        frame_rate_from_number(24.1234567)


@settings(deadline=None, max_examples=300, database=None)
@given(st.integers(1, 100_000), st.integers(1, 2000))
def test_a_written_rate_reads_back_the_same(top: int, bottom: int) -> None:
    rate = Fraction(top, bottom)
    if 1 <= rate <= 240:
        assert frame_rate_from_number(number_from_frame_rate(rate)) == rate
