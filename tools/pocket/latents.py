"""Clips of a pool as latents: views of each, encoded once, kept as bfloat16 beside the pool.

A view is a clip as it is, run backwards, or a window of it in space and time. Mirror images need no
encoding: see `pca`. Shards appear whole or not at all, and what is there is left alone, so the same
call goes on as the pool grows.

    python -m tools.pocket.latents --pool tools/pocket/runs/pool --minutes 5
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tools.pocket.clips import Clip, clips_in, shards
from tools.pocket.codec import load_bases
from tools.pocket.pca import Bases
from torch import Tensor

SOUND = ".sound."
"""Stands in the names of shards of sound, where those of pictures have their kind of view."""

STILLS = 4
"""Stills of a view: the last frame and three from the middle."""

WINDOWS = ((128, 224), (128, 192), (128, 128), (160, 160), (96, 192))
"""Rows and columns of windows; one that does not fit is cut down."""


@dataclass(frozen=True)
class View:
    """One encoded view.

    Attributes:
        video: Latent [C, F, H, W].
        depth: Latent of the grey depth.
        stills: Latents of single frames [STILLS, C, H, W]: the last first.
        still_frames: Which frames those are.
        facts: What the pool says, and what was done: `reversed`, `window`.
        sound: Latent of the sound, as it is and mirrored [2, C, L, M]; None where there is none.
    """

    video: Tensor
    depth: Tensor
    stills: Tensor
    still_frames: Tensor
    facts: dict[str, Any]
    sound: Tensor | None = None

    def mirrored(self, signs: Tensor) -> View:
        """The view in a mirror."""
        turn = signs.to(self.video.dtype).view(-1, 1, 1)

        def mirror(latent: Tensor) -> Tensor:
            return latent.flip(-1) * (turn if latent is self.stills else turn.unsqueeze(-1))

        facts = {**self.facts, "mirrored": not self.facts.get("mirrored", False)}
        video, depth, stills = (mirror(part) for part in (self.video, self.depth, self.stills))
        heard = None if self.sound is None else self.sound.flip(0)
        return View(video, depth, stills, self.still_frames, facts, heard)


@torch.no_grad()
def encode_view(bases: Bases, clip: Clip, kind: int) -> dict[str, Tensor]:
    """All latents of one clip, as it is given."""
    pixels = clip.pixels
    frames = still_frames(pixels.shape[1], kind)
    stills = pixels[:, frames].transpose(0, 1).unsqueeze(2)
    tensors = {
        "video": bases.encode(pixels[None])[0],
        "depth": bases.encode(clip.depth_pixels[None])[0],
        "stills": bases.encode(stills)[:, :, 0],
    }
    found = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    return {**found, "still_frames": frames.to(torch.int32)}


def still_frames(frames: int, kind: int) -> Tensor:
    """The last frame and some of the middle: the same for every clip of a kind of view."""
    generator = torch.Generator().manual_seed(hash_of(f"{frames}/{kind}"))
    middle = torch.randperm(frames - 2, generator=generator)[: STILLS - 1] + 1
    return torch.cat((torch.tensor([frames - 1]), middle))


def window_of(clip: Clip, kind: int, size: tuple[int, int], generator: torch.Generator) -> Clip:
    """A view of a clip: 0 as it is, 1 run backwards, others windows, every second backwards."""
    if kind < 2:
        return clip.reversed() if kind else clip
    frames, height, width = clip.depth.shape
    rows, columns = min(size[0], height // 32 * 32), min(size[1], width // 32 * 32)
    top = int(torch.randint(0, height - rows + 1, (), generator=generator))
    left = int(torch.randint(0, width - columns + 1, (), generator=generator))
    clip = clip.crop(top, left, rows, columns)
    if frames > 17:
        start = int(torch.randint(0, 9, (), generator=generator))
        kept = slice(start, start + frames - 8)
        facts = {**clip.facts, "window": [start, top, left]}
        clip = Clip(clip.frames[kept], clip.depth[kept], facts)
    return clip.reversed() if kind % 2 else clip


def encode_shard(bases: Bases, shard: Path, kind: int, out: Path) -> None:
    """One view of every clip of a shard."""
    generator = torch.Generator().manual_seed(hash_of(f"{shard.stem}/{kind}"))
    size = WINDOWS[kind % len(WINDOWS)]
    rows, facts = [], []
    for clip in clips_in(shard):
        if clip.facts.get("held_out"):
            continue
        view = window_of(clip, kind, size, generator)
        rows.append(encode_view(bases, view, kind))
        facts.append({**slim(clip.facts), "reversed": kind % 2 == 1, "kind": kind})
    tensors = {name: torch.stack([row[name] for row in rows]) for name in (rows or [{}])[0]}
    part = out.with_suffix(".part")
    save_file(tensors, part, metadata={"clips": json.dumps(facts)})
    part.replace(out)


def slim(facts: dict[str, Any]) -> dict[str, Any]:
    """What training needs of a clip's facts."""
    return {name: facts[name] for name in ("seed", "captions", "frame_rate") if name in facts}


