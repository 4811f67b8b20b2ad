"""Clips with known faults of known strength, for the rates at which measures find them.

Clean clips are the tests' own ray-cast worlds, with exact depth, mask and motion. `through_codec`
makes of them what a small video codec makes: 8 frames and 16x16 pixels a cell, the coarse half of
the numbers kept, and the borders between groups smoothed as a finishing step would.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from reelwright.frames import ArrayFrames

SIZE = (256, 160)
NUM_FRAMES = 33
KINDS = ("moving", "moving", "handheld", "fast")
_WORLDS = Path(__file__).resolve().parent.parent / "tests" / "quality" / "conftest.py"


@dataclass(frozen=True)
class Clip:
    """Frames, the stage that they were made from, and what else a measure is told."""

    frames: np.ndarray
    stage: Any
    keys: tuple[np.ndarray, ...] = ()  # pictures of the first and last frame
    estimate: np.ndarray | None = None


@lru_cache(maxsize=1)
def worlds() -> Any:
    """The module of the tests' worlds."""
    spec = importlib.util.spec_from_file_location("quality_worlds", _WORLDS)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(_WORLDS)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def world(number: int, **changes: Any) -> Any:
    """The settings of one clean clip; the picture may be changed against its stage."""
    kind = KINDS[number % len(KINDS)]
    apart = ({"spread": 2.1}, {"spread": 0.7, "behind": 1.6})[number // len(KINDS) % 2]
    settings = {"seed": 100 + number, "size": SIZE, "num_frames": NUM_FRAMES, **apart}
    return replace(worlds().WORLDS[kind], **settings, **changes)


@lru_cache(maxsize=64)
def stage_of(number: int) -> Any:
    """The stage as a plain renderer shows it: a quarter of the texture, no grain, no wobble."""
    return worlds().render(world(number, contrast=0.25, grain=0.0, wobble=0.0)).stage


@lru_cache(maxsize=64)
def clean(number: int, **changes: Any) -> Clip:
    """A clip as it should be (or with its picture changed against the stage)."""
    made = worlds().render(world(number, **changes))
    pictures = worlds().render(world(number)).frames
    grain = np.random.default_rng(number).normal(0, 1, (2, *pictures.shape[1:3], 1))
    keys = np.clip(np.rint(pictures[[0, -1]] + grain), 0, 255).astype(np.uint8)
    return Clip(made.frames, stage_of(number), (keys[0], keys[1]))


def with_frames(clip: Clip, frames: np.ndarray) -> Clip:
    """The same clip with other frames, rounded to 8 bits."""
    return replace(clip, frames=np.clip(np.rint(frames), 0, 255).astype(np.uint8))


def through_codec(clip: Clip, psnr_db: float = 33.0, cured: bool = True) -> Clip:
    """What a small video codec gives back: as coarse as comes to a PSNR, at most."""
    frames = clip.frames.astype(np.float32)
    least, most = 0.02, 1.0
    for _ in range(6):
        keep = (least + most) / 2
        parts = [_coarse(frames[:1], keep), *(_coarse(group, keep) for group in _groups(frames))]
        out = np.concatenate(parts)
        reached = 10 * np.log10(255.0**2 / np.mean((out - frames) ** 2))
        least, most = (least, keep) if reached > psnr_db else (keep, most)
    return with_frames(clip, _smoothed(out) if cured else out)


def _groups(frames: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(1, len(frames), 8):
        yield frames[start : start + 8]


def _cosines(size: int) -> np.ndarray:
    n = np.arange(size)
    table = np.cos(np.pi * (n[None] + 0.5) * n[:, None] / size) * np.sqrt(2 / size)
    table[0] /= np.sqrt(2)
    return table.astype(np.float32)


def _coarse(group: np.ndarray, keep: float) -> np.ndarray:
    """The low cosines of cells of 8 frames and 16x16 pixels: those whose shares sum to `keep`."""
    count, height, width, _ = group.shape
    time, space = _cosines(count), _cosines(16)
    cells = group.reshape(count, height // 16, 16, width // 16, 16, 3)
    cells = np.moveaxis(cells, (2, 4), (1, 2))
    coded = np.einsum("ta,ix,jy,ayx...->tij...", time, space, space, cells, optimize=True)
    order = (
        np.arange(count)[:, None, None] / max(count, 8) / 4
        + np.arange(16)[:, None] / 16
        + np.arange(16)[None] / 16
    )
    coded *= (order < 2 * keep)[..., None, None, None]
    back = np.einsum("ta,ix,jy,tij...->ayx...", time, space, space, coded, optimize=True)
    return np.moveaxis(back, (1, 2), (2, 4)).reshape(group.shape)


def _smoothed(frames: np.ndarray) -> np.ndarray:
    """The jump at every later border of groups, shared out over four frames on either side."""
    out = frames.copy()
    for border in range(8, len(frames) - 2, 8):
        before, after = frames[border], frames[border + 1]
        inside = (before - frames[border - 1] + frames[border + 2] - after) / 2
        jump = after - before - inside
        for distance, share in enumerate((0.42, 0.25, 0.12, 0.05)):
            out[border - distance] += share * jump
            if border + 1 + distance < len(out):
                out[border + 1 + distance] -= share * jump
    return out


def blobs(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """A smooth random field of unit spread, [H, W, 1]."""
    width, height = SIZE
    field = rng.standard_normal((height, width))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    soft = np.exp(-2 * (np.pi * sigma) ** 2 * (down**2 + across**2))
    field = np.fft.irfft2(np.fft.rfft2(field) * soft, s=(height, width))
    return (field / field.std())[..., None]


def pops(clip: Clip, number: int, levels: float) -> Clip:
    """Every group of 8 frames off by a smooth pattern of its own."""
    rng = np.random.default_rng(number)
    frames = clip.frames.astype(np.float32)
    for group in _groups(frames):
        group += levels * blobs(rng, 4.0)
    return with_frames(clip, frames)


def cross_fade(clip: Clip, number: int, amount: float) -> Clip:
    """The two keyframes faded into each other, in place of so much of the clip."""
    frames = clip.frames.astype(np.float32)
    way = np.linspace(0, 1, len(frames))[:, None, None, None]
    faded = (1 - way) * frames[:1] + way * frames[-1:]
    return with_frames(clip, (1 - amount) * frames + amount * faded)


def ghost(clip: Clip, number: int, opacity: float) -> Clip:
    """Every prop left standing, half seen through, where the first frame had it."""
    frames = clip.frames.astype(np.float32)
    inside = (clip.stage.mask[0] > 0)[..., None]
    return with_frames(clip, np.where(inside, frames + opacity * (frames[:1] - frames), frames))


def veered(number: int, degrees: float) -> Clip:
    """A flat world that slides one way, staged to slide another."""
    rng = np.random.default_rng(number)
    (width, height), pace = SIZE, rng.uniform(0.8, 5.0)
    angles = np.deg2rad(rng.uniform(0, 360) + np.array([0.0, degrees]))
    ways = pace * np.stack((np.cos(angles), np.sin(angles)), axis=-1)
    slides = []
    for way, contrast in zip(ways, (6.0, 25.0), strict=True):
        sheet = 110 + contrast * (blobs(rng, 2.5) + blobs(rng, 9.0))[..., 0]
        slides.append(np.stack([_slid(sheet, way * index) for index in range(NUM_FRAMES)]))
    grain = rng.normal(0, 1, slides[1].shape)
    frames = np.repeat((slides[1] + grain)[..., None], 3, axis=-1)
    shape = (NUM_FRAMES, height, width)
    stage = replace(
        stage_of(0),
        color=ArrayFrames(np.repeat(slides[0][..., None], 3, -1).clip(0, 255).astype(np.uint8)),
        depth=ArrayFrames(np.full(shape, 5, np.float32)),
        mask=ArrayFrames(np.zeros(shape, np.uint16)),
        motion=ArrayFrames(np.full((NUM_FRAMES - 1, height, width, 2), ways[0], np.float32)),
    )
    pictures = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    return Clip(pictures, stage, (pictures[0], pictures[-1]))


def _slid(sheet: np.ndarray, way: np.ndarray) -> np.ndarray:
    """A sheet that repeats, moved right and down by a fraction of a pixel or more."""
    down, across = (np.fft.fftfreq(size) for size in sheet.shape)
    turn = np.exp(-2j * np.pi * (across[None] * way[0] + down[:, None] * way[1]))
    return np.fft.ifft2(np.fft.fft2(sheet) * turn).real


def swapped(number: int) -> Clip | None:
    """The farther of two props that overlap painted before the nearer; None if none overlap."""
    stage = clean(number).stage
    import torch

    from reelwright.quality.depth_edges import prop_borders

    best, most = 0, 0
    for index in range(0, NUM_FRAMES, 8):
        mask = torch.from_numpy(stage.mask[index].astype(np.float32))
        depth = torch.nan_to_num(torch.from_numpy(stage.depth[index]), posinf=1e6)
        for (_, back), where in prop_borders(mask, depth).items():
            if int(where.sum()) > most:
                best, most = back, int(where.sum())
    return clean(number, front=best) if most >= 24 else None


def black(clip: Clip, number: int, count: float) -> Clip:
    """Some black frames."""
    frames = clip.frames.copy()
    frames[11 : 11 + int(count)] = 2
    return with_frames(clip, frames)


def frozen(clip: Clip, number: int, count: float) -> Clip:
    """The last frames repeat the one before them."""
    frames = clip.frames.copy()
    frames[-int(count) :] = frames[-int(count) - 1]
    return with_frames(clip, frames)


def not_numbers(clip: Clip, number: int, count: float) -> Clip:
    """Float frames with some pixels that are no numbers."""
    frames = clip.frames.astype(np.float32) / 255
    frames[9].reshape(-1)[: 3 * int(count) : 3] = np.nan
    return replace(clip, frames=frames)


def flicker(clip: Clip, number: int, percent: float) -> Clip:
    """A random gain on every frame."""
    gain = 1 + np.random.default_rng(number).normal(0, percent / 100, (len(clip.frames), 1, 1, 1))
    return with_frames(clip, clip.frames * 0.9 * gain)


def displaced(clip: Clip, number: int, pixels: float) -> Clip:
    """The whole picture beside its stage; keyframes stay."""
    return with_frames(clip, np.roll(clip.frames, int(pixels), axis=2))


def tinted(clip: Clip, number: int, percent: float) -> Clip:
    """Red up and blue down from frame to frame, to so much at the last."""
    ramp = np.linspace(0, percent / 100, len(clip.frames))[:, None, None, None]
    return with_frames(clip, clip.frames * (1 + ramp * np.array([1.0, 0.0, -1.0])))


def soft(clip: Clip, number: int, sigma: float) -> Clip:
    """The last frames blurred."""
    import torch

    from reelwright.quality.filters import gaussian

    frames = clip.frames.astype(np.float32)
    for index in range(len(frames) - 4, len(frames)):
        planes = torch.from_numpy(frames[index]).movedim(-1, 0)
        frames[index] = torch.stack([gaussian(plane, sigma) for plane in planes]).movedim(0, -1)
    return with_frames(clip, frames)


def estimated(clip: Clip, number: int, noise: float) -> Clip:
    """Inverse depth of unknown scale, with smooth errors of so many percent."""
    rng = np.random.default_rng(number)
    depth = np.stack([clip.stage.depth[index] for index in range(len(clip.frames))])
    near = np.where(np.isfinite(depth), 1 / np.maximum(depth, 0.1), 0.0)
    wrong = np.stack([blobs(rng, 6.0)[..., 0] for _ in range(len(near))])
    return replace(clip, estimate=(3.7 * near * (1 + noise / 100 * wrong) + 11).astype(np.float32))


def estimate_of_another(clip: Clip, number: int, props: float) -> Clip:
    """An estimate that sees some of the props at the depth of the farthest ground."""
    made = estimated(clip, number, 5)
    assert made.estimate is not None
    mask = np.stack([clip.stage.mask[index] for index in range(len(clip.frames))])
    flat = np.where((mask > 0) & (mask <= props), made.estimate.min(), made.estimate)
    return replace(made, estimate=flat.astype(np.float32))


Fault = Callable[[Clip, int, float], Clip]
