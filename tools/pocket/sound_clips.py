"""Endless metadata of clips for the ear alone: the pool's form, no pictures, microseconds each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = (
    "sphere", "box", "cylinder", "cone", "torus", "boat", "buoy", "gull", "lighthouse", "crate",
)  # fmt: skip
_WEIGHTS = np.array((3, 3, 3, 3, 3, 1, 1, 1, 1, 1)) / 20

Path = NDArray[np.float32]


def random_clip(seed: int, num_frames: int = 49, frame_rate: float = 24.0) -> dict[str, Any]:
    """Metadata of a clip that was never rendered, with one to four props on simple paths."""
    rng = np.random.default_rng([seed, 7])
    objects = [_object(rng, num_frames, frame_rate) for _ in range(int(rng.integers(1, 5)))]
    light = {"sun_elevation_deg": float(rng.uniform(-5, 70))}
    ground = {"pattern": str(rng.choice(["plain", "checker", "water"]))}
    scene = {"objects": objects, "light": light, "ground": ground}
    return {"seed": seed, "frame_rate": frame_rate, "num_frames": num_frames, "scene": scene}


def _object(rng: np.random.Generator, num_frames: int, frame_rate: float) -> dict[str, Any]:
    start, stop = sorted(rng.integers(-num_frames // 2, num_frames + num_frames // 2, 2).tolist())
    along = np.clip((np.arange(num_frames) - start) / max(stop - start, 1), 0, 1)
    if rng.uniform() < 0.5:
        along = along * along * (3 - 2 * along)
    place = np.array([rng.uniform(-2, 2), rng.uniform(3, 8), 0.5])
    way = rng.uniform(-1.2, 1.2, 3) * (max(stop - start, 1) / frame_rate) * (1, 1, 0)
    path = (place + along[:, None] * way).astype(np.float32)
    events = [{"frame": f, "kind": "start"} for f in (start,) if 0 < f < num_frames]
    events += [{"frame": f, "kind": "stop"} for f in (stop,) if 0 < f < num_frames]
    hits = rng.integers(1, num_frames, int(rng.choice([0, 0, 1, 1, 2])))
    events += [{"frame": int(f), "kind": "impact"} for f in np.unique(hits)]
    return {
        "kind": str(rng.choice(KINDS, p=_WEIGHTS)),
        "size": float(rng.uniform(0.4, 1.6)),
        "path": path,
        "centre": np.stack((0.5 + path[:, 0] / path[:, 1], np.full(num_frames, 0.5)), axis=1),
        "distance": np.linalg.norm(path, axis=1),
        "events": events,
    }
