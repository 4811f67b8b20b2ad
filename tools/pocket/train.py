"""Trains the pocket's transformer on latents: resumable, in a box of minutes, on any device.

Stage `video` trains the video stream alone with an empty text; stage `joint` begins from it and
adds text and sound. Run the same command again to go on from its last checkpoint; `--cooldown` lets
the rates fall to nothing at the end of the box.

    python -m tools.pocket.train --minutes 600
    python -m tools.pocket.train --stage joint --start tools/pocket/runs/transformer/last.pt \\
        --out tools/pocket/runs/joint
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tools.pocket.clips import Clip, clips_of
from tools.pocket.codec import load_bases
from tools.pocket.language import Language, caption_of
from tools.pocket.latents import LatentPool, View, hash_of, update
from tools.pocket.model import Guides, Pocket, guided_tokens
from tools.pocket.optimiser import Optimisers
from tools.pocket.sampling import SCHEDULES, evaluate
from tools.pocket.sound_latents import load_ear, update_sounds
from tools.pocket.together import Together, run_together
from torch import Tensor
from torch.nn.functional import embedding

from reelwright.engine import DISTILLED, Tokens, audio_tokens

WARM_UP = 60
"""Steps until the rates are whole."""


@dataclass
class Average:
    """A moving average of weights.

    Attributes:
        weights: By name, float32.
    """

    weights: dict[str, Tensor]

    @torch.no_grad()
    def follow(self, pocket: Pocket, step: int, most: float) -> None:
        """Move towards the weights of now."""
        share = 1 - min(most, (1 + step) / (10 + step))
        for name, tensor in pocket.state_dict().items():
            self.weights[name].lerp_(tensor, share)


def draw_sigmas(count: int, generator: torch.Generator) -> Tensor:
    """Noise levels: half of them those that clips are made at, the others high mostly.

    What a clip ends as is decided at the last and lowest levels, so all of the list count alike.
    """
    steps = torch.tensor(DISTILLED[:-1])
    listed = steps[torch.randint(len(steps), (count,), generator=generator)]
    high = torch.sigmoid(torch.randn(count, generator=generator) * 1.4 + 2.0)
    return torch.where(torch.rand(count, generator=generator) < 0.5, listed, high)


WORDS_ALONE = 0.08
"""Share of batches that nothing guides but their words, where there are words."""

HEARD_MORE = 2.0
"""How much oftener than the rest are drawn views whose sound is known: one in six has any."""


def draw_guides(
    views: list[View], video: Tensor, generator: torch.Generator, *, words: bool = False
) -> Guides:
    """What a batch is guided by, drawn by chance; one layout for all of it.

    Args:
        views: The batch.
        video: Its latents.
        generator: Draws.
        words: Whether it has captions, so that some batches may have nothing else.
    """
    chances = torch.rand(8, generator=generator).tolist()
    if words and chances[5] < WORDS_ALONE:
        return Guides()
    stills: dict[int, Tensor] = {}
    order = [0, 1, 2, 3] if chances[6] < 0.85 else [1, 2, 0, 3]
    if chances[1] < 0.9:
        stills[int(views[0].still_frames[order[0]])] = _stack([v.stills[order[0]] for v in views])
    if chances[2] < 0.25:
        for k in order[1 : 2 + (chances[3] < 0.5)]:
            stills[int(views[0].still_frames[k])] = _stack([view.stills[k] for view in views])
    return Guides(
        first=video[:, :, : _kept(video.shape[2], chances[7])] if chances[0] < 0.95 else None,
        stills=stills,
        depth=torch.stack([view.depth for view in views]).float() if chances[4] < 0.7 else None,
    )


def _kept(frames: int, chance: float) -> int:
    """How many latent frames are kept: the first, and now and then the tail of a clip before."""
    tail = 2 if chance < 0.07 else 3 if chance < 0.12 else 1
    return tail if tail < frames else 1


def velocity_error(tokens: Tokens, found: Tensor, drawn: Tensor, weights: Tensor) -> Tensor:
    """Mean square over what is made, channels by their weights."""
    wanted = tokens.own(drawn - tokens.initial).to(found.device)
    made = tokens.own(tokens.mask).to(found.device)
    error = (tokens.own(found).float() - wanted).square() * weights.to(found.device)
    return (error * made).sum() / (made.sum() * wanted.shape[-1])


def kept_sound(tokens: Tokens) -> Tokens:
    """The first third of a sound is given, as where a clip goes on from another."""
    mask = torch.ones_like(tokens.mask)
    mask[:, : tokens.mask.shape[1] // 3] = 0.0
    return replace(tokens, clean=tokens.initial, mask=mask)


def _stack(stills: list[Tensor]) -> Tensor:
    return torch.stack(stills).float().unsqueeze(2)


class Trainer:
    """A model, its optimisers, its data, and where it is.

    Args:
        given: The command line.
        together: Its place among the processes that train it.
    """

    def __init__(self, given: argparse.Namespace, together: Together | None = None) -> None:
        self.given, self.together = given, together or Together()
        self.device = torch.device(given.device)
        self.joint = given.stage == "joint"
        torch.manual_seed(given.seed)
        self.generator = torch.Generator().manual_seed(given.seed)
        language = Language(given.text) if self.joint else None
        self.pocket = Pocket(audio=self.joint, language=language, config=given.config)
        self.pocket.to(self.device)
        self.optimisers = Optimisers(dict(self.pocket.named_children()))
        self.average = Average({k: v.clone() for k, v in self.pocket.state_dict().items()})
        self.step, self.spent_s, self.tokens, self.best = 0, 0.0, 0, float("-inf")
        self.bases = load_bases(given.codec)
        self.latents = LatentPool(given.latents, self.bases)
        self.weights = (self.bases.std / self.bases.std.mean()).to(self.device)
        self.resume()
        if not self.together.leads:
            self.generator.manual_seed(hash_of(f"{self.step}/{self.together.rank}"))

    @property
    def checkpoint(self) -> Path:
        """The file that is gone on from."""
        return Path(self.given.out / "last.pt")

    def resume(self) -> None:
        """Take up the last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            if self.given.start:
                self.begin_from(self.given.start)
            return
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=False)
        self.pocket.load_state_dict(saved["model"])
        self.average.weights = saved["average"]
        self.optimisers.load_state_dict(saved["optimisers"])
        self.generator.set_state(saved["generator"].cpu())
        for name in ("step", "spent_s", "tokens", "best"):
            setattr(self, name, saved[name])

    def begin_from(self, path: Path) -> None:
        """Take what another stage has of the same name, but for how texts are attended to.

        A model that has only heard empty texts looks at a single register with all its might: words
        get a weight of 1e-5, no gradient, and are never learned.
        """
        saved = torch.load(path, map_location=self.device, weights_only=False)
        kept = {k: v for k, v in saved["average"].items() if ".text_attention." not in k}
        self.pocket.load_state_dict(kept, strict=False)
        self.average.weights = {k: v.clone() for k, v in self.pocket.state_dict().items()}

    def save(self, name: str = "last.pt") -> None:
        """Write everything, whole or not at all."""
        self.given.out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.pocket.state_dict(),
            "average": self.average.weights,
            "optimisers": self.optimisers.state_dict(),
            "generator": self.generator.get_state(),
            "config": self.given.config,
            **{key: getattr(self, key) for key in ("step", "spent_s", "tokens", "best")},
        }
        part = self.given.out / f".{name}.part"
        torch.save(state, part)
        part.replace(self.given.out / name)

    def log(self, **facts: Any) -> None:
        """A line of the curves."""
        self.given.out.mkdir(parents=True, exist_ok=True)
        line = {"step": self.step, "seconds": round(self.spent_s, 1), **facts}
        with (self.given.out / "curves.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def draw(self) -> list[View]:
        """Views of one shape, some of them mirrored; shapes by how many cells they have in all."""
        shapes = list(self.latents.by_shape)
        cells = [
            len(self.latents.by_shape[s]) * s[0] * s[1] * s[2] * (HEARD_MORE if s[-1] else 1.0)
            for s in shapes
        ]
        pick = int(torch.multinomial(torch.tensor(cells).float(), 1, generator=self.generator))
        views = self.latents.by_shape[shapes[pick]]
        frames, height, width = views[0].video.shape[1:]
        each = 2 * (frames + 1) * height * width
        count = max(1, round(self.given.tokens / each))
        chosen = torch.randint(len(views), (count,), generator=self.generator).tolist()
        mirror = (torch.rand(count, generator=self.generator) < 0.5).tolist()
        return [
            views[i].mirrored(self.bases.joint_sign) if turn else views[i]
            for i, turn in zip(chosen, mirror, strict=True)
        ]

    def loss(self) -> tuple[Tensor, int]:
        """The velocity loss of one batch, and its tokens."""
        views = self.draw()
        video = torch.stack([view.video for view in views]).float()
        guides = draw_guides(views, video, self.generator, words=self.joint)
        tokens = guided_tokens(video, guides, float(views[0].facts["frame_rate"]))
        heard = self.sounds(views)
        sigma = draw_sigmas(len(views), self.generator).to(self.device)
        noises = [
            None if part is None else torch.randn(part.initial.shape, generator=self.generator)
            for part in (tokens, heard)
        ]
        both = (tokens, heard)
        noisy = [
            None if part is None else self.noised(part, drawn, sigma)
            for part, drawn in zip(both, noises, strict=True)
        ]
        captions = [caption_of(view.facts, self.generator) for view in views]
        quiet = heard is not None and heard.given
        with torch.autocast(self.device.type, torch.bfloat16):
            contexts = self.pocket.contexts(len(views), captions if self.joint else None)
            found = self.pocket.velocities(
                (noisy[0], noisy[1]), both, (sigma, sigma * (not quiet)), contexts
            )
        losses = [
            velocity_error(part, result, drawn, weights)
            for part, result, drawn, weights in zip(
                both, found, noises, (self.weights, torch.ones(())), strict=True
            )
            if part is not None and result is not None and drawn is not None and not part.given
        ]
        total = losses[0] + sum(self.given.sound_weight * more for more in losses[1:])
        return total, tokens.mask.numel()

    def noised(self, tokens: Tokens, drawn: Tensor | None, sigma: Tensor) -> Tensor:
        """Tokens with noise, each sample at its level."""
        assert drawn is not None
        levels = sigma.cpu()[:, None, None] * (not tokens.given)
        part = replace(tokens, given=False) if tokens.given else tokens
        return part.noised(drawn, levels).to(self.device)  # type: ignore[arg-type, unused-ignore]

    def sounds(self, views: list[View]) -> Tokens | None:
        """The sound of a batch, now and then as given; None where it is not known."""
        if not self.joint or views[0].sound is None:
            return None
        latent = torch.stack([v.sound[0] for v in views if v.sound is not None]).float()
        tokens = audio_tokens(latent)
        chance = float(torch.rand((), generator=self.generator))
        if chance < 0.1:
            return tokens.freeze()
        return kept_sound(tokens) if chance < 0.2 else tokens

    def advance(self, share_left: float) -> dict[str, float]:
        """One step of the optimisers."""
        total = 0.0
        for _ in range(self.given.parts):
            loss, tokens = self.loss()
            (loss / self.given.parts).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) / self.given.parts
            self.tokens += tokens
        self.together.share(self.pocket.parameters())
        factor = min(1.0, (self.step + 1) / WARM_UP, share_left) * self.given.rate
        norm = self.optimisers.step(factor)
        self.step += 1
        self.average.follow(self.pocket, self.step, self.given.average)
        return {"loss": round(total, 4), "norm": round(norm, 3)}

    @contextmanager
    def averaged(self) -> Iterator[Pocket]:
        """The model with its averaged weights, for a while."""
        own = {name: tensor.clone() for name, tensor in self.pocket.state_dict().items()}
        self.pocket.load_state_dict(self.average.weights)
        try:
            yield self.pocket
        finally:
            self.pocket.load_state_dict(own)

    def judge(self, clips: list[Clip]) -> None:
        """Measure on held-out clips; keep the best."""
        if not clips:
            return
        with self.averaged() as pocket:
            table = evaluate(pocket, self.bases, clips, SCHEDULES)
        row = table["4 steps"]
        score = row["all"] + row.get("moving", row["all"])
        self.log(held_out=table, best=score > self.best)
        if score > self.best:
            self.best = score
            self.save("best.pt")


