"""The formulas, on numbers small enough to check by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from reelwright.quality import Status
from reelwright.quality.cuts import find_cuts, shots_between
from reelwright.quality.filters import gaussian, laplacian, sobel
from reelwright.quality.flash import spikes
from reelwright.quality.flicker import flicker_levels
from reelwright.quality.lab import delta_e, lab_from_rgb
from reelwright.quality.levels import bright_level, middle_mean
from reelwright.quality.motion_compensation import (
    block_means,
    carry_labels,
    compose,
    surface_planes,
    valid_pixels,
    warp,
)
from reelwright.quality.psnr import drops, psnr_y, worst_transitions
from reelwright.quality.report import worst_status
from reelwright.quality.speed import best_speed
from reelwright.quality.verdicts import longest_run, runs, windows

RATE = Fraction(24)


def ramp(height: int = 40, width: int = 60) -> torch.Tensor:
    return torch.arange(width, dtype=torch.float32).expand(height, width).clone()


def test_psnr() -> None:
    one = torch.full((8, 8), 100.0)
    assert psnr_y(one, one) == 99.0
    assert psnr_y(one, one + 5) == pytest.approx(10 * np.log10(255**2 / 25))


def test_drops_are_against_neighbours_and_never_against_itself() -> None:
    found = drops([40, 40, 40, 20, 40, 40], 4)
    assert found.tolist() == [0, 0, 0, 20, 0, 0]
    assert np.isnan(drops([40, 30], 4)).all()
    assert drops([40, float("nan"), 38, 40], 4)[2] == 2


def test_worst_transitions_stand_apart() -> None:
    psnr = [30.0] * 30
    psnr[10:13] = [12.0, 11.0, 13.0]
    psnr[20] = 15.0
    found = worst_transitions(psnr, RATE)
    assert [item.frame for item in found[:2]] == [11, 20]
    assert found[0].time_s == pytest.approx(11 / 24, abs=1e-3)
    assert found[0].drop_db == pytest.approx(19)


def test_spikes_need_two_opposite_steps() -> None:
    assert spikes([10, 10, 15, 10, 10]).tolist() == [0, 0, 5, 0, 0]
    assert spikes([10, 10, 50, 50, 50]).tolist() == [0, 0, 0, 0, 0]
    assert spikes([10]).tolist() == [0]


def test_flicker_is_the_sigma_of_the_errors() -> None:
    level = np.random.default_rng(0).normal(0, 0.7, 4000)
    assert flicker_levels(np.diff(level).tolist()) == pytest.approx(0.7, rel=0.04)


def test_one_flash_is_no_flicker_but_a_pulse_is() -> None:
    level = np.random.default_rng(0).normal(0, 0.02, 48)
    flash = level.copy()
    flash[20] += 5
    assert flicker_levels(np.diff(flash).tolist()) < 0.1
    pulse = level.copy()
    pulse[::6] += 5
    assert flicker_levels(np.diff(pulse).tolist()) > 1


def test_bright_level_ignores_a_few_hot_pixels() -> None:
    luma = torch.full((100, 100), 20.0)
    luma[0, :40] = 255
    assert bright_level(luma) == 20


def test_middle_mean_leaves_the_tails_out() -> None:
    values = torch.tensor([-100.0, 1, 2, 3, 4, 5, 6, 200])
    assert middle_mean(values, 0.25, 0.75) == pytest.approx(3.5)
    assert np.isnan(middle_mean(torch.zeros(0), 0.25, 0.75))


def test_warp_samples_where_the_motion_points() -> None:
    motion = torch.zeros(40, 60, 2)
    motion[..., 0] = 2.5
    found = warp(ramp(), motion)
    assert torch.allclose(found[:, :50], ramp()[:, :50] + 2.5, atol=1e-3)
    assert float(found[0, -1]) == pytest.approx(59)


def test_carried_labels_are_whole_and_nothing_lies_outside() -> None:
    motion = torch.full((40, 60, 2), 1.2)
    found = carry_labels(ramp()[None] + 1, motion)[0]
    assert float(found[0, 0]) == 2
    assert float(found[0, -1]) == 0


def test_composed_motion_is_the_way_of_a_point() -> None:
    first = torch.full((40, 60, 2), 1.5)
    second = torch.zeros(40, 60, 2)
    second[..., 0] = ramp() * 0.1
    found = compose(first, second)
    assert float(found[5, 20, 0]) == pytest.approx(1.5 + 0.1 * 21.5, abs=1e-4)


def test_valid_pixels_stay_on_the_same_surface_inside_the_picture() -> None:
    mask = torch.zeros(40, 60)
    mask[10:30, 10:30] = 1
    depth = torch.full((40, 60), 5.0)
    depth[:8] = float("inf")
    motion = torch.zeros(40, 60, 2)
    motion[..., 0] = 4 * mask
    motion[20, 58, 0] = 4
    moved = torch.roll(mask, 4, dims=1)
    nearer = depth.clone()
    nearer[32:38] = 2.0
    found = valid_pixels(motion, surface_planes(mask, depth), surface_planes(moved, nearer))
    assert bool(found[20, 20])  # the prop, carried along
    assert bool(found[2, 20])  # the sky stays the sky
    assert not bool(found[20, 10])  # its edge
    assert not bool(found[20, 31])  # the ground that it covers
    assert not bool(found[20, 58])  # out of the picture
    assert not bool(found[34, 20])  # something came in front


def test_block_means_count_valid_pixels_alone() -> None:
    plane = torch.full((34, 34), 2.0)
    valid = torch.ones(34, 34, dtype=torch.bool)
    plane[0, 0], valid[0, 0] = 1000, False
    valid[2:4, 2:4] = torch.tensor([[True, False], [False, False]])
    means, usable = block_means(plane, valid, 17, 0.6)
    assert float(means[0, 0]) == 2
    assert bool(usable[0, 0])
    assert not bool(usable[1, 1])


def test_filters_on_a_ramp_and_a_constant() -> None:
    across, down = sobel(ramp())
    assert torch.allclose(across[:, 1:-1], torch.ones(40, 58))
    assert float(down.abs().max()) == 0
    assert float(laplacian(ramp())[:, 1:-1].abs().max()) < 1e-4
    assert torch.allclose(gaussian(torch.full((30, 30), 7.0), 3.0), torch.tensor(7.0))


def test_a_gaussian_has_its_width() -> None:
    plane = torch.zeros(61, 61)
    plane[30, 30] = 1
    blurred = gaussian(plane, 2.5)
    place = torch.arange(61.0) - 30
    assert float((blurred.sum(dim=0) * place.square()).sum()) == pytest.approx(2.5**2, rel=0.03)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)


def test_lab_of_known_colours() -> None:
    colors = torch.tensor([[255.0, 255, 255], [0, 0, 0], [255, 0, 0], [119, 119, 119]])
    found = lab_from_rgb(colors)
    assert found[0].tolist() == pytest.approx([100, 0, 0], abs=0.02)
    assert found[1].tolist() == pytest.approx([0, 0, 0], abs=0.02)
    assert found[2].tolist() == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert float(found[3, 0]) == pytest.approx(50.03, abs=0.05)
    assert float(delta_e(found[0], found[1])) == pytest.approx(100, abs=0.02)


def test_lab_is_the_reference_one() -> None:
    color = pytest.importorskip("skimage.color")
    rgb = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    ours = lab_from_rgb(torch.from_numpy(rgb).float()).numpy()
    assert np.abs(ours - color.rgb2lab(rgb)).max() < 0.05


def test_the_best_speed_lies_between_the_factors() -> None:
    factors = np.arange(0, 3.01, 0.125)
    speed = best_speed(1 + (factors - 1.19) ** 2)
    assert speed.factor == pytest.approx(1.19, abs=1e-6)
    assert speed.confidence == pytest.approx((1 + 1.19**2) / (1 + 0.06**2), rel=0.01)
    assert best_speed(1 + factors).factor == 0
    assert best_speed(10 - factors).factor == 3


def test_cuts_do_not_recover_and_bad_frames_do() -> None:
    psnr = [34.0] * 30
    across = [31.0] * 30
    psnr[12], across[11], across[12], across[13] = 12.0, 12, 12, 12
    assert find_cuts(psnr, across) == [13]
    psnr[20] = psnr[21] = 14.0
    across[19], across[22] = 14.0, 14.0
    assert find_cuts(psnr, across) == [13]
    assert shots_between([13], 31) == [(0, 13), (13, 31)]


def test_a_still_picture_that_begins_to_move_is_no_cut() -> None:
    psnr = [99.0] * 12 + [33.0] * 12
    assert find_cuts(psnr, psnr) == []


def test_runs_and_windows() -> None:
    assert list(runs([True, False, True, True])) == [(0, 0), (2, 3)]
    assert longest_run([False, False]) is None
    assert longest_run([True, True, False, True, True]) == (0, 1)
    assert list(windows(60, 48)) == [(0, 60)]
    cover = list(windows(200, 48))
    assert cover[0] == (0, 48)
    assert cover[-1][1] == 200
    assert all(later[0] - earlier[0] == 24 for earlier, later in pairwise(cover))


def test_a_failure_outranks_all_and_not_judged_outranks_nothing() -> None:
    assert worst_status([Status.PASSED, Status.NOT_JUDGED]) is Status.PASSED
    assert worst_status([Status.NOT_JUDGED]) is Status.NOT_JUDGED
    assert worst_status([Status.WARN, Status.FAIL, Status.PASSED]) is Status.FAIL
    assert worst_status([]) is Status.NOT_JUDGED
