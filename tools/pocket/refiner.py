"""Pairs for the pixel refiner: what the model shows of a staged clip, and the truth twice as large.

A pair's file holds frames of one clip: `truth` at twice the size, `codec` as the product's VAE
gives the true clip back, and what a sample of the clip is guided by. What a transformer makes of
that lies beside it, in a folder named for the training step it was at; a later one makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tools.pocket.depth import depth_to_grey
from tools.pocket.film_scenes import draw_film_scene
from tools.pocket.model import Guides, Pocket
from tools.pocket.pca import Bases, to_pixels
from tools.pocket.pool import Pool
from tools.pocket.render import Caster
from tools.pocket.sampling import sample
from tools.pocket.scenes import draw_staging
from tools.pocket.staged import _geometry, scene_of, stage
from tools.pocket.staging import Staging
from torch import Tensor

from reelwright.engine import VideoVae, to_rgb
from reelwright.stage import Renderer

SIZE = (256, 160)
"""Width and height of what is refined."""

KEPT = 5
"""Frames of a clip that are trained on."""

JUDGED = tuple(range(4, 13))
"""Frames of a held-out clip: consecutive, over a border of groups."""


@dataclass(frozen=True)
class Pair:
    """Frames of one clip.

    Attributes:
        truth: uint8 [K, 2H, 2W, 3].
        shown: What was made of them, uint8 [K, H, W, 3], by `codec` and, if there is, `made`.
        facts: Seed, source, frames.
    """

    truth: Tensor
    shown: dict[str, Tensor]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Makers:
    """What pairs are made with.

    Attributes:
        bases: The linear codec.
        vae: The same as the product has it.
        pocket: A transformer; None for codec pairs alone.
        step: Of its training.
    """

    bases: Bases
    vae: VideoVae
    pocket: Pocket | None = None
    step: int = 0

    @property
    def tag(self) -> str:
        """Name of the folder of what the transformer made."""
        return f"made-{self.step:06d}"


def pair_names(pool: Path, count: int, *, held_out: bool = False) -> list[str]:
    """Names of pairs: clips of the pool in a drawn order; every fifth has the film's meshes."""
    opened = Pool.open(pool)
    found = opened.indices((25, SIZE[1], SIZE[0]), held_out=held_out)
    order = np.random.default_rng(5).permutation(found).tolist()
    names = []
    for number in range(count):
        if number % 5 == 4 or not order:
            names.append(f"stage-{1000 * 20 + 20 * number + (19 if held_out else 3)}")
        else:
            facts = opened.facts[order.pop()]
            names.append(f"{facts['source']}-{facts['seed']}")
    return names


def make_pair(folder: Path, name: str, makers: Makers, *, held_out: bool = False) -> None:
    """Draw a clip in both sizes, and put it through the codec."""
    source, seed = name.split("-")
    staging, frames, depth = _drawn(source, int(seed))
    kept = list(JUDGED)
    if not held_out:
        rng = np.random.default_rng([int(seed), 9])
        kept = sorted(rng.choice(len(frames), KEPT, replace=False).tolist())
    pixels, grey = to_pixels(frames)[None], to_pixels(depth)[None]
    facts = {"name": name, "kept": kept, "frames": len(frames), "rate": staging.frame_rate}
    bases = makers.bases
    tensors = {
        "truth": torch.from_numpy(np.stack(_large(staging, kept))),
        "codec": _bytes(_decoded(makers.vae, makers.vae.encode(pixels)), kept),
        "first": bases.encode(pixels[:, :, :1]).half(),
        "last": bases.encode(pixels[:, :, -1:]).half(),
        "depth": bases.encode(grey).half(),
    }
    _write(folder / f"{name}.safetensors", tensors, facts)


def make_sample(folder: Path, name: str, makers: Makers) -> None:
    """What the transformer makes of a pair's clip, mostly from first, last and depth."""
    assert makers.pocket is not None
    file = folder / f"{name}.safetensors"
    held, facts = load_file(file), _facts(file)
    seed = int(name.split("-")[1])
    chances = np.random.default_rng([seed, 10]).random(2)
    last = {facts["frames"] - 1: held["last"].float()} if chances[0] < 0.85 else {}
    depth = held["depth"].float() if chances[1] < 0.85 or not last else None
    guides = Guides(first=held["first"].float(), stills=last, depth=depth)
    grid = (held["depth"].shape[2], held["depth"].shape[3], held["depth"].shape[4])
    latent = sample(makers.pocket, grid, guides, frame_rate=facts["rate"], seed=seed)
    made = _bytes(_decoded(makers.vae, latent), facts["kept"])
    _write(folder / makers.tag / f"{name}.safetensors", {"made": made}, facts)


