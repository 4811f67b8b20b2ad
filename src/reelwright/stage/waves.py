"""Ripples on water: a square of moving slopes that tiles the plane.

Waves of every length and direction are summed by a Fourier transform each frame, each running at
its own speed (omega = sqrt(g k), deep water). The square is read at two scales. Slopes that are
finer than a pixel are not lost: what the average leaves out comes back as roughness.

Source: Tessendorf 2001, Simulating Ocean Water; Olano and Baker 2010, LEAN Mapping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex128, Float32, Float64
from torch import Tensor

from reelwright.stage.ground import GroundPatch
from reelwright.stage.mipmap import footprint
from reelwright.stage.noise import hashed
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.vector import on_device

_SIDE = 256
_LONGEST = 18.0  # the square's side, in tiles
_PEAK = 2.2  # the strongest wave's length, in tiles
_SLOPE = 0.075  # root mean square
_WIND = np.array([0.83, 0.56])
_GRAVITY = 9.81
_SCALES = ((1.0, 0.0, 1.0), (0.23, 0.7, 0.75))  # size, turn in radians, strength


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Waves at rest, ready to run.

    Attributes:
        start: Height of each wave at time 0.
        speed: Radians per second of each wave.
        climb: Slope x + i slope y for a wave of height one.
        side_m: Side of the square.
    """

    start: Complex128[np.ndarray, "N N"]
    speed: Float64[np.ndarray, "N N"]
    climb: Complex128[np.ndarray, "N N"]
    side_m: float

    @staticmethod
    def of(tile_m: float) -> Waves:
        """Waves that suit a tile of so many metres; always the same ones."""
        side = _LONGEST * tile_m
        step = np.fft.fftfreq(_SIDE, 1 / _SIDE) * (2 * np.pi / side)
        ky, kx = np.meshgrid(step, step, indexing="ij")
        length = np.hypot(kx, ky)
        safe = np.maximum(length, 1e-9)
        peak = 2 * np.pi / (_PEAK * tile_m)
        along = (kx * _WIND[0] + ky * _WIND[1]) / safe
        power = np.exp(-1.25 * (peak / safe) ** 2) / safe**4 * (0.2 + 0.8 * along**2)
        power[0, 0] = 0.0
        slope = np.sqrt((power * length**2).sum() * 2)
        chance = _normal(_SIDE, 21) + 1j * _normal(_SIDE, 22)
        start = np.sqrt(power) * chance * (_SLOPE / slope) * (_SIDE**2 / np.sqrt(2))
        return Waves(start, np.sqrt(_GRAVITY * length), 1j * kx - ky, side)

    def at(self, time_s: float, device: torch.device) -> Pyramid:
        """Slope x, slope y and their squares summed, at a moment."""
        turn = np.exp(1j * self.speed * time_s)
        back = np.conj(np.roll(self.start[::-1, ::-1], (1, 1), (0, 1)))
        height = self.start * turn + back * np.conj(turn)
        slope = np.fft.ifft2(height * self.climb)
        field = np.stack((slope.real, slope.imag, np.abs(slope) ** 2))
        return Pyramid.of(on_device(field, device), repeats=True)

    def read(
        self, square: Pyramid, patch: GroundPatch, place: Float64[np.ndarray, " 3"]
    ) -> tuple[Float32[Tensor, "2 N"], Float32[Tensor, " N"]]:
        """Mean slope under pixels, and the variance about it.

        Args:
            square: From `at`.
            patch: The water under the pixels.
            place: The camera in the world.
        """
        slope = torch.zeros_like(patch.offset)
        variance = torch.zeros_like(patch.offset[0])
        for size, turn, strength in _SCALES:
            cos, sin = float(np.cos(turn)), float(np.sin(turn))
            side = self.side_m * size
            own = (
                _turned(f, cos, sin) / side for f in (patch.offset, patch.along_x, patch.along_y)
            )
            offset, right, down = own
            start = np.mod(np.array([[cos, sin], [-sin, cos]]) @ place[:2] / side, 1.0)
            uv = offset + torch.tensor(start, dtype=torch.float32, device=offset.device)[:, None]
            mean = square.read_over(uv, footprint(right, down, *square.size))
            slope = slope + strength * _turned(mean[:2], cos, -sin)
            left_out = mean[2] - mean[0] * mean[0] - mean[1] * mean[1]
            variance = variance + strength**2 * left_out.clamp_min(0)
        return slope, variance


def _turned(field: Tensor, cos: float, sin: float) -> Tensor:
    return torch.stack((cos * field[0] + sin * field[1], cos * field[1] - sin * field[0]))


def _normal(side: int, seed: int) -> Float64[np.ndarray, "N N"]:
    """Normally distributed numbers from an integer hash."""
    one, two = (0.5 * (hashed(side, seed + k) + 1) for k in (0, 1000))
    return np.asarray(np.sqrt(-2 * np.log(np.maximum(one, 1e-12))) * np.cos(2 * np.pi * two))
