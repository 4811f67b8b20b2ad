from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.errors import AssetError
from reelwright.generate.playback import Cut, Playback, has_click, smoothstep


def _playback(path: Any, end: int = 480_000, **cut: Any) -> Playback:
    return Playback(Audio.open(path), Cut(**cut), end, "sound.wav")


def test_a_whole_file_is_itself_at_its_place(save_sound: Any, tone: Any) -> None:
    samples = tone(0.5).astype(np.float32)
    playback = _playback(save_sound(samples), at_s=0.25)
    assert (playback.start, playback.stop) == (12_000, 36_000)
    heard = playback.read(0, 48_000)
    assert np.array_equal(heard[0, 12_000:36_000], samples)
    assert not heard[:, :12_000].any()
    assert not heard[:, 36_000:].any()


def test_entry_length_gain_and_end_of_the_time_line(save_sound: Any) -> None:
    ramp = np.linspace(0, 1, 48_000, dtype=np.float32)
    playback = _playback(save_sound(ramp), from_s=0.5, length_s=0.25, gain_db=-6.0)
    assert playback.stop == 12_000
    heard = playback.read(6000, 1)
    assert heard[0, 0] == pytest.approx(ramp[30_000] * 10 ** (-6 / 20), rel=1e-6)
    assert _playback(save_sound(ramp), end=1000).stop == 1000


def test_fades_begin_and_end_in_silence_and_reach_full_level(save_sound: Any) -> None:
    playback = _playback(save_sound(np.ones(48_000)), fade_in_s=0.1, fade_out_s=0.2)
    heard = playback.read(0, 48_000)[0]
    assert heard[0] == 0.0
    assert heard[-1] == 0.0
    assert heard[2400] == pytest.approx(0.5, abs=1e-3)
    assert np.all(heard[4800:38_300] == 1.0)
    assert np.all(np.diff(heard[:4800]) >= 0)
    assert np.abs(np.diff(heard)).max() < 1.6 / 4800


@pytest.mark.parametrize("hertz", [110.0, 997.0])
def test_a_cut_in_the_middle_of_a_sound_does_not_click(
    save_sound: Any, tone: Any, click: Any, hertz: float
) -> None:
    playback = _playback(save_sound(tone(2.0, hertz)), from_s=0.3337, length_s=1.0, at_s=0.5)
    heard = playback.read(0, 96_000)
    assert click(heard, playback.start) < 3
    assert click(heard, playback.stop) < 3


def test_a_loop_cut_to_fit_is_seamless(save_sound: Any, tone: Any) -> None:
    period = tone(0.1, 440.0)  # 44 whole turns
    playback = _playback(save_sound(period), end=48_000, loop=True, gain_db=0)
    assert playback.stop == 48_000
    heard = playback.read(0, 47_000)[0]
    assert heard == pytest.approx(tone(1.0, 440.0)[:47_000], abs=1e-4)


def test_a_loop_that_does_not_fit_is_crossed_without_a_click(
    save_sound: Any, tone: Any, click: Any
) -> None:
    piece = tone(0.25, 443.0, phase=0.4)
    path = save_sound(piece)
    raw = np.tile(np.stack([piece, piece]), 3)
    assert click(raw, 12_000) > 3  # what it would be
    heard = _playback(path, end=96_000, loop=True).read(0, 96_000)
    period = 12_000 - 480
    for turn in range(1, 7):
        assert click(heard, turn * period) < 3
        assert click(heard, turn * period + 480) < 3


def test_length_bounds_a_loop(save_sound: Any, tone: Any) -> None:
    assert _playback(save_sound(tone(0.1)), loop=True, length_s=0.35).stop == 16_800


@settings(deadline=None, max_examples=40)
@given(
    block=st.integers(50, 30_000),
    loop=st.booleans(),
    at=st.floats(0, 0.4),
    fade=st.floats(0, 0.3),
)
def test_blocks_of_any_size_are_the_same_to_the_bit(
    tmp_path_factory: Any, block: int, loop: bool, at: float, fade: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.wav"
    if not path.exists():
        from reelwright.audio import AudioWriter

        with AudioWriter(path) as writer:
            writer.write(np.random.default_rng(0).standard_normal((2, 9000)) * 0.1)
    playback = _playback(path, end=30_000, loop=loop, at_s=at, fade_in_s=fade, fade_out_s=fade)
    one = playback.read(0, 32_000)
    many = [playback.read(low, min(block, 32_000 - low)) for low in range(0, 32_000, block)]
    assert np.array_equal(one, np.concatenate(many, axis=1))


def test_a_sound_that_has_ended_before_it_begins_is_refused(save_sound: Any) -> None:
    with pytest.raises(AssetError, match=r"sound.wav.*from 3 s.*below 0.100"):
        _playback(save_sound(np.ones(4800)), from_s=3.0)
    with pytest.raises(AssetError, match="Loop at least"):
        _playback(save_sound(np.ones(4800)), from_s=0.09, loop=True)


def test_has_click_knows_a_step_from_a_sound(tone: Any) -> None:
    smooth = np.stack([tone(0.1), tone(0.1)])
    stepped: NDArray[Any] = smooth.copy()
    stepped[:, 2400:] += 0.1
    assert not has_click(smooth, 2400)
    assert has_click(stepped, 2400)


def test_smoothstep_is_within_a_hundredth_of_a_raised_cosine() -> None:
    u = np.linspace(0, 1, 1001)
    assert np.abs(smoothstep(u) - (1 - np.cos(np.pi * u)) / 2).max() < 0.011
