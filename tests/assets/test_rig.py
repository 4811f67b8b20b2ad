from __future__ import annotations

import numpy as np
import pytest

from reelwright.assets.rig import Animation, Channel, Rig, compose, downwards, still_rig


def _channel(path: str, interpolation: str, times: list[float], values: object) -> Channel:
    return Channel(0, path, interpolation, np.array(times, float), np.array(values, float))  # type: ignore[arg-type]


def _about_z(degrees: float) -> list[float]:
    half = np.radians(degrees) / 2
    return [0.0, 0.0, float(np.sin(half)), float(np.cos(half))]


def test_linear_passes_through_its_keys_and_holds_its_ends() -> None:
    channel = _channel("translation", "LINEAR", [1, 2, 4], [[0, 0, 0], [2, 0, 0], [2, 4, 0]])
    for time_s, wanted in [(0, (0, 0, 0)), (1.5, (1, 0, 0)), (3, (2, 2, 0)), (9, (2, 4, 0))]:
        np.testing.assert_allclose(channel.at(float(time_s)), wanted)


def test_step_jumps_at_its_keys() -> None:
    channel = _channel("scale", "STEP", [0, 1], [[1, 1, 1], [2, 2, 2]])
    assert channel.at(0.999)[0] == 1
    assert channel.at(1.0)[0] == 2


def test_cubic_spline_follows_its_tangents() -> None:
    # Tangents of 6 and 0 over a span of 2 seconds: p(u) = h10 * 2 * 6 + h01 * 1.
    rows = [[[0] * 3, [0] * 3, [6] * 3], [[0] * 3, [1] * 3, [0] * 3]]
    channel = _channel("translation", "CUBICSPLINE", [0, 2], np.reshape(rows, (6, 3)))
    assert channel.at(0.0)[0] == 0
    assert channel.at(2.0)[0] == 1
    assert channel.at(1.0)[0] == pytest.approx(0.125 * 12 + 0.5)
    slope = (channel.at(1e-6)[0] - channel.at(0.0)[0]) / 1e-6
    assert slope == pytest.approx(6, abs=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_rotation_goes_the_short_way_at_constant_speed(sign: int) -> None:
    keys = [_about_z(0), [sign * part for part in _about_z(90)]]
    channel = _channel("rotation", "LINEAR", [0, 1], keys)
    for u in (0.25, 0.5, 0.75):
        turned = channel.at(u)
        assert abs(float(turned @ _about_z(90 * u))) == pytest.approx(1)


def test_compose_turns_then_moves_what_is_scaled() -> None:
    matrix = compose(np.array([[1.0, 2, 3]]), np.array([_about_z(90)]), np.array([[2.0, 1, 1]]))[0]
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1, 4, 3, 1], atol=1e-12)


def test_children_move_with_their_parents_whatever_their_order() -> None:
    rig = Rig(
        parents=np.array([1, 2, -1]),
        translations=np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 5]]),
        rotations=np.array([_about_z(0), _about_z(90), _about_z(0)]),
        scales=np.array([[1.0] * 3, [3.0] * 3, [1.0] * 3]),
        matrices=(None, None, None),
        root=np.eye(4),
    )
    assert downwards(rig.parents) == [2, 1, 0]
    np.testing.assert_allclose(rig.matrices_at()[0][:3, 3], [0, 3, 5], atol=1e-12)


def test_zero_scale_can_be_inverted() -> None:
    rig = still_rig(1)
    moved = Animation("hide", 1.0, (_channel("scale", "STEP", [0, 1], [[0] * 3, [0] * 3]),))
    matrix = rig.matrices_at(moved, 0.5)[0]
    assert np.isfinite(np.linalg.inv(matrix)).all()


@pytest.mark.parametrize(
    ("time_s", "loop", "wanted"),
    [(2.5, True, 0.5), (2.5, False, 2.0), (-0.5, True, 1.5), (-0.5, False, 0.0)],
)
def test_time_loops_or_is_held(time_s: float, loop: bool, wanted: float) -> None:
    assert Animation("a", 2.0, ()).local_time_s(time_s, loop) == pytest.approx(wanted)
