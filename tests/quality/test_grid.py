"""Where a picture is measured, and how the stage lies under it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import QualityError
from reelwright.quality.grid import measure_grid
from reelwright.quality.luma import area_resize, measured_luma, rgb_tensor
from reelwright.quality.steps import measured_motion, thinned
from reelwright.shapes import generation_size


def test_a_large_picture_is_measured_at_360_rows_and_a_small_one_as_it_is() -> None:
    grid = measure_grid((1920, 1080))
    assert (grid.width, grid.height) == (640, 360)
    assert grid.scale == pytest.approx(360 / 272)
    small = measure_grid((240, 136))
    assert (small.width, small.height, small.coarseness) == (240, 136, 2.0)


def test_a_cropped_picture_lies_on_the_middle_of_its_stage() -> None:
    size = generation_size((1280, 720))
    grid = measure_grid((1280, 720), size.generated, size)
    assert (grid.picture, grid.staged) == ((0, 0, 1280, 720), (0, 24, 1280, 744))
    enlarged = measure_grid((2560, 1440), size.generated, size)
    assert (enlarged.picture, enlarged.staged) == ((0, 0, 2560, 1440), (0, 24, 1280, 744))


def test_a_padded_picture_is_measured_inside_its_bars() -> None:
    size = generation_size((1280, 720), "pad")
    grid = measure_grid((1280, 720), size.generated, size)
    assert grid.staged == (0, 0, 1280, 768)
    assert grid.picture == size.pad_box
    assert grid.picture[0] > 0


def test_a_stage_of_another_shape_is_refused_with_the_mend() -> None:
    with pytest.raises(QualityError, match="does not lie on a stage") as caught:
        measure_grid((1280, 720), (1280, 768))
    assert "generation_size" in caught.value.mend


def test_a_picture_too_small_to_measure_is_refused() -> None:
    with pytest.raises(QualityError, match="too small"):
        measure_grid((30, 200))


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 90), st.integers(8, 90), st.integers(0, 10**6))
def test_shrinking_keeps_the_mean(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = torch.from_numpy(rng.uniform(0, 255, (rows, columns)).astype(np.float32))
    size = int(rng.integers(1, columns + 1)), int(rng.integers(1, rows + 1))
    small = area_resize(plane, size)
    assert small.shape == (size[1], size[0])
    assert float(small.mean()) == pytest.approx(float(plane.mean()), abs=0.02)


def test_shrinking_by_a_fraction_is_the_mean_of_the_area() -> None:
    plane = torch.arange(6.0).expand(4, 6)
    small = area_resize(plane, (4, 4))
    assert small[0].tolist() == pytest.approx([1 / 3, 5 / 3, 10 / 3, 14 / 3])


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("float32", 1.0)])
def test_luma_is_the_same_at_any_depth(dtype: str, white: float) -> None:
    frame = np.zeros((40, 40, 3), dtype)
    frame[..., 1] = white
    grid = measure_grid((40, 40))
    assert float(measured_luma(frame, grid).mean()) == pytest.approx(0.7152 * 255, abs=0.01)


def test_a_frame_that_is_no_picture_is_refused() -> None:
    with pytest.raises(QualityError, match="cannot be measured"):
        rgb_tensor(np.zeros((40, 40), np.uint8))
    with pytest.raises(QualityError, match="float64"):
        rgb_tensor(np.zeros((40, 40, 3)))


def test_motion_comes_to_measured_pixels() -> None:
    size = generation_size((1280, 720))
    grid = measure_grid((1280, 720), size.generated, size)
    motion = np.full((768, 1280, 2), (6, -2), np.float32)
    motion[30, 7] = np.nan
    found = measured_motion(motion, grid)
    assert found.shape == (360, 640, 2)
    assert found[100, 100].tolist() == [3, -1]
    assert bool(found.isfinite().all())


def test_thinning_by_a_fraction_takes_the_nearest() -> None:
    grid = measure_grid((1000, 500), (1000, 500))
    columns = np.broadcast_to(np.arange(1000, dtype=np.float32), (500, 1000))
    found = thinned(columns, grid)
    assert found.shape == (360, 720)
    assert np.abs(found[0] + 0.5 - (np.arange(720) + 0.5) * 1000 / 720).max() <= 0.51
