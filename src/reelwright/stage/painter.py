"""The light that samples see: meshes, ground and sky, through glass, on film."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from reelwright.stage.antialiasing import GROUND, SKY, SampleSurfaces
from reelwright.stage.frame_geometry import FrameGeometry
from reelwright.stage.glare import over_white
from reelwright.stage.ground_painter import GroundPainter
from reelwright.stage.illumination import Illumination
from reelwright.stage.occlusion import Occlusion
from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import hits, look, rays
from reelwright.stage.tonemap import Film
from reelwright.stage.vector import dot, turned

_CPU_CHUNK, _GPU_CHUNK = 65_536, 2_097_152
"""Samples that are painted at a time: few for a core's cache, many to keep a GPU busy."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshPainter:
    """Everything that decides the colour of the cast.

    Attributes:
        normals: Vertex normals, world axes.
        illumination: What shines.
        film: For what is shown as it is.
    """

    normals: Float32[Tensor, "3 V"]
    illumination: Illumination
    film: Film

    def light_at(
        self,
        geometry: FrameGeometry,
        places: Float32[Tensor, "2 N"],
        triangle: Int64[Tensor, " N"],
        occlusion: Occlusion | None,
        mirror_m: float | None = None,
    ) -> tuple[Float32[Tensor, "3 N"], Float32[Tensor, " N"]]:
        """Scene light from triangles at places of the picture, and their opacity.

        Args:
            geometry: The frame, or the frame turned over at `mirror_m`.
            places: Pixels.
            triangle: One a place.
            occlusion: Of this frame; None where it is not known.
            mirror_m: Height of the mirror that it is seen in.
        """
        view = geometry.view
        hit = hits(geometry.cast, geometry.positions, triangle, places, view, geometry.mirrored)
        flat = turned(view.turn, hit.normal)
        toward = turned(view.turn, rays(places, view))
        offset, distance = toward * hit.depth, hit.depth * dot(toward, toward).sqrt()
        toward_eye = -offset / distance
        if mirror_m is not None:
            # Lit where it really stands, seen from where the mirror sends its light.
            flat[2], toward_eye[2] = -flat[2], -toward_eye[2]
            offset[2] = 2 * (mirror_m - float(view.place[2])) - offset[2]
        surface = look(geometry.cast, hit, self.normals, flat)
        open_sky = (
            torch.ones_like(distance) if occlusion is None else occlusion.at(places, hit.depth)
        )
        light = self.illumination.reaching_eye(surface, offset, toward_eye, distance, open_sky)
        if bool(geometry.cast.materials.unlit.any()):
            plain = self.film.undevelop(surface.base)
            light = torch.where(surface.unlit > 0, plain, light)
        return light, surface.opacity


@dataclass(frozen=True, slots=True, eq=False)
class Painter:
    """Everything that decides the colour of a frame.

    Attributes:
        geometry: What is seen from where.
        meshes: The cast's colours.
        ground: The ground's; None where there is none.
        occlusion: Of this frame.
        film: Exposure and curve.
    """

    geometry: FrameGeometry
    meshes: MeshPainter
    ground: GroundPainter | None
    occlusion: Occlusion
    film: Film

    def paint_samples(
        self, places: Float32[Tensor, "2 N"], surfaces: SampleSurfaces
    ) -> Float32[Tensor, "6 N"]:
        """What places of the picture show that see some surfaces.

        Returns:
            Rows 0 to 2: display light, 0..1. Rows 3 to 5: what is over white; see `glare`.
        """
        total = places.shape[1]
        shown = torch.empty((6, total), device=places.device)
        chunk = _CPU_CHUNK if places.device.type == "cpu" else _GPU_CHUNK
        for start in range(0, total, chunk):
            part = slice(start, min(start + chunk, total))
            index = torch.arange(part.start, part.stop, device=places.device)
            own = surfaces.at(index)
            light, glow = self._light(places[:, part], own)
            exposed = self.film.exposed(light)
            shown[:3, part] = self.film.develop(exposed)
            shown[3:, part] = over_white(exposed) * glow
        return shown

    def _light(self, places: Tensor, surfaces: SampleSurfaces) -> tuple[Tensor, Tensor]:
        """Scene light, and whether what is over white glows: white paper and white sky do not."""
        light = torch.zeros((3, places.shape[1]), device=places.device)
        glow = torch.ones(places.shape[1], device=places.device)
        index = where_true(surfaces.solid == SKY)
        if index.shape[0]:
            light[:, index], glow[index] = self._sky(take(places, index))
        index = where_true(surfaces.solid == GROUND)
        if index.shape[0] and self.ground is not None:
            light[:, index] = self.ground.light_at(take(places, index))
        index = where_true(surfaces.solid >= 0)
        if index.shape[0]:
            own = take(surfaces.solid, index)
            light[:, index] = self._mesh(take(places, index), own)[0]
            glow[index] = self._lit(own)
        for layer in reversed(surfaces.layers):
            index = where_true(layer >= 0)
            if index.shape[0]:
                over, opacity = self._mesh(take(places, index), take(layer, index))
                light[:, index] = opacity * over + (1 - opacity) * take(light, index)
        return light, glow

    def _lit(self, triangle: Tensor) -> Tensor:
        cast = self.geometry.cast
        part = take(cast.face_part, triangle.long())
        return 1 - take(cast.materials.unlit, part).float()

    def _sky(self, places: Tensor) -> tuple[Tensor, Tensor]:
        view = self.geometry.view
        toward = turned(view.turn, rays(places, view))
        toward = toward / dot(toward, toward).sqrt()
        sky = self.meshes.illumination.lighting.sky
        pixel = 1 / view.focal[0]
        disc = sky.disc(toward, pixel)
        return sky.seen(toward, pixel) + disc, (disc.sum(0) > 0).float()

    def _mesh(self, places: Tensor, triangle: Tensor) -> tuple[Tensor, Tensor]:
        return self.meshes.light_at(self.geometry, places, triangle.long(), self.occlusion)
