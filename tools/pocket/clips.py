"""Clips of a pool, as codec and transformer want them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from tools.pocket.pca import to_pixels
from torch import Tensor


@dataclass(frozen=True)
class Clip:
    """One staged clip.

    Attributes:
        frames: Bytes [F, H, W, 3].
        depth: Grey bytes [F, H, W].
        facts: What the pool says of it.
        mask: Things [F, H, W], 0 behind them; None where it was not read.
        motion: Pixels to the next frame [F-1, H, W, 2]; None where it was not read.
    """

    frames: Tensor
    depth: Tensor
    facts: dict[str, Any] = field(default_factory=dict)
    mask: Tensor | None = None
    motion: Tensor | None = None

    @property
    def pixels(self) -> Tensor:
        """Frames [3, F, H, W] in [-1, 1]."""
        return to_pixels(self.frames)

    @property
    def depth_pixels(self) -> Tensor:
        """Depth as grey pixels [3, F, H, W] in [-1, 1]."""
        return to_pixels(self.depth)

    def reversed(self) -> Clip:
        """The clip run backwards."""
        return replace(self, frames=self.frames.flip(0), depth=self.depth.flip(0))

    def crop(self, top: int, left: int, height: int, width: int) -> Clip:
        """A window of it."""
        rows, columns = slice(top, top + height), slice(left, left + width)
        return replace(
            self, frames=self.frames[:, rows, columns], depth=self.depth[:, rows, columns]
        )


def random_crop(clip: Clip, generator: torch.Generator, less: int = 32) -> Clip:
    """A window that is `less` pixels smaller on both sides, anywhere."""
    top, left = (int(torch.randint(0, less + 1, (), generator=generator)) for _ in range(2))
    height, width = clip.frames.shape[1] - less, clip.frames.shape[2] - less
    return clip.crop(top, left, height // 32 * 32, width // 32 * 32)


def shards(pool: Path) -> list[Path]:
    """Complete shards, in order of their names."""
    return sorted(pool.glob("clips-*.safetensors"))


def clips_in(shard: Path) -> Iterator[Clip]:
    """All clips of one shard."""
    with safe_open(shard, framework="pt") as file:
        facts = json.loads(file.metadata()["clips"])
        frames, depth = file.get_slice("frames"), file.get_slice("depth")
        names = set(file.keys()) if "-held-" in shard.name else set()
        more = [file.get_slice(name) if name in names else None for name in ("mask", "motion")]
        for i, fact in enumerate(facts):
            mask, motion = (None if part is None else part[i] for part in more)
            yield Clip(frames[i], depth[i], fact, mask, motion)


def clips_of(pool: Path, count: int, *, held_out: bool = False) -> Iterator[Clip]:
    """Up to `count` clips, spread over the pool's shards."""
    paths = shards(pool)
    each = max(1, -(-count // max(1, len(paths))))
    given = 0
    for path in paths:
        taken = 0
        for clip in clips_in(path):
            if given == count or (taken == each and not held_out):
                break
            if bool(clip.facts.get("held_out")) == held_out:
                yield clip
                given, taken = given + 1, taken + 1
