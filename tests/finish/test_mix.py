from __future__ import annotations

import time
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyloudnorm
import pytest

from reelwright.audio import Audio, AudioWriter
from reelwright.errors import AssetError, Cancelled, MediaError
from reelwright.finish import FilmMix, MusicCue, clip_spans, mix_film
from reelwright.generate import SoundCue

RATE = 48_000
FILM = Fraction(24_000, 1001)
NTSC = Fraction(30_000, 1001)


def _all(audio: Audio) -> Any:
    return audio.read(0, audio.num_samples)


def _sum(mix: FilmMix) -> Any:
    return sum(_all(stem) for _, stem in sorted(mix.stems.items()))


@pytest.fixture
def two_shots(make_clip: Any, save_audio: Any, film_like: Any) -> Any:
    stems = [{"placed": save_audio(film_like(2.0, seed), f"{seed}.wav")} for seed in (1, 2)]
    return clip_spans(make_clip(48, stems=held) for held in stems)


@pytest.mark.parametrize("target", [-16.0, -23.0, -30.0])
def test_the_loudness_is_reached_by_two_other_meters(
    two_shots: Any, ebur128: Any, true_peak: Any, tmp_path: Path, target: float
) -> None:
    mix = mix_film(two_shots, [], tmp_path, target, -1.0)
    master = _all(mix.master)
    assert mix.loudness_lufs == pytest.approx(target, abs=0.1)
    assert pyloudnorm.Meter(RATE).integrated_loudness(master.T) == pytest.approx(target, abs=0.3)
    assert ebur128(master)[0] == pytest.approx(target, abs=0.3)
    assert true_peak(master) <= -1.0
    assert mix.true_peak_db == pytest.approx(true_peak(master), abs=0.02)
    assert mix.notes == ()


def test_the_stems_add_up_to_the_master_before_loudness(two_shots: Any, tmp_path: Path) -> None:
    mix = mix_film(two_shots, [], tmp_path, -30.0)
    assert mix.limited_db == 0
    gain = np.float32(10 ** (mix.gain_db / 20))
    assert np.array_equal(_all(mix.master), _sum(mix) * gain)


def test_limiting_is_made_up_for_until_the_target_is_reached(
    two_shots: Any, true_peak: Any, tmp_path: Path
) -> None:
    mix = mix_film(two_shots, [], tmp_path, -9.0, -3.0)
    assert mix.limited_db > 2
    assert mix.loudness_lufs == pytest.approx(-9.0, abs=0.1)
    assert true_peak(_all(mix.master)) <= -3.0
    assert mix.notes == ()


def test_a_loudness_out_of_reach_is_said(
    make_clip: Any, save_audio: Any, true_peak: Any, tmp_path: Path
) -> None:
    samples = np.random.default_rng(0).standard_normal((2, RATE)) * 1e-3
    samples[:, 24_000] = 1.0
    clip = make_clip(24, stems={"placed": save_audio(samples)})
    warned: list[str] = []
    progress = SimpleNamespace(
        step=lambda *_: None, warn=warned.append, preview=lambda picture: None
    )
    mix = mix_film(clip_spans([clip]), [], tmp_path, -5.0, -1.0, progress)
    assert mix.loudness_lufs is not None
    assert mix.loudness_lufs < -20
    assert true_peak(_all(mix.master)) <= -1.0
    assert mix.limited_db == pytest.approx(12, abs=0.5)
    assert len(mix.notes) == 1
    assert "not at the -5 LUFS asked" in mix.notes[0]
    assert warned == list(mix.notes)


