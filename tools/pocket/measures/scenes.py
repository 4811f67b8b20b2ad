"""The held-out scenes that the shipped weights are measured on.

Fresh seeds that never train and that no checkpoint was chosen by. Of those the gentle ones that are
not still, by what is staged alone: one to three things, none faster than 1 m/s, one that moves with
at least 0.3 m/s, and things in view that sweep at least 4 % of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pocket.clips import Clip
from tools.pocket.make_pool import facts_of, make_clip, on_screen
from tools.pocket.scenes import draw_staging
from tools.pocket.staging import Staging, Thing

SIZE = (256, 160)
"""Width and height that is measured at, pixels."""

FRAMES = 25

FIRST_SEED = 910_000_019
"""The first seed; every twentieth from there on is held out."""

SLOWEST_M_S, FASTEST_M_S = 0.3, 1.0
MOST_THINGS = 3

SWEPT = 0.04
"""Share of the picture that things in view sweep at least."""


def measured_seeds(count: int) -> list[int]:
    """The first so many seeds whose scenes are measured on."""
    found = _gentle_seeds()
    return [next(found) for _ in range(count)]


def _gentle_seeds() -> Iterator[int]:
    seed = FIRST_SEED
    while True:
        if is_gentle(staging_of(seed)):
            yield seed
        seed += 20


def frame_rate_of(seed: int) -> float:
    """Frames per second, as the pool draws it for a seed."""
    return float(np.random.default_rng([seed, 8]).choice([24, 25, 30], p=[0.86, 0.07, 0.07]))


def staging_of(seed: int, size: tuple[int, int] = SIZE) -> Staging:
    """The scene of a seed, not drawn."""
    return draw_staging(seed, size, FRAMES, frame_rate_of(seed))


def is_gentle(staging: Staging) -> bool:
    """Whether a scene is gentle but not still; decided by what is staged alone."""
    moving = [thing for thing in staging.things if thing.motion != "still"]
    if not moving or len(staging.things) > MOST_THINGS:
        return False
    paces = [thing.pace for thing in moving]
    if max(paces) > FASTEST_M_S or max(paces) < SLOWEST_M_S:
        return False
    return swept_share(staging) >= SWEPT


def swept_share(staging: Staging) -> float:
    """Share of the picture that things in view sweep: height times the way on the screen."""
    cameras = np.stack([staging.camera(frame) for frame in range(staging.num_frames)])
    return sum(_swept(thing, staging, cameras) for thing in staging.things)


def _swept(thing: Thing, staging: Staging, cameras: NDArray[np.float64]) -> float:
    middle = thing.path + np.asarray(thing.middle)
    centre, _ = on_screen(middle, cameras, staging.intrinsics(), staging.frame_size)
    inside = ((centre > 0) & (centre < 1)).all(1)
    if inside.mean() < 0.5:
        return 0.0
    width, height = staging.frame_size
    way = np.ptp(centre * np.array(staging.frame_size), axis=0).max()
    return float(thing.large * height * way / (width * height))


def caption_of(seed: int) -> str:
    """The longest caption of a seed's clip."""
    return str(facts_of(staging_of(seed), (1.0, 2.0))["captions"][0])


@lru_cache(maxsize=2)
def drawn(seed: int, size: tuple[int, int] = SIZE, *, motion: bool = True) -> Clip:
    """The clip of a seed, drawn."""
    made = make_clip(seed, (*size, FRAMES), motion=motion)
    parts = (made.frames, made.depth, made.mask)
    frames, depth, mask = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    moved = None if made.motion is None else torch.from_numpy(made.motion)
    return Clip(frames, depth, made.facts, mask, moved)
