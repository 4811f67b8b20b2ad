"""Light as it reaches the eye from a surface: sun past what hides it, sky, reflections, air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from reelwright.stage.light import Lighting
from reelwright.stage.penumbra import sun_seen
from reelwright.stage.selection import take, where_true
from reelwright.stage.shading import shaded, sun_cosine
from reelwright.stage.shadow_map import ShadowMap
from reelwright.stage.shadow_plan import ShadowPlan
from reelwright.stage.surface import Look


@dataclass(frozen=True, slots=True, eq=False)
class Illumination:
    """What shines on one frame, and what stands in its way.

    Attributes:
        lighting: Sun and sky.
        plan: Of the shadows.
        shadows: Maps of this frame.
        place: The eye in the world.
    """

    lighting: Lighting
    plan: ShadowPlan
    shadows: list[ShadowMap]
    place: Float64[np.ndarray, " 3"]

    def sun_share(
        self,
        offset: Float32[Tensor, "3 N"],
        normal: Float32[Tensor, "3 N"],
        flat: Float32[Tensor, "3 N"],
    ) -> Float32[Tensor, " N"]:
        """How much of the sun surfaces see, 0..1; 0 where they look away from it.

        Args:
            offset: From the eye, world axes, metres.
            normal: Shading normal.
            flat: Of the triangle.
        """
        share = torch.zeros_like(offset[0])
        if float(self.lighting.sky.sun.max()) <= 0:
            return share
        facing = where_true(sun_cosine(normal, self.lighting) > 0)
        if facing.shape[0]:
            share[facing] = sun_seen(
                self.shadows, self.plan, take(offset, facing), take(flat, facing), self.place
            )
        return share

    def reaching_eye(
        self,
        surface: Look,
        offset: Float32[Tensor, "3 N"],
        toward_eye: Float32[Tensor, "3 N"],
        distance: Float32[Tensor, " N"],
        open_sky: Float32[Tensor, " N"],
    ) -> Float32[Tensor, "3 N"]:
        """Light from surfaces, through haze.

        Args:
            surface: What they are.
            offset: Where they are, from the eye, world axes.
            toward_eye: Unit directions of the light that is asked for (by way of a mirror, not
                towards the eye itself).
            distance: How long its way is, metres.
            open_sky: How much of the sky they see.
        """
        share = self.sun_share(offset, surface.normal, surface.flat)
        light = shaded(surface, toward_eye, share, open_sky, self.lighting)
        return self.lighting.hazed(light, distance, -toward_eye)
