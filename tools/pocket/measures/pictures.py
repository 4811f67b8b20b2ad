"""What a made clip shows, against the staged one that it was made from."""

from __future__ import annotations

import torch
from tools.pocket.adherence import motion_kept, order_kept, places_missed
from tools.pocket.clips import Clip
from tools.pocket.codec import cross_fade, moving_mask, psnr
from tools.pocket.measures.maker import as_shown
from torch import Tensor

from reelwright.engine import VideoVae
from reelwright.quality.group_pops import latent_groups

Row = dict[str, float]


def likeness(found: Tensor, truth: Tensor) -> Row:
    """PSNR to the true clip over its interior frames, where things move, half way, and at the end.

    Args:
        found: Pixels [3, F, H, W].
        truth: The same of the true clip.
    """
    inner, middle = slice(1, -1), truth.shape[1] // 2
    where = moving_mask(truth)[:, inner]
    row = {
        "all": psnr(found[:, inner], truth[:, inner]),
        "middle": psnr(found[:, middle], truth[:, middle]),
        "last": psnr(found[:, -1], truth[:, -1]),
    }
    if bool(where.any()):
        row["moving"] = psnr(found[:, inner][where], truth[:, inner][where])
    return row


def pops(pixels: Tensor) -> Row:
    """Mean change of the picture where a group of 8 frames ends, and in two steps on either side.

    Args:
        pixels: [3, F, H, W].
    """
    change = (pixels[:, 1:] - pixels[:, :-1]).abs().mean((0, 2, 3)) / 2
    groups = latent_groups(pixels.shape[1])
    steps = [first - 1 for first in groups if 3 <= first < len(change) - 1]
    beside = [step + offset for step in steps for offset in (-2, -1, 1, 2)]
    return {"border": float(change[steps].mean()), "beside": float(change[beside].mean())}


def followed(found: Tensor, clip: Clip) -> Row:
    """How far it keeps what was staged: order in depth, motion, and where things are."""
    assert clip.mask is not None
    assert clip.motion is not None
    return {
        "order": order_kept(found, clip),
        "motion": motion_kept(found, clip.motion, clip.mask),
        "place": places_missed(found, clip),
    }


def judged(found: Tensor, clip: Clip) -> Row:
    """Everything of a made clip."""
    return {**likeness(found, clip.pixels), **pops(found), **followed(found, clip)}


def fade_of(clip: Clip) -> Row:
    """The same of the linear cross-fade of first and last frame, as what is to be beaten."""
    faded = as_shown(cross_fade(clip.pixels))
    return {**likeness(faded, clip.pixels), **followed(faded, clip)}


def truth_of(clip: Clip) -> Row:
    """What can be had at most: the true clip against itself."""
    return {**pops(clip.pixels), **followed(clip.pixels, clip)}


@torch.no_grad()
def rebuilt(vae: VideoVae, clip: Clip) -> Row:
    """A true clip, its last frame and its depth through the codec and back."""
    back = as_shown(vae.decode(vae.encode(clip.pixels[None]))[0].float())
    still = as_shown(vae.decode(vae.encode(clip.pixels[None, :, -1:]))[0].float())
    grey = as_shown(vae.decode(vae.encode(clip.depth_pixels[None]))[0].float())
    return {
        **judged(back, clip),
        "all": psnr(back, clip.pixels),
        "still": psnr(still, clip.pixels[:, -1:]),
        "depth": psnr(grey, clip.depth_pixels),
    }
