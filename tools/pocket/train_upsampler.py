"""Fit and train the latent upsampler: python -m tools.pocket.train_upsampler [--minutes N].

Clips of a pool at their size and at half of it, both encoded. Without a checkpoint it starts from
the linear map that fits them best (`upsampler`); then it trains, if there is time, and writes the
file and what it measures on clips that never train:

    python -m tools.pocket.make_pool --out tools/pocket/runs/upsampler/pool --mix 512x320x17 \
        --clips 29 --seed 41 ; and with --held-out --clips 8, and --source stage
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from tools.pocket.clips import Clip, clips_in, shards
from tools.pocket.codec import load_bases, load_codec, psnr
from tools.pocket.pca import Bases
from tools.pocket.sound_run import RUNS, Run, arguments
from tools.pocket.upsampler import Pair, make_upsampler, save_upsampler, start
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from reelwright.engine import Checkpoint
from reelwright.engine.codecs.upsampler import LatentUpsampler, load_upsampler

FOLDER = RUNS / "upsampler"
FILE = FOLDER / "upsampler.safetensors"

WINDOWS = ((320, 512), (256, 448), (256, 384), (320, 320), (192, 512))
"""Rows and columns of the large side; one that does not fit is cut down."""


def halved(pixels: Tensor) -> Tensor:
    """Pixels [3, F, H, W] of half the sides, by area."""
    return avg_pool2d(pixels.transpose(0, 1), 2).transpose(0, 1)


def pair_of(bases: Bases, pixels: Tensor) -> Pair:
    """Raw latents of a clip at half its size and as it is."""
    return bases.raw_latent(halved(pixels)[None]), bases.raw_latent(pixels[None])


def mirrored(bases: Bases, pair: Pair) -> Pair:
    """Both in a mirror."""
    turn = bases.joint_sign.view(1, -1, 1, 1, 1)
    return pair[0].flip(-1) * turn, pair[1].flip(-1) * turn


def window(clip: Clip, generator: torch.Generator) -> Tensor:
    """Pixels of a window anywhere in a clip, half of them run backwards."""

    def chance(count: int) -> int:
        return int(torch.randint(0, count, (), generator=generator))

    rows, columns = WINDOWS[chance(len(WINDOWS))]
    _, height, width, _ = clip.frames.shape
    rows, columns = min(rows, height // 64 * 64), min(columns, width // 64 * 64)
    top, left = chance((height - rows) // 2 + 1) * 2, chance((width - columns) // 2 + 1) * 2
    cut = clip.crop(top, left, rows, columns)
    return (cut.reversed() if chance(2) else cut).pixels


def parted(pool: Path) -> tuple[list[Clip], list[Clip]]:
    """Clips to train on, and held out: held-out shards, and the last of each of the stage's."""
    learn: list[Clip] = []
    held: list[Clip] = []
    for shard in shards(pool):
        found = list(clips_in(shard))
        kept = 0 if "-held-" in shard.name else len(found) - ("-stage-" in shard.name)
        learn += found[:kept]
        held += found[kept:]
    return learn, held


def draws(bases: Bases, clips: list[Clip], count: int, seed: int) -> Iterator[Pair]:
    """Pairs of windows of clips in turn, every second one mirrored."""
    generator = torch.Generator().manual_seed(seed)
    for number in range(count):
        pair = pair_of(bases, window(clips[(seed + number) % len(clips)], generator))
        yield mirrored(bases, pair) if number % 2 else pair


def loss_of(net: LatentUpsampler, pair: Pair) -> Tensor:
    """Squared error of a cell, which is that of its pixels, against what large latents vary by."""
    small, large = pair
    error = (net(small) - large).square().sum(1).mean()
    return error / (large - large.mean((2, 3, 4), keepdim=True)).square().sum(1).mean().clamp(min=1)


@torch.no_grad()
def measure(net: LatentUpsampler, bases: Bases, clips: list[Clip]) -> dict[str, float]:
    """PSNR of held-out clips at the large size: upsampled, resized, and what the codec can do."""
    vae = load_codec(RUNS / "codec" / "vae.safetensors")
    rows = []
    for clip in clips:
        rows_of = clip.frames.shape[1] // 64 * 64
        pixels = clip.crop(0, 0, rows_of, clip.frames.shape[2] // 64 * 64).pixels
        small, large = pair_of(bases, pixels)
        made, true, little = (vae.decoder(x)[0] for x in (net(small), large, small))
        resized = _resized(little)
        rows.append(
            {
                "upsampled": psnr(made, pixels),
                "bicubic_of_decoded": psnr(resized, pixels),
                "bicubic_of_true": psnr(_resized(halved(pixels)), pixels),
                "codec": psnr(true, pixels),
                "upsampled_to_codec": psnr(made, true.clamp(-1, 1)),
                "bicubic_to_codec": psnr(resized, true.clamp(-1, 1)),
            }
        )
    return {name: sum(row[name] for row in rows) / max(1, len(rows)) for name in rows[0]}


def _resized(pixels: Tensor) -> Tensor:
    large = interpolate(pixels.transpose(0, 1), scale_factor=2, mode="bicubic")
    return large.transpose(0, 1)


def main() -> None:
    """Fit, train, write, measure."""
    parser = arguments(__doc__ or "", 5)
    parser.add_argument("--pool", type=Path, default=FOLDER / "pool")
    parser.add_argument("--fitted", type=int, default=240, help="windows for the linear start")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    bases = load_bases(RUNS / "codec" / "vae.safetensors")
    learn, held = parted(given.pool)
    net = make_upsampler()
    run = Run(FOLDER, net, given.minutes, peak=2e-4)
    if run.checkpoint.exists():
        net.to(given.device)
        run.resume()
    else:
        start(net, list(draws(bases, learn, given.fitted, given.seed)), bases.std, bases.scale)
        run.average = {name: value.clone() for name, value in net.state_dict().items()}
        _report(run, bases, held)
    net.to(given.device)
    run.average = {name: value.to(given.device) for name, value in run.average.items()}
    for step in run.steps(on_save=lambda: _report(run, bases, held[::4])):
        pair = next(draws(bases, learn, 1, 1000 + run.seen))
        run.seen += 1
        small, large = (x.to(given.device) for x in pair)
        scale = 0.05 * torch.rand(()) * bases.scale.view(1, -1, 1, 1, 1).to(given.device)
        loss = loss_of(net, (small + scale * torch.randn_like(small), large))
        run.learn(loss)
        if step % 20 == 0:
            run.log(loss=loss.item())
    _report(run, bases, held)


def _report(run: Run, bases: Bases, held: list[Clip]) -> None:
    """Write the averaged weights, and measure the file."""
    size = save_upsampler(run.average, FILE)
    found = measure(load_upsampler(Checkpoint.open(FILE)), bases, held)
    run.log(bytes=size, **found)
    (FOLDER / "measures.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
