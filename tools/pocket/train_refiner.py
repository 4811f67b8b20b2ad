"""Trains the pocket's pixel refiner: resumable, in a box of minutes, on any device.

A compact ESRGAN-family network on pictures folded 2x2, which begins as bicubic interpolation. A
third of the time, until there are enough, pairs are drawn (see `refiner`): half of the pictures
are the codec's, half the transformer's. For a later transformer give it with `--checkpoint`; what
was drawn stays. With another codec, delete `pairs` and `held` first.

    python -m tools.pocket.train_refiner --minutes 25
    python -m tools.pocket.train_refiner --minutes 8 --checkpoint tools/pocket/runs/joint/best.pt
    python -m tools.pocket.train_refiner --minutes 0      # measures what there is
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from functools import partial
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file
from tools.pocket.codec import load_bases, load_codec, moving_mask
from tools.pocket.measure_training import load_pocket
from tools.pocket.refiner import Makers, Pair, complete, crops, pair_names
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad, pixel_shuffle, pixel_unshuffle

from reelwright.engine.codecs.esrgan import Compact, CompactShape
from reelwright.engine.codecs.pixel_upscaler import EDGE

SHAPE = CompactShape(width=48, depth=8, fold=2, scale=2)
LAST = 0.2
"""Rate of the last layer, of the others'."""

WARM_UP = 50
"""Steps until the rate is whole."""


def main() -> None:
    """Train, then measure."""
    given = _options()
    torch.set_num_threads(given.threads)
    trainer = Trainer(given)
    if given.minutes:
        trainer.run()
    table = measure(trainer.averaged(), trainer.held(given.judged), given.out)
    (given.out / "table.json").write_text(json.dumps(table, indent=1))
    print(json.dumps(table, indent=1))


def _options() -> argparse.Namespace:
    runs = Path("tools/pocket/runs")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=runs / "pool")
    parser.add_argument("--held", type=Path, default=runs / "held")
    parser.add_argument("--codec", type=Path, default=runs / "codec/vae.safetensors")
    parser.add_argument("--checkpoint", type=Path, help="a transformer; without it, codec pairs")
    parser.add_argument("--out", type=Path, default=runs / "refiner")
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--judged", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Trainer:
    """A refiner, its optimiser, its pairs, and where it is.

    Args:
        given: The command line.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.device = torch.device(given.device)
        torch.manual_seed(given.seed)
        self.net = bicubic_start(Compact(SHAPE)).to(self.device, memory_format=torch.channels_last)
        self.optimiser = optimiser_of(self.net, given.rate)
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.step, self.best = 0, float("-inf")
        self.makers = _makers(given)
        self.folder = given.out / "pairs"
        self.names = pair_names(given.pool, given.clips)
        self.pairs: list[Pair] = []
        self._resume()
        self.generator = torch.Generator().manual_seed(given.seed + self.step)

    def run(self) -> None:
        """Train for the box of minutes, pairs drawn on the way."""
        begun, drawing_s, told = time.time(), 0.0, time.time()
        while (spent := time.time() - begun) < self.given.minutes * 60:
            few = len(self.pairs) < min(24, len(self.names))
            if len(self.pairs) < len(self.names) and (few or drawing_s < 0.3 * spent):
                started = time.time()
                self._take_in(self.names[len(self.pairs)])
                drawing_s += time.time() - started
                continue
            loss = self._train(spent / (self.given.minutes * 60))
            if time.time() - told > 120:
                self._tell(loss)
                told = time.time()
        self._tell(loss)

    def _train(self, share: float) -> float:
        """A step; `share` of the box is over."""
        small, large = crops(self.pairs, self.given.batch, self.given.side, self.generator)
        share = min(1, (self.step + 1) / WARM_UP) * (0.02 + 0.98 * _cosine(share))
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * share
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.net(small.to(self.device, memory_format=torch.channels_last))
        inner = slice(2 * EDGE, -2 * EDGE)  # a crop's border is no border of a picture
        wanted = large[..., inner, inner].to(self.device)
        loss = error(found.float()[..., inner, inner], wanted)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        share = 1 - min(0.998, (1 + self.step) / (10 + self.step))
        for name, tensor in self.net.state_dict().items():
            self.average[name].lerp_(tensor, share)

    def _take_in(self, name: str) -> None:
        self.pairs.append(complete(self.folder, name, self.makers))

    def held(self, count: int) -> list[Pair]:
        """Held-out pairs."""
        folder = self.given.out / "held"
        names = pair_names(self.given.held, count, held_out=True)
        return [complete(folder, name, self.makers, held_out=True) for name in names]

    def averaged(self) -> Compact:
        """The network with averaged weights."""
        net = Compact(SHAPE)
        net.load_state_dict({name: tensor.cpu() for name, tensor in self.average.items()})
        return net.to(memory_format=torch.channels_last).eval()

    def _tell(self, loss: float) -> None:
        """Judge on a few held-out pairs; write the curve, the state, and the file if it is best."""
        row = measure(self.averaged(), self.held(6), None)
        score = sum(each["refined"] for each in row.values()) / len(row)
        line = {"step": self.step, "pairs": len(self.pairs), "loss": round(loss, 5), **row}
        with (self.given.out / "curve.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        if score > self.best:
            self.best = score
            export(self.averaged(), self.given.out / "refiner.safetensors")
        self._save()

    def _save(self) -> None:
        state = {
            "net": self.net.state_dict(), "average": self.average, "step": self.step,
            "optimiser": self.optimiser.state_dict(), "best": self.best,
            "tag": self.makers.tag,
        }  # fmt: skip
        self.given.out.mkdir(parents=True, exist_ok=True)
        torch.save(state, self.given.out / ".run.part")
        (self.given.out / ".run.part").replace(self.given.out / "run.pt")

    def _resume(self) -> None:
        if (file := self.given.out / "run.pt").exists():
            saved = torch.load(file, map_location=self.device, weights_only=True)
            self.net.load_state_dict(saved["net"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.average, self.step = saved["average"], saved["step"]
            if saved["tag"] == self.makers.tag:  # scores of other pictures do not compare
                self.best = saved["best"]


def optimiser_of(net: Compact, rate: float) -> torch.optim.Adam:
    """Adam; the last layer, which begins at nothing, goes a fifth as fast."""
    last = list(net.body[-1].parameters())
    body = [each for part in list(net.body)[:-1] for each in part.parameters()]
    groups = [{"params": body, "lr": rate}, {"params": last, "lr": rate * LAST}]
    for group in groups:
        group["initial_lr"] = group["lr"]
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def error(found: Tensor, wanted: Tensor) -> Tensor:
    """Absolute, half of the square, half of the gradient's."""
    off = found - wanted
    rows, columns = off.diff(dim=2), off.diff(dim=3)
    return (
        off.abs().mean() + off.square().mean() / 2 + (rows.abs().mean() + columns.abs().mean()) / 2
    )


