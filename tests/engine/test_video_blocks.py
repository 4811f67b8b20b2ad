"""Blocks that no released codec has, against their definitions written out place by place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import VideoVaeConfig
from reelwright.engine.codecs.video_blocks import FrameAttention, StridedConv, WidthBlock
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.codecs.video_vae import video_scale
from reelwright.errors import CheckpointError


@pytest.fixture(autouse=True)
def _plain() -> Any:
    with torch.inference_mode():
        yield


def _filled(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    for tensor in module.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
    return module


def _input(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(6))


def _norm(x: Tensor) -> Tensor:
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def _conv(x: Tensor, conv: nn.Conv3d, before: int, after: int) -> Tensor:
    parts = [x[:, :, :1]] * before + [x] + [x[:, :, -1:]] * after
    return nn.functional.conv3d(torch.cat(parts, 2), conv.weight, conv.bias, padding=(0, 1, 1))


@pytest.mark.parametrize("causal", [True, False])
def test_a_block_between_two_widths(causal: bool) -> None:
    block: Any = _filled(WidthBlock(4, 8, "zeros", causal=causal))
    x = _input(1, 4, 3, 4, 5)
    sides = (2, 0) if causal else (1, 1)
    h = _conv(torch.nn.functional.silu(_norm(x)), block.conv1.conv, *sides)
    h = _conv(torch.nn.functional.silu(_norm(h)), block.conv2.conv, *sides)
    normal = (x - x.mean()) / (x.var(unbiased=False) + 1e-6).sqrt()
    normal = normal * block.norm3.weight.view(-1, 1, 1, 1) + block.norm3.bias.view(-1, 1, 1, 1)
    matrix = block.conv_shortcut.weight[:, :, 0, 0, 0]
    around = torch.einsum("oc,bcfhw->bofhw", matrix, normal)
    wanted = h + around + block.conv_shortcut.bias.view(-1, 1, 1, 1)
    assert torch.allclose(block(x), wanted, atol=1e-5)
    names = {"conv1.conv", "conv2.conv", "norm3", "conv_shortcut"}
    assert {name.rpartition(".")[0] for name in block.state_dict()} == names
    assert block.conv_shortcut.weight.shape == (8, 4, 1, 1, 1)


def test_attention_inside_each_frame() -> None:
    block: Any = _filled(FrameAttention(4))
    x = _input(2, 4, 3, 2, 3)
    wanted = torch.empty_like(x)
    for b in range(2):
        for f in range(3):
            places = x[b, :, f].flatten(1).T  # [6, C]
            unit = places / places.norm(dim=1, keepdim=True) * 2 * block.norm.gamma.flatten()
            q, k, v = (unit @ block.to_qkv.weight[:, :, 0, 0].T + block.to_qkv.bias).split(4, 1)
            seen = (q @ k.T / 2).softmax(dim=1) @ v
            added = seen @ block.proj.weight[:, :, 0, 0].T + block.proj.bias
            wanted[b, :, f] = (places + added).T.view(4, 2, 3)
    assert torch.allclose(block(x), wanted, atol=1e-5)
    assert block.norm.gamma.shape == (4, 1, 1)


@pytest.mark.parametrize("stride", [(1, 2, 2), (2, 1, 1), (2, 2, 2)])
def test_a_convolution_that_folds(stride: tuple[int, int, int]) -> None:
    block: Any = _filled(StridedConv(4, 8, stride, "zeros"))
    x = _input(1, 4, 5, 4, 6)
    everywhere = _conv(x, block.conv, 2, 0)
    wanted = everywhere[:, :, :: stride[0], :: stride[1], :: stride[2]]
    assert torch.allclose(block(x), wanted, atol=1e-5)


ENCODER = [
    ["res_x", 1],
    ["compress_space", {}],
    ["res_x_y", {}],
    ["compress_time", {}],
    ["attn", {}],
    ["compress_all_x_y", {"multiplier": 3}],
    ["compress_all", {}],
]
DECODER = [
    ["res_x", {"num_layers": 1}],
    ["compress_all", {"multiplier": 1}],
    ["res_x_y", {"multiplier": 3}],
    ["compress_all", {"multiplier": 2}],
    ["compress_space", {"multiplier": 1}],
    ["attn", {}],
    ["compress_time", {"multiplier": 1}],
]


def _config(**changes: Any) -> VideoVaeConfig:
    fields: dict[str, Any] = {
        "latent_channels": 4,
        "encoder_blocks": ENCODER,
        "decoder_blocks": DECODER,
        "encoder_base_channels": 4,
        "decoder_base_channels": 4,
        "patch_size": 1,
        "timestep_conditioning": False,
        "spatial_padding_mode": "zeros",
    }
    return VideoVaeConfig.model_validate(fields | changes)


def test_a_codec_of_all_of_them() -> None:
    config = _config()
    encoder, decoder = _filled(VideoEncoder(config)), _filled(VideoDecoder(config))
    assert encoder.state_dict()["conv_out.conv.weight"].shape[1] == 4 * 2 * 3
    assert decoder.state_dict()["conv_in.conv.weight"].shape[0] == 4 * 2 * 3
    assert "down_blocks.1.conv.weight" in encoder.state_dict()
    latent = encoder(_input(1, 3, 9, 8, 16))
    scale = video_scale(config)
    assert (scale.time, scale.height, scale.width) == (8, 8, 8)
    assert latent.shape == (1, 4, 2, 1, 2)
    assert decoder(latent).shape == (1, 3, 9, 8, 16)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder_blocks": [["compress_time_x_y", {}]]}, "compress_time_x_y"),
        ({"encoder_blocks": [["res_x_y", {"multiplier": 1}]]}, "res_x_y"),
        ({"decoder_blocks": [["compress_all_res", {}]]}, "compress_all_res"),
        ({"decoder_blocks": [["compress_all_x_y", {}]]}, "compress_all_x_y"),
        ({"decoder_blocks": [["res_x_y", {"inject_noise": True}]]}, "res_x_y"),
        ({"decoder_blocks": [["mamba", {}]]}, "mamba"),
    ],
)
def test_blocks_that_nobody_knows(changes: dict[str, Any], words: str) -> None:
    config = _config(**changes)
    with pytest.raises(CheckpointError, match=words):
        (VideoEncoder if "encoder_blocks" in changes else VideoDecoder)(config)
