"""A training run that can be stopped at any time: time box, checkpoints, curve, averages."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

RUNS = Path(__file__).parent / "runs"

OUTER = ("conv_in", "conv_out", "conv_pre", "conv_post")

SAVE_S = 120.0
"""Seconds between checkpoints."""


def arguments(about: str, minutes: float) -> argparse.ArgumentParser:
    """What every training script takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=minutes, help="of training, in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser


def save_atomically(state: Any, path: Path) -> None:
    """Write a checkpoint that is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


class Muon(torch.optim.Optimizer):
    """Steps of equal size in every direction that a layer's weight can take.

    Args:
        params: Weights of layers; kernels are rows and columns of outputs and all else.
        lr: Size of a step, as a share of an orthogonal matrix.
        momentum: Of the gradient.

    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float = 0.02, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                held = state.setdefault("held", torch.zeros_like(weight))
                held.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(held, group["momentum"]).flatten(1)
                way = orthogonal(ahead) * max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                weight.sub_(way.view_as(weight), alpha=group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix whose singular values are about one, by five Newton-Schulz steps."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Run:
    """One model on its way.

    Args:
        folder: Of checkpoint and log.
        model: What learns.
        minutes: Of training in all, over every continuation; on a CPU those that it worked.
        peak: AdamW's learning rate at its highest.
        half_life: Steps after which the averaged weights have forgotten half, at most.
        muon: Muon's learning rate at its highest, for all but the outermost layers; 0: AdamW alone.
        outer: What stands in the names of the outermost layers.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        minutes: float,
        peak: float,
        half_life: float = 300,
        muon: float = 0.0,
        outer: Sequence[str] = OUTER,
    ) -> None:
        self.folder, self.model, self.seconds = folder, model, minutes * 60
        inner, rest = _parted(model, outer) if muon else ([], list(model.parameters()))
        adam = torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.98), weight_decay=1e-4)
        self.optimisers: list[torch.optim.Optimizer] = [adam]
        if inner:
            self.optimisers.append(Muon(inner, muon))
        self.peaks = (peak, muon)
        self.keep = 0.5 ** (1 / half_life)
        self.average = {name: p.detach().clone() for name, p in model.state_dict().items()}
        self.step, self.spent, self.seen = 0, 0.0, 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def checkpoint(self) -> Path:
        """Where the run is kept."""
        return self.folder / "run.pt"

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        self.step, self.spent, self.seen = state["step"], state["spent"], state["seen"]

    def save(self) -> None:
        """Write the checkpoint."""
        names = ("step", "spent", "seen", "average")
        state = {name: getattr(self, name) for name in names}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        state["model"] = self.model.state_dict()
        save_atomically(state, self.checkpoint)

    def steps(self, on_save: Callable[[], None] | None = None) -> Iterator[int]:
        """Step numbers until the time is spent; saves on the way and at the end.

        Args:
            on_save: Called before each checkpoint, e.g. to measure.
        """
        clock = self._clock()
        last, saved = clock(), time.monotonic()
        while self.spent < self.seconds:
            self._set_rate()
            yield self.step
            self.step += 1
            now = clock()
            self.spent, last = self.spent + now - last, now
            if time.monotonic() - saved > SAVE_S or self.spent >= self.seconds:
                if on_save is not None:
                    on_save()
                self.save()
                last, saved = clock(), time.monotonic()

    def _clock(self) -> Callable[[], float]:
        """Work done on a CPU, which others may share, or time on a device of one's own."""
        on_cpu = next(self.model.parameters()).device.type == "cpu"
        return time.process_time if on_cpu else time.monotonic

    def _set_rate(self) -> None:
        share = min(1.0, self.spent / self.seconds)
        rate = max(0.02, 0.5 + 0.5 * math.cos(math.pi * share)) * min(1, (self.step + 1) / 40)
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=False):
            for group in optimiser.param_groups:
                group["lr"] = peak * rate

    def learn(self, loss: Tensor) -> None:
        """One step down the gradient, then the average follows."""
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        keep = min(self.keep, (self.step + 1) / (self.step + 10))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)

    def log(self, **numbers: float) -> None:
        """Add a line to the curve, and show it."""
        line = {"step": self.step, "spent_s": round(self.spent, 1), **numbers}
        text = json.dumps({k: round(v, 5) for k, v in line.items()})
        with (self.folder / "curve.jsonl").open("a") as file:
            file.write(text + "\n")
        print(text, flush=True)


def _parted(
    model: nn.Module, outer: Sequence[str]
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights of inner layers, and all else: what comes in, what goes out, biases, scales."""
    inner, rest = [], []
    for name, weight in model.named_parameters():
        is_inner = weight.ndim >= 2 and not any(part in name for part in outer)
        (inner if is_inner else rest).append(weight)
    return inner, rest
