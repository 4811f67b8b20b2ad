"""Seconds and peak memory of one clip, each tier in a process of its own.

python -m tools.pocket.measures.costs draft
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

TIERS = ("draft", "standard", "final")
SIZE, FRAMES = (512, 320), 49
"""Of the clip that is delivered; 49 frames are two seconds."""

CAPTION = "a big red ball rolls to the left on the floor, the camera is still, clear daylight"


def cost_of(tier: str) -> dict[str, Any]:
    """Make one clip in a new process, sound included: seconds once it is loaded, and peak memory.

    Args:
        tier: One of `TIERS`.
    """
    command = [sys.executable, "-m", "tools.pocket.measures.costs", tier]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(tier: str) -> dict[str, float] | None:
    """Make the clip here; None where the weights have no such tier."""
    import torch
    from tools.pocket.clips import Clip
    from tools.pocket.measures.doubled import ALL
    from tools.pocket.measures.maker import Maker

    torch.set_num_threads(1)
    maker = Maker.installed()
    if (tier == "draft" and len(maker.passes(SIZE)) == 1) or (
        tier == "final" and maker.refiner is None
    ):
        return None
    shape = (FRAMES, SIZE[1], SIZE[0])
    grey = torch.linspace(0, 255, SIZE[1]).byte()[None, :, None].expand(shape)
    clip = Clip(grey[..., None].expand(-1, -1, -1, 3), grey, {"frame_rate": 24.0})
    maker.read([CAPTION])
    if tier == "draft":
        clip = Clip(clip.frames[:, ::2, ::2], clip.depth[:, ::2, ::2], clip.facts)
    start, spent = time.monotonic(), time.process_time()
    made = maker.make_like(clip, ALL, 1, CAPTION)
    pixels = maker.pixels(made)
    if tier == "final":
        maker.refined(pixels)
    maker.sound(made)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": round(time.monotonic() - start, 2),
        "cpu_seconds": round(time.process_time() - spent, 2),
        "peak_mib": peak // (1024 * 1024 if sys.platform == "darwin" else 1024),
    }


def main() -> None:
    """One tier, as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tier", choices=TIERS)
    print(json.dumps(measured(parser.parse_args().tier)))


if __name__ == "__main__":
    main()
