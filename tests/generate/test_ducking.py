from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reelwright.audio import Audio
from reelwright.generate.ducking import MakeWay, YieldingSource, active_spans, merge_spans


def test_the_depth_is_reached_when_the_sound_begins_and_left_after_it() -> None:
    way = MakeWay([(48_000, 72_000)], 9.0, attack_s=0.1, release_s=0.4)
    gain = way.gain(0, 96_000)
    assert gain is not None
    deep = 10 ** (-9 / 20)
    assert np.all(gain[: 48_000 - 4800] == 1)
    assert gain[48_000:72_001] == pytest.approx(deep, rel=1e-6)
    assert np.all(gain[72_000 + 19_200 :] == 1)
    assert np.abs(np.diff(gain)).max() < 1.6 * (1 - deep) / 4800


def test_a_breath_does_not_bring_the_others_back() -> None:
    way = MakeWay([(48_000, 60_000), (70_000, 90_000)], 6.0)
    gain = way.gain(60_000, 10_000)
    assert gain is not None
    assert np.all(gain == gain[0])


def test_where_nothing_happens_there_is_no_gain_to_apply() -> None:
    way = MakeWay([(48_000, 60_000)], 6.0)
    assert way.gain(0, 1000) is None
    assert MakeWay([(0, 10)], 0.0).gain(0, 10) is None


def test_infinite_depth_is_silence() -> None:
    gain = MakeWay([(100, 200)], np.inf, 0.0, 0.0).gain(0, 300)
    assert gain is not None
    assert not gain[100:200].any()
    assert np.all(gain[:100] == 1)


def test_blocks_of_any_size_are_the_same_to_the_bit() -> None:
    class Noise:
        samples = np.random.default_rng(1).standard_normal((2, 50_000)).astype(np.float32)

        def read(self, start: int, count: int) -> Any:
            return self.samples[:, start : start + count]

    source = YieldingSource(
        Noise(), [MakeWay([(9000, 12_000)], 9.0), MakeWay([(30_000, 30_100)], np.inf, 0.02, 0.02)]
    )
    many = [source.read(low, min(777, 50_000 - low)) for low in range(0, 50_000, 777)]
    assert np.array_equal(source.read(0, 50_000), np.concatenate(many, axis=1))


def test_merge_joins_what_overlaps_or_nearly_touches() -> None:
    assert merge_spans([(5, 9), (0, 3), (2, 4), (20, 20)], gap=1) == ((0, 9),)
    assert merge_spans([(5, 9), (0, 3)], gap=1) == ((0, 3), (5, 9))


def test_a_sound_is_heard_where_it_sounds(save_sound: Any, tone: Any) -> None:
    samples = np.zeros(4 * 48_000)
    samples[24_000:48_000] = tone(0.5)
    samples[58_000:72_000] = tone(14_000 / 48_000)  # a pause of 0.2 s: bridged
    samples[150_000:170_000] = tone(20_000 / 48_000)
    samples += np.random.default_rng(0).standard_normal(len(samples)) * 1e-4  # hiss does not count
    spans = active_spans(Audio.open(save_sound(samples)), 0, len(samples))
    assert len(spans) == 2
    assert spans[0] == pytest.approx((24_000, 72_000), abs=960)
    assert spans[1] == pytest.approx((150_000, 170_000), abs=960)


def test_silence_is_never_heard(save_sound: Any) -> None:
    path = save_sound(np.zeros(48_000))
    assert active_spans(Audio.open(path), 0, 48_000) == ()
    assert active_spans(Audio.open(path), 0, 0) == ()
