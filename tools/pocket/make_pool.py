"""Fill a pool with clips: `python -m tools.pocket.make_pool --out runs/pool --clips 4000`.

Seeds count up from `--seed` times a million; what is already there is skipped, so that the same
command goes on where it was stopped. Held-out clips go to shards of their own, with motion.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tools.pocket.captions import captions_of, sounds_of
from tools.pocket.depth import depth_range, depth_to_grey
from tools.pocket.pool import PoolClip, write_shard
from tools.pocket.render import draw
from tools.pocket.scenes import draw_staging, is_held_out
from tools.pocket.shapes import sides
from tools.pocket.staging import Staging

Shape = tuple[int, int, int]

MIXES: dict[str, tuple[tuple[Shape, float], ...]] = {
    "mixed": (
        ((256, 160, 25), 0.6), ((128, 128, 17), 0.2), ((256, 160, 49), 0.1),
        ((192, 128, 33), 0.04), ((256, 192, 33), 0.03), ((128, 192, 33), 0.03),
    ),
    "film": (((256, 160, 25), 0.8), ((256, 160, 49), 0.2)),
    "quick": (((256, 160, 25), 0.4), ((128, 128, 17), 0.6)),
}  # fmt: skip
"""Width, height and frames of clips, and how often each is drawn."""

SEEDS_EACH = 1_000_000
_SHARD, _SMALL_SHARD = 32, 8
_SHARD_BYTES = 200_000_000


def main() -> None:
    """Command line."""
    options = _options()
    torch.set_num_threads(options.threads)
    started = time.time()
    written = 0
    for shape, name, seeds in _shards_missing(options):
        motion = options.motion or "-held-" in name
        clips = [
            make_clip(seed, shape, options.source, options.device, motion=motion) for seed in seeds
        ]
        write_shard(options.out, name, clips)
        written += len(clips)
        rate = written / (time.time() - started)
        print(f"{name}: {len(clips)} of {shape}, {rate:.2f} clips/s", flush=True)
        if time.time() - started > options.minutes * 60:
            print("time is up", flush=True)
            break


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pool")
    parser.add_argument("--source", choices=("analytic", "stage"), default="analytic")
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0, help="another number, other clips")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--mix", default="mixed", help=f"{', '.join(MIXES)}, or WIDTHxHEIGHTxFRAMES"
    )
    parser.add_argument("--held-out", action="store_true", help="only clips that never train")
    parser.add_argument("--motion", action="store_true", help="keep motion of every clip")
    return parser.parse_args()


def _mix(name: str) -> tuple[tuple[Shape, float], ...]:
    if name in MIXES:
        return MIXES[name]
    width, height, frames = (int(part) for part in name.split("x"))
    return (((width, height, frames), 1.0),)


def _shards_missing(options: argparse.Namespace) -> Iterator[tuple[Shape, str, list[int]]]:
    """Yield each shard that is not there yet: shape, name and the seeds in it."""
    mix = _mix(options.mix)
    waiting: dict[tuple[Shape, bool], list[int]] = defaultdict(list)
    for number in range(options.clips):
        step = 20 * number + 19 if options.held_out else number
        seed = options.seed * SEEDS_EACH + step
        key = shape_of(seed, mix), is_held_out(seed)
        waiting[key].append(seed)
        full = len(waiting[key]) == _per_shard(key[0], held_out=key[1], source=options.source)
        ready = list(waiting) if number == options.clips - 1 else [key] if full else []
        for shape, held in ready:
            seeds = waiting.pop((shape, held))
            size = "x".join(str(side) for side in shape)
            kind = options.source + ("-held" if held else "")
            name = f"clips-{options.seed:03d}-{kind}-{size}-{seeds[0] % SEEDS_EACH:06d}"
            if not (options.out / f"{name}.safetensors").exists():
                yield shape, name, seeds


def shape_of(seed: int, mix: tuple[tuple[Shape, float], ...]) -> Shape:
    """The shape of a seed's clip."""
    weights = np.array([weight for _, weight in mix])
    rng = np.random.default_rng([seed, 7])
    return mix[int(rng.choice(len(mix), p=weights / weights.sum()))][0]


