from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reelwright.errors import StageError
from reelwright.frames import ArrayFrames, FrameKind, FrameWriter, open_frames
from reelwright.generate import Animatic, Clip, Generator, SoundPlacement, animatic_clip
from reelwright.shapes import generation_size


@pytest.fixture
def staged(tmp_path: Path) -> Any:
    pictures = np.random.default_rng(2).integers(0, 256, (25, 64, 64, 3), dtype=np.uint8)
    with FrameWriter(tmp_path / "stage" / "color.mkv", FrameKind.COLOR8, (64, 64)) as writer:
        writer.write(pictures)
    return SimpleNamespace(color=open_frames(tmp_path / "stage" / "color.mkv"), array=pictures)


def test_the_staged_file_itself_is_the_clip(staged: Any, make_request: Any, tmp_path: Path) -> None:
    clip = animatic_clip(make_request(1.0), staged, tmp_path / "clip")
    assert (tmp_path / "clip" / "frames.mkv").samefile(staged.color.path)
    assert clip.num_frames == 25
    assert np.array_equal(clip.frames[17], staged.array[17])
    assert clip.label == "animatic"
    assert clip.provenance["backend"] == "animatic"
    assert clip.provenance["picture"] == "stage"


def test_frames_that_are_in_no_file_are_encoded(
    staged: Any, make_request: Any, tmp_path: Path
) -> None:
    loose = SimpleNamespace(color=ArrayFrames(staged.array))
    clip = animatic_clip(make_request(1.0), loose, tmp_path / "clip")
    assert np.array_equal(clip.frames[3], staged.array[3])


def test_another_size_or_length_than_asked_is_refused(
    staged: Any, make_request: Any, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match="25 frames of 64x64, but its clip is 49 frames of 64x64"):
        animatic_clip(make_request(2.0), staged, tmp_path / "a")
    wide = make_request(1.0, size=generation_size((100, 64)))
    with pytest.raises(StageError, match="128x64"):
        animatic_clip(wide, staged, tmp_path / "b")


def test_the_sound_comes_with_it(
    staged: Any, make_request: Any, save_sound: Any, tone: Any, tmp_path: Path
) -> None:
    sounds = (SoundPlacement(save_sound(tone(0.5)), at_s=0.2),)
    clip = animatic_clip(make_request(1.0, sounds=sounds), staged, tmp_path / "clip")
    assert list(clip.stems) == ["placed"]
    assert clip.stems["placed"].num_samples == 25 * 2000
    assert clip.silence == ()
    assert np.abs(Clip.load(tmp_path / "clip").stems["placed"].read(20_000, 100)).max() > 0.3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, 'Shot "lamp" is silent: it has no placed sound.'),
        (
            {"sound": "waves"},
            'Shot "lamp" is silent: it has no placed sound, and the animatic does not speak its '
            'words ("waves").',
        ),
        (
            {"sound": "waves", "dialogue": "Home.\nAt last."},
            'Shot "lamp" is silent: it has no placed sound, and the animatic does not speak its '
            'words ("waves") or dialogue ("Home. At last.").',
        ),
    ],
)
def test_silence_is_said(
    staged: Any, make_request: Any, tmp_path: Path, fields: dict[str, str], words: str
) -> None:
    clip = animatic_clip(make_request(1.0, **fields), staged, tmp_path / "clip")
    assert clip.stems == {}
    assert clip.silence == (words,)


def test_words_that_nobody_speaks_are_said_beside_a_sound(
    staged: Any, make_request: Any, save_sound: Any, tone: Any, tmp_path: Path
) -> None:
    request = make_request(
        1.0, dialogue="We are nearly home.", sounds=(SoundPlacement(save_sound(tone(0.5))),)
    )
    clip = animatic_clip(request, staged, tmp_path / "clip")
    assert clip.silence == (
        'Shot "lamp": the animatic does not speak its dialogue ("We are nearly home.").',
    )


def test_a_sound_of_nothing_is_said(
    staged: Any, make_request: Any, save_sound: Any, tmp_path: Path
) -> None:
    mute = SoundPlacement(save_sound(np.zeros(4800)), name="mute.wav")
    clip = animatic_clip(make_request(1.0, sounds=(mute,)), staged, tmp_path / "clip")
    assert clip.silence[0] == 'Shot "lamp" is silent: its placed sound is not heard.'
    assert "mute.wav" in clip.silence[1]


def test_the_same_request_gives_the_same_bytes(
    staged: Any, make_request: Any, save_sound: Any, tone: Any, tmp_path: Path
) -> None:
    request = make_request(1.0, sounds=(SoundPlacement(save_sound(tone(0.7))),))
    for name in ("a", "b"):
        animatic_clip(request, staged, tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_animatic_takes_the_generators_place(
    staged: Any, make_request: Any, tmp_path: Path
) -> None:
    told: list[float] = []
    progress = SimpleNamespace(
        step=lambda fraction, note="": told.append(fraction),
        warn=lambda message: None,
        preview=lambda picture: None,
    )
    generator: Generator = Animatic()
    assert generator.name == "animatic"
    generator.generate(make_request(0.4), None, tmp_path / "clip", progress)
    assert told == sorted(told)
    assert told[-1] == 1.0
