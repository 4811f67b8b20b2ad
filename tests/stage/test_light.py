"""Film, sky, patterns, textures and waves, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reelwright.stage import light as light_module
from reelwright.stage.glare import over_white, with_glare
from reelwright.stage.ground import GroundPatch
from reelwright.stage.light import Lighting
from reelwright.stage.mipmap import CLAMP, MIRROR, REPEAT, MipTable, footprint, texels
from reelwright.stage.noise import noise_tile
from reelwright.stage.patterns import checker, grid
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.sky import sun_direction
from reelwright.stage.texture import MAX_SIDE, Textures
from reelwright.stage.tonemap import WHITE, Film, light_for, srgb_from_linear, tone
from reelwright.stage.waves import Waves
from reelwright.storyboard import Ground, Light

CPU = torch.device("cpu")


def test_the_film_curve_is_anchored_and_can_be_undone():
    values = np.geomspace(1e-3, 15, 200)
    assert tone(np.array([0.0, 0.18, WHITE])) == pytest.approx([0.0, 0.18, 1.0], abs=2e-3)
    assert (np.diff(tone(values)) > 0).all()
    assert light_for(tone(values)) == pytest.approx(values, rel=1e-6)


def test_tables_are_as_good_as_the_formulas():
    film = Film.of(1.0, CPU)
    light = torch.linspace(0, 9, 3000).reshape(3, 1, 1000)
    code = film.print_(film.develop(film.exposed(light)))
    exact = srgb_from_linear(tone(2 * light.double().numpy())) * 255
    assert np.abs(code.permute(2, 0, 1).numpy() - exact).max() < 0.51
    assert film.print_(torch.ones(3, 1, 1)).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("width", [0.01, 0.1, 0.4, 1.0, 2.5, 8.0])
def test_patterns_keep_their_mean_at_every_distance(width):
    place = torch.rand((2, 40_000), generator=torch.Generator().manual_seed(1)) * 40 - 20
    wide = torch.full_like(place, width)
    assert float(checker(place, wide).mean()) == pytest.approx(0.5, abs=0.01)
    assert float(grid(place, wide).mean()) == pytest.approx(1 - 0.965**2, abs=0.01)
    # Not finer than a pixel: what is left falls with the width.
    assert float(checker(place, wide).std()) < 0.51 / max(1.0, width**2)


def test_near_patterns_are_what_they_say():
    place = torch.tensor([[0.5, 1.5, 0.5, -0.5], [0.5, 0.5, 1.5, 0.5]])
    fine = torch.full_like(place, 0.005)
    assert checker(place, fine).tolist() == pytest.approx([0, 1, 1, 1], abs=1e-3)
    assert grid(place, fine).tolist() == pytest.approx([0, 0, 0, 0], abs=1e-3)
    assert grid(place * 0 + 3.0, fine).tolist() == pytest.approx([1, 1, 1, 1], abs=1e-3)


@pytest.mark.parametrize("wrap", [REPEAT, MIRROR, CLAMP])
def test_texel_weights_sum_to_one_and_stay_inside(wrap):
    table = MipTable.of([[(7, 5), (3, 2), (1, 1)], [(4, 4), (2, 2), (1, 1)]], CPU)
    chance = torch.Generator().manual_seed(2)
    picture = torch.randint(0, 2, (500,), generator=chance)
    uv = torch.rand((2, 500), generator=chance) * 8 - 4
    lod = torch.rand(500, generator=chance) * 6 - 2
    total = torch.zeros(500)
    for index, weight in texels(table, picture, uv, lod, (wrap, wrap)):
        low = torch.where(picture == 0, 0, 42)
        high = torch.where(picture == 0, 42, 63)
        assert ((index >= low) & (index < high)).all()
        assert (weight >= -1e-6).all()
        total += weight
    assert torch.allclose(total, torch.ones(500), atol=1e-5)


def test_a_pyramid_reads_its_field():
    ramp = torch.linspace(0, 1, 64)[None, None].expand(1, 64, 64).contiguous()
    pyramid = Pyramid.of(ramp, repeats=False)
    uv = torch.tensor([[0.25, 0.5, 0.75], [0.5, 0.5, 0.5]])
    for lod in (0.0, 1.5, 3.0):
        found = pyramid.read(uv, torch.full((3,), lod))[0]
        assert found.tolist() == pytest.approx([0.246, 0.5, 0.754], abs=2e-3)


def test_a_footprint_follows_the_stretch():
    long, short = torch.tensor([[8 / 64], [0.0]]), torch.tensor([[0.0], [2 / 64]])
    seen = footprint(long, short, 64, 64)
    assert float(seen.lod) == pytest.approx(1.0)  # 2 texels across, 8 along in 4 taps of 2
    assert seen.stretch[:, 0].tolist() == pytest.approx([8 / 64 * (15 / 16) ** 0.5 / 4, 0.0])
    even = footprint(long, short.flip(0).roll(1, 0) * 4, 64, 64)
    assert float(even.stretch.abs().max()) < 1e-6


def test_large_textures_are_halved_and_leaves_do_not_thin_out():
    wide = np.full((8, 2 * MAX_SIDE, 4), 255, np.uint8)
    chance = np.random.default_rng(3)
    leaves = np.full((128, 128, 4), 255, np.uint8)
    leaves[..., 3] = np.where(chance.random((128, 128)) < 0.3, 255, 0)
    textures = Textures.of([(wide, None), (leaves, 0.5)], CPU)
    assert textures.largest[:, 0].tolist() == [MAX_SIDE, 4]
    table = textures.table
    for level in range(int(table.first[1]), int(table.last[1]) - 2):
        start = int(table.offset[level])
        words = textures.data[start : start + int(table.width[level] * table.height[level])]
        share = (((words >> 24) & 255).float() / 255 >= 0.5).float().mean()
        assert float(share) == pytest.approx(0.3, abs=0.08)


def test_textures_keep_srgb_to_half_a_step():
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = np.dstack([greys, greys, greys, np.full_like(greys, 255)])
    textures = Textures.of([(picture, None)], CPU)
    row, column = np.divmod(np.arange(256), 16)
    uv = torch.tensor(np.stack([(column + 0.5) / 16, (row + 0.5) / 16]), dtype=torch.float32)
    flat = torch.zeros((2, 256))
    number = torch.zeros(256, dtype=torch.int64)
    seen = textures.footprint(number, flat, flat)
    read = textures.read(number, uv, seen, (number, number))
    code = srgb_from_linear(read[0].double().numpy()) * 255
    assert np.abs(code - np.arange(256)).max() < 0.75
    assert (read[3] == 1).all()


def test_noise_tiles_and_is_always_the_same():
    tile = noise_tile(3)
    assert tile.mean() == pytest.approx(0, abs=1e-9)
    assert tile.std() == pytest.approx(1)
    assert np.abs(tile[:, 0] - tile[:, -1]).max() < 4 * np.abs(np.diff(tile, axis=1)).max()
    assert float(tile[5, 7]) == float(noise_tile(3)[5, 7])
    assert np.abs(noise_tile(4) - tile).mean() > 0.5


def test_waves_have_their_slope_whatever_the_distance():
    waves = Waves.of(1.0)
    square = waves.at(2.0, CPU)
    chance = torch.Generator().manual_seed(4)
    offset = torch.rand((2, 20_000), generator=chance) * 40
    totals = []
    for pixel in (0.01, 0.5, 20.0):
        right = torch.tensor([[pixel], [0.0]]).expand(2, 20_000)
        patch = GroundPatch(offset, right, right.flip(0))
        slope, variance = waves.read(square, patch, np.zeros(3))
        assert float(slope.mean().abs()) < 0.01
        totals.append(float((slope.square().sum(0) + variance).mean()))
        if pixel == 20.0:
            assert float(slope.square().sum(0).mean()) < 0.1 * totals[-1]
    # What the average leaves out comes back as roughness.
    assert totals[1:] == pytest.approx([totals[0]] * 2, rel=0.2)
    assert float((waves.at(2.5, CPU).data - square.data).abs().mean()) > 0.01


def test_light_from_all_sides_is_even():
    toward, area = light_module._all_around()
    even = light_module._gathered(np.ones((3, len(area))), toward.numpy(), area)
    lighting = Lighting.of(Light(), Ground(), CPU)
    lit = Lighting(lighting.sky, even, lighting.ground_light, 0.0, 1e9)
    assert torch.allclose(lit.ambient_on(toward.float()), torch.ones(3, len(area)), atol=2e-3)


def test_the_ambient_is_that_of_the_sky_it_is_gathered_from():
    toward, area = light_module._all_around()
    world = np.clip(toward[2].numpy(), 0, None) * np.ones((3, 1))
    gathered = light_module._gathered(world, toward.numpy(), area)
    lighting = Lighting.of(Light(), Ground(), CPU)
    lit = Lighting(lighting.sky, gathered, lighting.ground_light, 0.0, 1e9)
    for normal in ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8)):
        cosine = np.clip(np.array(normal) @ toward.numpy(), 0, None)
        exact = (world[0] * cosine * area).sum() / np.pi
        found = lit.ambient_on(torch.tensor(normal)[:, None])
        assert float(found[0, 0]) == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "expected"),
    [(0, 0, (0, 1, 0)), (90, 0, (1, 0, 0)), (180, 0, (0, -1, 0)), (45, 90, (0, 0, 1))],
)
def test_the_sun_stands_where_the_compass_says(azimuth, elevation, expected):
    found = sun_direction(Light(sun_azimuth_deg=azimuth, sun_elevation_deg=elevation))
    assert found == pytest.approx(expected, abs=1e-9)


def test_glare_lies_about_what_is_bright_and_nowhere_else():
    display = torch.full((3, 64, 96), 0.2)
    light = torch.full((3, 64, 96), 0.2)
    light[:, 30:34, 46:50] = 8.0
    glowing = with_glare(display, over_white(light))
    assert torch.equal(with_glare(display, over_white(display)), display)
    assert float((glowing - display)[:, 31, 44].min()) > 0.002
    assert float((glowing - display)[:, 31, 44].min()) > float((glowing - display)[:, 31, 5].max())
    assert float(glowing.max()) <= 1.0
    left, right = glowing[0, 31, 43], glowing[0, 31, 52]
    assert float(left) == pytest.approx(float(right), rel=0.1)