def hash_of(text: str) -> int:
    """The same number for the same text, in every process."""
    import hashlib

    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")


def update(pool: Path, folder: Path, bases: Bases, *, views: int, seconds: float) -> int:
    """Encode what is missing, first views first, for at most so many seconds.

    Returns:
        How many shards were encoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop, done = time.monotonic() + seconds, 0
    for kind in range(views):
        for shard in shards(pool):
            out = folder / f"{shard.stem}.{kind}.safetensors"
            if out.exists() or "-held-" in shard.name:
                continue
            if time.monotonic() > stop:
                return done
            encode_shard(bases, shard, kind, out)
            done += 1
    return done


def views_in(path: Path) -> Iterator[View]:
    """All views of one shard of latents."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["clips"])
        names = ("video", "depth", "stills", "still_frames")
        tensors = [file.get_tensor(name) for name in names] if facts else []
    heard = path.with_name(path.name.replace(".0.", SOUND))
    sounds = load_file(heard) if ".0." in path.name and heard.exists() else {}
    for i, fact in enumerate(facts):
        video, depth, stills, frames = (tensor[i] for tensor in tensors)
        yield View(video, depth, stills, frames, fact, sounds.get(str(i)))


def layout_of(view: View) -> tuple[float, ...]:
    """What the views of a batch have in common: size, frame rate, stills, being heard."""
    rate, heard = float(view.facts["frame_rate"]), view.sound is not None
    return (*view.video.shape[1:], rate, *view.still_frames.tolist(), heard)


GENTLE = 0.012
"""Pace up to which every view is taken: three in five; of the faster, one in four."""


def pace_of(view: View, bases: Bases) -> float:
    """How much a view changes from one latent frame to the next: mean square, of pixels."""
    change = (view.video[:, 1:].float() - view.video[:, :-1].float())[:, 1:]
    if not change.shape[1]:
        return 0.0
    energy = (change.square() * (bases.std * bases.std.mean()).view(-1, 1, 1, 1)).sum(0)
    return float(energy.mean()) / (3 * 8 * 32 * 32)


class LatentPool:
    """The views that are trained on, by `layout_of`: gentle ones mostly.

    Args:
        folder: Of the shards.
        bases: Codec that made them.
    """

    def __init__(self, folder: Path, bases: Bases) -> None:
        self.folder, self.bases = folder, bases
        self.known: set[str] = set()
        self.by_shape: dict[tuple[float, ...], list[View]] = {}

    def refresh(self) -> int:
        """Read shards that are new; how many views there are then."""
        for path in sorted(self.folder.glob("*.safetensors")):
            if path.name not in self.known and SOUND not in path.name:
                self.known.add(path.name)
                for number, view in enumerate(views_in(path)):
                    if number % 4 == 0 or pace_of(view, self.bases) <= GENTLE:
                        self.by_shape.setdefault(layout_of(view), []).append(view)
        return sum(map(len, self.by_shape.values()))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=Path("tools/pocket/runs/pool"))
    parser.add_argument(
        "--codec", type=Path, default=Path("tools/pocket/runs/codec/vae.safetensors")
    )
    parser.add_argument("--out", type=Path, default=Path("tools/pocket/runs/latents"))
    parser.add_argument("--views", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bases = load_bases(given.codec)
    done = update(given.pool, given.out, bases, views=given.views, seconds=given.minutes * 60)
    print(f"{done} shards of latents")


if __name__ == "__main__":
    main()
