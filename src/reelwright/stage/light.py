"""The light that falls on things: the sun, the sky from all sides, and what the ground gives back.

The sky and the sunlit ground are gathered once per shot into nine numbers a colour (spherical
harmonics up to the second order), from which the light on a surface of any slope follows by a
polynomial in its normal: within about 1 % for light as smooth as a sky's.

Source: Ramamoorthi and Hanrahan 2001, An Efficient Representation for Irradiance Environment Maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from reelwright.stage.sky import Sky, linear

if TYPE_CHECKING:
    from reelwright.storyboard.light import Ground, Light

_RINGS = 48
_CLEAR_AIR_M = 6_000.0  # nothing is clear for ever: the ground meets the sky without a line
_SKY_COLOR = 0.55  # share of the sky's colour that its light keeps: film is balanced for shade
_NO_GROUND = 0.55  # without a ground, the lower half of the world is a dim horizon


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """Everything that shines in a shot.

    Attributes:
        sky: What is seen, and the sun.
        ambient: Nine coefficients for each colour; see `ambient_on`.
        ground_light: Light that the ground gives back.
        ground_height: Metres; None where there is no ground.
        haze_m: Distance at which haze hides 63 %.
    """

    sky: Sky
    ambient: Float64[np.ndarray, "9 3"]
    ground_light: Float64[np.ndarray, " 3"]
    ground_height: float | None
    haze_m: float

    @staticmethod
    def of(light: Light, ground: Ground, device: torch.device) -> Lighting:
        """The lighting of a storyboard's light and ground."""
        sky = Sky.of(light, device)
        toward, area = _all_around()
        above = _muted(sky.glow(toward).numpy()) * (toward[2] >= 0).numpy()
        down = np.clip(toward[2].numpy(), 0, None)
        on_ground = (above * (down * area)).sum(1) / np.pi
        on_ground = on_ground + sky.sun * max(float(sky.direction[2]), 0.0)
        bounce = _ground_albedo(ground) * on_ground if ground.show else _NO_GROUND * sky.horizon
        world = above + bounce[:, None] * (toward[2] < 0).numpy()
        return Lighting(
            sky,
            _gathered(world, toward.numpy(), area),
            bounce,
            ground.height_m if ground.show else None,
            light.haze_m or _CLEAR_AIR_M,
        )

    def ambient_on(self, normal: Float32[Tensor, "3 N"]) -> Float32[Tensor, "3 N"]:
        """Light from all sides on a white surface of this unit normal."""
        terms = _terms(normal[0], normal[1], normal[2])
        columns = self.ambient.T.tolist()
        sums = []
        for column in columns:
            total = column[0] * terms[0]
            for weight, term in zip(column[1:], terms[1:], strict=True):
                total = total + weight * term
            sums.append(total)
        return torch.stack(sums).clamp_min(0)

    def mirrored_world(
        self, toward: Float32[Tensor, "3 N"], roughness: Float32[Tensor, " N"]
    ) -> Float32[Tensor, "3 N"]:
        """What a surface reflects from a unit direction: sky above, ground below.

        The rougher it is, the more it sees the average of that side of the world.
        """
        height = toward[2]
        sky = self.sky.glow(toward)
        soft = 0.03 + 2 * roughness * roughness
        above = (height / soft * 0.5 + 0.5).clamp(0, 1)
        blur = (roughness * (2 - roughness)) ** 2
        around = self.ambient_on(toward)
        return torch.stack(
            [
                (ground + above * (one - ground)) * (1 - blur) + blur * even
                for one, ground, even in zip(sky, self.ground_light.tolist(), around, strict=True)
            ]
        )

    def hazed(
        self,
        light: Float32[Tensor, "3 N"],
        distance: Float32[Tensor, " N"],
        toward: Float32[Tensor, "3 N"],
    ) -> Float32[Tensor, "3 N"]:
        """Light after so many metres of air, seen in a unit direction."""
        clear = torch.exp(-distance / self.haze_m)
        level = torch.stack((toward[0], toward[1], toward[2].clamp(-0.05, 0.35)))
        air = self.sky.glow(level / level.square().sum(0).sqrt(), seen=True)
        return air + clear * (light - air)


def _muted(light: Float64[np.ndarray, "3 N"]) -> Float64[np.ndarray, "3 N"]:
    grey = np.array([0.2126, 0.7152, 0.0722]) @ light
    return np.asarray(grey + _SKY_COLOR * (light - grey))


def _ground_albedo(ground: Ground) -> Float64[np.ndarray, " 3"]:
    first = linear(ground.color)
    if ground.pattern == "water":
        return 0.3 * first
    if ground.pattern == "plain":
        return first
    share = 0.1 if ground.pattern == "grid" else 0.5
    return np.asarray(first + share * (linear(ground.color2) - first))


def _all_around() -> tuple[Tensor, Float64[np.ndarray, " N"]]:
    """Unit directions over the sphere in float64, and the solid angle of each."""
    height = (np.arange(_RINGS) + 0.5) / _RINGS * 2 - 1
    turn = (np.arange(2 * _RINGS) + 0.5) / (2 * _RINGS) * 2 * np.pi
    z, a = (grid.ravel() for grid in np.meshgrid(height, turn, indexing="ij"))
    across = np.sqrt(1 - z * z)
    toward = torch.from_numpy(np.stack((across * np.cos(a), across * np.sin(a), z)))
    return toward, np.full(z.shape, 4 * np.pi / z.size)


def _terms(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    """The nine real spherical harmonics up to the second order, without their constants."""
    one = torch.ones_like(x)
    return [one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]


def _gathered(
    world: Float64[np.ndarray, "3 N"],
    toward: Float64[np.ndarray, "3 N"],
    area: Float64[np.ndarray, " N"],
) -> Float64[np.ndarray, "9 3"]:
    """Coefficients of the cosine-weighted mean of the light around, for `_terms`."""
    squares = np.array([1, 3, 3, 3, 15, 15, 1.25, 15, 3.75]) / (4 * np.pi)
    cosine = np.array([1, 2 / 3, 2 / 3, 2 / 3, 0.25, 0.25, 0.25, 0.25, 0.25])
    terms = np.stack([t.numpy() for t in _terms(*torch.from_numpy(toward))])
    return np.asarray((terms * area) @ world.T * (squares * cosine)[:, None])
