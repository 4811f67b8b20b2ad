"""The rules of sizes and frame counts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import InputError
from reelwright.shapes import (
    covering_frames,
    generation_size,
    is_frame_count,
    latent_shape_from_pixels,
    shot_frames,
)


@given(st.integers(1, 100_000))
def test_covering_frames_is_the_smallest_legal_count(num_frames: int) -> None:
    covering = covering_frames(num_frames)
    assert is_frame_count(covering)
    assert num_frames <= covering < num_frames + 8


def test_five_seconds_at_24() -> None:
    frames = shot_frames(5, Fraction(24))
    assert (frames.delivered, frames.generated, frames.trimmed) == (120, 121, 1)


def test_a_moment_is_at_least_one_frame() -> None:
    assert shot_frames(0.001, Fraction(24)).delivered == 1


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from(["crop", "pad"]))
def test_generation_covers_delivery_on_the_grid(half_w: int, half_h: int, fit: str) -> None:
    size = generation_size((2 * half_w, 2 * half_h), fit)  # type: ignore[arg-type]
    for delivered, generated in zip(size.delivered, size.generated, strict=True):
        assert generated % 64 == 0
        assert delivered <= generated < delivered + 64
    left, top, right, bottom = size.crop_box if fit == "crop" else size.pad_box
    assert 0 <= left < right <= size.generated[0]
    assert 0 <= top < bottom <= size.generated[1]
    if fit == "crop":
        assert (right - left, bottom - top) == size.delivered


def test_720p_is_cropped_from_the_middle_of_768_rows() -> None:
    size = generation_size((1280, 720))
    assert size.generated == (1280, 768)
    assert size.crop_box == (0, 24, 1280, 744)


def test_pad_keeps_the_whole_picture_and_its_shape() -> None:
    size = generation_size((1280, 720), "pad")
    left, top, right, bottom = size.pad_box
    assert (top, bottom) == (0, 720)
    assert abs((right - left) / (bottom - top) - 1280 / 768) < 0.01


@pytest.mark.parametrize("size", [(1281, 720), (0, 720), (1280, -2), (100_000, 720)])
def test_odd_and_absurd_sizes_are_refused_with_a_mend(size: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        generation_size(size)
    assert "even number" in caught.value.mend


def test_latent_shape() -> None:
    assert latent_shape_from_pixels(121, 512, 768) == (16, 16, 24)


@pytest.mark.parametrize(
    ("shape", "mend"), [((120, 512, 768), "121"), ((121, 500, 768), "512"), ((121, 512, 1), "32")]
)
def test_latent_shape_names_the_nearest_legal(shape: tuple[int, int, int], mend: str) -> None:
    with pytest.raises(InputError) as caught:
        latent_shape_from_pixels(*shape)
    assert mend in caught.value.mend