def quick_on_cpu() -> None:
    """Swap two functions of the engine for equal ones whose gradients are quicker on a CPU.

    Attention as two products and a softmax (flash attention's backward takes a third of a step),
    and a look-up of rows whose gradient need not be sorted. Measured: 3.06 to 2.02 s a step.
    """
    from reelwright.engine.denoiser import attention, block, ends

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        batch, heads, length, width = q.shape
        flat = [part.reshape(batch * heads, -1, width) for part in (q * width**-0.5, k, v)]
        shares = torch.bmm(flat[0], flat[1].mT).softmax(-1)
        return torch.bmm(shares, flat[2]).view(batch, heads, length, width)

    def spread(rows: Tensor, index: Tensor | None) -> Tensor:
        return rows if index is None else embedding(index, rows.flatten(0, 1))

    swaps = ((attention, "attend", attend), (block, "spread", spread), (ends, "spread", spread))
    for module, name, quick in swaps:
        assert hasattr(module, name), f"{module.__name__} has no {name}"
        setattr(module, name, quick)


def run(given: argparse.Namespace, together: Together) -> None:
    """Train until the box is spent."""
    torch.set_num_threads(given.threads)
    if given.device == "cpu":
        quick_on_cpu()
    trainer, start = Trainer(given, together), time.monotonic()
    before, marks = trainer.spent_s, {"save": 0.0, "judge": time.monotonic(), "log": 0.0}
    clips = held_out_clips(given.held, given.judged) if together.leads else []
    box, cooldown = given.minutes * 60, max(given.cooldown * 60, 1e-6)
    feed(trainer)
    while (left := together.agreed(box - (time.monotonic() - start))) > 0:
        row = trainer.advance(left / cooldown if given.cooldown else 1.0)
        now = time.monotonic()
        trainer.spent_s = before + now - start
        if together.leads and now - marks["log"] > 20:
            trainer.log(**row, tokens=trainer.tokens, cpu=round(time.process_time(), 1))
            marks["log"] = now
        if together.leads and now - marks["judge"] > given.judge_minutes * 60:
            trainer.judge(clips)
            marks["judge"] = time.monotonic()
        if now - marks["save"] > 120:
            if together.leads:
                trainer.save()
            feed(trainer)
            marks["save"] = time.monotonic()
    if together.leads:
        trainer.judge(clips)
        trainer.save()


