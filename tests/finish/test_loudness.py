from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyloudnorm
import pytest

from reelwright.finish import LoudnessMeter
from reelwright.finish import loudness as room

RATE = 48_000


def _measure(samples: Any, block: int = 10_007) -> float | None:
    meter = LoudnessMeter()
    samples = np.asarray(samples, np.float32)
    for start in range(0, samples.shape[1], block):
        meter.update(samples[:, start : start + block])
    return meter.integrated()


def test_the_standards_tone(tone: Any) -> None:
    """BS.1770-4: 997 Hz at 0 dBFS in one channel of a pair is -3.01 LUFS."""
    samples = tone(5.0, 997.0, 1.0)
    samples[1] = 0
    assert _measure(samples) == pytest.approx(-3.01, abs=0.01)
    assert _measure(tone(5.0, 997.0, 1.0)) == pytest.approx(0.0, abs=0.01)
    assert _measure(tone(5.0, 997.0, 10 ** (-23 / 20))) == pytest.approx(-23.0, abs=0.01)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 11.3])
def test_it_agrees_with_two_other_meters(film_like: Any, ebur128: Any, seconds: float) -> None:
    samples = film_like(seconds)
    found = _measure(samples)
    assert found == pytest.approx(ebur128(samples)[0], abs=0.02)
    # pyloudnorm's biquads are made from rounded parameters: 0.04 LU off the standard's table
    oracle = pyloudnorm.Meter(RATE).integrated_loudness(samples.T)
    assert found == pytest.approx(oracle, abs=0.06)


def test_the_relative_gate_leaves_pauses_out(tone: Any) -> None:
    loud, quiet = tone(4.0, 997.0, 0.1), tone(4.0, 997.0, 0.1 * 10 ** (-30 / 20))
    alone, both = _measure(loud), _measure(np.concatenate([loud, quiet], axis=1))
    assert alone is not None
    assert both == pytest.approx(alone, abs=0.3)  # 3 dB without the gate


def test_the_filter_is_the_standards_biquads(film_like: Any) -> None:
    samples = film_like(1.0)
    meter = LoudnessMeter()
    hop = room._HOP
    ours = np.concatenate(
        [
            meter._weigh(samples[:, at : at + hop].astype(np.float32))
            for at in range(0, 48_000, hop)
        ],
        axis=1,
    )
    theirs = samples.astype(np.float32).astype(np.float64)
    for numerator, denominator in (room._SHELF, room._HIGH_PASS):
        theirs = _biquad(theirs, numerator, denominator)
    assert np.abs(ours - theirs).max() < 1e-12


def _biquad(samples: Any, b: Any, a: Any) -> Any:
    state = np.zeros((2, 2))
    filtered = np.empty_like(samples)
    for n in range(samples.shape[1]):
        x = samples[:, n]
        y = b[0] * x + state[0]
        state = np.stack([b[1] * x - a[1] * y + state[1], b[2] * x - a[2] * y])
        filtered[:, n] = y
    return filtered


def test_blocks_of_any_size_measure_the_same_to_the_bit(film_like: Any) -> None:
    samples = film_like(3.21)
    found = {_measure(samples, block) for block in (333, 4800, 65_536, 200_000)}
    assert len(found) == 1


def test_silence_and_near_silence_have_no_loudness(tone: Any) -> None:
    assert _measure(np.zeros((2, RATE))) is None
    assert _measure(np.zeros((2, 0))) is None
    assert _measure(tone(1.0, 997.0, 1e-4)) is None


def test_a_sound_shorter_than_a_gating_block_is_measured_over_what_there_is(tone: Any) -> None:
    assert _measure(tone(0.2, 997.0, 0.1)) == pytest.approx(-20, abs=0.3)


def test_measuring_does_not_end_the_meter(film_like: Any) -> None:
    samples = film_like(2.0).astype(np.float32)
    meter = LoudnessMeter()
    meter.update(samples[:, :50_000])
    meter.integrated()
    meter.update(samples[:, 50_000:])
    assert meter.integrated() == _measure(samples)


def test_a_minute_takes_a_second_at_most(film_like: Any) -> None:
    samples = np.tile(film_like(6.0).astype(np.float32), 10)
    began = time.process_time()
    _measure(samples, 1 << 16)
    assert time.process_time() - began < 1.5  # 0.2 s measured on one core
