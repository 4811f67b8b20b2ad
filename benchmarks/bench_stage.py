"""Staged frames per second, and how they grow with triangles and pixels.

    python benchmarks/bench_stage.py [--quick] [--threads 2] [--device cpu]

Each case runs in a process of its own: a field of rough balls on a checker ground, one of them
moving, an orbiting camera; drawn and written as `stage_shot` does it. Times are a trend. Counts are
gates, for they do not depend on the machine: painted samples a pixel, rasterised fragments a pixel.
Exit code 1 when a gate is broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from card import machine_facts

CASES = [
    (768, 448, 1_000),
    (768, 448, 10_000),
    (768, 448, 30_000),
    (768, 448, 100_000),
    (768, 448, 500_000),
    (384, 256, 30_000),
    (1280, 704, 30_000),
    (1920, 1088, 30_000),
]
QUICK = [(384, 256, 1_000), (384, 256, 30_000)]
FRAMES = 9

# Measured: 1.01 to 1.06 painted samples and 0.4 fragments a pixel, hardly more with more triangles.
MOST_PAINTED_PER_PIXEL = {1_000: 1.1, 10_000: 1.1, 30_000: 1.15, 100_000: 1.2, 500_000: 1.3}
MOST_FRAGMENTS_PER_PIXEL = 0.8


def _ball(num_triangles: int, seed: int) -> Any:
    """A ball with dents, about so many triangles."""
    import numpy as np

    from reelwright.assets.geometry import Geometry, Material, Part

    rings = max(4, round((num_triangles / 4) ** 0.5))
    up, around = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rings + 1),
        np.linspace(0, 2 * np.pi, 2 * rings + 1),
        indexing="ij",
    )
    out = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], -1)
    dent = 1 + 0.06 * np.sin(5 * around + seed) * np.cos(4 * up) * np.cos(up)
    points = (out * dent[..., None]).reshape(-1, 3).astype(np.float32)
    row = 2 * rings + 1
    first = (np.arange(rings)[:, None] * row + np.arange(2 * rings)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + row + 1], 1),
            np.stack([first, first + row + 1, first + row], 1),
        ]
    )
    normals = out.reshape(-1, 3).astype(np.float32)
    material = Material(base_color=(0.3 + 0.1 * seed, 0.5, 0.7 - 0.1 * seed, 1.0), roughness=0.4)
    return Geometry.still((Part(points, faces, normals, None, None, material),))


def _scene(width: int, height: int, frames: int) -> Any:
    from reelwright.storyboard import Film, resolve_scenes

    place = [
        {"prop": f"ball{k}", "at": [-3 + 1.5 * k, 1.2 * (k % 2), 1.0], "scale": 0.8}
        for k in range(1, 5)
    ]
    path = [{"t_s": 0, "at": [-2.6, -1, 0.8]}, {"t_s": 0.25, "at": [-1.5, -1.4, 1.0]}]
    film = Film(
        size=(width, height),
        fps=24,
        props={f"ball{k}": {"shape": "sphere"} for k in range(5)},
        ground={"pattern": "checker"},
        shots=[
            {
                "id": "bench",
                "seconds": frames / 24,
                "camera": {"at": [0, -6, 2], "look_at": [0, 0, 0.8], "move": "orbit-left"},
                "place": [*place, {"prop": "ball0", "keys": path, "scale": 0.8}],
            }
        ],
    )
    return resolve_scenes(film)["bench"]


class _Memory(threading.Thread):
    """The most anonymous memory that this process held."""

    def __init__(self) -> None:
        import psutil

        super().__init__(daemon=True)
        self._process = psutil.Process()
        self._done = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, self._anonymous())

    def stop(self) -> int:
        self._done.set()
        self.join()
        return max(self.peak, self._anonymous())

    def _anonymous(self) -> int:
        memory = self._process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))


def _case(width: int, height: int, triangles: int, threads: int, device: str) -> dict[str, Any]:
    import torch

    from reelwright.stage import frame_geometry, shot
    from reelwright.stage.render import Renderer

    torch.set_num_threads(threads)
    geometries = {f"ball{k}": _ball(triangles // 5, k) for k in range(5)}
    scene = _scene(width, height, FRAMES)
    counted = {"fragments": 0}
    original = frame_geometry.fragments

    def counting(*arguments: Any) -> Any:
        for piece in original(*arguments):
            counted["fragments"] += piece.sample.shape[0]
            yield piece

    frame_geometry.fragments = counting
    renderer = Renderer(scene, geometries, torch.device(device))
    counts = dict(renderer.render(0).counts)
    frame_geometry.fragments = original
    one = min(_timed(lambda: renderer.render(1)) for _ in range(2))
    del renderer
    shot._geometries = lambda *_: geometries
    memory = _Memory()
    memory.start()
    with tempfile.TemporaryDirectory() as folder:
        start, busy = time.perf_counter(), time.process_time()
        staged = shot.stage_shot(scene, dict.fromkeys(geometries), Path(folder), device)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*.*"))
        frames = staged.num_frames
    pixels = width * height
    return {
        "size": [width, height],
        "triangles": sum(each.num_triangles for each in geometries.values()),
        "frames": frames,
        "seconds_per_frame": round(seconds / frames, 4),
        "cpu_seconds_per_frame": round(busy / frames, 4),
        "one_frame_alone_s": round(one, 4),
        "frames_per_second": round(frames / seconds, 2),
        "peak_anonymous_mb": round(memory.stop() / 2**20),
        "disk_mb_per_frame": round(disk / frames / 2**20, 2),
        "painted_per_pixel": round(counts["painted_samples"] / pixels, 3),
        "edge_pixels_share": round(counts["edge_pixels"] / pixels, 4),
        "fragments_per_pixel": round(counted["fragments"] / pixels, 3),
    }


def _timed(work: Any) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _gates(result: dict[str, Any], asked: int) -> list[str]:
    limits = {
        "painted_per_pixel": MOST_PAINTED_PER_PIXEL[asked],
        "fragments_per_pixel": MOST_FRAGMENTS_PER_PIXEL,
    }
    return [
        f"{name} is {result[name]} at {asked} triangles (at most {most})"
        for name, most in limits.items()
        if result[name] > most
    ]


def _card(results: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    print("stage")
    print("  " + ", ".join(f"{key} {value}" for key, value in facts.items()))
    print("  size        triangles   fps  s/frame  cpu s    MB  disk MB painted/px fragments/px")
    for r in results:
        size = f"{r['size'][0]}x{r['size'][1]}"
        print(
            f"  {size:<11} {r['triangles']:>9} {r['frames_per_second']:>6} "
            f"{r['seconds_per_frame']:>8.3f} {r['cpu_seconds_per_frame']:>6.3f} "
            f"{r['peak_anonymous_mb']:>5} {r['disk_mb_per_frame']:>8.2f} "
            f"{r['painted_per_pixel']:>10} {r['fragments_per_pixel']:>12}"
        )
    print("  bound by: light on samples up to some 100,000 triangles, then by vertices and rows")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two small cases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", nargs=3, type=int, metavar=("W", "H", "TRIANGLES"))
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(_case(*asked.case, asked.threads, asked.device)))
        return 0
    results, broken = [], []
    for case in QUICK if asked.quick else CASES:
        run = subprocess.run(
            [sys.executable, __file__, "--case", *map(str, case), "--threads",
             str(asked.threads), "--device", asked.device],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            print(run.stderr, file=sys.stderr)
            return run.returncode
        results.append(json.loads(run.stdout.splitlines()[-1]))
        broken += _gates(results[-1], case[2])
    facts = {**machine_facts(), "device": asked.device, "threads": asked.threads}
    _card(results, facts)
    for gate in broken:
        print(f"  BROKEN: {gate}")
    print(json.dumps({"bench": "stage", **facts, "cases": results, "ok": not broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
