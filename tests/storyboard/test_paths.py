from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.storyboard.paths import eased, value_at

EASES = ["linear", "in", "out", "in-out", "smooth", "hold"]


@dataclass(frozen=True)
class K:
    t_s: float
    value: tuple[float, ...] | None
    ease: str = "smooth"


def at(keys: list[K], time_s: float) -> float:
    value = value_at(keys, lambda key: key.value, time_s)
    assert value is not None
    return value[0]


def speed(keys: list[K], time_s: float, step: float = 1e-6) -> float:
    return (at(keys, time_s + step) - at(keys, time_s - step)) / (2 * step)


@pytest.mark.parametrize("ease", EASES)
def test_a_move_starts_at_0_and_ends_at_1(ease: str) -> None:
    assert eased(ease, 0) == eased(ease, -5) == 0
    assert eased(ease, 1) == eased(ease, 5) == 1
    steps = [eased(ease, i / 100) for i in range(101)]
    assert steps == sorted(steps)


def test_eases_differ_as_they_say() -> None:
    assert eased("linear", 0.3) == 0.3
    assert eased("in", 0.5) == 0.25
    assert eased("out", 0.5) == 0.75
    assert eased("in-out", 0.5) == 0.5
    assert eased("in-out", 0.1) < 0.1
    assert eased("hold", 0.999) == 0


def test_a_value_is_held_outside_its_keys() -> None:
    keys = [K(1, (2.0,)), K(3, (5.0,))]
    assert at(keys, 0) == 2
    assert at(keys, 9) == 5
    assert value_at([K(0, None)], lambda key: key.value, 0) is None


def test_keys_that_do_not_speak_of_a_value_are_passed_by() -> None:
    with_gap = [K(0, (0.0,), "linear"), K(1, None, "hold"), K(2, (2.0,))]
    assert at(with_gap, 1) == 1


def test_smooth_passes_through_keys_without_stopping() -> None:
    keys = [K(0, (0.0,)), K(1, (1.0,)), K(2, (2.0,)), K(3, (3.0,))]
    assert speed(keys, 1.0) == pytest.approx(1.0, abs=1e-4)
    assert speed(keys, 1e-6) == pytest.approx(0.0, abs=1e-4)
    assert speed(keys, 3 - 1e-6) == pytest.approx(0.0, abs=1e-4)


def test_motion_rests_where_another_ease_joins() -> None:
    keys = [K(0, (0.0,), "hold"), K(1, (1.0,)), K(2, (2.0,))]
    assert at(keys, 0.99) == 0
    assert speed(keys, 1 + 1e-5) == pytest.approx(0, abs=1e-4)


def test_two_turns_are_two_turns() -> None:
    assert at([K(0, (0.0,), "linear"), K(1, (720.0,))], 0.5) == 360


numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
paths = st.lists(
    st.tuples(st.integers(1, 100), numbers, st.sampled_from(EASES)), min_size=1, max_size=6
)


@settings(deadline=None, max_examples=300, database=None)
@given(paths, st.floats(-1, 20))
def test_a_value_never_leaves_the_range_of_its_two_keys(
    steps: list[tuple[int, float, str]], time_s: float
) -> None:
    keys, now = [], 0.0
    for step, value, ease in steps:
        keys.append(K(now, (value,), ease))
        now += step / 10
    for key in keys:
        assert at(keys, key.t_s) == key.value[0]  # type: ignore[index]
    value = at(keys, time_s)
    before = [k for k in keys if k.t_s <= time_s][-1:] or keys[:1]
    after = [k for k in keys if k.t_s > time_s][:1] or keys[-1:]
    ends = [k.value[0] for k in (*before, *after) if k.value]
    slack = 1e-9 * max(1.0, *map(abs, ends))
    assert min(ends) - slack <= value <= max(ends) + slack


@settings(deadline=None, max_examples=200, database=None)
@given(st.lists(st.tuples(st.integers(1, 30), numbers), min_size=3, max_size=6))
def test_smooth_speed_is_continuous_at_the_keys(steps: list[tuple[int, float]]) -> None:
    keys, now = [], 0.0
    for step, value in steps:
        keys.append(K(now, (value / 1e5,)))
        now += step / 10
    for key in keys[1:-1]:
        left = (at(keys, key.t_s) - at(keys, key.t_s - 1e-7)) / 1e-7
        right = (at(keys, key.t_s + 1e-7) - at(keys, key.t_s)) / 1e-7
        assert left == pytest.approx(right, abs=0.01)
