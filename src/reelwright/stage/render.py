"""One frame of a shot: what is seen of every pixel, and its colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8, UInt16
from torch import Tensor

from reelwright.assets.geometry import Geometry
from reelwright.stage.antialiasing import (
    centre_surfaces,
    edge_pixels,
    grid_surfaces,
    sample_groups,
)
from reelwright.stage.camera import scene_view
from reelwright.stage.cast import make_cast
from reelwright.stage.frame_geometry import FrameGeometry, frame_geometry
from reelwright.stage.glare import with_glare
from reelwright.stage.ground import GroundPaint
from reelwright.stage.ground_painter import POLISHED, GroundPainter, Water
from reelwright.stage.illumination import Illumination
from reelwright.stage.light import Lighting
from reelwright.stage.occlusion import occlusion
from reelwright.stage.painter import MeshPainter, Painter
from reelwright.stage.reflection import Mirror, look_into_mirror
from reelwright.stage.samples import NUM_SUBSAMPLES, PixelGrid, subsample_grids
from reelwright.stage.selection import take, where_true
from reelwright.stage.shadow_map import ShadowMap, draw_shadow_map
from reelwright.stage.shadow_plan import bounds_along, plan_shadows
from reelwright.stage.tonemap import Film
from reelwright.stage.truth import NextFrame, Truth, find_truth
from reelwright.stage.waves import Waves

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

_DARKENS = 0.4  # of a thing's size: how far its occlusion reaches
_REACH_M = (0.03, 4.0)


@dataclass(frozen=True, slots=True, eq=False)
class StagedFrame:
    """One frame.

    Attributes:
        color: sRGB.
        depth: Metres along the view axis at pixel centres, inf is sky.
        mask: Prop index, 0 is ground and sky.
        motion: Pixels to the next frame, right and down; None for a shot's last frame.
        counts: Work that was done: edge pixels, painted samples.
    """

    color: UInt8[np.ndarray, "H W 3"]
    depth: Float32[np.ndarray, "H W"]
    mask: UInt16[np.ndarray, "H W"]
    motion: Float32[np.ndarray, "H W 2"] | None
    counts: Mapping[str, int]


class Renderer:
    """Draws the frames of one scene; holds its meshes, textures and still shadows on a device.

    Nothing in it changes once it is made: several threads may draw frames with one.

    Args:
        scene: The shot.
        geometries: By name of the prop in the storyboard.
        device: Where it is drawn.
    """

    def __init__(
        self, scene: Scene, geometries: Mapping[str, Geometry], device: torch.device
    ) -> None:
        self.scene = scene
        self.device = device
        self.cast = make_cast(scene, geometries, device)
        self.lighting = Lighting.of(scene.light, scene.ground, device)
        self._paint = GroundPaint.of(scene.ground, device)
        water = scene.ground.show and scene.ground.pattern == "water"
        self._waves = Waves.of(scene.ground.tile_m) if water else None
        self._film = Film.of(scene.light.exposure_ev, device)
        self._plan = plan_shadows(
            scene, self.cast, self.lighting.sky.direction, scene.light.sun_softness_deg
        )
        self._still = self._still_shadows()
        self._radius_m = self._occlusion_radius()

    @torch.inference_mode()
    def render(self, frame: int) -> StagedFrame:
        """Draw a frame, counted from 0."""
        view, places = scene_view(self.scene, frame), self.cast.places(self.scene, frame)
        geometry = frame_geometry(self.cast, view, places)
        normals = self.cast.turned_normals(places)
        ground = self.lighting.ground_height
        truth = find_truth(geometry, normals, ground, self._following(frame))
        width, height = view.size
        painter = self._painter(geometry, normals, truth, frame)
        shown, counts = _painted(painter, truth, ground)
        display, excess = shown.reshape(2, 3, height, width)
        if bool((excess > 0).any()):
            display = with_glare(display, excess)
        color = self._film.print_(display)
        motion = truth.motion
        return StagedFrame(
            color.cpu().numpy(),
            truth.depth.reshape(height, width).cpu().numpy(),
            truth.mask.reshape(height, width).cpu().numpy().astype(np.uint16),
            None if motion is None else _as_picture(motion, height, width),
            counts,
        )

    def _painter(
        self, geometry: FrameGeometry, normals: Tensor, truth: Truth, frame: int
    ) -> Painter:
        view = geometry.view
        width, height = view.size
        light = Illumination(self.lighting, self._plan, self._shadows(geometry.places), view.place)
        meshes = MeshPainter(normals, light, self._film)
        closed = occlusion(
            truth.depth.reshape(height, width),
            truth.normal.reshape(3, height, width),
            view,
            self._radius_m,
        )
        level = self.lighting.ground_height
        ground = None
        if level is not None:
            water = None
            if self._waves is not None:
                square = self._waves.at(self.scene.scene_time_s(frame), self.device)
                water = Water(self._waves, square)
            mirror = self._mirror(geometry, meshes, level)
            ground = GroundPainter(view, level, self._paint, light, closed, water, mirror)
        return Painter(geometry, meshes, ground, closed, self._film)

    def _mirror(
        self, geometry: FrameGeometry, meshes: MeshPainter, height_m: float
    ) -> Mirror | None:
        polished = self._waves is not None or self.scene.ground.roughness < POLISHED
        if not polished or geometry.view.place[2] <= height_m:
            return None
        return look_into_mirror(
            geometry,
            height_m,
            lambda over, places, triangle: meshes.light_at(over, places, triangle, None, height_m)[
                0
            ],
        )

    def _following(self, frame: int) -> NextFrame | None:
        if frame + 1 >= self.scene.frames.generated:
            return None
        view = scene_view(self.scene, frame + 1)
        places = self.cast.places(self.scene, frame + 1)
        return NextFrame(view, self.cast.positions(view.from_places(places)))

    @torch.inference_mode()
    def _still_shadows(self) -> dict[int, ShadowMap]:
        places = self.cast.places(self.scene, 0)
        return {
            number: draw_shadow_map(self.cast, caster, self._plan, places)
            for number, caster in enumerate(self._plan.casters)
            if caster.still and self._sun_shines
        }

    @property
    def _sun_shines(self) -> bool:
        return float(self.lighting.sky.sun.max()) > 0

    def _shadows(self, places: Float64[np.ndarray, "P 4 4"]) -> list[ShadowMap]:
        if not self._sun_shines:
            return []
        return [
            self._still.get(number) or draw_shadow_map(self.cast, caster, self._plan, places)
            for number, caster in enumerate(self._plan.casters)
        ]

    def _occlusion_radius(self) -> float:
        """From the size of the things on the stage, so that a toy and a tower are shaded alike."""
        places = self.cast.places(self.scene, 0)
        sizes = []
        for actor in self.cast.actors:
            parts = np.arange(*actor.parts)
            if len(parts):
                middles, radii = bounds_along(self.cast, parts, places)
                low = (middles - radii[:, None]).min(0)
                high = (middles + radii[:, None]).max(0)
                sizes.append(float(np.prod(high - low)) ** (1 / 3))
        typical = float(np.exp(np.mean(np.log(np.maximum(sizes, 1e-3))))) if sizes else 1.0
        return float(np.clip(_DARKENS * typical, *_REACH_M))


def _painted(painter: Painter, truth: Truth, ground: float | None) -> tuple[Tensor, dict[str, int]]:
    """What every pixel shows: one sample where one surface is seen, the mean of eight elsewhere.

    See `Painter.paint_samples` for the rows.
    """
    geometry = painter.geometry
    size, device = geometry.view.size, truth.depth.device
    marks = edge_pixels(geometry, truth)
    plain = where_true(~marks)
    shown = torch.zeros((6, size[0] * size[1]), device=device)
    surfaces = centre_surfaces(truth)
    places = PixelGrid(size, device).places(plain)
    shown[:, plain] = painter.paint_samples(places, surfaces.at(plain))
    counts = {"edge_pixels": 0, "painted_samples": int(plain.shape[0])}
    for grid in subsample_grids(marks, size):
        surfaces = grid_surfaces(geometry, grid, ground)
        groups = sample_groups(surfaces, grid)
        light = painter.paint_samples(groups.places, surfaces.at(groups.leaders))
        samples = take(light, groups.place_of).reshape(6, -1, NUM_SUBSAMPLES)
        shown[:, grid.pixels] = samples.mean(2)
        counts["edge_pixels"] += int(grid.pixels.shape[0])
        counts["painted_samples"] += int(groups.leaders.shape[0])
    return shown, counts


def _as_picture(motion: Tensor, height: int, width: int) -> Float32[np.ndarray, "H W 2"]:
    return np.ascontiguousarray(motion.reshape(2, height, width).permute(1, 2, 0).cpu().numpy())