@torch.no_grad()
def bicubic_start(net: Compact) -> Compact:
    """First weights: some channels pass the picture on, and it is interpolated at the end.

    Those channels stay as they are: every layer sees the picture, and what the others find is added
    to its interpolation. (Trained with the rest, they were not even bicubic after 500 steps.)
    """
    inputs = 3 * net.shape.fold**2
    passed = torch.arange(inputs)
    convs = [part for part in net.body if isinstance(part, nn.Conv2d)]
    for number, conv in enumerate(convs[:-1]):
        nn.init.zeros_(conv.bias)
        if number:
            conv.weight.mul_(0.5)
            own = torch.arange(inputs, net.shape.width)
            conv.weight[own, own, 1, 1] += 0.7
        conv.weight[passed] = 0
        conv.weight[passed, passed, 1, 1] = 1
    for slope in (part for part in net.body if isinstance(part, nn.PReLU)):
        slope.weight[passed] = 1
        slope.weight[inputs:] = 0.25
    convs[-1].weight.zero_()
    convs[-1].weight[:, :inputs] = _interpolation(net.shape)
    nn.init.zeros_(convs[-1].bias)
    convs[0].bias[passed] = -0.5  # layers see the picture around zero; differences do not mind
    for part in list(net.body)[:-1]:
        for parameter in part.parameters():
            parameter.register_hook(partial(_without_first, inputs))
    return net


def _without_first(count: int, gradient: Tensor) -> Tensor:
    """A gradient that leaves the first channels as they are."""
    kept = gradient.clone()
    kept[:count] = 0
    return kept


def _interpolation(shape: CompactShape) -> Tensor:
    """What bicubic adds to the nearest pixel, as a kernel on folded pictures."""
    inputs = 3 * shape.fold**2
    places = torch.zeros(inputs, inputs, 7, 7)
    places[torch.arange(inputs), torch.arange(inputs), 3, 3] = 1
    dots = pixel_shuffle(places, shape.fold)
    more = bicubic(dots) - interpolate(dots, scale_factor=shape.scale)
    answers = pixel_unshuffle(more, shape.fold * shape.scale)[:, :, 2:5, 2:5]
    return answers.flip(2, 3).transpose(0, 1)


