"""From scene light to the picture: a filmic curve, then sRGB, rounded without dither.

The curve is y = top x^a / (x^a + b): a soft toe, a straight middle (0.18 stays 0.18) and a long
shoulder that reaches white at 16, six and a half stops above middle grey. Both steps read tables
with linear interpolation: only sums and products decide a byte, so every device and every number
of threads rounds alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray
from torch import Tensor

from reelwright.stage.vector import on_device

WHITE = 16.0
_CONTRAST = 1.25
_GREY = 0.18
_RAISED = _GREY**_CONTRAST
_HALF = (1 - _GREY) * _RAISED / (_GREY - _RAISED / WHITE**_CONTRAST)
_TOP = 1 + _HALF / WHITE**_CONTRAST
_ENTRIES = 4096
_ROWS = 128


def tone(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve: scene light to display light, 0..1."""
    raised = np.maximum(light, 0.0) ** _CONTRAST
    return np.asarray(np.minimum(_TOP * raised / (raised + _HALF), 1.0))


def light_for(display: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve backwards: the scene light that is shown as this display light (0..1)."""
    wanted = np.clip(display, 0.0, 1.0)
    return np.asarray((_HALF * wanted / (_TOP - wanted)) ** (1 / _CONTRAST))


def srgb_from_linear(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encode display light as sRGB, 0..1. Source: IEC 61966-2-1."""
    light = np.clip(linear, 0.0, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """The tables of the curve and of sRGB, on a device.

    Attributes:
        curve: Display light over x / (x + 1).
        code: sRGB over display light.
        exposure: Factor on scene light.
    """

    curve: Float32[Tensor, " N"]
    code: Float32[Tensor, " N"]
    exposure: float

    @staticmethod
    def of(exposure_ev: float, device: torch.device) -> Film:
        """Film for an exposure in stops."""
        share = np.linspace(0.0, 1.0, _ENTRIES + 1)
        light = share / np.maximum(1 - share, 1e-9)
        return Film(
            on_device(tone(light), device),
            on_device(srgb_from_linear(share) * 255, device),
            2.0**exposure_ev,
        )

    def exposed(self, light: Float32[Tensor, "3 N"]) -> Float32[Tensor, "3 N"]:
        """Scene light as it falls on the film."""
        return light.clamp_min(0) * self.exposure

    def develop(self, exposed: Float32[Tensor, "3 N"]) -> Float32[Tensor, "3 N"]:
        """Exposed light to display light, 0..1. Samples are averaged after this, not before: an
        edge against the sun is then as smooth as any other."""
        return _looked_up(self.curve, exposed / (exposed + 1))

    def undevelop(self, display: Float32[Tensor, "3 N"]) -> Float32[Tensor, "3 N"]:
        """Scene light that is shown as this display light, 0..1."""
        wanted = display.clamp(0, 1)
        light: Tensor = (_HALF * wanted / (_TOP - wanted)) ** (1 / _CONTRAST)
        return light / self.exposure

    def print_(self, display: Float32[Tensor, "3 H W"]) -> UInt8[Tensor, "H W 3"]:
        """Display light to a picture in sRGB, some rows at a time."""
        height, width = display.shape[1:]
        picture = torch.empty((height, width, 3), dtype=torch.uint8, device=display.device)
        for start in range(0, height, _ROWS):
            rows = slice(start, start + _ROWS)
            code = _looked_up(self.code, display[:, rows].clamp(0, 1))
            picture[rows] = (code + 0.5).to(torch.uint8).permute(1, 2, 0)
        return picture


def _looked_up(table: Tensor, share: Tensor) -> Tensor:
    place = share * _ENTRIES
    low = place.floor().clamp(max=_ENTRIES - 1)
    index = low.int().reshape(-1)
    below = table.index_select(0, index).reshape(share.shape)
    above = table.index_select(0, index + 1).reshape(share.shape)
    return below + (place - low) * (above - below)
