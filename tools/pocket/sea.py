"""The stage's waves, moved on by torch: a third of the time, and on any device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tools.pocket.atlas import Atlas
from torch import Tensor

from reelwright.stage.waves import Waves


@dataclass(frozen=True, slots=True, eq=False)
class Sea:
    """Waves at rest, ready to run.

    Attributes:
        waves: The stage's, which read what `at` gives.
        start: Height of each wave at time 0.
        back: Of the waves that run the other way.
        speed: Radians per second.
        climb: Slope of a wave of height one.
    """

    waves: Waves
    start: Tensor
    back: Tensor
    speed: Tensor
    climb: Tensor

    @staticmethod
    def of(tile_m: float, device: torch.device) -> Sea:
        """The stage's waves for a tile of so many metres."""
        waves = Waves.of(tile_m)
        back = np.conj(np.roll(waves.start[::-1, ::-1], (1, 1), (0, 1)))
        start, other, climb = (
            torch.from_numpy(np.ascontiguousarray(field, np.complex64)).to(device)
            for field in (waves.start, back, waves.climb)
        )
        speed = torch.from_numpy(waves.speed.astype(np.float32)).to(device)
        return Sea(waves, start, other, speed, climb)

    def at(self, time_s: float) -> Atlas:
        """Slope x, slope y and their squares summed, at a moment, as `Waves.at` has them."""
        angle = torch.remainder(self.speed * time_s, 2 * np.pi)
        turn = torch.polar(torch.ones_like(angle), angle)
        height = (self.start * turn + self.back * turn.conj()) * self.climb
        slope = torch.fft.ifft2(height)
        return Atlas.of(torch.stack((slope.real, slope.imag, slope.abs().square())))