def feed(trainer: Trainer) -> None:
    """Encode what the pool has grown by, and read it."""
    given, leads = trainer.given, trainer.together.leads
    if leads:
        update(given.pool, given.latents, trainer.bases, views=given.views, seconds=given.encode_s)
    if leads and trainer.joint and given.sound.exists():
        update_sounds(given.pool, given.latents, load_ear(given.sound), seconds=given.encode_s)
    before = sum(map(len, trainer.latents.by_shape.values()))
    if (count := trainer.latents.refresh()) != before and leads:
        trainer.log(views=count)


def held_out_clips(pool: Path, count: int) -> list[Clip]:
    """The same held-out clips each time."""
    clips = list(clips_of(pool, 8 * count, held_out=True))
    return sorted(clips, key=lambda clip: clip.depth.shape != (25, 160, 256))[:count]


def main() -> None:
    """Command line."""
    runs = Path("tools/pocket/runs")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=runs / "pool")
    parser.add_argument("--held", type=Path, default=runs / "held", help="pool of held-out clips")
    parser.add_argument("--latents", type=Path, default=runs / "latents")
    parser.add_argument("--codec", type=Path, default=runs / "codec/vae.safetensors")
    parser.add_argument("--out", type=Path, default=runs / "transformer")
    parser.add_argument("--stage", choices=("video", "joint"), default="video")
    parser.add_argument("--start", type=Path, help="checkpoint of another stage to begin from")
    parser.add_argument("--text", type=Path, default=runs / "text_encoder")
    parser.add_argument("--sound", type=Path, default=runs / "audio_codec/audio_vae.safetensors")
    parser.add_argument("--sound-weight", type=float, default=0.5)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cooldown", type=float, default=0.0, help="minutes of falling rates")
    parser.add_argument("--rate", type=float, default=1.0, help="of the optimisers' rates")
    parser.add_argument("--tokens", type=int, default=2400, help="of one part of a step")
    parser.add_argument("--parts", type=int, default=2, help="of a step, each of its own layout")
    parser.add_argument("--views", type=int, default=6, help="of each clip")
    parser.add_argument("--encode-s", type=float, default=15.0)
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--judged", type=int, default=12)
    parser.add_argument("--judge-minutes", type=float, default=20.0)
    parser.add_argument("--config", type=json.loads, default=None, help="other transformer sizes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that share each step")
    given = parser.parse_args()
    run_together(given.processes, partial(run, given))


if __name__ == "__main__":
    main()
