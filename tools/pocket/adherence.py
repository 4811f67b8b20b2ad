"""How far a made clip follows its staged one: what stands in front, and how things move."""

from __future__ import annotations

import torch
from tools.pocket.clips import Clip
from torch import Tensor
from torch.nn.functional import grid_sample, pad

APART = 8
"""Pixels between two places that are compared across an outline; at 4, softness alone decides."""

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


REACH = 12
"""Pixels by which a thing is looked for on every side of where it was staged."""

SHIFTED = 4
"""Pixels that a thing has gone since the first frame, before its place says anything."""

LEAST = 150
"""Pixels of a thing that are enough to know it by."""


def places_missed(found: Tensor, clip: Clip) -> float:
    """How far from their staged places things are, pixels; NaN where nothing goes anywhere.

    A quarter, half and three quarters through, each thing that has moved since the first frame is
    looked for around its place: where its true pixels fit the made picture best.

    Args:
        found: Pixels [3, F, H, W].
        clip: The staged clip, with its mask.
    """
    assert clip.mask is not None
    truth, missed = clip.pixels, []
    frames = clip.mask.shape[0]
    for thing in range(1, int(clip.mask.max()) + 1):
        start = _middle(clip.mask[0] == thing)
        for frame in (frames // 4, frames // 2, 3 * frames // 4):
            own = clip.mask[frame] == thing
            here = _middle(own)
            if start is None or here is None or float((here - start).norm()) < SHIFTED:
                continue
            down, right = best_shift(found[:, frame], truth[:, frame], own)
            missed.append((down * down + right * right) ** 0.5)
    return sum(missed) / len(missed) if missed else float("nan")


def best_shift(picture: Tensor, truth: Tensor, own: Tensor) -> tuple[int, int]:
    """By how much a thing stands off in a picture: pixels down and right.

    Args:
        picture: Pixels [3, H, W].
        truth: The true picture.
        own: Which pixels are the thing's [H, W].
    """
    padded = pad(picture[None], (REACH,) * 4, mode="replicate")[0]
    rows, columns = torch.nonzero(own).unbind(1)
    wanted = truth[:, rows, columns]

    def misfit(shift: tuple[int, int]) -> float:
        there = padded[:, rows + REACH + shift[0], columns + REACH + shift[1]]
        return float((there - wanted).square().mean())

    coarse = range(-REACH, REACH + 1, 2)
    near = min(((down, right) for down in coarse for right in coarse), key=misfit)
    fine = [(near[0] + i, near[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return min((s for s in fine if max(abs(s[0]), abs(s[1])) <= REACH), key=misfit)


def _middle(own: Tensor) -> Tensor | None:
    """Middle of a thing's pixels; None where too few are seen."""
    places = torch.nonzero(own).float()
    return places.mean(0) if len(places) >= LEAST else None
