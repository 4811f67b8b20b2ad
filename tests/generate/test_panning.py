from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import InputError
from reelwright.generate import Listener, SoundPlacement
from reelwright.generate.panning import (
    MovingSource,
    PannedSource,
    camera_positions,
    pan_gains,
    pan_of_position,
    placed_source,
    prop_gains,
)


class Steady:
    """The same value for ever."""

    def __init__(self, left: float = 1.0, right: float = 1.0) -> None:
        self.value = np.array([[left], [right]], np.float32)

    def read(self, start: int, count: int) -> Any:
        return np.repeat(self.value, count, axis=1)


@given(st.floats(-1, 1))
def test_power_is_the_same_at_every_place(pan: float) -> None:
    gains = pan_gains(np.array(pan))
    assert np.sum(gains**2) == pytest.approx(2.0)
    assert (gains[0] > gains[1]) == (gains[0] - gains[1] > 0)


def test_the_middle_is_the_files_own_level() -> None:
    assert pan_gains(np.array(0.0)) == pytest.approx([1.0, 1.0])
    assert pan_gains(np.array(-1.0)) == pytest.approx([np.sqrt(2), 0.0], abs=1e-9)


def _pan(x: float, y: float, z: float, half_width: float = 0.5) -> float:
    return float(pan_of_position(np.array([[x, y, z]], float), np.array([half_width]))[0])


def test_where_it_is_seen_is_where_it_is_heard() -> None:
    assert _pan(0, 0, 4) == 0.0
    assert _pan(2, 0, 4) == pytest.approx(0.75)  # right edge of the picture
    assert _pan(-2, 0, 4) == pytest.approx(-0.75)
    assert _pan(0.2, 0, 4, half_width=0.05) == pytest.approx(0.75)  # the edge of a long lens
    assert _pan(4, 0, 0) == pytest.approx(1.0)  # abeam
    assert abs(_pan(1, -20, 0.5)) < 0.1  # overhead


def test_behind_the_camera_the_sides_come_together() -> None:
    assert _pan(2, 0, -4) == pytest.approx(0.75 * (1 - 0.5 * 4 / np.hypot(2, 4)))
    assert abs(_pan(2, 0, -4)) < abs(_pan(2, 0, 4))
    assert _pan(0.01, 0, -4) == pytest.approx(0, abs=0.01)


def test_a_walk_around_the_camera_has_no_jump() -> None:
    angle = np.linspace(0, 2 * np.pi, 2001)
    path = np.stack([3 * np.sin(angle), np.zeros_like(angle), 3 * np.cos(angle)], axis=1)
    pan = pan_of_position(path, np.full(2001, 0.5))
    assert np.abs(np.diff(pan)).max() < 0.02
    assert pan.max() == pytest.approx(1.0, abs=0.01)


def test_distance_halves_with_each_doubling_between_its_bounds(listener_at_origin: Any) -> None:
    path = np.array([[0, 0, z] for z in (0.0, 0.5, 2.5, 5, 10, 40, 1000)])
    level_db = 20 * np.log10(prop_gains(listener_at_origin(bell=path), "bell")[:, 0])
    assert level_db == pytest.approx([6, 6, 6, 0, -6.02, -18.06, -24], abs=0.03)


def test_behind_is_three_decibels_softer(listener_at_origin: Any) -> None:
    path = np.array([[0, 0, 5.0], [0, 0, -5.0]])
    ahead, behind = prop_gains(listener_at_origin(bell=path), "bell")[:, 0]
    assert 20 * np.log10(behind / ahead) == pytest.approx(-3, abs=0.01)


def test_the_camera_carries_the_ears() -> None:
    """A camera that turns right puts what stood ahead to its left."""
    turned = np.eye(4)
    turned[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # its z (forward) is the world's x
    turned[:3, 3] = [10, 0, 0]
    listener = Listener(turned[None], np.array([0.5]), {"bell": np.array([[10.0, 0, 7]])})
    assert camera_positions(listener, "bell") == pytest.approx(np.array([[-7, 0, 0]]))
    assert prop_gains(listener, "bell")[0, 1] == pytest.approx(0, abs=1e-6)


def test_a_prop_that_crosses_the_picture_is_heard_to_cross(listener_at_origin: Any) -> None:
    x = np.linspace(-2.4, 2.4, 49)
    path = np.stack([x, np.zeros(49), np.full(49, 4.0)], axis=1)
    gains = prop_gains(listener_at_origin(bell=path), "bell")
    heard = MovingSource(Steady(), gains, Fraction(24)).read(0, 96_000)
    balance = 20 * np.log10(heard[1] / heard[0])
    assert np.all(np.diff(balance) > 0)
    assert balance[0] < -12
    assert balance[-1] > 12
    assert balance[48_000] == pytest.approx(0, abs=0.01)


def test_between_frames_the_gain_goes_straight_and_ends_held() -> None:
    gains = np.array([[1.0, 1.0], [0.0, 2.0]])
    heard = MovingSource(Steady(), gains, Fraction(24)).read(0, 6000)
    assert heard[0, 1000] == pytest.approx(0.5)
    assert heard[1, 500] == pytest.approx(1.25)
    assert np.all(heard[1, 2000:] == 2.0)


def test_a_still_with_one_frame_is_held() -> None:
    heard = MovingSource(Steady(), np.array([[0.5, 0.25]]), Fraction(24)).read(0, 10)
    assert np.all(heard == np.array([[0.5], [0.25]]))


def test_a_pan_of_nothing_leaves_stereo_alone_and_a_full_one_leaves_one_side() -> None:
    assert PannedSource(Steady(0.3, -0.8), 0.0).read(0, 1)[:, 0] == pytest.approx([0.3, -0.8])
    left = PannedSource(Steady(0.3, -0.8), -1.0).read(0, 1)[:, 0]
    assert left == pytest.approx([np.sqrt(2) * -0.25, 0.0], abs=1e-6)


def test_an_own_pan_wins_over_the_props_side_but_not_over_its_distance(
    listener_at_origin: Any,
) -> None:
    listener = listener_at_origin(bell=np.array([[3.0, 0, 9.0]] * 2))
    placement = SoundPlacement(None, from_prop="bell", pan=-1.0)  # type: ignore[arg-type]
    heard = placed_source(Steady(), placement, listener, Fraction(24)).read(0, 1)[:, 0]
    assert heard == pytest.approx([np.sqrt(2) * 5 / np.hypot(3, 9), 0], abs=1e-5)


def test_an_unknown_prop_is_refused_by_name(listener_at_origin: Any) -> None:
    placement = SoundPlacement(None, name="bell.wav", from_prop="gull")  # type: ignore[arg-type]
    for listener in (None, listener_at_origin(bell=np.zeros((1, 3)))):
        with pytest.raises(InputError, match=r'"bell.wav" comes from "gull"'):
            placed_source(Steady(), placement, listener, Fraction(24))
