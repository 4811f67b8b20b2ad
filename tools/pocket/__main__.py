"""All of pocket from nothing: `python -m tools.pocket --minutes 300`, which is `make pocket`.

Every step is a command of its own, goes on from what it left, and has its share of the minutes; the
same command run again goes on where it was stopped, and trains further. The last step puts the
weights where the package keeps them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RUNS = Path("tools/pocket/runs")


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: For the terminal, and `--from`.
        module: Of `tools.pocket`.
        arguments: Its own.
        share: Of all minutes; 0 for a step that ends by itself.
        done: A file that makes it needless: what is built once, and what later parts hang on.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    share: float = 0.0
    done: Path | None = None


def _pool(name: str, share: float, *arguments: str) -> Step:
    return Step(name, "make_pool", ("--out", str(RUNS / "pool"), *arguments), share)


JOINT = RUNS / "joint"

STEPS = (
    _pool("clips", 0.1, "--clips", "1500", "--seed", "1", "--mix", "film"),
    _pool("small clips", 0.02, "--clips", "400", "--seed", "0", "--mix", "quick"),
    _pool("film scenes", 0.08, "--source", "stage", "--clips", "400", "--seed", "20",
          "--mix", "256x160x25"),
    _pool("long clips", 0.03, "--clips", "100", "--seed", "22", "--mix", "384x224x49"),
    _pool("large clips", 0.03, "--clips", "80", "--seed", "21", "--mix", "768x448x17"),
    Step("held-out clips", "make_pool",
         ("--out", str(RUNS / "held"), "--clips", "24", "--seed", "900", "--held-out",
          "--mix", "256x160x25"), 0.02),
    Step("video codec", "codec", (), 0.0, RUNS / "codec/vae.safetensors"),
    Step("tokenizer", "tokenizer", (), 0.0, RUNS / "text_encoder/tokenizer.json"),
    Step("audio codec", "train_audio", (), 0.06, RUNS / "audio_codec/audio_vae.safetensors"),
    Step("vocoder", "train_vocoder", (), 0.1),
    Step("transformer, pictures", "train", ("--judge-minutes", "30"), 0.2),
    Step("transformer, words and sound", "train",
         ("--stage", "joint", "--start", str(RUNS / "transformer/last.pt"), "--out", str(JOINT),
          "--judge-minutes", "30", "--cooldown", "20"), 0.25),
    Step("clips for the upsampler", "make_pool",
         ("--out", str(RUNS / "upsampler/pool"), "--clips", "29", "--seed", "41",
          "--mix", "512x320x17"), 0.01),
    Step("film scenes for it", "make_pool",
         ("--out", str(RUNS / "upsampler/pool"), "--clips", "16", "--seed", "42",
          "--mix", "512x320x17", "--source", "stage"), 0.01),
    Step("upsampler", "train_upsampler", (), 0.03),
    Step("refiner", "train_refiner", ("--checkpoint", str(JOINT / "best.pt")), 0.05),
    Step("export", "export"),
)  # fmt: skip


def command(step: Step, minutes: float, device: str) -> list[str]:
    """What is run for a step."""
    box = ["--minutes", f"{step.share * minutes:.1f}", "--device", device] if step.share else []
    shared = step.module == "train" and device == "cpu"
    both = ["--processes", str(os.cpu_count() or 1)] if shared else []
    return [sys.executable, "-m", f"tools.pocket.{step.module}", *step.arguments, *box, *both]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=300.0, help="for all of it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--from", dest="first", choices=[step.name for step in STEPS])
    given = parser.parse_args()
    names = [step.name for step in STEPS]
    for step in STEPS[names.index(given.first) if given.first else 0 :]:
        if step.done is not None and step.done.exists():
            print(f"== {step.name}: there already", flush=True)
            continue
        print(f"== {step.name}", flush=True)
        subprocess.run(command(step, given.minutes, given.device), check=True)


if __name__ == "__main__":
    main()
