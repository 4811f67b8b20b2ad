"""The light that the ground sends to the eye: paint, water, and what is mirrored in them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.stage.camera import View
from reelwright.stage.ground import GroundPaint, GroundPatch, depth_along, ground_patch
from reelwright.stage.illumination import Illumination
from reelwright.stage.occlusion import Occlusion
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.reflection import Mirror, reflected_in
from reelwright.stage.shading import bounced, highlight, shaded, sun_cosine
from reelwright.stage.surface import Look, rays
from reelwright.stage.vector import dot, turned, unit
from reelwright.stage.waves import Waves

POLISHED = 0.45
"""Ground smoother than this mirrors what stands on it."""

_WATER_REFLECTION = 0.02
_SMOOTHEST = 0.03
_RIPPLED = 0.15  # of the slope: neighbouring pixels look that far apart into the mirror
_BODY_SKY, _BODY_SUN = 0.55, 0.30


@dataclass(frozen=True, slots=True, eq=False)
class Water:
    """Water at one moment.

    Attributes:
        waves: How it moves.
        square: Its slopes now.
    """

    waves: Waves
    square: Pyramid


@dataclass(frozen=True, slots=True, eq=False)
class GroundPainter:
    """Everything that decides the ground's colour in a frame.

    Attributes:
        view: The camera.
        height_m: Of the ground.
        paint: Its colours.
        illumination: What shines on it.
        occlusion: Of this frame.
        water: Its ripples, if it is water.
        mirror: What it shows, if it is smooth.
    """

    view: View
    height_m: float
    paint: GroundPaint
    illumination: Illumination
    occlusion: Occlusion
    water: Water | None
    mirror: Mirror | None

    def light_at(self, places: Float32[Tensor, "2 N"]) -> Float32[Tensor, "3 N"]:
        """Scene light from the ground at places of the picture."""
        ray = rays(places, self.view)
        depth = depth_along(ray, self.view, self.height_m)
        toward = turned(self.view.turn, ray)
        length = dot(toward, toward).sqrt()
        patch = ground_patch(toward, depth, self.view)
        open_sky = self.occlusion.at(places, depth)
        toward_eye = -toward / length
        offset = toward * depth
        if self.water is not None:
            light = self._water(self.water, patch, offset, toward_eye, places, depth, open_sky)
        else:
            light = self._paint(patch, offset, toward_eye, places, depth, open_sky)
        return self.illumination.lighting.hazed(light, depth * length, -toward_eye)

    def _up(self, like: Tensor) -> Tensor:
        up = torch.zeros_like(like)
        up[2] = 1.0 if self.view.place[2] >= self.height_m else -1.0
        return up

    def _paint(
        self,
        patch: GroundPatch,
        offset: Tensor,
        toward_eye: Tensor,
        places: Tensor,
        depth: Tensor,
        open_sky: Tensor,
    ) -> Tensor:
        base = self.paint.albedo(patch, self.view.place)
        up, none = self._up(base), torch.zeros_like(depth)
        rough = none + self.paint.settings.roughness
        surface = Look(base, none + 1, none, rough, 0 * base, none, up, up, none)
        share = self.illumination.sun_share(offset, up, up)
        lighting = self.illumination.lighting
        light = shaded(surface, toward_eye, share, open_sky, lighting)
        if self.mirror is None or self.paint.settings.roughness >= POLISHED:
            return light
        toward = reflected_in(up, toward_eye, none)
        spread = rough * rough * 1.5 + 1e-3
        seen, cover = self.mirror.read(places, depth, toward, spread)
        # The things seen take the place of the world that the surface reflected without them.
        away = dot(up, toward_eye).clamp(0, 1)
        edge = (1 - away) ** 5 * (1 - rough)
        strength = 0.04 + (1 - 0.04) * edge
        return light + strength * (seen - cover * lighting.mirrored_world(toward, rough))

    def _water(
        self,
        water: Water,
        patch: GroundPatch,
        offset: Tensor,
        toward_eye: Tensor,
        places: Tensor,
        depth: Tensor,
        open_sky: Tensor,
    ) -> Tensor:
        lighting = self.illumination.lighting
        slope, variance = water.waves.read(water.square, patch, self.view.place)
        up = self._up(offset)
        normal = unit(up - torch.cat((slope * up[2], torch.zeros_like(slope[:1]))))
        rough = (0.5 * variance).sqrt()
        share = self.illumination.sun_share(offset, up, up)
        toward = reflected_in(normal, toward_eye, 0.7 * rough)
        world = lighting.sky.seen(toward, 1 / self.view.focal[0], blur=2 * rough + 0.01)
        if self.mirror is not None:
            spread = rough + _RIPPLED * slope.square().sum(0).sqrt() + 0.003
            seen, cover = self.mirror.read(places, depth, toward, spread)
            world = world * (1 - cover) + seen
        away = dot(normal, toward_eye).clamp(0.0, 1)
        # A rough sea seen along its surface shows its facets' fronts: it mirrors less.
        power = 5 * torch.exp(-2.69 * rough)
        mirrored = _WATER_REFLECTION + (1 - _WATER_REFLECTION) * torch.exp(
            power * torch.log((1 - away).clamp_min(1e-4))
        ) / (1 + 22.7 * rough * rough.sqrt())
        light = world * mirrored
        sun_cos = sun_cosine(up, lighting) * share
        around = lighting.ambient_on(up) * bounced(open_sky, 0 * up)
        alpha = (variance + _SMOOTHEST**2).sqrt()
        straight = torch.full_like(offset, _WATER_REFLECTION)
        glitter = highlight(normal, toward_eye, alpha, straight, lighting)
        for channel, sun in enumerate(lighting.sky.sun.tolist()):
            body = _BODY_SKY * around[channel] + _BODY_SUN * sun * sun_cos
            light[channel] += (1 - mirrored) * self.paint.first[channel] * body
            light[channel] += glitter[channel] * sun_cosine(normal, lighting) * share * sun
        return light