def bicubic(pixels: Tensor) -> Tensor:
    """Twice the size, the plain way."""
    return interpolate(pixels, scale_factor=2, mode="bicubic")


@torch.no_grad()
def measure(net: Compact, pairs: list[Pair], out: Path | None) -> dict[str, dict[str, float]]:
    """Held-out pairs, by what made their pictures.

    `shown` and `refined` at the pictures' own size (refined ones reduced), `bicubic` and `large`
    at twice that; `change_off` is how far changes from frame to frame are from the true ones.
    """
    table = {}
    for kind in pairs[0].shown:
        rows = []
        for number, pair in enumerate(pairs):
            shown, truth = _pixels(pair.shown[kind]), _pixels(pair.truth)
            large = _refined(net, shown)
            rows.append(_row(shown, large, truth))
            if out is not None and number < 6:
                _sheet(shown, large, truth).save(out / f"{number}-{kind}.png")
        picked = {key: [row[key] for row in rows if row[key] == row[key]] for key in rows[0]}
        table[kind] = {key: round(sum(v) / max(1, len(v)), 4) for key, v in picked.items()}
    return table


def _row(shown: Tensor, large: Tensor, truth: Tensor) -> dict[str, float]:
    small, true = avg_pool2d(large, 2), avg_pool2d(truth, 2)
    moves = moving_mask((true * 2 - 1).transpose(0, 1)).transpose(0, 1)
    plain = bicubic(shown).clamp(0, 1)
    return {
        "shown": _psnr(shown, true), "refined": _psnr(small, true),
        "shown_moving": _psnr(shown[moves], true[moves]),
        "refined_moving": _psnr(small[moves], true[moves]),
        "bicubic": _psnr(plain, truth), "large": _psnr(large, truth),
        "true_change": float(truth.diff(dim=0).abs().mean()),
        "bicubic_change": float(plain.diff(dim=0).abs().mean()),
        "large_change": float(large.diff(dim=0).abs().mean()),
        "bicubic_change_off": float((plain.diff(dim=0) - truth.diff(dim=0)).abs().mean()),
        "large_change_off": float((large.diff(dim=0) - truth.diff(dim=0)).abs().mean()),
    }  # fmt: skip


def _refined(net: Compact, shown: Tensor) -> Tensor:
    cpu = next(net.parameters()).device.type == "cpu"
    with torch.autocast("cpu", torch.bfloat16) if cpu else nullcontext():
        wide = pad(shown, (EDGE,) * 4, mode="replicate")
        inner = slice(2 * EDGE, -2 * EDGE)
        found = [net(each).float()[..., inner, inner] for each in wide.split(3)]
        return torch.cat(found).clamp(0, 1)


def _psnr(a: Tensor, b: Tensor) -> float:
    if not a.numel():
        return float("nan")
    return float(-10 * (a - b).square().mean().clamp(min=1e-10).log10())


def _pixels(frames: Tensor) -> Tensor:
    return frames.permute(0, 3, 1, 2).float() / 255


def _sheet(shown: Tensor, large: Tensor, truth: Tensor) -> Image.Image:
    """The middle frame: bicubic, refined, true."""
    middle = len(shown) // 2
    row = torch.cat([bicubic(shown[middle : middle + 1])[0], large[middle], truth[middle]], dim=2)
    bytes_ = (row.clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    return Image.fromarray(bytes_.numpy())


def export(net: Compact, path: Path) -> None:
    """Write the weights in half precision, by the layout's own names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
    part = path.with_suffix(".part")
    save_file(tensors, part, {"scale": str(net.shape.scale)})
    part.replace(path)


def _makers(given: argparse.Namespace) -> Makers:
    bases, vae = load_bases(given.codec), load_codec(given.codec)
    if given.checkpoint is None:
        return Makers(bases, vae)
    saved: dict[str, Any] = torch.load(given.checkpoint, map_location="cpu", weights_only=False)
    return Makers(bases, vae, load_pocket(given.checkpoint), int(saved["step"]))


def _cosine(share: float) -> float:
    return 0.5 + 0.5 * cos(pi * min(1.0, share))


if __name__ == "__main__":
    main()