def test_a_whisper_is_raised_by_forty_decibels_at_most(
    make_clip: Any, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    clip = make_clip(24, stems={"placed": save_audio(tone(1.0, 997.0, 10 ** (-65 / 20)))})
    mix = mix_film(clip_spans([clip]), [], tmp_path)
    assert mix.gain_db == 40
    assert "raised by 40 dB" in mix.notes[0]


def test_what_is_too_soft_to_measure_is_left_alone(
    make_clip: Any, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    clip = make_clip(24, stems={"placed": save_audio(tone(1.0, 997.0, 1e-5))})
    mix = mix_film(clip_spans([clip]), [], tmp_path)
    assert mix.gain_db == 0
    assert mix.loudness_lufs is None
    assert mix.true_peak_db == pytest.approx(-100, abs=0.1)
    assert "too soft to measure" in mix.notes[0]


def test_a_silent_film_stays_silent_and_says_so(make_clip: Any, tmp_path: Path) -> None:
    words = 'Shot "lamp" is silent: it has no placed sound.'
    clips = [make_clip(24, FILM, provenance={"silence": [words]}), make_clip(25, FILM)]
    mix = mix_film(clip_spans(clips), [], tmp_path)
    assert mix.master.num_samples == 49 * 2002
    assert not _all(mix.master).any()
    assert (mix.loudness_lufs, mix.true_peak_db, mix.gain_db) == (None, None, 0)
    assert mix.stems == {}
    assert mix.silence == (
        words,
        "The film is silent: no shot has a sound that is heard, and there is no music.",
    )
    assert FilmMix.load(tmp_path) == mix


@pytest.mark.parametrize("rate", [FILM, NTSC, Fraction(25), Fraction(60_000, 1001)])
def test_sound_and_picture_end_together_to_the_sample(
    make_clip: Any, rate: Fraction, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    lengths = [7, 1, 121, 33, 5]
    clips = [
        make_clip(n, rate, stems={"placed": save_audio(tone(float(n / rate)), f"{i}.wav")})
        for i, n in enumerate(lengths)
    ]
    mix = mix_film(clip_spans(clips), [], tmp_path)
    exact = round(sum(lengths) / rate * RATE)
    assert mix.master.num_samples == exact
    assert mix.stems["placed"].num_samples == exact


def test_a_sound_stands_at_its_frame_however_many_shots_came_before(
    make_clip: Any, save_audio: Any, tmp_path: Path
) -> None:
    """399 shots of 4 frames at 29.97 are 6406.4 samples each: rounded sums would be 160 off."""
    spike = np.zeros((2, 8008))
    spike[:, 4000] = 0.5
    last = make_clip(5, NTSC, stems={"placed": save_audio(spike)})
    mix = mix_film(clip_spans([make_clip(4, NTSC)] * 399 + [last]), [], tmp_path)
    start = round(399 * 4 / NTSC * RATE)
    assert int(np.argmax(_all(mix.stems["placed"])[0])) == start + 4000


def test_a_cut_in_the_middle_of_a_sound_does_not_click(
    make_clip: Any, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    one = save_audio(tone(1.0, 220.5, 0.4, 0.3), "one.wav")
    two = save_audio(tone(1.0, 331.2, 0.4, 1.9), "two.wav")
    spans = clip_spans(make_clip(24, stems={"placed": stem}) for stem in (one, two))
    raw = np.concatenate([_all(one), _all(two)], axis=1)
    joined = _all(mix_film(spans, [], tmp_path).stems["placed"])
    assert _click(raw, RATE) > 3
    assert _click(joined, RATE) < 3
    assert np.array_equal(joined[:, 240 : RATE - 240], raw[:, 240 : RATE - 240])


def _click(samples: Any, at: int) -> float:
    step = np.abs(np.diff(np.asarray(samples, float), n=4, axis=1)).max(axis=0)
    blocks = step[: len(step) // 48 * 48].reshape(-1, 48).max(axis=1)
    near = (at - 2) // 48
    return float(
        blocks[near - 1 : near + 2].max() / (np.median(blocks[near - 50 : near + 51]) + 2e-4)
    )


def test_a_sound_that_begins_after_the_cut_is_not_touched(
    make_clip: Any, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    samples = tone(1.0)
    samples[:, :12] = 0
    samples[:, -12:] = 0
    clip = make_clip(24, stems={"placed": save_audio(samples)})
    mix = mix_film(clip_spans([clip]), [], tmp_path)
    assert np.array_equal(_all(mix.stems["placed"]), samples.astype(np.float32))


def test_music_is_cut_faded_and_looped(make_clip: Any, save_audio: Any, tmp_path: Path) -> None:
    theme = save_audio(np.full((2, RATE), 0.2), "theme.wav")
    cue = MusicCue(theme.path, at_s=0.5, gain_db=-6, fade_in_s=0.5, fade_out_s=1.0, loop=True)
    mix = mix_film(clip_spans([make_clip(96)]), [cue], tmp_path)
    heard = _all(mix.stems["music"])[0]
    level = 0.2 * 10 ** (-6 / 20)
    assert not heard[:24_000].any()
    assert heard[36_000] == pytest.approx(level / 2, rel=1e-3)
    assert heard[48_000:144_000] == pytest.approx(level, rel=1e-5)
    assert heard[168_000] == pytest.approx(level / 2, rel=1e-3)
    assert heard[-1] == 0
    assert not list(tmp_path.glob(".*"))


def test_music_steps_back_under_ducks_and_dialogue_as_far_as_asked(
    make_clip: Any, save_audio: Any, tone: Any, tmp_path: Path
) -> None:
    theme = save_audio(np.full((2, 8 * RATE), 0.2), "theme.wav")
    speech = np.zeros((2, 4 * RATE))
    speech[:, RATE : 2 * RATE] = tone(1.0, 300.0, 0.3)
    talking = make_clip(96, stems={"dialogue": save_audio(speech, "speech.wav")})
    ringing = make_clip(96, cues=(SoundCue("duck", 1.0, 2.0),))
    cues = [MusicCue(theme.path, duck_db=12)]
    heard = _all(mix_film(clip_spans([talking, ringing]), cues, tmp_path).stems["music"])[0] / 0.2
    down = 10 ** (-12 / 20)
    for start in (0, 4 * RATE):
        assert heard[start + RATE + 1000 : start + 2 * RATE - 1000] == pytest.approx(down, rel=1e-4)
        assert heard[start + 3 * RATE] == pytest.approx(1)
        assert heard[start + RATE // 2] == pytest.approx(1)
        way = np.abs(np.diff(heard[start + RATE // 2 : start + 3 * RATE]))
        assert way.max() < 1.6 * (1 - down) / 7200


def test_music_that_is_not_asked_to_duck_does_not(
    make_clip: Any, save_audio: Any, tmp_path: Path
) -> None:
    theme = save_audio(np.full((2, 2 * RATE), 0.2), "theme.wav")
    clip = make_clip(24, cues=(SoundCue("duck", 0.2, 0.8),))
    heard = _all(mix_film(clip_spans([clip]), [MusicCue(theme.path)], tmp_path).stems["music"])
    assert heard[:, : RATE - 500] == pytest.approx(0.2)


def test_the_models_own_sound_gives_way(make_clip: Any, save_audio: Any, tmp_path: Path) -> None:
    steady = np.full((2, 4 * RATE), 0.2)
    stems = {
        "generated": save_audio(steady, "g.wav"),
        "dialogue": save_audio(steady, "d.wav"),
        "placed": save_audio(steady, "p.wav"),
    }
    cues = (SoundCue("replace", 0.5, 1.0), SoundCue("duck", 2.0, 3.0))
    mix = mix_film(clip_spans([make_clip(96, stems=stems, cues=cues)]), [], tmp_path)
    generated, dialogue, placed = (
        _all(mix.stems[name])[0, RATE // 4 : -RATE // 4] / 0.2
        for name in ("generated", "dialogue", "placed")
    )
    assert not generated[12_000:36_000].any()
    assert not dialogue[12_000:36_000].any()
    assert generated[84_000:132_000] == pytest.approx(10 ** (-9 / 20), rel=1e-4)
    assert dialogue[84_000:132_000] == pytest.approx(1)
    assert placed == pytest.approx(1)


def test_music_that_cannot_be_heard_is_said(
    make_clip: Any, save_audio: Any, tmp_path: Path
) -> None:
    mute = save_audio(np.zeros((2, RATE)), "mute.wav")
    cues = [
        MusicCue(mute.path, name="mute.flac"),
        MusicCue(tmp_path / "not-opened.flac", name="late.flac", at_s=3),
    ]
    mix = mix_film(clip_spans([make_clip(24)]), cues, tmp_path / "mix")
    assert mix.stems == {}
    assert any("late.flac" in words and "ends at 1.00 s" in words for words in mix.silence)
    assert any("mute.flac" in words for words in mix.silence)


def test_a_bad_music_file_is_named_and_leaves_nothing_behind(
    make_clip: Any, tmp_path: Path
) -> None:
    bad = tmp_path / "theme.flac"
    bad.write_bytes(b"fLaC but not really")
    with pytest.raises(AssetError) as caught:
        mix_film(clip_spans([make_clip(24)]), [MusicCue(bad)], tmp_path / "mix")
    assert "theme.flac" in str(caught.value)
    assert caught.value.mend
    assert not (tmp_path / "mix" / "mix.json").exists()
    assert not (tmp_path / "mix" / ".decoded").exists()


def test_no_clip_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        mix_film([], [], tmp_path)


def test_it_stops_when_asked(two_shots: Any, tmp_path: Path) -> None:
    def stop(fraction: float, note: str = "") -> None:
        if fraction > 0.5:
            raise Cancelled

    progress = SimpleNamespace(step=stop, warn=lambda m: None, preview=lambda p: None)
    with pytest.raises(Cancelled):
        mix_film(two_shots, [], tmp_path, progress=progress)
    assert not (tmp_path / "mix.json").exists()


def test_progress_goes_forward_to_the_end(two_shots: Any, tmp_path: Path) -> None:
    told: list[float] = []
    progress = SimpleNamespace(
        step=lambda fraction, note="": told.append(fraction),
        warn=lambda m: None,
        preview=lambda p: None,
    )
    mix_film(two_shots, [], tmp_path, -12.0, progress=progress)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_what_is_loaded_is_what_was_mixed_and_the_bytes_are_the_same_whatever_the_blocks(
    two_shots: Any, save_audio: Any, film_like: Any, tmp_path: Path
) -> None:
    cue = MusicCue(save_audio(film_like(1.0, 9), "theme.wav").path, loop=True, duck_db=6)
    for size in (1000, 7919, 1 << 16):
        mix = mix_film(two_shots, [cue], tmp_path / str(size), -11, -3, block_samples=size)
        assert FilmMix.load(tmp_path / str(size)) == mix
        assert mix.limited_db > 0
    for file in ("master.wav", "stems/placed.wav", "stems/music.wav", "mix.json"):
        same = {(tmp_path / str(size) / file).read_bytes() for size in (1000, 7919, 1 << 16)}
        assert len(same) == 1


def test_a_mix_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no mix"):
        FilmMix.load(tmp_path)
    (tmp_path / "mix.json").write_text("{}")
    with pytest.raises(MediaError, match="not whole"):
        FilmMix.load(tmp_path)


def test_ten_minutes_go_through_in_a_few_megabytes_and_seconds(
    make_clip: Any, film_like: Any, tmp_path: Path
) -> None:
    piece = film_like(10.0).astype(np.float32)
    with AudioWriter(tmp_path / "placed.wav") as writer:
        for _ in range(60):
            writer.write(piece)
    clip = make_clip(14_400, stems={"placed": Audio.open(tmp_path / "placed.wav")})
    del piece
    began = time.process_time()
    tracemalloc.start()
    mix = mix_film(clip_spans([clip]), [], tmp_path / "mix")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mix.master.num_samples == 600 * RATE
    assert mix.loudness_lufs == pytest.approx(-16, abs=0.1)
    assert peak < 20e6  # the master alone is 230 MB
    assert time.process_time() - began < 60
