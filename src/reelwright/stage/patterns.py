"""Ground patterns, each averaged over what a pixel covers, so that none shimmers in the distance.

Places are in tiles. A pattern's width is how many tiles a pixel spans along each axis; where that
nears the size of the pattern itself, only its mean is left.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32
from torch import Tensor

_LINE = 0.035  # of a tile
_TENT_FROM = 0.15
_GONE_FROM, _GONE_AT = 1.2, 3.0


def checker(place: Float32[Tensor, "2 N"], width: Float32[Tensor, "2 N"]) -> Float32[Tensor, " N"]:
    """Share of the second colour, 0..1."""
    wave = _square_wave(place, width)
    return 0.5 - 0.5 * wave[0] * wave[1]


def grid(place: Float32[Tensor, "2 N"], width: Float32[Tensor, "2 N"]) -> Float32[Tensor, " N"]:
    """Share of the lines' colour, 0..1."""
    span = width.clamp_min(1e-4)
    moved = place + _LINE / 2

    def upto(at: Tensor) -> Tensor:
        whole = at.floor()
        return whole * _LINE + (at - whole).clamp(max=_LINE)

    covered = (upto(moved + span / 2) - upto(moved - span / 2)) / span
    kept = _kept(width * 2)
    covered = _LINE + (covered.clamp(0, 1) - _LINE) * kept
    return 1 - (1 - covered[0]) * (1 - covered[1])


def _square_wave(place: Tensor, width: Tensor) -> Tensor:
    """+1 and -1 by turns, each one tile long, averaged over a pixel.

    Near by over a box, where the second integral of a float32 would be rough; from where a pixel is
    a sizeable part of a tile over a tent, which lets far less through of what is finer than it.
    """
    span = width.clamp_min(1e-4)
    box = (_first(place + span / 2) - _first(place - span / 2)) / span
    wide = span.clamp_min(_TENT_FROM)
    tent = (_second(place + wide) - 2 * _second(place) + _second(place - wide)) / (wide * wide)
    share = (width / _TENT_FROM - 1).clamp(0, 1)
    return ((1 - share) * box + share * tent).clamp(-1, 1) * _kept(width)


def _kept(width: Tensor) -> Tensor:
    """1 near by, 0 where the pattern is finer than pixels, smooth between."""
    share = ((_GONE_AT - width) / (_GONE_AT - _GONE_FROM)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _first(at: Tensor) -> Tensor:
    """Integral of the square wave: rises to 1 at odd tiles, falls to 0 at even ones."""
    return 1 - (torch.remainder(at, 2) - 1).abs()


def _second(at: Tensor) -> Tensor:
    """Integral of `_first` less its mean: two parabolas."""
    phase = torch.remainder(at, 2)
    low = torch.where(phase < 1, phase, phase - 1)
    arch = 0.5 * low * (low - 1)
    return torch.where(phase < 1, arch, -arch)