def complete(folder: Path, name: str, makers: Makers, *, held_out: bool = False) -> Pair:
    """A pair, made where it is missing."""
    file = folder / f"{name}.safetensors"
    if not file.exists():
        make_pair(folder, name, makers, held_out=held_out)
    shown = {"codec": load_file(file)["codec"]}
    if makers.pocket is not None:
        more = folder / makers.tag / file.name
        if not more.exists():
            make_sample(folder, name, makers)
        shown["made"] = load_file(more)["made"]
    return Pair(load_file(file)["truth"], shown, _facts(file))


def crops(
    pairs: list[Pair], count: int, side: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A batch: what is shown [B, 3, S, S] and what is true [B, 3, 2S, 2S], in [0, 1].

    Mirrored by chance, and now and then in other colours.
    """
    small, large = zip(*_windows(pairs, count, side, generator), strict=True)
    return torch.stack(small), torch.stack(large)


def _windows(
    pairs: list[Pair], count: int, side: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    def draw(below: int) -> int:
        return int(torch.randint(0, below, (), generator=generator))

    for _ in range(count):
        pair = pairs[draw(len(pairs))]
        shown = pair.shown[list(pair.shown)[draw(len(pair.shown))]]
        frame = draw(len(shown))
        top, left = (
            2 * draw((shown.shape[1] - side) // 2 + 1),
            2 * draw((shown.shape[2] - side) // 2 + 1),
        )
        small = shown[frame, top : top + side, left : left + side]
        large = pair.truth[frame, 2 * top : 2 * (top + side), 2 * left : 2 * (left + side)]
        order = torch.randperm(3, generator=generator) if draw(3) == 0 else torch.arange(3)
        window = [part[..., order].permute(2, 0, 1).float() / 255 for part in (small, large)]
        if draw(2):
            window = [part.flip(2) for part in window]
        yield window[0], window[1]


def _drawn(source: str, seed: int) -> tuple[Staging, Tensor, Tensor]:
    """A clip at the small size: its staging, frames and grey depth."""
    rate = float(np.random.default_rng([seed, 8]).choice([24, 25, 30], p=[0.86, 0.07, 0.07]))
    if source == "stage":
        staging = draw_film_scene(seed, SIZE, 17, rate)
        clip = stage(staging)
    else:
        staging = draw_staging(seed, SIZE, 25, rate)
        clip = Caster(staging).clip(motion=False)
    return staging, torch.from_numpy(clip.frames), torch.from_numpy(depth_to_grey(clip.depth))


def _large(staging: Staging, kept: list[int]) -> list[NDArray[np.uint8]]:
    """Frames of a clip at twice the size."""
    twice = replace(staging, frame_size=(2 * SIZE[0], 2 * SIZE[1]))
    if staging.source != "stage":
        caster = Caster(twice)
        with torch.inference_mode():
            return [caster.frame(frame, motion=False)[0] for frame in kept]
    geometries = {f"{n}": _geometry(thing) for n, thing in enumerate(twice.things)}
    renderer = Renderer(scene_of(twice), geometries, torch.device("cpu"))
    return [renderer.render(frame).color for frame in kept]


@torch.no_grad()
def _decoded(vae: VideoVae, latent: Tensor) -> Tensor:
    return to_rgb(vae.decode(latent)[0].float())


def _bytes(frames: Tensor, kept: list[int]) -> Tensor:
    return (frames[kept] * 255).round().byte().contiguous()


def _facts(file: Path) -> dict[str, Any]:
    with safe_open(file, framework="pt") as opened:
        return dict(json.loads(opened.metadata()["pair"]))


def _write(file: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file(
        {key: tensor.contiguous() for key, tensor in tensors.items()},
        part,
        {"pair": json.dumps(facts)},
    )
    part.replace(file)
