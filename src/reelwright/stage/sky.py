"""The sky: two colours, a glow about the sun, its disc, and thin cloud.

A sky colour of the storyboard is what is seen at exposure 0 and strength 1: it goes backwards
through the film's curve to become the light that is seen. The light that it gives is the same but
for the brightest: a white sky is a studio's, not a hundred suns. Nothing here depends on where the
camera stands, only on where it looks, and nothing on time: a still shot of the sky is still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from reelwright.stage.noise import noise_tile
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.tonemap import light_for
from reelwright.stage.vector import on_device

if TYPE_CHECKING:
    from reelwright.storyboard.light import Light

SUN_LIGHT = 1.5
"""Light of a sun of strength 1 on a white sheet that faces it, scene units."""

_WHITEST = 0.985  # of what is seen: the curve meets 1 only at the end of its range
_MOST_GIVEN = 1.5  # light for each part of a linear colour
_DISC = 60.0
_CLOUD_SCALE = 0.11
_CLOUD_COVER = 0.75
_CLOUD_BEND = 0.07  # a flat layer of cloud would squeeze without end towards the horizon
_NARROWEST_DEG = 0.53  # the sun as it is


def sun_direction(light: Light) -> Float64[np.ndarray, " 3"]:
    """Towards the sun, world axes. Azimuth 0 is +Y and turns clockwise seen from above."""
    azimuth, elevation = math.radians(light.sun_azimuth_deg), math.radians(light.sun_elevation_deg)
    across = math.cos(elevation)
    return np.array([math.sin(azimuth) * across, math.cos(azimuth) * across, math.sin(elevation)])


def linear(color: str) -> Float64[np.ndarray, " 3"]:
    """A storyboard colour as linear light."""
    from reelwright.storyboard.color import linear_from_color

    return np.array(linear_from_color(color))


def _seen_and_given(
    color: Float64[np.ndarray, " 3"],
) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
    """The light by which a display colour is seen, and the light that it gives.

    What is given is bounded, and half way back to the colour's own balance: the curve's way
    backwards makes bright tints far stronger than anything they would fall on should show.
    """
    seen = light_for(np.minimum(color, _WHITEST))
    grey = np.array([0.2126, 0.7152, 0.0722])
    gain = min(float(grey @ seen), _MOST_GIVEN * float(grey @ color)) / max(
        float(grey @ color), 1e-9
    )
    same = seen * (gain * float(grey @ color) / max(float(grey @ seen), 1e-9))
    return seen, 0.5 * (same + gain * color)


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """What is seen where nothing stands.

    Attributes:
        top: Light overhead, as it falls on things.
        horizon: Light at the horizon, as it falls on things.
        seen_top: Light overhead, as it is seen.
        seen_horizon: Light at the horizon, as it is seen.
        sun: Light of the sun on what faces it; zero when it has set.
        direction: Towards the sun.
        disc_cos: Cosine of the disc's half width.
        clouds: Noise.
    """

    top: Float64[np.ndarray, " 3"]
    horizon: Float64[np.ndarray, " 3"]
    seen_top: Float64[np.ndarray, " 3"]
    seen_horizon: Float64[np.ndarray, " 3"]
    sun: Float64[np.ndarray, " 3"]
    direction: Float64[np.ndarray, " 3"]
    disc_cos: float
    clouds: Pyramid

    @staticmethod
    def of(light: Light, device: torch.device) -> Sky:
        """The sky of a storyboard's light."""
        direction = sun_direction(light)
        # Through the last degrees the sun's light fades; below the horizon it shines on nothing.
        risen = float(np.clip((light.sun_elevation_deg + 1.0) / 3.0, 0.0, 1.0))
        half = math.radians(max(light.sun_softness_deg, _NARROWEST_DEG) / 2)
        seen_top, top = _seen_and_given(linear(light.sky_top))
        seen_horizon, horizon = _seen_and_given(linear(light.sky_horizon))
        return Sky(
            top * light.sky_strength,
            horizon * light.sky_strength,
            seen_top * light.sky_strength,
            seen_horizon * light.sky_strength,
            linear(light.sun_color) * light.sun_strength * SUN_LIGHT * risen,
            direction,
            math.cos(half),
            Pyramid.of(on_device(noise_tile(11)[None], device), repeats=True),
        )

    def glow(self, toward: Float32[Tensor, "3 N"], *, seen: bool = False) -> Float32[Tensor, "3 N"]:
        """Light of the clear sky without the sun's disc.

        Works in float64 on the CPU as well. Below the horizon the horizon goes on, darkening.

        Args:
            toward: Unit directions.
            seen: As it is seen, not as it falls on things.
        """
        tops, horizons = (self.seen_top, self.seen_horizon) if seen else (self.top, self.horizon)
        height = toward[2]
        low = (1 - height.clamp(0, 1)) ** 2
        low = low * (1 - 0.5 * height.clamp(0, 1))
        aside = 1 - self._towards_sun(toward)
        near, nearest = 1 / (1 + 45 * aside), 1 / (1 + 600 * aside)
        halo = 0.08 / (1 + 4 * aside) + 0.3 * near * near + 1.2 * nearest * nearest
        below = 1 - 0.45 * (-height).clamp(0, 1)
        return torch.stack(
            [
                (top + low * (horizon - top)) * below + halo * sun * 0.6
                for top, horizon, sun in zip(
                    tops.tolist(), horizons.tolist(), self.sun.tolist(), strict=True
                )
            ]
        )

    def seen(
        self,
        toward: Float32[Tensor, "3 N"],
        pixel_angle: float,
        blur: Float32[Tensor, " N"] | None = None,
    ) -> Float32[Tensor, "3 N"]:
        """Light of the sky with cloud, without the sun's disc.

        Seen itself if there is no `blur`, else in a mirror.

        Args:
            toward: Unit directions.
            pixel_angle: Width of a pixel, radians.
            blur: Width of what else is averaged, radians.
        """
        light = self.glow(toward, seen=blur is None)
        width = pixel_angle if blur is None else blur + pixel_angle
        cover = self._cover(toward, width)
        lit = self._towards_sun(toward)
        horizons = self.seen_horizon if blur is None else self.horizon
        for channel, (horizon, sun) in enumerate(
            zip(horizons.tolist(), self.sun.tolist(), strict=True)
        ):
            cloud = 0.95 * horizon + sun * (0.16 + 0.22 / (1 + 12 * (1 - lit)))
            light[channel] += cover * (cloud - light[channel])
        return light

    def _towards_sun(self, toward: Tensor) -> Tensor:
        x, y, z = self.direction.tolist()
        cosine: Tensor = x * toward[0] + y * toward[1] + z * toward[2]
        return cosine.clamp(-1, 1)

    def _cover(self, toward: Tensor, angle: Tensor | float) -> Tensor:
        height = toward[2].clamp_min(0)
        away = 1 / (height + _CLOUD_BEND)
        uv = toward[:2] * (away * _CLOUD_SCALE)
        width = angle * away * away * (_CLOUD_SCALE * self.clouds.size[0] * 0.5)
        lod = width.clamp_min(1e-6).log2()
        wide = self.clouds.read(uv, lod)[0]
        fine = self.clouds.read(uv * 2.7 + 0.31, lod + 1.43)[0]
        density = ((wide + 0.35 * fine - 0.25) / 1.6).clamp(0, 1)
        density = density * density * (3 - 2 * density)
        fade = ((height - 0.01) / 0.2).clamp(0, 1)
        cover: Tensor = density * fade * _CLOUD_COVER
        return cover

    def disc(self, toward: Float32[Tensor, "3 N"], pixel_angle: float) -> Float32[Tensor, "3 N"]:
        """Light of the sun's disc, to be added to that of the sky."""
        x, y, z = self.direction.tolist()
        # The sine is exact near the sun, where the cosine is not.
        cross = torch.stack(
            (
                toward[1] * z - toward[2] * y,
                toward[2] * x - toward[0] * z,
                toward[0] * y - toward[1] * x,
            )
        )
        angle = cross.square().sum(0).sqrt()
        half = math.sqrt(max(1 - self.disc_cos**2, 0.0))
        soft = max(pixel_angle, 0.15 * half)
        inside = ((half - angle) / soft + 0.5).clamp(0, 1) * (self._towards_sun(toward) > 0)
        # A wide soft sun is a dim one: the same light over a larger disc.
        bright = min(_DISC, 1.0 / max(1 - self.disc_cos, 1e-9) / 400)
        disc = torch.stack([inside * (bright * sun) for sun in self.sun.tolist()])
        return disc * (toward[2] > -0.02)
