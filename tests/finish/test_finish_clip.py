from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reelwright.errors import MediaError
from reelwright.finish import finish_clip
from reelwright.frames import ArrayFrames
from reelwright.generate import Clip, SoundCue
from reelwright.shapes import generation_size

FILM = Fraction(24_000, 1001)


def _clip(tmp_path: Path, size: tuple[int, int], stems: Any = None, dtype: Any = np.uint8) -> Any:
    width, height = size
    top = int(np.iinfo(dtype).max) + 1
    pictures = np.random.default_rng(7).integers(0, top, (9, height, width, 3), dtype=dtype)
    clip = Clip(
        ArrayFrames(pictures),
        FILM,
        stems or {},
        provenance={"backend": "animatic", "label": "animatic", "silence": ["Quiet."]},
        cues=(SoundCue("duck", 0.1, 0.9), SoundCue("replace", 0.3, 0.4)),
    )
    return clip.save(tmp_path / "clip"), pictures


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_crop_keeps_the_middle_bit_for_bit(tmp_path: Path, dtype: Any) -> None:
    clip, pictures = _clip(tmp_path, (128, 64), dtype=dtype)
    finished = finish_clip(clip, generation_size((100, 60)), 5, tmp_path / "out")
    assert finished.frames.shape == (5, 60, 100, 3)
    assert np.array_equal(next(finished.frames.chunks(9)), pictures[:5, 2:62, 14:114])


def test_what_is_delivered_as_generated_is_linked_and_only_trimmed(tmp_path: Path) -> None:
    clip, pictures = _clip(tmp_path, (128, 64))
    for fit in ("crop", "pad"):
        size = generation_size((128, 64), fit)  # type: ignore[arg-type]
        finished = finish_clip(clip, size, 6, tmp_path / fit)
        assert (tmp_path / fit / "frames.mkv").samefile(tmp_path / "clip" / "frames.mkv")
        assert np.array_equal(next(finished.frames.chunks(9)), pictures[:6])
        assert Clip.load(tmp_path / fit).num_frames == 6


def test_a_pad_shows_the_whole_picture_between_black_bars(tmp_path: Path) -> None:
    clip, _ = _clip(tmp_path, (128, 128))
    size = generation_size((120, 90), "pad")
    finished = finish_clip(clip, size, 9, tmp_path / "out")
    left, top, right, bottom = size.pad_box
    picture = finished.frames[4]
    assert picture.shape == (90, 120, 3)
    assert not picture[:, :left].any()
    assert not picture[:, right:].any()
    assert not picture[:top].any()
    assert picture[top:bottom, left:right].mean() > 60


@pytest.mark.parametrize("num_frames", [1, 5, 9])
def test_stems_last_exactly_as_long_as_the_pictures(
    tmp_path: Path, save_audio: Any, tone: Any, num_frames: int
) -> None:
    stems = {"placed": save_audio(tone(9 * 1001 / 24_000))}
    clip, _ = _clip(tmp_path, (64, 64), stems)
    finished = finish_clip(clip, generation_size((64, 64)), num_frames, tmp_path / "out")
    stem = finished.stems["placed"]
    assert stem.num_samples == num_frames * 2002
    assert np.array_equal(
        stem.read(0, stem.num_samples), clip.stems["placed"].read(0, stem.num_samples)
    )
    assert stem.path.samefile(clip.stems["placed"].path) == (num_frames == 9)


def test_a_stem_that_is_short_is_lengthened_with_silence(
    tmp_path: Path, save_audio: Any, tone: Any
) -> None:
    clip, _ = _clip(tmp_path, (64, 64), {"generated": save_audio(tone(0.1))})
    finished = finish_clip(clip, generation_size((64, 64)), 9, tmp_path / "out")
    assert finished.stems["generated"].num_samples == 9 * 2002
    assert not finished.stems["generated"].read(4800, 9000).any()


def test_what_the_clip_says_of_itself_is_kept_and_cues_are_trimmed(tmp_path: Path) -> None:
    clip, _ = _clip(tmp_path, (64, 64))
    finished = finish_clip(clip, generation_size((64, 64)), 6, tmp_path / "out")
    assert finished.label == "animatic"
    assert finished.silence == ("Quiet.",)
    assert finished.provenance["finish"]["num_frames"] == 6
    assert finished.cues == (SoundCue("duck", 0.1, 6 * 2002 / 48_000),)


def test_a_clip_of_another_size_or_too_short_is_refused(tmp_path: Path) -> None:
    clip, _ = _clip(tmp_path, (64, 64))
    with pytest.raises(MediaError, match="64x64; 128x64 should"):
        finish_clip(clip, generation_size((100, 60)), 5, tmp_path / "out")
    with pytest.raises(MediaError, match="10 frames should be delivered of a clip that has 9"):
        finish_clip(clip, generation_size((64, 64)), 10, tmp_path / "out")


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path, save_audio: Any, tone: Any) -> None:
    clip, _ = _clip(tmp_path, (128, 64), {"placed": save_audio(tone(0.5))})
    for name in ("a", "b"):
        finish_clip(clip, generation_size((100, 60), "pad"), 7, tmp_path / name)
    for file in ("clip.json", "frames.mkv", "stems/placed.wav"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_progress_goes_forward_to_the_end(tmp_path: Path) -> None:
    clip, _ = _clip(tmp_path, (128, 64))
    told: list[float] = []
    progress = SimpleNamespace(
        step=lambda fraction, note="": told.append(fraction),
        warn=lambda m: None,
        preview=lambda p: None,
    )
    finish_clip(clip, generation_size((100, 60)), 9, tmp_path / "out", progress)
    assert told == sorted(told)
    assert told[-1] == 1.0
