"""How far a made clip follows its staged one: what stands in front, and how things move."""

from __future__ import annotations

import torch
from tools.pocket.clips import Clip
from torch import Tensor
from torch.nn.functional import grid_sample

APART = 4
"""Pixels between two places that are compared across an outline."""

NEARER = 12
"""Grey levels of depth by which one thing is in front of another."""

UNLIKE = 0.15
"""Difference of colour that two things need for their order to be seen."""

MOVES = 0.7
"""Pixels a frame from which on a place moves."""


def order_kept(found: Tensor, clip: Clip) -> float:
    """Share of frames in which overlapping things are in their order; NaN where none overlap.

    Places on both sides of an outline between two things are compared: in front the made picture
    must be more like the true front than like the true back.

    Args:
        found: Pixels [3, F, H, W].
        clip: The staged clip, with its mask.
    """
    assert clip.mask is not None
    truth, depth, mask = clip.pixels, clip.depth.float(), clip.mask
    right = torch.zeros(len(depth))
    seen = torch.zeros(len(depth))
    for axis in (1, 2):
        sizes = depth.shape[axis] - APART
        for here, there in ((0, APART), (APART, 0)):
            front = [part.narrow(axis, here, sizes) for part in (depth, mask)]
            back = [part.narrow(axis, there, sizes) for part in (depth, mask)]
            pairs = (front[1] > 0) & (back[1] > 0) & (front[1] != back[1])
            pairs &= front[0] > back[0] + NEARER
            true_front, true_back = (truth.narrow(axis + 1, at, sizes) for at in (here, there))
            made = found.narrow(axis + 1, here, sizes)
            pairs &= (true_front - true_back).abs().mean(0) > UNLIKE
            nearer = (made - true_front).square().sum(0) < (made - true_back).square().sum(0)
            right += (pairs & nearer).sum((1, 2))
            seen += pairs.sum((1, 2))
    some = seen > 20
    return float((right[some] > seen[some] / 2).float().mean())


def motion_kept(found: Tensor, motion: Tensor, mask: Tensor) -> float:
    """Share of moving places that look like themselves where the stage moved them to.

    Each is compared with the next frame there and with the next frame where it was. NaN where
    nothing moves.

    Args:
        found: Pixels [3, F, H, W].
        motion: Pixels to the next frame [F-1, H, W, 2].
        mask: Things [F, H, W].
    """
    height, width = mask.shape[1:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack((columns, rows), dim=-1) + motion.float()
    span = torch.tensor([width, height])
    now, following = found[:, :-1].transpose(0, 1), found[:, 1:].transpose(0, 1)
    grid = (places + 0.5) / span * 2 - 1
    moved = grid_sample(following, grid, align_corners=False, padding_mode="border")
    moves = (mask[:-1] > 0) & (motion.float().norm(dim=-1) > MOVES)
    differs = (moved - following).abs().mean(1) > 0.05
    better = (now - moved).square().sum(1) < (now - following).square().sum(1)
    counted = moves & differs
    return float(better[counted].float().mean()) if bool(counted.any()) else float("nan")
