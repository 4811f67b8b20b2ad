"""The pocket's latent upsampler in the official layout: its shape, its linear start, its file.

The codec is linear, so the best guess at large cells from small ones is near a linear map. The
layout bends everywhere, but lets one through:

- SiLU halves what is small, up to a part of its size.
- GroupNorm divides by the clip's own deviation and takes off its mean. With a large constant added
  to one channel of a group of three and taken off another, the deviation is that constant's. What
  it costs are two means of a clip in each group; so 96 signals pass, of which the first 32 keep
  theirs.
- A block adds nothing while the scale of its second norm is zero.

Three least-squares problems, each on what the network so far really yields, give its convolutions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from reelwright.engine.checkpoints.config import UpsamplerConfig
from reelwright.engine.codecs.upsampler import GROUPS, LatentUpsampler

CONFIG: dict[str, Any] = {
    "_class_name": "LatentUpsampler",
    "dims": 3,
    "in_channels": 128,
    "mid_channels": 96,
    "num_blocks_per_stage": 1,
    "spatial_upsample": True,
    "temporal_upsample": False,
    "spatial_scale": 2.0,
    "rational_resampler": False,
}

CONSTANT = 64.0
"""Added to the first channel of each group and taken off the second, in deviations of a signal."""

MIX = ((1.0, 1.0, 1.0), (1.0, 1.0, -1.0), (-2.0, 1.0, 0.0))
"""Channels of a group from three signals; the first keeps its mean, for it is in neither loss."""

GAIN = 0.25
"""Scale of the first norm: signals behind it are about a hundredth."""

SMALL = 0.01
"""Deviation of what the shuffle yields."""

NOISE = 0.05
"""Deviation of the noise that a normalised latent is thought to have, as a made one has."""

Taps = list[tuple[int, int, int]]

CROSS: Taps = [(0, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1), (-1, 0, 0), (1, 0, 0)]
FLAT: Taps = CROSS[:5]

Pair = tuple[Tensor, Tensor]
"""Raw latents of a clip [1, 128, F, H, W] and of the same at twice its sides."""


def make_upsampler() -> LatentUpsampler:
    """One whose blocks pass on what they get."""
    net = LatentUpsampler(UpsamplerConfig.model_validate(CONFIG))
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if "norm2" in name or name.endswith("bias"):
                weight.zero_()
    return net


def around(x: Tensor, taps: Taps) -> Tensor:
    """What a convolution sees at each place, zeros beyond: [B, C, F, H, W] to [N, taps * C]."""
    wide = pad(x, (1, 1, 1, 1, 1, 1))
    frames, height, width = x.shape[2:]
    seen = [
        wide[:, :, 1 + t : 1 + t + frames, 1 + r : 1 + r + height, 1 + c : 1 + c + width]
        for t, r, c in taps
    ]
    return torch.cat(seen, dim=1).movedim(1, -1).flatten(0, 3)


def quarters(large: Tensor, channels: int) -> Tensor:
    """The four large cells of each small one, first channels: [N, C * 4] as a shuffle has them."""
    parts = large[:, :channels].unflatten(3, (-1, 2)).unflatten(5, (-1, 2))
    return parts.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(0, 3)


class Moments:
    """Sums of which least squares are made."""

    def __init__(self) -> None:
        self.xx: Tensor | float = 0.0
        self.xy: Tensor | float = 0.0
        self.x: Tensor | float = 0.0
        self.y: Tensor | float = 0.0
        self.count = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Take in rows."""
        self.xx, self.xy = self.xx + (x.T @ x).double(), self.xy + (x.T @ y).double()
        self.x, self.y = self.x + x.sum(0).double(), self.y + y.sum(0).double()
        self.count += len(x)

    def solve(self, ridge: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
        """Weights [X, Y], offset [Y], covariance of rows; ridge is a variance to each of x."""
        mean_x, mean_y = torch.as_tensor(self.x) / self.count, torch.as_tensor(self.y) / self.count
        cov = torch.as_tensor(self.xx) / self.count - mean_x.outer(mean_x)
        both = torch.as_tensor(self.xy) / self.count - mean_x.outer(mean_y)
        loaded = cov + torch.diag(torch.as_tensor(ridge).double().expand(len(cov)))
        weights = torch.linalg.solve(loaded, both)
        return weights, mean_y - mean_x @ weights, loaded


@torch.no_grad()
def start(net: LatentUpsampler, pairs: Iterable[Pair], std: Tensor, scale: Tensor) -> None:
    """Write the linear map into a fresh network.

    Args:
        net: From `make_upsampler`.
        pairs: Of clips; gone through three times.
        std: Deviation of raw latents.
        scale: What they are divided by.
    """
    _start_signals(net, pairs, (NOISE * scale).square())
    mid = net.initial_conv.out_channels
    unit = SMALL / std[:mid]
    shuffle: nn.Conv2d = net.upsampler[0]  # type: ignore[index, assignment]
    bulge = 2.0 * unit.repeat_interleave(4)  # the block behind halves it
    weights, offset = _fit(pairs, _before(net), lambda large: quarters(large, mid) * bulge, FLAT)
    _write(shuffle, weights.T, offset, FLAT)
    weights, offset = _fit(pairs, _behind(net), lambda large: around(large, [(0, 0, 0)]), CROSS)
    _write(net.final_conv, weights.T, offset, CROSS)


def _start_signals(net: LatentUpsampler, pairs: Iterable[Pair], noise: Tensor) -> None:
    """The 96 combinations of a neighbourhood that tell most of the large cells."""
    moments = Moments()
    for small, large in pairs:
        moments.add(around(small, CROSS), quarters(large, large.shape[1]))
    weights, _, cov = moments.solve(noise.repeat(len(CROSS)))
    _, vectors = torch.linalg.eigh(weights.T @ cov @ weights)
    rows = (weights @ vectors.flip(1)[:, : 3 * GROUPS]).T
    rows = rows / (rows @ cov * rows).sum(1, keepdim=True).sqrt()
    mix = torch.tensor(MIX).double()
    signals = torch.einsum("ij,jgx->gix", mix / mix.norm(dim=0), rows.unflatten(0, (3, GROUPS)))
    signals = signals.flatten(0, 1)
    held = torch.tensor([CONSTANT, -CONSTANT, 0.0]).repeat(GROUPS)
    mean = torch.as_tensor(moments.x) / moments.count
    _write(net.initial_conv, signals, held - (signals @ mean).float(), CROSS)
    net.initial_norm.weight.fill_(GAIN)
    level = GAIN * 1.5**0.5
    net.initial_norm.bias.copy_(torch.tensor([-level, level, 0.0]).bfloat16().repeat(GROUPS))


def _before(net: LatentUpsampler) -> Callable[[Tensor], Tensor]:
    def run(small: Tensor) -> Tensor:
        x = silu(net.initial_norm(net.initial_conv(small)))
        for block in net.res_blocks:
            x = block(x)
        return x

    return run


def _behind(net: LatentUpsampler) -> Callable[[Tensor], Tensor]:
    def run(small: Tensor) -> Tensor:
        x = net.upsampler(_before(net)(small))
        for block in net.post_upsample_res_blocks:
            x = block(x)
        return x  # type: ignore[no-any-return]

    return run


def _fit(
    pairs: Iterable[Pair], run: Callable[[Tensor], Tensor], aim: Callable[[Tensor], Tensor],
    taps: Taps,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Least squares from what the network yields so far to what is wanted of it."""
    moments = Moments()
    for small, large in pairs:
        moments.add(around(run(small), taps), aim(large))
    variance = torch.as_tensor(moments.xx).diagonal() / moments.count
    weights, offset, _ = moments.solve(1e-5 * variance + 1e-12)
    return weights, offset


def _write(conv: nn.Conv2d | nn.Conv3d, weights: Tensor, offset: Tensor, taps: Taps) -> None:
    """Rows [outputs, taps * inputs] into a kernel, rounded as it will be stored."""
    assert conv.bias is not None
    conv.weight.zero_()
    for number, (t, r, c) in enumerate(taps):
        part = weights[:, number * conv.in_channels : (number + 1) * conv.in_channels].float()
        place = (1 + r, 1 + c) if conv.weight.ndim == 4 else (1 + t, 1 + r, 1 + c)
        conv.weight[(slice(None), slice(None), *place)] = part.bfloat16().float()
    conv.bias.copy_(offset.bfloat16())


def save_upsampler(weights: dict[str, Tensor], path: Path) -> int:
    """Write the file that the engine reads, in bfloat16; its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    tensors = {name: tensor.bfloat16().cpu().contiguous() for name, tensor in weights.items()}
    save_file(tensors, partial, {"config": json.dumps(CONFIG), "model_version": "2.3-pocket"})
    partial.replace(path)
    return path.stat().st_size
