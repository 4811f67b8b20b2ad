"""How loud each sine is, from log-mel bands: where the vocoder's first two steps start.

Trained from chance they learn a mean loudness, five times too quiet where it is loud: bands are
logarithms, and nothing in the layout is an exponential. So one is fitted once, a curve of one
variable by the two periodic layers of the first res block, two channels to a band; and what sines
make of bands is least squares, each frame in proportion to its own loudness.

The bands look back: a frame's window ends with it. So sines listen two frames ahead.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32
from tools.pocket.amplitudes import HOP, LOW_RATE, analyser, true_amplitudes
from tools.pocket.vocoder import HARMONICS
from torch import Tensor, nn
from torch.nn.functional import pad

from reelwright.engine.codecs.generator import Generator, PeriodicBlock

BANDS, EACH, AHEAD = 128, 2, 2
LOWEST, HIGHEST = -8.5, 1.3
QUIET = 1e-3
"""Amplitudes are told apart in proportion above this."""


class Curve(nn.Module):
    """A function of one variable by what the layout has: a res block of two channels."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        entry = torch.tensor([[0.25, 1.2], [0.25, 0.6]])  # scale, offset
        self.entry = nn.Parameter(entry + 0.1 * torch.randn(EACH, 2))
        bends = torch.tensor([0.0, -0.5])[:, None]  # logarithms of alpha and beta, both layers
        self.bends = nn.Parameter(bends + 0.5 * torch.randn(2, 2, EACH))
        self.first = nn.Linear(EACH, EACH)
        self.second = nn.Linear(EACH, EACH)
        self.leave = nn.Linear(EACH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Of [N]."""
        start = x[:, None] * self.entry[:, 0] + self.entry[:, 1]
        y = self.second(self._bend(self.first(self._bend(start, 0)), 1))
        return self.leave(start + y)[:, 0]  # type: ignore[no-any-return]

    def _bend(self, x: Tensor, layer: int) -> Tensor:
        alpha, beta = self.bends[layer].exp()
        return x + (alpha * x).sin().square() / beta


def fit_exponential(starts: int = 8) -> Curve:
    """The curve that is nearest to the exponential, in proportion; the best of several starts."""
    x = torch.linspace(LOWEST, HIGHEST, 161)
    aim = torch.asinh(x.exp() / QUIET)
    found = []
    for seed in range(starts):
        curve = Curve(seed)
        for _ in range(5):
            optimiser = torch.optim.LBFGS(
                curve.parameters(), max_iter=120, history_size=30, line_search_fn="strong_wolfe"
            )

            def loss(curve: Curve = curve, optimiser: torch.optim.Optimizer = optimiser) -> Tensor:
                optimiser.zero_grad()
                size = sum(p.square().sum() for p in curve.parameters())
                off = (torch.asinh(curve(x) / QUIET) - aim).square().mean() + 1e-7 * size
                off.backward()
                return off

            last = float(optimiser.step(loss).detach())
        found.append((last, seed, curve))
    return min(found)[2]


@torch.no_grad()
def store_curve(low: Generator, curve: Curve) -> None:
    """Write the curve of every band into the first step."""
    entry, block = low.ups[0], low.resblocks[0]
    assert isinstance(block, PeriodicBlock)
    assert low.conv_pre.bias is not None
    own = torch.arange(BANDS)
    low.conv_pre.weight[:BANDS].zero_()
    low.conv_pre.weight[own, own, 3 + AHEAD] = 1.0
    low.conv_pre.bias[:BANDS] = 0.0
    used = EACH * BANDS
    entry.weight[:, :used] = 0.0
    for conv in (block.convs1[0], block.convs2[0]):
        conv.weight[:used], conv.bias[:used] = 0.0, 0.0
        conv.weight[used:] *= 0.5
    for u in range(EACH):
        at = EACH * own + u
        entry.weight[own, at, 0], entry.bias[at] = curve.entry[u, 0], curve.entry[u, 1]
        layers = zip((block.acts1[0], block.acts2[0]), curve.bends, strict=True)
        for bend, (alpha, beta) in layers:
            bend.act.alpha[at], bend.act.beta[at] = alpha[u], beta[u]
        for conv, line in ((block.convs1[0], curve.first), (block.convs2[0], curve.second)):
            conv.bias[at] = line.bias[u]
            for v in range(EACH):
                conv.weight[at, EACH * own + v, 1] = line.weight[u, v]


class Meter:
    """How loud each sine is in a sound, whatever its phase.

    Args:
        low: With its bank.
    """

    def __init__(self, low: Generator) -> None:
        self.rows = analyser(low)
        time = torch.arange(2 * HOP) - HOP // 2
        turn = 2 * torch.pi * 100.0 * torch.arange(1, HARMONICS + 1)[:, None] * time / LOW_RATE
        turned = turn.cos() * torch.hann_window(2 * HOP)
        turned = turned / turned.norm(dim=1, keepdim=True)
        self.turned = turned[:, None] * self.rows.norm(dim=2, keepdim=True)

    @torch.no_grad()
    def __call__(self, wave: Float32[Tensor, "B 2 N"]) -> Float32[Tensor, "B D T"]:
        """Left, then right."""
        one, other = (true_amplitudes(wave, rows) for rows in (self.rows, self.turned))
        return torch.hypot(one, other)


@torch.no_grad()
def store_amplitudes(
    low: Generator,
    curve: Curve,
    meter: Meter,
    mels: list[Float32[Tensor, "2 T M"]],
    waves: list[Tensor],
) -> float:
    """Write what sines make of bands into the second step.

    Args:
        low: With its bank, and the curve stored.
        curve: That curve.
        meter: Of its bank.
        mels: Bands of sounds.
        waves: Those sounds, [2, N] at 16 kHz.

    Returns:
        Error of amplitudes, as a share of their sum.
    """
    both = BANDS // 2
    xx, xy, found = torch.zeros(3 * both, 3 * both), torch.zeros(3 * both, HARMONICS), []
    for mel, wave in zip(mels, waves, strict=True):
        true = meter(wave[None])[0].unflatten(0, (2, HARMONICS))
        for side in range(2):
            bands = curve(mel[side].flatten()).view(mel.shape[1], both)
            rows = pad(bands, (0, 0, 2, 2 + AHEAD))
            count = min(len(bands), true.shape[2])
            taps = [rows[AHEAD + k : AHEAD + k + count] for k in (1, 2, 3)]
            x, y = torch.cat(taps, 1), true[side, :, :count].T
            weight = 1 / (y.square().mean(1, keepdim=True).sqrt() + 0.03)
            xx, xy = xx + (x * weight).T @ (x * weight), xy + (x * weight).T @ (y * weight)
            found.append((x, y))
    loaded = xx.double() + 1e-4 * xx.diagonal().mean() * torch.eye(3 * both)
    weights = torch.linalg.solve(loaded, xy.double()).float()  # [3 * bands, harmonics]
    _store(low, curve, weights.view(3, both, HARMONICS))
    errors = [((x @ weights - y).abs().sum(), y.sum()) for x, y in found]
    return float(sum(e for e, _ in errors) / sum(y for _, y in errors))


def _store(low: Generator, curve: Curve, weights: Tensor) -> None:
    up, leave = low.ups[1], curve.leave
    up.weight.zero_()
    up.bias.zero_()
    own = torch.arange(BANDS // 2)
    for side in range(2):
        columns = slice(side * HARMONICS, (side + 1) * HARMONICS)
        up.bias[columns] = weights.sum((0, 1)) * leave.bias
        for k in range(3):  # a transposed kernel runs backwards: the first tap is the frame ahead
            for u in range(EACH):
                rows = EACH * (side * (BANDS // 2) + own) + u
                up.weight[rows, columns, 2 - k] = weights[k] * leave.weight[0, u]


def start_loud(low: Generator, mels: list[Tensor], waves: list[Tensor]) -> float:
    """Write both steps; what is left is the error of amplitudes, as a share of their sum."""
    meter, curve = Meter(low), fit_exponential()
    store_curve(low, curve)
    return store_amplitudes(low, curve, meter, mels, waves)
