from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reelwright.finish.limiter import Limiter


def _limited(source: Any, count: int, gain: float, ceiling: float, block: int = 10_007) -> Any:
    limiter = Limiter(source, gain, ceiling)
    blocks = [limiter.read(at, min(block, count - at)) for at in range(0, count, block)]
    return np.concatenate(blocks, axis=1), limiter


def test_what_is_under_the_ceiling_passes_untouched(sound: Any, film_like: Any) -> None:
    samples = film_like(2.0).astype(np.float32)
    heard, limiter = _limited(sound(samples), 96_000, 0.5, 0.9)
    assert np.array_equal(heard, samples * np.float32(0.5))
    assert limiter.lowest == 1.0


@pytest.mark.parametrize("gain", [1.5, 4.0, 20.0])
@pytest.mark.parametrize("kind", ["film", "noise", "white", "clicks", "tone"])
def test_the_true_peak_keeps_under_the_ceiling(
    sound: Any, film_like: Any, tone: Any, true_peak: Any, gain: float, kind: str
) -> None:
    rng = np.random.default_rng(0)
    white = rng.standard_normal((2, 48_000)) * 0.2
    samples = {
        "film": film_like(1.0) * 1.5,
        "noise": _below_22_khz(white),
        "white": white,
        "clicks": (rng.random((2, 48_000)) > 0.999) * rng.choice([-1.0, 1.0], (2, 48_000)),
        "tone": tone(1.0, 11_999.0, 0.9, 0.7),
    }[kind]
    heard, limiter = _limited(sound(samples), 48_000, gain, 0.8)
    assert limiter.lowest < 1
    # 0.24 dB measured where the wave goes up to the very edge of the band, 0.02 dB elsewhere
    assert true_peak(heard) < 20 * np.log10(0.8) + (0.3 if kind == "white" else 0.05)
    assert np.abs(heard).max() <= 0.8 * (1 + 1e-6)


def _below_22_khz(samples: Any) -> Any:
    spectrum = np.fft.rfft(samples)
    hertz = np.arange(spectrum.shape[1])
    return np.fft.irfft(spectrum * (hertz < 22_000), n=samples.shape[1])


def test_far_from_a_peak_nothing_is_touched_and_the_way_there_is_smooth(sound: Any) -> None:
    samples = np.full((2, 96_000), 0.1)
    samples[:, 48_000] = 1.6
    heard, _ = _limited(sound(samples), 96_000, 1.0, 0.8)
    gain = heard[0] / samples[0].astype(np.float32)
    assert np.all(gain[: 48_000 - 400] == 1)
    assert gain[48_000] == pytest.approx(0.5, abs=0.02)
    assert np.all(gain[48_000 + 24_000 * 6 // 10 :] == 1)
    slope = np.diff(np.delete(gain, 48_000))
    assert np.abs(slope).max() < 0.01
    assert slope[48_500:].max() < 1.01 / 24_000  # the release: 0 to 1 in half a second


def test_both_channels_move_together(sound: Any) -> None:
    samples = np.zeros((2, 24_000))
    samples[0, 12_000], samples[1] = 2.0, 0.1
    heard, _ = _limited(sound(samples), 24_000, 1.0, 0.8)
    assert heard[1, 12_000] < 0.05


def test_blocks_of_any_size_are_the_same_to_the_bit(sound: Any, film_like: Any) -> None:
    source = sound(film_like(1.5))
    one, first = _limited(source, 72_000, 3.0, 0.7, 72_000)
    for block in (111, 4032, 30_000):
        many, limiter = _limited(source, 72_000, 3.0, 0.7, block)
        assert np.array_equal(one, many)
        assert limiter.lowest == first.lowest


def test_blocks_must_follow_one_another(sound: Any) -> None:
    limiter = Limiter(sound(np.zeros((2, 100))), 1.0, 1.0)
    limiter.read(0, 10)
    with pytest.raises(ValueError, match="10 is next"):
        limiter.read(20, 10)
