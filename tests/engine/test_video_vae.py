from __future__ import annotations

from typing import Any

import pytest
import torch

from reelwright.engine.checkpoints.config import VideoVaeConfig
from reelwright.engine.codecs.statistics import Statistics
from reelwright.engine.codecs.tiling import AxisTiling, Tiling
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.codecs.video_layers import (
    CausalConv,
    fold,
    patch_pixels,
    pixel_norm,
    unfold,
    unpatch_pixels,
)
from reelwright.engine.codecs.video_vae import VideoVae, to_rgb, video_scale
from reelwright.engine.denoiser.positions import VideoScale
from reelwright.errors import CheckpointError, InputError

TINY: dict[str, Any] = {
    "latent_channels": 4,
    "encoder_blocks": [["res_x", 1], ["compress_all_res", {"multiplier": 2}]],
    "decoder_blocks": [["res_x", {"num_layers": 1}], ["compress_all", {"multiplier": 2}]],
    "patch_size": 2,
    "encoder_base_channels": 4,
    "decoder_base_channels": 4,
    "timestep_conditioning": False,
    "spatial_padding_mode": "zeros",
}


@pytest.fixture
def vae() -> VideoVae:
    """A codec of 2 frames and 4x4 pixels a cell."""
    torch.manual_seed(2)
    config = VideoVaeConfig(**TINY)
    return VideoVae(
        video_scale(config),
        Statistics(torch.full((4,), 0.5), torch.full((4,), 2.0)),
        VideoEncoder(config).requires_grad_(False),
        VideoDecoder(config).requires_grad_(False),
    )


@pytest.mark.parametrize("stride", [(1, 2, 2), (2, 1, 1), (2, 2, 2)])
def test_fold_there_and_back(stride: tuple[int, int, int]) -> None:
    x = torch.arange(2 * 3 * 4 * 4 * 4.0).view(2, 3, 4, 4, 4)
    assert torch.equal(unfold(fold(x, stride), stride), x)
    assert torch.equal(unpatch_pixels(patch_pixels(x, 2), 2), x)


def test_patches_have_columns_slower_and_folds_rows_slower() -> None:
    x = torch.arange(4.0).view(1, 1, 1, 2, 2)
    assert patch_pixels(x, 2).flatten().tolist() == [0, 2, 1, 3]
    assert fold(x, (1, 2, 2)).flatten().tolist() == [0, 1, 2, 3]


def test_pixel_norm(generator: torch.Generator) -> None:
    x = torch.randn(2, 8, 3, 4, 4, generator=generator)
    expected = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
    assert torch.allclose(pixel_norm(x), expected, atol=1e-6)


def test_causal_convolution_sees_only_the_past(generator: torch.Generator) -> None:
    x = torch.randn(1, 2, 5, 4, 4, generator=generator)
    changed = x.clone()
    changed[:, :, 3:] += 1
    for causal, same in ((True, 3), (False, 2)):
        torch.manual_seed(1)
        conv = CausalConv(2, 3, "zeros", causal=causal)
        assert torch.equal(conv(x)[:, :, :same], conv(changed)[:, :, :same])
        assert not torch.equal(conv(x)[:, :, same], conv(changed)[:, :, same])


def test_shapes_there_and_back(vae: VideoVae) -> None:
    assert vae.scale == VideoScale(2, 4, 4)
    latent = vae.encode(torch.zeros(1, 3, 5, 8, 12))
    assert latent.shape == (1, 4, 3, 2, 3)
    assert vae.decode(latent).shape == (1, 3, 5, 8, 12)
    assert vae.decode(latent[:, :, :1]).shape == (1, 3, 1, 8, 12)


def test_scale_of_the_real_codec() -> None:
    blocks = ["res_x", "compress_space", "compress_time", "compress_all", "compress_all"]
    config = VideoVaeConfig(decoder_blocks=tuple((kind, {}) for kind in blocks))
    assert video_scale(config) == VideoScale(8, 32, 32)


@pytest.mark.parametrize(
    ("shape", "mend"),
    [((1, 3, 4, 8, 8), "Use 5 frames"), ((1, 3, 5, 9, 8), "Use 12"), ((1, 3, 5, 8, 2), "Use 4")],
)
def test_sizes_off_the_grid(vae: VideoVae, shape: tuple[int, ...], mend: str) -> None:
    with pytest.raises(InputError, match=mend):
        vae.encode(torch.zeros(shape))


