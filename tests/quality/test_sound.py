"""Sound: gaps, clipping, clicks, loudness, offset, length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.quality import Status, Verdict
from reelwright.quality.av_length import av_length_verdict
from reelwright.quality.clicks import click_verdicts
from reelwright.quality.clipping import clipping_verdict
from reelwright.quality.loudness import loudness_verdicts, measure_loudness
from reelwright.quality.onsets import offset_verdict, onset_curve, sound_lag
from reelwright.quality.sound import sound_verdicts
from reelwright.quality.sound_gaps import gap_verdict
from reelwright.quality.sound_levels import frame_levels_db, window_levels_db

RATE = 48_000
Sound = Callable[[NDArray[Any]], Audio]


def waves(seconds: float = 4.0, seed: int = 0) -> NDArray[np.float64]:
    """A breathing noise, as of the sea."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum /= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 40) ** 0.7
    noise = np.fft.irfft(spectrum, count)
    swell = 1 + 0.6 * np.sin(2 * np.pi * 0.4 * np.arange(count) / RATE)
    return 0.12 * swell * noise / noise.std()


def tone(pitch: float, seconds: float = 2.0) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)


@pytest.mark.parametrize(
    ("length_ms", "status"), [(0, Status.PASSED), (20, Status.WARN), (100, Status.FAIL)]
)
def test_a_gap(sound: Sound, length_ms: int, status: Status) -> None:
    samples = waves()
    start = int(1.5 * RATE)
    samples[start : start + length_ms * RATE // 1000] = 0
    verdict = gap_verdict(window_levels_db(sound(samples)))
    assert verdict.status is status
    if length_ms:
        assert verdict.time_s == pytest.approx(1.5, abs=0.02)
        assert verdict.value == pytest.approx(length_ms, abs=15)


def test_sound_that_is_silent_by_nature_is_not_judged_by_level(sound: Sound) -> None:
    samples = waves()
    for start in range(0, 4 * RATE, RATE):
        samples[start : start + RATE // 2] = 0
    levels = window_levels_db(sound(samples))
    assert gap_verdict(levels).status is Status.NOT_JUDGED
    spans = [(k + 0.5, k + 1.0) for k in range(4)]
    assert gap_verdict(levels, spans).status is Status.PASSED
    samples[int(1.7 * RATE) : int(1.73 * RATE)] = 0
    assert gap_verdict(window_levels_db(sound(samples)), spans).status is Status.WARN


def test_sound_that_begins_late_is_a_note(sound: Sound) -> None:
    samples = waves()
    samples[: RATE // 5] = 0
    verdict = gap_verdict(window_levels_db(sound(samples)))
    assert verdict.status is Status.NOTE
    assert "begins with" in verdict.message


def test_a_long_silence_may_be_meant_unless_the_mix_says_otherwise(sound: Sound) -> None:
    samples = waves(6.0)
    samples[2 * RATE : int(2.4 * RATE)] = 0
    levels = window_levels_db(sound(samples))
    assert gap_verdict(levels).status is Status.NOTE
    assert "meant" in gap_verdict(levels).message
    assert gap_verdict(levels, [(0.0, 6.0)]).status is Status.FAIL


def test_no_sound_is_not_judged(sound: Sound) -> None:
    assert gap_verdict(window_levels_db(sound(np.zeros(100)))).status is Status.NOT_JUDGED
    assert gap_verdict(window_levels_db(sound(np.zeros(RATE)))).status is Status.NOT_JUDGED


def test_levels_do_not_depend_on_how_they_are_read(
    sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = sound(waves(2.0))
    whole = window_levels_db(audio)
    monkeypatch.setattr("reelwright.quality.sound_levels._BLOCK_S", 0.25)
    assert np.array_equal(window_levels_db(audio), whole)
    assert len(frame_levels_db(whole, 48, 24)) == 48  # type: ignore[arg-type]


@pytest.mark.parametrize("pitch", [30, 55, 110, 1000])
@pytest.mark.parametrize(("drive", "status"), [(1.0, Status.PASSED), (1.4, Status.FAIL)])
def test_clipping_is_told_from_a_slow_wave(
    sound: Sound, pitch: float, drive: float, status: Status
) -> None:
    audio = sound(0.9 * np.clip(drive * tone(pitch), -1, 1))
    assert clipping_verdict(audio, raw=True).status is status
    assert clipping_verdict(audio, raw=False).status is Status.NOT_JUDGED


def test_clipping_of_noise_and_across_blocks(sound: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = waves()
    assert clipping_verdict(sound(samples), raw=True).status is Status.PASSED
    loud = np.clip(samples, -0.25, 0.25)
    loud[: RATE // 2] = samples[: RATE // 2] * 0.3
    verdict = clipping_verdict(sound(loud), raw=True)
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.time_s is not None
    assert verdict.time_s > 0.5
    monkeypatch.setattr("reelwright.quality.clipping._BLOCK", 5000)
    again = clipping_verdict(sound(loud), raw=True)
    assert again.value == pytest.approx(verdict.value, rel=0.02)


@pytest.mark.parametrize(("step", "status"), [(0.0, Status.PASSED), (0.3, Status.WARN)])
def test_a_click_at_a_join(sound: Sound, step: float, status: Status) -> None:
    samples = waves()
    at = 2 * RATE
    samples[at : at + 200] += step * np.exp(-np.arange(200) / 60)
    (verdict,) = click_verdicts(sound(samples), [2.0])
    assert verdict.status in ((status,) if step == 0 else (status, Status.FAIL))


def test_a_join_at_the_very_end_is_not_judged(sound: Sound) -> None:
    (verdict,) = click_verdicts(sound(waves(1.0)), [0.99])
    assert verdict.status is Status.NOT_JUDGED


def test_loudness_is_the_reference_one(sound: Sound) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    samples = waves(6.0)
    audio = sound(samples)
    reference = pyloudnorm.Meter(RATE).integrated_loudness(np.stack([samples] * 2, axis=1))
    loudness = measure_loudness(audio)
    assert loudness.integrated_lufs == pytest.approx(reference, abs=0.1)
    assert len(loudness.momentary_lufs) == 60


def test_true_peak_lies_between_samples(sound: Sound) -> None:
    sixth = tone(RATE / 6) * np.clip(np.hanning(2 * RATE) * 4, 0, 1)
    loudness = measure_loudness(sound(0.5 * sixth))
    assert np.abs(0.5 * sixth).max() < 0.44
    assert loudness.true_peak_db == pytest.approx(20 * np.log10(0.5), abs=0.3)


@pytest.mark.parametrize(
    ("off", "status"), [(0.0, Status.PASSED), (1.5, Status.WARN), (3.0, Status.FAIL)]
)
def test_loudness_against_its_target(sound: Sound, off: float, status: Status) -> None:
    loudness = measure_loudness(sound(waves()))
    verdicts = by_measure(loudness_verdicts(loudness, loudness.integrated_lufs + off, -1.0))
    assert verdicts["loudness"].status is status


def test_true_peak_against_its_limit(sound: Sound) -> None:
    hot = measure_loudness(sound(0.97 * tone(997)))
    assert by_measure(loudness_verdicts(hot, None, None))["true_peak"].status is Status.WARN
    assert by_measure(loudness_verdicts(hot, None, None))["loudness"].status is Status.NOT_JUDGED
    assert by_measure(loudness_verdicts(hot, None, 0.0))["true_peak"].status is Status.PASSED
    calm = measure_loudness(sound(0.85 * tone(997)))
    assert by_measure(loudness_verdicts(calm, None, -1.0))["true_peak"].status is Status.PASSED


def test_silence_has_no_loudness_to_judge(sound: Sound) -> None:
    found = loudness_verdicts(measure_loudness(sound(np.zeros(RATE))), -16, -1)
    assert {verdict.status for verdict in found} == {Status.NOT_JUDGED}
    silent = sound_verdicts(sound(np.zeros(RATE)), raw=True, joins_s=[0.5])
    assert {verdict.message for verdict in silent} == {"The sound is silent."}


@pytest.mark.parametrize(
    ("lag_ms", "status"),
    [
        (0, Status.PASSED),
        (-60, Status.WARN),
        (80, Status.WARN),
        (-110, Status.FAIL),
        (160, Status.FAIL),
    ],
)
def test_sound_against_picture(sound: Sound, lag_ms: int, status: Status) -> None:
    events = [0.5, 1.1, 1.9, 2.4, 3.2]
    samples = 0.05 * waves()
    rng = np.random.default_rng(5)
    for event in events:
        at = int((event + lag_ms / 1000) * RATE)
        samples[at : at + 4800] += 0.4 * rng.standard_normal(4800) * np.exp(-np.arange(4800) / 900)
    audio = sound(samples)
    lag, confidence = sound_lag(onset_curve(audio), events, 300)
    assert lag == pytest.approx(lag_ms, abs=10)
    assert confidence > 3
    assert offset_verdict(audio, events).status is status


def test_sound_without_onsets_is_not_judged(sound: Sound) -> None:
    assert offset_verdict(sound(tone(300)), [0.5, 1.0]).status is Status.NOT_JUDGED
    assert offset_verdict(sound(tone(300)), [0.5]).status is Status.NOT_JUDGED


@pytest.mark.parametrize(
    ("apart_ms", "status"),
    [(0, Status.PASSED), (-21, Status.PASSED), (30, Status.WARN), (-200, Status.FAIL)],
)
def test_lengths(apart_ms: float, status: Status) -> None:
    assert av_length_verdict(5.0, 5.0 + apart_ms / 1000).status is status
    assert av_length_verdict(5.0, None).status is Status.NOT_JUDGED


def by_measure(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.measure: verdict for verdict in verdicts}
