from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.errors import AssetError, InputError
from reelwright.generate import SoundCue, SoundPlacement, write_placed

FILM = Fraction(24_000, 1001)


def test_the_stem_lasts_as_long_as_the_generated_frames(
    save_sound: Any, tone: Any, make_request: Any, tmp_path: Path
) -> None:
    bell = SoundPlacement(save_sound(tone(9.0)))
    request = make_request(2.0, FILM, sounds=(bell,))
    assert (request.frames.delivered, request.frames.generated) == (48, 49)
    placed = write_placed(request, tmp_path / "clip")
    assert placed.stem.num_samples == 49 * 2002
    heard = placed.stem.read(0, placed.stem.num_samples)
    assert heard[:, 48 * 2002 - 480].any()
    assert not heard[:, 48 * 2002 :].any()  # faded out with the delivered shot
    assert not list((tmp_path / "clip").glob(".*"))


def test_sounds_add_up_at_their_places(
    save_sound: Any, make_request: Any, whole: Any, tmp_path: Path
) -> None:
    ones = save_sound(np.full(12_000, 0.25))
    sounds = (
        SoundPlacement(ones, at_s=0.1, fade_in_s=0, fade_out_s=0),
        SoundPlacement(ones, at_s=0.2, gain_db=20 * np.log10(2), fade_in_s=0, fade_out_s=0),
    )
    heard = whole(write_placed(make_request(1.0, sounds=sounds), tmp_path / "clip").stem)
    assert heard[0, 5000] == pytest.approx(0.25)
    assert heard[0, 10_000] == pytest.approx(0.75)
    assert heard[0, 20_000] == pytest.approx(0.5)


def test_a_prop_that_crosses_moves_the_energy(
    save_sound: Any,
    tone: Any,
    make_request: Any,
    listener_at_origin: Any,
    whole: Any,
    tmp_path: Path,
) -> None:
    x = np.linspace(-3, 3, 49)
    path = np.stack([x, np.zeros(49), np.full(49, 5.0)], axis=1)
    gull = SoundPlacement(save_sound(tone(2.0)), from_prop="gull")
    request = make_request(2.0, sounds=(gull,), listener=listener_at_origin(gull=path))
    heard = whole(write_placed(request, tmp_path / "clip").stem).astype(float)
    power = np.square(heard[:, :96_000].reshape(2, 4, -1)).mean(axis=2)
    balance_db = 10 * np.log10(power[1] / power[0])
    assert np.all(np.diff(balance_db) > 3)
    assert balance_db[0] < -8
    assert balance_db[3] > 8


def test_nothing_clicks_at_fades_or_while_it_moves(
    save_sound: Any,
    tone: Any,
    make_request: Any,
    listener_at_origin: Any,
    whole: Any,
    click: Any,
    tmp_path: Path,
) -> None:
    angle = np.linspace(0, 3, 49)
    path = np.stack([3 * np.sin(angle), np.zeros(49), 3 * np.cos(angle)], axis=1)
    hum = SoundPlacement(
        save_sound(tone(3.0, 220.0)), from_prop="car", at_s=0.31, from_s=0.123, length_s=1.2
    )
    request = make_request(2.0, sounds=(hum,), listener=listener_at_origin(car=path))
    heard = whole(write_placed(request, tmp_path / "clip").stem)
    for at in [14_880, 14_880 + 57_600, *range(16_000, 70_000, 2000)]:
        assert click(heard, at) < 3


def test_others_step_back_nine_decibels_under_a_duck(
    save_sound: Any, tone: Any, make_request: Any, whole: Any, tmp_path: Path
) -> None:
    bed = SoundPlacement(save_sound(np.full(4 * 48_000, 0.1), "bed.wav"), fade_in_s=0, fade_out_s=0)
    voice = SoundPlacement(save_sound(tone(1.0, 4000.0, 0.5), "voice.wav"), at_s=1.5, mode="duck")
    placed = write_placed(make_request(4.0, sounds=(bed, voice)), tmp_path / "clip")
    heard = whole(placed.stem)[0].astype(float)
    under = heard[72_960:118_080].mean() / 0.1  # the voice averages out
    assert 20 * np.log10(under) == pytest.approx(-9, abs=0.05)
    assert heard[: 72_000 - 7200] == pytest.approx(0.1)
    assert heard[150_000:190_000] == pytest.approx(0.1)
    (cue,) = placed.cues
    assert cue.kind == "duck"
    assert (cue.start_s, cue.stop_s) == pytest.approx((1.5, 2.5), abs=0.03)


