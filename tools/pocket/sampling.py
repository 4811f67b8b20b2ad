"""Making held-out clips with a model in training, through the engine's own loop."""

from __future__ import annotations

import torch
from tools.pocket.clips import Clip
from tools.pocket.codec import cross_fade, moving_mask, psnr
from tools.pocket.model import Guides, Pocket, guided_tokens
from tools.pocket.pca import Bases
from torch import Tensor

from reelwright.engine import DISTILLED, Euler, GuidedDenoise, StreamRun, run_sampler, unpatchify

FEW = (1.0, 0.975, 0.909375, 0.725, 0.0)
"""Four steps."""

SCHEDULES = {"4 steps": FEW, "distilled 8": DISTILLED}


@torch.no_grad()
def guides_of(
    bases: Bases, clip: Clip, *, last: bool = True, depth: bool = True, first: bool = True
) -> Guides:
    """First and last frame and staged depth of a clip."""
    pixels = clip.pixels[None]
    return Guides(
        first=bases.encode(pixels[:, :, :1]) if first else None,
        stills={pixels.shape[2] - 1: bases.encode(pixels[:, :, -1:])} if last else {},
        depth=bases.encode(clip.depth_pixels[None]) if depth else None,
    )


@torch.no_grad()
def sample(
    pocket: Pocket,
    grid: tuple[int, int, int],
    guides: Guides,
    *,
    frame_rate: float = 24.0,
    sigmas: tuple[float, ...] = FEW,
    seed: int = 0,
    contexts: tuple[Tensor, Tensor | None] | None = None,
) -> Tensor:
    """A clip's latent [1, C, F, H, W] from noise."""
    device = next(pocket.parameters()).device
    tokens = guided_tokens(torch.zeros(1, 128, *grid), guides, frame_rate)
    drawn = torch.randn(tokens.initial.shape, generator=torch.Generator().manual_seed(seed))
    context = (contexts or pocket.contexts(1))[0]
    sampler = Euler(sigmas)
    run = GuidedDenoise(
        pocket.transformer, [StreamRun("video", tokens, context)], sampler.evaluations
    )
    state = run_sampler(sampler, sampler.start((tokens.noised(drawn, 1.0).to(device),)), run)
    return unpatchify(tokens.own(state.latents[0]).float().cpu(), grid)


def compare(found: Tensor, pixels: Tensor) -> dict[str, float]:
    """A made clip against the true one, over interior frames; both [3, F, H, W]."""
    inner, where = slice(1, -1), moving_mask(pixels)[:, 1:-1]
    fade = cross_fade(pixels)
    row = {
        "all": psnr(found[:, inner], pixels[:, inner]),
        "fade": psnr(fade[:, inner], pixels[:, inner]),
        "last": psnr(found[:, -1], pixels[:, -1]),
    }
    if bool(where.any()):
        row["moving"] = psnr(found[:, inner][where], pixels[:, inner][where])
        row["fade_moving"] = psnr(fade[:, inner][where], pixels[:, inner][where])
    return row


def mean_rows(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    picked = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: round(sum(values) / len(values), 3) for name, values in picked.items()}


def evaluate(
    pocket: Pocket, bases: Bases, clips: list[Clip], schedules: dict[str, tuple[float, ...]]
) -> dict[str, dict[str, float]]:
    """Means over held-out clips, made from first, last and depth, by schedule."""
    table = {}
    for name, sigmas in schedules.items():
        rows = []
        for i, clip in enumerate(clips):
            guides = guides_of(bases, clip)
            assert guides.depth is not None
            frames, height, width = guides.depth.shape[2:]
            rate = float(clip.facts.get("frame_rate", 24.0))
            latent = sample(
                pocket, (frames, height, width), guides, frame_rate=rate, sigmas=sigmas, seed=i
            )
            rows.append(compare(bases.decode(latent)[0], clip.pixels))
        table[name] = mean_rows(rows)
    return table
