"""The engine beside diffusers: a step, opening a file, decoding; same weights, same threads.

    python benchmarks/bench_engine.py [--part step open decode] [--heads 32] [--layers 2]
                                      [--tokens 64 1056 3960] [--dtype float32 bfloat16]
                                      [--device cpu] [--threads N] [--folder DIR]

A random checkpoint of the 2.3 architecture (real widths, few blocks) is written once in both
layouts. Steps alternate in one process; opening and decoding run in a process of their own each,
where anonymous memory (not the page cache) is sampled. Before anything is timed, the two sides'
results are compared: a gate, with the counts; times are a trend.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from card import show

SIDES = ("reelwright", "diffusers")
LEVELS = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875)
MOST_ERROR = {"float32": 2e-5, "bfloat16": 6e-2}
"""Largest difference of the two sides, of the largest value; in bf16 each rounds in its own way."""


class Peak:
    """Samples the anonymous memory of this process."""

    def __init__(self) -> None:
        self.start = self.most = _anonymous()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.most = max(self.most, _anonymous())

    @property
    def grown(self) -> int:
        """Bytes above what there was at the start."""
        return self.most - self.start

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self.most = max(self.most, _anonymous())


def _anonymous() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell anonymous memory; run on Linux")


def _folder(arguments: argparse.Namespace) -> Path:
    from engine_rival import write_layouts

    root = arguments.folder or Path(tempfile.gettempdir()) / "reelwright-bench"
    folder = Path(root) / f"transformer-{arguments.heads}-{arguments.layers}"
    write_layouts(folder, arguments.heads, arguments.layers)
    return folder


def _steps(arguments: argparse.Namespace) -> int:
    """Steps of both sides in turn: the mean of a run of eight levels, everything counted."""
    import torch

    from engine_rival import LOADS, Given, Ours, Theirs
    from reelwright.engine import Compute

    broken = 0
    device = torch.device(arguments.device)
    for dtype in arguments.dtype:
        compute = Compute(dtype)
        ours, theirs = (
            side(_folder(arguments), arguments.heads, compute, device) for side in (Ours, Theirs)
        )
        for tokens in arguments.tokens:
            load = LOADS[tokens]
            given = Given.make(load, arguments.heads, compute.dtype, device)
            levels = LEVELS if tokens < 1000 else LEVELS[:: 4 if tokens < 3000 else 8]
            pair = [
                [_timed(side, load, given, levels) for side in (ours, theirs)]
                for _ in range(arguments.repeats if tokens < 3000 else 2)
            ]
            results = [side.step(levels[0]) for side in (ours, theirs)]
            error = max(
                float((a.float() - b.float()).abs().max() / b.float().abs().max())
                for a, b in zip(*results, strict=True)
            )
            rows = {
                "heads": arguments.heads,
                "layers": arguments.layers,
                "dtype": dtype,
                "video_tokens": tokens,
                "audio_tokens": load.audio,
                "text_tokens": load.text,
                "steps": len(levels),
                "threads_used": torch.get_num_threads(),
                "reelwright_s": round(median(a for a, _ in pair), 4),
                "diffusers_s": round(median(b for _, b in pair), 4),
                "ratio": round(median(a / b for a, b in pair), 3),
            }
            broken |= show("engine step", rows, {"error": (error, MOST_ERROR[dtype])})
    return broken


def _timed(side: Any, load: Any, given: Any, levels: tuple[float, ...]) -> float:
    """Seconds a step of a run of several levels, its preparation counted."""
    start = time.perf_counter()
    side.prepare(load, given, levels)
    for level in levels:
        side.step(level)
    return (time.perf_counter() - start) / len(levels)


def _open(arguments: argparse.Namespace) -> int:
    """From the file to the end of a first step of 64 tokens, each side in a process of its own."""
    folder = _folder(arguments)
    size = (folder / "model.safetensors").stat().st_size
    rounds = [[_child(arguments, "open", side) for side in SIDES] for _ in range(3)]
    rows = {
        "file_mb": size // 2**20,
        "dtype": "bfloat16",
        "threads_used": arguments.threads,
        **_compare(rounds),
    }
    return show(
        "engine open",
        rows,
        {"anonymous of file": (round(rows["reelwright_mb"] / (size / 2**20), 3), 0.3)},
    )


def _decode(arguments: argparse.Namespace) -> int:
    """49 frames of 512x320 from a latent, whole and in tiles."""
    for tiled in ("whole", "tiled"):
        rounds = [[_child(arguments, f"decode-{tiled}", side) for side in SIDES]]
        rows = {
            "frames": 49,
            "size": "512x320",
            "dtype": arguments.dtype[-1],
            "how": tiled,
            "threads_used": arguments.threads,
            **_compare(rounds),
        }
        show("engine decode", rows, {})
    return 0


def _compare(rounds: list[list[dict[str, float]]]) -> dict[str, float]:
    """Medians of both sides, and of their ratio round by round."""
    rows: dict[str, float] = {}
    for key in ("s", "mb"):
        for i, side in enumerate(SIDES):
            rows[f"{side}_{key}"] = round(median(each[i][key] for each in rounds), 3)
        rows[f"{key}_ratio"] = round(median(a[key] / b[key] for a, b in rounds), 3)
    return rows


def _child(arguments: argparse.Namespace, task: str, side: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", task, side, "--heads", str(arguments.heads)]
    command += ["--layers", str(arguments.layers), "--threads", str(arguments.threads)]
    command += ["--dtype", arguments.dtype[-1]]
    if arguments.folder:
        command += ["--folder", str(arguments.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} of {side} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _run_child(arguments: argparse.Namespace) -> int:
    import torch

    torch.set_num_threads(arguments.threads)
    task, side = arguments.child
    work = _open_task if task == "open" else _decode_task
    ready = work(arguments, side, task)
    with Peak() as peak:
        start = time.perf_counter()
        ready()
        seconds = time.perf_counter() - start
    print(json.dumps({"s": seconds, "mb": peak.grown / 2**20}))
    return 0


def _open_task(arguments: argparse.Namespace, side: str, task: str) -> Callable[[], None]:
    """Imports are done before the clock starts, on both sides."""
    import torch

    from engine_rival import LOADS, Given, Ours, Theirs
    from reelwright.engine import Compute

    if side == "diffusers":
        import diffusers.models.transformers.transformer_ltx2  # noqa: F401 - before the clock
    folder, device = _folder(arguments), torch.device("cpu")
    given = Given.make(LOADS[64], arguments.heads, torch.bfloat16, device)

    def run() -> None:
        kind = Ours if side == "reelwright" else Theirs
        made = kind(folder, arguments.heads, Compute.BFLOAT16, device)
        made.prepare(LOADS[64], given, LEVELS[:1])
        made.step(LEVELS[0])

    return run


def _decode_task(arguments: argparse.Namespace, side: str, task: str) -> Callable[[], None]:
    import torch

    from engine_decoder import decoder_of, write_codec
    from reelwright.engine import Compute

    root = Path(arguments.folder or Path(tempfile.gettempdir()) / "reelwright-bench")
    write_codec(root / "video_vae")
    decode = decoder_of(
        side, root / "video_vae", Compute(arguments.dtype[-1]), task == "decode-tiled"
    )
    latent = torch.randn((1, 128, 7, 10, 16), generator=torch.Generator().manual_seed(3))
    return lambda: decode(latent)


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--part", nargs="+", choices=("step", "open", "decode"), default=["step", "open"]
    )
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 1056, 3960])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    import torch

    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    if arguments.child:
        return _run_child(arguments)
    parts = {"step": _steps, "open": _open, "decode": _decode}
    return max(parts[part](arguments) for part in arguments.part)


if __name__ == "__main__":
    sys.exit(main())