def test_replace_asks_for_the_whole_of_its_span(
    save_sound: Any, tone: Any, make_request: Any, tmp_path: Path
) -> None:
    sea = SoundPlacement(save_sound(tone(0.5)), at_s=0.25, mode="replace")
    placed = write_placed(make_request(1.0, sounds=(sea,)), tmp_path / "clip")
    assert placed.cues == (SoundCue("replace", 0.25, 0.75),)


def test_drive_is_refused(save_sound: Any, tone: Any, make_request: Any, tmp_path: Path) -> None:
    beat = SoundPlacement(save_sound(tone(0.5)), name="beat.wav", mode="drive")
    with pytest.raises(InputError, match=r'"beat.wav" should drive'):
        write_placed(make_request(1.0, sounds=(beat,)), tmp_path / "clip")


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"# not a sound\n" * 40])
def test_a_file_that_is_no_sound_is_named(
    make_request: Any, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bell.wav"
    bad.write_bytes(content)
    with pytest.raises(AssetError) as caught:
        write_placed(make_request(1.0, sounds=(SoundPlacement(bad),)), tmp_path / "clip")
    assert "bell.wav" in str(caught.value)
    assert caught.value.mend
    assert not (tmp_path / "clip" / ".decoded").exists()


def test_a_missing_file_and_a_late_entry_are_named(
    save_sound: Any, tone: Any, make_request: Any, tmp_path: Path
) -> None:
    with pytest.raises(AssetError, match=r"gone\.wav"):
        write_placed(
            make_request(1.0, sounds=(SoundPlacement(tmp_path / "gone.wav"),)), tmp_path / "a"
        )
    late = SoundPlacement(save_sound(tone(0.5)), name="bell.wav", from_s=2.0)
    with pytest.raises(AssetError, match=r"bell.wav.*from 2 s"):
        write_placed(make_request(1.0, sounds=(late,)), tmp_path / "b")


def test_what_cannot_be_heard_is_said(save_sound: Any, make_request: Any, tmp_path: Path) -> None:
    mute = SoundPlacement(save_sound(np.zeros(4800)), name="mute.wav")
    late = SoundPlacement(tmp_path / "never-opened.wav", name="late.wav", at_s=2.0)
    placed = write_placed(make_request(1.0, sounds=(mute, late)), tmp_path / "clip")
    assert placed.stem is None
    assert len(placed.unheard) == 2
    assert "late.wav" in placed.unheard[0]
    assert "ends at 1.00 s" in placed.unheard[0]
    assert "mute.wav" in placed.unheard[1]
    assert not (tmp_path / "clip" / "stems" / "placed.wav").exists()


def test_blocks_of_any_size_are_the_same_to_the_bit(
    save_sound: Any, make_request: Any, listener_at_origin: Any, whole: Any, tmp_path: Path
) -> None:
    noise = save_sound(np.random.default_rng(5).standard_normal((2, 30_000)) * 0.1)
    path = np.random.default_rng(6).standard_normal((25, 3)).cumsum(axis=0)
    sounds = (
        SoundPlacement(noise, from_prop="gull", loop=True, fade_in_s=0.3),
        SoundPlacement(noise, pan=0.4, at_s=0.2, mode="duck"),
        SoundPlacement(noise, from_s=0.1, at_s=0.05),
    )
    request = make_request(1.0, sounds=sounds, listener=listener_at_origin(gull=path))
    stems = [
        whole(write_placed(request, tmp_path / str(size), block_samples=size).stem)
        for size in (48, 1001, 1 << 16)
    ]
    assert np.array_equal(stems[0], stems[2])
    assert np.array_equal(stems[1], stems[2])


def test_ten_minutes_go_through_in_a_few_megabytes(
    save_sound: Any, tone: Any, make_request: Any, listener_at_origin: Any, tmp_path: Path
) -> None:
    sounds = (
        SoundPlacement(save_sound(tone(1.0, 330.0), "a.wav"), loop=True, from_prop="gull"),
        SoundPlacement(save_sound(tone(1.3, 90.0), "b.wav"), loop=True, mode="duck"),
    )
    path = np.stack([np.linspace(-5, 5, 14_401), np.zeros(14_401), np.full(14_401, 3.0)], axis=1)
    request = make_request(600.0, sounds=sounds, listener=listener_at_origin(gull=path))
    tracemalloc.start()
    placed = write_placed(request, tmp_path / "clip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole_bytes = placed.stem.num_samples * 8
    assert whole_bytes > 230e6
    assert peak < 12e6
