"""What stands about a point of the ground: it hides sun and sky, and shows in water and polish.

Stands in for the stage's illumination, occlusion and mirror, which its `GroundPainter` asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tools.pocket.bodies import Body, closest, joined, open_sky, sun_share, turned
from tools.pocket.shapes import MISS, meet
from torch import Tensor

from reelwright.stage.camera import View
from reelwright.stage.light import Lighting
from reelwright.stage.selection import take
from reelwright.stage.shading import shaded
from reelwright.stage.surface import rays
from reelwright.stage.vector import dot


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """What stands in one frame, as its ground sees it.

    Attributes:
        lighting: Sun and sky.
        bodies: The things.
        view: The camera.
        softness_deg: Width of the sun.
        reach_m: How far a thing darkens.
        height_m: Of the ground.
    """

    lighting: Lighting
    bodies: list[Body]
    view: View
    softness_deg: float
    reach_m: float
    height_m: float

    @property
    def sun(self) -> Tensor:
        """Towards the sun, [3, 1]."""
        return torch.tensor(self.lighting.sky.direction.tolist())[:, None]

    def width_at(self, offset: Tensor) -> Tensor:
        """Width of a pixel at points, metres."""
        return dot(offset, offset).sqrt() / self.view.focal[0]

    def sun_share(self, offset: Tensor, normal: Tensor, flat: Tensor) -> Tensor:
        """How much of the sun the ground sees."""
        return self.sun_on(offset, None)

    def sun_on(self, offset: Tensor, owner: Tensor | None) -> Tensor:
        """How much of the sun points see."""
        sun = self.sun.to(offset.device)
        width = self.width_at(offset)
        return sun_share(self.bodies, offset, owner, sun, self.softness_deg, width)

    def at(self, places: Tensor, depth: Tensor) -> Tensor:
        """How much of the sky the ground sees at places of the picture."""
        offset = turned(self.view.turn, rays(places, self.view)) * depth
        up = torch.zeros_like(offset)
        up[2] = 1
        return open_sky(self.bodies, offset, up, None, self.reach_m, None)

    def read(
        self, places: Tensor, depth: Tensor, toward: Tensor, spread: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Light of the bodies in a mirror, and how much of the reflection they fill."""
        offset = turned(self.view.turn, rays(places, self.view)) * depth
        seen, clear = torch.zeros_like(offset), torch.ones_like(depth)
        order = sorted(self.bodies, key=lambda body: -float(np.linalg.norm(body.place)))
        for body in order:
            index = body.near_rays(offset, toward, 1.5 * spread)
            if not index.shape[0]:
                continue
            light, cover = self._mirrored(body, *(take(f, index) for f in (offset, toward, spread)))
            seen[:, index] = take(seen, index) * (1 - cover) + light * cover
            clear[index] *= 1 - cover
        return seen, 1 - clear

    def _mirrored(
        self, body: Body, offset: Tensor, toward: Tensor, spread: Tensor
    ) -> tuple[Tensor, Tensor]:
        gap, along = closest(body, offset, toward)
        wide = spread * along + self.width_at(offset) + 1e-3
        cover = (0.5 - 0.5 * gap / wide).clamp(0, 1)
        thing = body.thing
        met, face = meet(thing.kind, thing.size, body.own(offset), body.own_way(toward))
        at = offset + torch.where(met < MISS, met, along) * toward
        if thing.kind == "box":
            face = _box_face(body, at, face, met < MISS)
        look = joined([body.look(at, face, wide)])
        above = at[2] - (self.height_m - float(self.view.place[2]))
        sky = open_sky([], at, look.normal, None, self.reach_m, above)
        sun = torch.ones_like(gap)
        return shaded(look, -toward, sun, sky, self.lighting), cover


def _box_face(body: Body, at: Tensor, face: Tensor, met: Tensor) -> Tensor:
    own = body.own(at) / torch.tensor(body.thing.size, device=at.device)[:, None]
    axis = own.abs().argmax(0)
    back = own.gather(0, axis[None])[0] < 0
    return torch.where(met, face, (2 * axis + back).to(torch.uint8))
