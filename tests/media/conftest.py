from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.audio import Audio, AudioWriter
from reelwright.frames import ArrayFrames
from reelwright.media.provenance import ModelRecord, Provenance, ShotRecord
from reelwright.media.settings import FilmSpan


def picture(frame: int, size: tuple[int, int], dtype: str = "uint8") -> NDArray[Any]:
    """A smooth picture that moves, so that every frame differs from every other."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(columns / 9 + frame / 3), np.cos(rows / 7 - frame / 5), np.sin(rows / 11 + 1)]
    unit = 0.5 + 0.4 * np.stack(waves, axis=-1)
    white = np.iinfo(dtype).max
    return np.round(unit * white).astype(dtype)


@pytest.fixture
def clip() -> Callable[..., ArrayFrames]:
    def make(
        num_frames: int = 10, size: tuple[int, int] = (64, 48), dtype: str = "uint8", first: int = 0
    ) -> ArrayFrames:
        return ArrayFrames(np.stack([picture(first + i, size, dtype) for i in range(num_frames)]))

    return make


@pytest.fixture
def spans(clip: Callable[..., ArrayFrames]) -> list[FilmSpan]:
    """Two shots of 7 and 13 frames, 64 x 48."""
    return [FilmSpan("Anflug ✈", clip(7)), FilmSpan("lamp", clip(13, first=7))]


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Audio]:
    """A 440 Hz tone of so many samples, stereo, the right side quieter."""

    def make(num_samples: int, sample_rate: int = 48_000, num_channels: int = 2) -> Audio:
        path = tmp_path / f"tone-{num_samples}-{sample_rate}-{num_channels}.wav"
        wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(num_samples) / sample_rate)
        with AudioWriter(path, sample_rate, num_channels) as writer:
            writer.write(np.stack([wave, wave / 2][:num_channels]).astype(np.float32))
        return Audio.open(path)

    return make


@pytest.fixture
def record() -> Provenance:
    """A record of some 200 kB, most of it not ASCII."""
    return Provenance(
        label="animatic",
        storyboard='[film]\ntitle = "灯台 \\" ☂"\n' + "# ŝipo 船 🎬\n" * 12000,
        storyboard_name="films/storyboard.toml",
        plan={"stages": [{"id": "stage/approach", "key": "0" * 32, "seconds": 1.5}]},
        files={"assets/boat.glb": "a" * 64, "音.flac": "b" * 64},
        seeds={"approach": 7, "lamp": 2**62},
        models=(ModelRecord("pocket", "c" * 64, "Apache-2.0"),),
        shots=(ShotRecord("approach", 0, 7, "animatic"), ShotRecord("lamp", 7, 13, "animatic", 2)),
        notes=("Nothing speaks the dialogue yet.",),
        title="灯台",
    )


@pytest.fixture
def rate() -> Fraction:
    return Fraction(24000, 1001)
