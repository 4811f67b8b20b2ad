"""Measures a model in training on held-out staged clips: a table, and sheets of pictures.

Through the sampler of training; `tools.pocket.measure` measures what is shipped.

python -m tools.pocket.measure_training --clips 24
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from PIL import Image
from tools.pocket.adherence import motion_kept, order_kept
from tools.pocket.clips import Clip
from tools.pocket.codec import border_ratio, load_bases, load_codec, measure
from tools.pocket.language import Language
from tools.pocket.model import Pocket
from tools.pocket.pca import Bases
from tools.pocket.sampling import SCHEDULES, compare, guides_of, mean_rows, sample
from tools.pocket.train import held_out_clips
from torch import Tensor

from reelwright.engine import VideoVae

CASES = {
    "first, last, depth": {},
    "first, last": {"depth": False},
    "first, depth": {"last": False},
}
"""What clips are made from."""

SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where in a clip the frames of a sheet are taken."""


def load_pocket(checkpoint: Path) -> Pocket:
    """The averaged weights of a checkpoint."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    weights: dict[str, Tensor] = saved["average"]
    spoken = "language.gemma.norm.weight" in weights
    language = Language(Path("tools/pocket/runs/text_encoder")) if spoken else None
    audio = any(name.startswith("transformer.audio.") for name in weights)
    pocket = Pocket(audio=audio, language=language, config=saved["config"])
    pocket.load_state_dict(weights)
    return pocket.eval()


@torch.no_grad()
def make(
    pocket: Pocket,
    bases: Bases,
    vae: VideoVae,
    clip: Clip,
    *,
    seed: int,
    schedule: str,
    **case: bool,
) -> Tensor:
    """A clip made from what a held-out one gives; pixels [3, F, H, W]."""
    guides = guides_of(bases, clip, **case)
    frames, height, width = clip.depth.shape
    grid = ((frames - 1) // 8 + 1, height // 32, width // 32)
    rate = float(clip.facts.get("frame_rate", 24.0))
    latent = sample(pocket, grid, guides, frame_rate=rate, sigmas=SCHEDULES[schedule], seed=seed)
    return vae.decode(latent)[0].float()


def judged(found: Tensor, clip: Clip) -> dict[str, float]:
    """All measures of one made clip."""
    at, inside = border_ratio(found)
    true_at, true_inside = border_ratio(clip.pixels)
    pops = {"border": at, "inside": inside, "true_border": true_at, "true_inside": true_inside}
    return {**compare(found, clip.pixels), **pops, **adherence(found, clip)}


def adherence(found: Tensor, clip: Clip) -> dict[str, float]:
    """Order and motion kept, of the made clip and (what can be had) of the true one."""
    if clip.mask is None or clip.motion is None:
        return {}
    row = {
        "order": order_kept(found, clip),
        "motion": motion_kept(found, clip.motion, clip.mask),
        "true_motion": motion_kept(clip.pixels, clip.motion, clip.mask),
    }
    return {name: value for name, value in row.items() if value == value}


def sheet(clip: Clip, made: dict[str, Tensor]) -> Image.Image:
    """Rows of frames: depth, each made clip, truth."""
    frames = clip.depth.shape[0]
    places = [round(share * (frames - 1)) for share in SHOWN]
    rows = [clip.depth_pixels, *made.values(), clip.pixels]
    picture = torch.cat([torch.cat(list(row[:, places].unbind(1)), dim=2) for row in rows], dim=1)
    bytes_ = ((picture.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0)
    return Image.fromarray(bytes_.numpy())


def main() -> None:
    """Measure, print, draw."""
    runs = Path("tools/pocket/runs")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held", type=Path, default=runs / "held")
    parser.add_argument("--codec", type=Path, default=runs / "codec/vae.safetensors")
    parser.add_argument("--checkpoint", type=Path, default=runs / "transformer/best.pt")
    parser.add_argument("--out", type=Path, default=runs / "measures")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--sheets", type=int, default=4)
    parser.add_argument("--schedules", nargs="*", default=list(SCHEDULES))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    bases, vae = load_bases(given.codec), load_codec(given.codec)
    clips = held_out_clips(given.held, given.clips)
    table: dict[str, dict[str, float]] = {"codec": measure(vae, clips)}
    pocket = load_pocket(given.checkpoint)
    for name, case in CASES.items():
        for schedule in given.schedules:
            rows = []
            for i, clip in enumerate(clips):
                found = make(pocket, bases, vae, clip, seed=i, schedule=schedule, **case)
                rows.append(judged(found, clip))
                if i < given.sheets and schedule == given.schedules[0]:
                    label = name.replace(", ", "-")
                    sheet(clip, {name: found}).save(given.out / f"{i}-{label}.png")
            table[f"{name}; {schedule}"] = mean_rows(rows)
            print(f"{name}; {schedule}", table[f"{name}; {schedule}"], flush=True)
    (given.out / "table.json").write_text(json.dumps(table, indent=1))
    print(json.dumps(table["codec"]))


if __name__ == "__main__":
    main()
