from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.audio import Audio
from reelwright.errors import MediaError
from reelwright.frames import ArrayFrames, slice_frames
from reelwright.generate import Clip, SoundCue


@pytest.fixture
def pictures() -> Any:
    return np.random.default_rng(2).integers(0, 256, (9, 16, 24, 3), dtype=np.uint8)


@pytest.fixture
def clip(pictures: Any, save_sound: Any, tone: Any) -> Clip:
    return Clip(
        ArrayFrames(pictures),
        Fraction(24_000, 1001),
        {"placed": Audio.open(save_sound(tone(0.3)))},
        provenance={"backend": "animatic", "label": "animatic", "silence": ["Nobody speaks."]},
        cues=(SoundCue("duck", 0.1, 0.2),),
    )


def test_what_is_loaded_is_what_was_saved(clip: Clip, pictures: Any, tmp_path: Path) -> None:
    saved = clip.save(tmp_path / "clip")
    loaded = Clip.load(tmp_path / "clip")
    for held in (saved, loaded):
        assert np.array_equal(np.concatenate(list(held.frames.chunks(4))), pictures)
        assert held.frame_rate == Fraction(24_000, 1001)
        assert held.duration_s == Fraction(9 * 1001, 24_000)
        assert held.cues == clip.cues
        assert held.provenance == clip.provenance
        assert held.label == "animatic"
        assert held.silence == ("Nobody speaks.",)
        assert held.size == (24, 16)
        assert np.array_equal(
            held.stems["placed"].read(0, 14_400), clip.stems["placed"].read(0, 14_400)
        )


def test_deep_colour_stays_deep(tmp_path: Path) -> None:
    pictures = np.random.default_rng(4).integers(0, 65536, (2, 16, 16, 3), dtype=np.uint16)
    saved = Clip(ArrayFrames(pictures), Fraction(24)).save(tmp_path / "clip")
    assert np.array_equal(next(saved.frames.chunks(2)), pictures)


def test_a_trimmed_clip_is_linked_and_keeps_its_trim(
    clip: Clip, pictures: Any, tmp_path: Path
) -> None:
    saved = clip.save(tmp_path / "a")
    trimmed = Clip(
        slice_frames(saved.frames, 0, 5), saved.frame_rate, saved.stems, file=saved.file
    ).save(tmp_path / "b")
    assert (tmp_path / "b" / "frames.mkv").samefile(tmp_path / "a" / "frames.mkv")
    assert (tmp_path / "b/stems/placed.wav").samefile(tmp_path / "a/stems/placed.wav")
    assert trimmed.num_frames == 5
    assert np.array_equal(trimmed.frames[-1], pictures[4])


def test_where_links_cannot_be_made_the_file_is_copied(
    clip: Clip, pictures: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = clip.save(tmp_path / "a")

    def refuse(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    copied = saved.save(tmp_path / "b")
    assert not (tmp_path / "b" / "frames.mkv").samefile(tmp_path / "a" / "frames.mkv")
    assert np.array_equal(copied.frames[8], pictures[8])


def test_the_manifest_is_the_same_bytes_twice(clip: Clip, tmp_path: Path) -> None:
    for name in ("a", "b"):
        clip.save(tmp_path / name)
    for file in ("clip.json", "frames.mkv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_folder_without_a_whole_clip_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no clip"):
        Clip.load(tmp_path)
    clip.save(tmp_path / "clip")
    manifest = tmp_path / "clip" / "clip.json"
    held = json.loads(manifest.read_text())
    for broken in (held | {"frames": held["frames"] | {"count": 99}}, {"format": 1}, []):
        manifest.write_text(json.dumps(broken))
        with pytest.raises(MediaError, match=r"[Rr]ender"):
            Clip.load(tmp_path / "clip")
    manifest.write_text("{")
    with pytest.raises(MediaError):
        Clip.load(tmp_path / "clip")