def _per_shard(shape: Shape, *, held_out: bool, source: str) -> int:
    """Few where clips are rare or slow, so that a stopped run has lost little."""
    width, height, frames = shape
    if held_out or source == "stage":
        return _SMALL_SHARD
    return int(np.clip(_SHARD_BYTES // (width * height * frames * 5), _SMALL_SHARD, _SHARD))


def make_clip(
    seed: int, shape: Shape, source: str = "analytic", device: str = "cpu", *, motion: bool = True
) -> PoolClip:
    """Draw the clip of a seed and say what is in it."""
    width, height, frames = shape
    rate = float(np.random.default_rng([seed, 8]).choice([24, 25, 30], p=[0.86, 0.07, 0.07]))
    if source == "stage":
        from tools.pocket.film_scenes import draw_film_scene
        from tools.pocket.staged import stage

        staging = draw_film_scene(seed, (width, height), frames, rate)
        clip = stage(staging, device)
    else:
        staging = draw_staging(seed, (width, height), frames, rate)
        clip = draw(staging, device, motion=motion)
    grey = depth_to_grey(clip.depth)
    facts = facts_of(staging, depth_range(clip.depth))
    return PoolClip(clip.frames, grey, clip.mask, clip.motion if motion else None, facts)


def facts_of(staging: Staging, near_far: tuple[float, float]) -> dict[str, Any]:
    """What a clip's metadata says of it, as JSON values."""
    count = staging.num_frames
    cameras = np.stack([staging.camera(frame) for frame in range(count)])
    lens = staging.intrinsics()
    objects, centres, ways = [], [], []
    still = np.broadcast_to(cameras[0], cameras.shape)
    for thing in staging.things:
        middle = thing.path + thing.middle
        centre, far = on_screen(middle, cameras, lens, staging.frame_size)
        centres.append(centre)
        ways.append(on_screen(middle, still, lens, staging.frame_size)[0])
        objects.append(
            {
                "kind": thing.kind,
                "color": thing.color,
                "texture": thing.texture,
                "size": [round(2 * v, 4) for v in sides(thing.kind, thing.size)],
                "motion": thing.motion,
                "pace": round(thing.pace, 3),
                "path": np.round(thing.path, 4).tolist(),
                "turn": np.round(thing.turn, 2).tolist(),
                "centre": np.round(centre, 4).tolist(),
                "distance": np.round(far, 3).tolist(),
                "events": [{"frame": frame, "kind": kind} for frame, kind in thing.events],
            }
        )
    sounds = sounds_of(staging)
    events = [
        {"frame": frame, "kind": kind, "object": number}
        for number, thing in enumerate(staging.things)
        for frame, kind in thing.events
    ]
    return {
        "seed": staging.seed,
        "source": staging.source,
        "held_out": staging.held_out,
        "captions": captions_of(staging, sounds, np.stack(centres), np.stack(ways)),
        "frame_rate": staging.frame_rate,
        "num_frames": count,
        "scene": {
            "objects": objects,
            "events": events,
            "light": {
                "word": staging.mood,
                "sun_side": staging.sun_side,
                "sun_elevation_deg": round(staging.light.sun_elevation_deg, 2),
            },
            "ground": staging.ground.pattern,
        },
        "sounds": sounds,
        "camera": {
            "move": staging.track.action,
            "world_from_camera": np.round(cameras, 5).tolist(),
            "fov_deg": round(staging.fov_deg, 3),
            "intrinsics": np.round(lens, 4).tolist(),
        },
        "near_far_m": [round(v, 4) for v in near_far],
    }


def on_screen(
    path: Any, cameras: Any, intrinsics: Any, frame_size: tuple[int, int]
) -> tuple[Any, Any]:
    """Where a path is seen, 0..1 right and down (beyond that: outside), and how far away."""
    local = np.einsum("fji,fj->fi", cameras[:, :3, :3], path - cameras[:, :3, 3])
    ahead = np.maximum(local[:, 2:], 0.05)
    pixels = (local / ahead) @ intrinsics.T
    centre = np.clip(pixels[:, :2] / np.array(frame_size), -3, 4)
    return centre, np.linalg.norm(local, axis=1)


if __name__ == "__main__":
    main()