def test_whole_frames(vae: VideoVae) -> None:
    assert [vae.whole_frames(n) for n in (1, 2, 3, 4, 5)] == [1, 1, 3, 3, 5]


def test_reflection_needs_two_cells() -> None:
    config = VideoVaeConfig(**(TINY | {"spatial_padding_mode": "reflect"}))
    statistics = Statistics(torch.zeros(4), torch.ones(4))
    vae = VideoVae(video_scale(config), statistics, None, VideoDecoder(config))
    with pytest.raises(InputError, match="at least 8 rows"):
        vae.decode(torch.zeros(1, 4, 1, 1, 3))
    with pytest.raises(InputError, match="no video encoder"):
        vae.encode(torch.zeros(1, 3, 1, 8, 8))


@pytest.mark.parametrize("tiles", [(2, 1), (3, 1), (5, 3)])
def test_tiles_stream_all_frames(vae: VideoVae, tiles: tuple[int, int]) -> None:
    torch.manual_seed(4)
    latent = torch.randn(1, 4, 6, 5, 4)
    tiling = Tiling(AxisTiling(*tiles), AxisTiling(3, 1), AxisTiling(4, 2))
    chunks = list(vae.decode_tiled(latent, tiling))
    assert sum(chunk.shape[2] for chunk in chunks) == 11
    assert all(chunk.shape[-2:] == (20, 16) for chunk in chunks)


def test_one_tile_is_the_whole(vae: VideoVae) -> None:
    torch.manual_seed(4)
    latent, whole = torch.randn(1, 4, 3, 2, 2), Tiling(*[AxisTiling(9, 2)] * 3)
    tiled = torch.cat(list(vae.decode_tiled(latent, whole)), dim=2)
    assert torch.allclose(tiled, vae.decode(latent), atol=1e-6)
    pixels = torch.randn(1, 3, 5, 8, 8)
    assert torch.allclose(vae.encode_tiled(pixels, whole), vae.encode(pixels), atol=1e-6)


def test_tiles_show_no_seam(vae: VideoVae) -> None:
    """Equal outside the overlap; inside it no step is larger than the picture's own."""
    torch.manual_seed(4)
    latent = torch.randn(1, 4, 1, 2, 30)
    tiling = Tiling(AxisTiling(1, 0), AxisTiling(2, 0), AxisTiling(20, 10))
    tiled, whole = torch.cat([*vae.decode_tiled(latent, tiling)], dim=2), vae.decode(latent)
    difference = (tiled - whole).abs().amax((0, 1, 2, 3))
    assert difference[:40].max() < 1e-5
    assert difference[80:].max() < 1e-5
    steps = tiled.diff(dim=-1).abs().mean((0, 1, 2, 3))
    assert steps[[39, 79]].max() < steps[:39].max()


def test_times_show_no_seam(vae: VideoVae) -> None:
    torch.manual_seed(4)
    latent = torch.randn(1, 4, 30, 2, 2)
    tiling = Tiling(AxisTiling(20, 10), AxisTiling(2, 0), AxisTiling(2, 0))
    tiled, whole = torch.cat([*vae.decode_tiled(latent, tiling)], dim=2), vae.decode(latent)
    difference = (tiled - whole).abs().amax((0, 1, 3, 4))
    assert difference[:19].max() < 1e-5
    assert difference[40:].max() < 1e-5


@pytest.mark.parametrize("kind", ["compress_depth", "res_y", "compress_time_x_y"])
def test_blocks_that_are_not_known(kind: str) -> None:
    for side, make in (("encoder", VideoEncoder), ("decoder", VideoDecoder)):
        config = VideoVaeConfig(**(TINY | {f"{side}_blocks": [[kind, {}]]}))
        with pytest.raises(CheckpointError, match=kind):
            make(config)


def test_rgb_is_clamped() -> None:
    pixels = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]).view(1, 1, 1, 5).expand(3, 1, 1, 5)
    assert to_rgb(pixels)[0, 0, :, 0].tolist() == [0, 0, 0.5, 1, 1]


def test_statistics_there_and_back(generator: torch.Generator) -> None:
    statistics = Statistics(torch.tensor([1.0, -1.0]), torch.tensor([2.0, 0.5]))
    latent = torch.randn(1, 2, 3, generator=generator)
    assert torch.allclose(statistics.denormalise(statistics.normalise(latent)), latent, atol=1e-6)
