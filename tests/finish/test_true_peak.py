from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reelwright.finish import TruePeakMeter
from reelwright.finish.true_peak import REACH, peak_envelope, source_envelope


def _measure(samples: Any, block: int = 10_007) -> float | None:
    meter = TruePeakMeter()
    samples = np.asarray(samples, np.float32)
    for start in range(0, samples.shape[1], block):
        meter.update(samples[:, start : start + block])
    return meter.peak_db()


def test_a_peak_between_samples_is_found(tone: Any) -> None:
    """A quarter of the rate, an eighth of a turn on: every sample is 3 dB below the wave."""
    samples = tone(0.5, 12_000.0, 1.0, phase=np.pi / 4)
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-3.01, abs=0.01)
    samples[:, :2000] *= np.linspace(0, 1, 2000)
    samples[:, -2000:] *= np.linspace(1, 0, 2000)
    assert _measure(samples) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("hertz", [100.0, 5_000.0, 15_000.0, 20_000.0])
def test_tones_up_to_20_khz_agree_with_the_oracle(tone: Any, true_peak: Any, hertz: float) -> None:
    samples = tone(0.3, hertz, 0.7) * np.hanning(14_400)
    assert _measure(samples) == pytest.approx(true_peak(samples), abs=0.02)


def test_it_agrees_with_other_meters(film_like: Any, true_peak: Any, ebur128: Any) -> None:
    samples = film_like(3.0)
    assert _measure(samples) == pytest.approx(true_peak(samples), abs=0.005)
    assert _measure(samples) == pytest.approx(ebur128(samples)[1], abs=0.05)


def test_noise_up_to_the_edge_is_within_a_tenth_of_a_decibel(true_peak: Any) -> None:
    samples = np.random.default_rng(0).standard_normal((2, 96_000)) * 0.1
    assert _measure(samples) == pytest.approx(true_peak(samples), abs=0.1)


@pytest.mark.parametrize("at", [0, 1, 4031, 4032, 4033, 9999])
def test_a_lone_sample_is_found_wherever_it_stands(at: int) -> None:
    samples = np.zeros((2, 10_000))
    samples[1, at] = -0.5
    assert _measure(samples, 1000) == pytest.approx(20 * np.log10(0.5), abs=1e-4)


def test_blocks_of_any_size_measure_the_same_to_the_bit() -> None:
    samples = np.random.default_rng(1).standard_normal((2, 50_000)) * 0.1
    assert len({_measure(samples, block) for block in (97, 4032, 65_536)}) == 1


def test_silence_has_no_peak() -> None:
    assert _measure(np.zeros((2, 5000))) is None
    assert TruePeakMeter().peak_db() is None


def test_the_envelope_bounds_the_wave_up_to_the_next_sample(sound: Any) -> None:
    samples = np.random.default_rng(2).standard_normal((2, 6000)) * 0.1
    envelope = source_envelope(sound(samples), 1000, 4500)
    assert np.all(envelope >= np.abs(samples[:, 1000:5500]).max(axis=0) - 1e-7)
    around = np.pad(samples, ((0, 0), (REACH, REACH))).astype(np.float32)
    assert envelope == pytest.approx(peak_envelope(around)[1000:5500], abs=1e-6)
