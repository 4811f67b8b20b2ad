"""Staged depth as a grey picture: what a model is told of the shape of a shot.

One mapping for every shot, and for what models are trained with: inverse depth between the shot's
own near and far, fixed for all its frames, so that the grey of a thing changes only when its
distance does. Near is white, far and sky are black.
"""

from __future__ import annotations

from math import gcd, prod

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from reelwright.frames import Frames

_NEAR_PERCENT, _FAR_PERCENT = 1.0, 99.0
_EVERY = 7  # pixels: enough for a percentile, and a prime, so that no column is favoured
_MOST_SAMPLES = 1 << 22  # a percentile of more is no truer, and takes seconds
_CHUNK = 8


def depth_range(depth: Frames, most: int = _MOST_SAMPLES) -> tuple[float, float]:
    """Near and far of a shot: the 1st and 99th percentile of its finite depth, all frames.

    Every seventh pixel is looked at, fewer where that would be more than `most`.

    Args:
        depth: [F, H, W], metres along the view axis; inf is sky.
        most: Samples that are looked at, about.

    Returns:
        Near and far, metres, near below far. (1, 2) where there is only sky.
    """
    every = _stride(depth, most)
    found, place = [], 0
    for chunk in depth.chunks(_CHUNK):
        flat = chunk.reshape(-1)
        some = flat[-place % every :: every]
        found.append(some[np.isfinite(some)])
        place += flat.size
    finite = np.concatenate(found)
    if not finite.size:
        return 1.0, 2.0
    near, far = (float(v) for v in np.percentile(finite, (_NEAR_PERCENT, _FAR_PERCENT)))
    return near, max(far, near * 1.01)


def depth_grey(depth: NDArray[np.float32], near: float, far: float) -> NDArray[np.uint8]:
    """Depth as grey: clamp((1/d - 1/far) / (1/near - 1/far), 0, 1).

    Args:
        depth: Metres along the view axis; inf is sky. Any shape.
        near: Metres; white from there on nearer.
        far: Metres; black from there on farther.

    Returns:
        255 at near and nearer, 0 at far, farther and sky.
    """
    with np.errstate(divide="ignore"):
        share = (1 / depth - 1 / far) / (1 / near - 1 / far)
    return np.asarray(np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def depth_clip(
    depth: Frames, size: tuple[int, int], before: int = 0, total: int | None = None
) -> UInt8[Tensor, "F H W 3"]:
    """A shot's depth as a grey clip, at the size of the pass that it guides.

    Args:
        depth: float32 [F, H, W], metres; read chunk by chunk.
        size: Width and height wanted, pixels.
        before: Frames in front of the shot, which show its first one.
        total: Frames in all; behind the shot its last one stands. None for just the shot.

    Returns:
        One byte a pixel in memory: the three channels are one.
    """
    near, far = depth_range(depth)
    grey = torch.cat(
        [_fitted(depth_grey(chunk, near, far), size) for chunk in depth.chunks(_CHUNK)]
    )
    last = before + len(depth) if total is None else total
    frames = (torch.arange(last) - before).clamp(0, len(depth) - 1)
    held = grey if last == len(depth) and not before else grey[frames]
    return held[..., None].expand(-1, -1, -1, 3)


def _fitted(grey: NDArray[np.uint8], size: tuple[int, int]) -> UInt8[Tensor, "F H W"]:
    """Grey at a size of the same proportions."""
    pixels = torch.from_numpy(grey)
    if (grey.shape[2], grey.shape[1]) == size:
        return pixels
    shrinks = size[1] < grey.shape[1]
    scaled = interpolate(
        pixels[:, None].float(), (size[1], size[0]), mode="bilinear", antialias=shrinks
    )
    return scaled[:, 0].round().to(torch.uint8)


def _stride(depth: Frames, most: int) -> int:
    """How many pixels lie between two that are looked at; it favours no column and no row."""
    every = max(_EVERY, -(-prod(depth.shape) // most))
    while gcd(every, depth.shape[1]) > 1 or gcd(every, depth.shape[2]) > 1:
        if every == _EVERY:
            return every  # as the models were trained
        every += 1
    return every
