"""A clip that the film shows larger: its own pictures, or larger ones beside it, to a size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.errors import MediaError
from reelwright.finish import delivered_frames, finish_clip
from reelwright.finish.picture import conform, enlarge
from reelwright.frames import ArrayFrames
from reelwright.generate import Clip
from reelwright.shapes import GenerationSize, generation_size

SIZE = generation_size((120, 90))  # 128x128 is generated


def _ramp(width: int, height: int, count: int = 1) -> NDArray[np.uint8]:
    """Grows to the right in red and downwards in green, from edge to edge."""
    x = (np.arange(width) + 0.5) / width * 250
    y = (np.arange(height) + 0.5) / height * 250
    red, green = np.meshgrid(x, y)
    picture = np.stack([red, green, np.full_like(red, 90)], axis=-1)
    return np.repeat(np.round(picture).astype(np.uint8)[None], count, axis=0)


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("target", [(240, 180), (300, 224), (120, 90)])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_whatever_it_is_taken_from_the_picture_lies_in_the_same_place(
    times: int, target: tuple[int, int], fit: Any
) -> None:
    size = generation_size((120, 90), fit)
    width, height = size.generated
    found = enlarge(_ramp(width * times, height * times), size, target)
    plain = conform(_ramp(width, height), size)
    assert found.shape == (1, target[1], target[0], 3)
    for across, down in ((0.25, 0.3), (0.5, 0.5), (0.7, 0.8)):
        here = found[0, int(target[1] * down), int(target[0] * across)].astype(int)
        there = plain[0, int(90 * down), int(120 * across)].astype(int)
        assert np.abs(here - there).max() <= 4
    edge = found[0, 0, 0].sum() == 0
    assert edge == (size.pad_box != (0, 0, 120, 90))


def test_flat_tones_stay_and_edges_do_not_wrap() -> None:
    for level in (0, 7, 128, 255):
        flat = np.full((2, 128, 128, 3), level, np.uint8)
        assert np.all(enlarge(flat, SIZE, (240, 180)) == level)
    edge = np.zeros((1, 128, 128, 3), np.uint16)
    edge[:, :, 64:] = 65535
    found = enlarge(edge, SIZE, (240, 180))
    assert found.dtype == np.uint16
    assert found[0, :, :100].max() < 8000  # no ring has gone over zero to white
    assert found[0, :, 140:].min() > 57000


def _moving(size: GenerationSize, times: int = 1, count: int = 5) -> NDArray[np.uint8]:
    width, height = (side * times for side in size.generated)
    frames = _ramp(width, height, count)
    frames[..., 2] = (np.arange(count) * 20)[:, None, None]
    return frames


def test_the_clip_stays_as_it_is_and_what_is_delivered_lies_beside_it(tmp_path: Path) -> None:
    clip = Clip(ArrayFrames(_moving(SIZE)), Fraction(24))
    plain = finish_clip(clip, SIZE, 4, tmp_path / "plain")
    seen: list[float] = []

    class Told:
        def step(self, fraction: float, note: str = "") -> None:
            seen.append(fraction)

        def warn(self, message: str) -> None: ...

        def preview(self, picture: Any) -> None: ...

    finished = finish_clip(clip, SIZE, 4, tmp_path / "large", Told(), enlarged=(240, 180))
    assert finished.size == plain.size == (120, 90)
    assert all(
        np.array_equal(one, other)
        for one, other in zip(finished.frames.chunks(8), plain.frames.chunks(8), strict=True)
    )
    shown = delivered_frames(finished, tmp_path / "large", (240, 180))
    assert shown.shape == (4, 180, 240, 3)
    pixels = np.concatenate(list(shown.chunks(8)))
    assert [int(frame[90, 120, 2]) for frame in pixels] == [0, 20, 40, 60]
    assert finished.provenance["finish"]["enlarged"] == [240, 180]
    assert seen == sorted(seen)
    assert delivered_frames(plain, tmp_path / "plain", (120, 90)) is plain.frames


def test_larger_pictures_are_what_it_is_taken_from(tmp_path: Path) -> None:
    clip = Clip(ArrayFrames(_moving(SIZE)), Fraction(24))
    fine = _moving(SIZE, 2)
    fine[:, ::2, ::2, 2] = 255  # what the clip's own pixels do not have
    finished = finish_clip(
        clip, SIZE, 5, tmp_path / "fine", enlarged=(240, 180), large=ArrayFrames(fine)
    )
    shown = delivered_frames(finished, tmp_path / "fine", (240, 180))
    left, top, right, bottom = (2 * side for side in SIZE.crop_box)
    assert np.array_equal(np.concatenate(list(shown.chunks(8))), fine[:, top:bottom, left:right])


def test_a_clip_that_was_finished_for_another_size_is_refused(tmp_path: Path) -> None:
    clip = Clip(ArrayFrames(_moving(SIZE)), Fraction(24))
    finished = finish_clip(clip, SIZE, 5, tmp_path / "large", enlarged=(240, 180))
    with pytest.raises(MediaError, match="240x180"):
        delivered_frames(finished, tmp_path / "large", (480, 360))
