"""Draws the clips: an analytic ray caster with the stage's own light, sky, ground and film.

Solids are met by formula, patterns and shadows are averaged over a pixel by formula, and pixels
where two surfaces meet are drawn from several samples. Depth, mask and motion are those of pixel
centres, as the stage has them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pocket.atlas import Atlas
from tools.pocket.bodies import Body, joined, nearest, open_sky, turned
from tools.pocket.nearby import Nearby
from tools.pocket.sea import Sea
from tools.pocket.staging import Staging
from torch import Tensor

from reelwright.stage import sky as sky_room
from reelwright.stage.camera import View, surface_shift
from reelwright.stage.glare import over_white, with_glare
from reelwright.stage.ground import GroundPaint, depth_along, ground_depth
from reelwright.stage.ground_painter import POLISHED, GroundPainter, Water
from reelwright.stage.light import Lighting
from reelwright.stage.noise import noise_tile
from reelwright.stage.samples import PixelGrid
from reelwright.stage.selection import take, where_true
from reelwright.stage.shading import shaded
from reelwright.stage.sky import linear
from reelwright.stage.surface import rays
from reelwright.stage.tonemap import Film
from reelwright.stage.truth import shifted
from reelwright.stage.vector import dot, on_device

GROUND = 255
"""Number of the ground among the surfaces; 0 is the sky, bodies count from 1."""

Met = tuple[Tensor, Tensor, Tensor]
"""Depth, number of the surface, and its face."""

_GRID = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
"""Places of an edge pixel's samples: two by two, turned, so that near-level edges are smooth."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A drawn clip.

    Attributes:
        frames: uint8 [F, H, W, 3], sRGB.
        depth: float32 [F, H, W], metres; inf is sky.
        mask: uint8 [F, H, W]; 0 is ground and sky, n is the n-th thing.
        motion: float16 [F-1, H, W, 2], pixels to the next frame; None if it was not asked for.
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.float32]
    mask: NDArray[np.uint8]
    motion: NDArray[np.float16] | None


# Made anew for every sky, the tile of the clouds would take a tenth of a small clip's time.
vars(sky_room)["noise_tile"] = lru_cache(maxsize=4)(noise_tile)


@lru_cache(maxsize=4)
def _noise(seed: int, device: torch.device) -> Atlas:
    return Atlas.of(on_device(noise_tile(seed)[None], device))


class Caster:
    """Draws the frames of one staging.

    Args:
        staging: From `scenes`.
        device: Where it is drawn.
    """

    def __init__(self, staging: Staging, device: str = "cpu") -> None:
        self.staging = staging
        self.device = torch.device(device)
        light, ground = staging.light, staging.ground
        lighting = Lighting.of(light, ground, self.device)
        sky = replace(lighting.sky, clouds=_noise(11, self.device))  # type: ignore[arg-type]
        self.lighting = replace(lighting, sky=sky)
        noise = _noise(3, self.device) if ground.pattern == "noise" else None
        first, second = (tuple(linear(c).tolist()) for c in (ground.color, ground.color2))
        self._paint = GroundPaint(ground, first, second, noise)  # type: ignore[arg-type]
        water = ground.pattern == "water"
        self._sea = Sea.of(ground.tile_m, self.device) if water else None
        self._film = Film.of(light.exposure_ev, self.device)
        sizes = [2 * thing.size[0] for thing in staging.things]
        self._reach_m = float(np.clip(0.4 * np.exp(np.mean(np.log(sizes))), 0.03, 4.0))
        self._intrinsics = staging.intrinsics()

    @torch.inference_mode()
    def clip(self, *, motion: bool = True) -> Clip:
        """Draw every frame, with motion or without."""
        count = self.staging.num_frames
        drawn = [self.frame(number, motion=motion) for number in range(count)]
        colors, depths, masks, motions = zip(*drawn, strict=True)
        moving = np.stack(motions[:-1]) if motion else None
        return Clip(np.stack(colors), np.stack(depths), np.stack(masks), moving)

    def view(self, frame: int) -> View:
        """The camera of a frame."""
        return View(self.staging.frame_size, self._intrinsics, self.staging.camera(frame))

    def bodies(self, frame: int, view: View) -> list[Body]:
        """The things of a frame."""
        return [Body.of(thing, frame, view.place) for thing in self.staging.things]

    def frame(
        self, number: int, *, motion: bool = True
    ) -> tuple[
        NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], NDArray[np.float16] | None
    ]:
        """Colour, depth, mask and motion (None for the last) of a frame."""
        view = self.view(number)
        width, height = view.size
        scene = self._nearby(number, view)
        painter = self._ground(number, scene)
        grid = PixelGrid(view.size, self.device)
        places = grid.places(torch.arange(width * height, device=self.device))
        met = self._met(scene, places)
        depth, which, _ = met
        display, excess = self._seen(scene, painter, places, met)
        if bool((excess > 0).any()):
            shape = (3, height, width)
            display = with_glare(display.reshape(shape), excess.reshape(shape))
        color = self._film.print_(display.reshape(3, height, width)).cpu().numpy()
        floor = torch.from_numpy(ground_depth(view, scene.height_m)).reshape(-1).float()
        shown = torch.where(which == GROUND, floor.to(self.device), depth)
        mask = torch.where(which == GROUND, torch.zeros_like(which), which)
        wanted = motion and number + 1 < self.staging.num_frames
        flow = self._motion(number, view, scene.bodies, shown, which, places) if wanted else None
        return (
            color,
            shown.reshape(height, width).cpu().numpy(),
            mask.reshape(height, width).cpu().numpy(),
            flow,
        )

    def _nearby(self, number: int, view: View) -> Nearby:
        softness = self.staging.light.sun_softness_deg
        level = self.staging.ground.height_m
        bodies = self.bodies(number, view)
        return Nearby(self.lighting, bodies, view, softness, self._reach_m, level)

    def _ground(self, number: int, scene: Nearby) -> GroundPainter:
        water = None
        if self._sea is not None:
            staging = self.staging
            time = staging.seed % 97 + staging.from_s + number / staging.frame_rate
            water = Water(self._sea.waves, self._sea.at(time))  # type: ignore[arg-type]
        polished = water is not None or self.staging.ground.roughness < POLISHED
        mirror = scene if polished else None
        return GroundPainter(
            scene.view, scene.height_m, self._paint, scene, scene, water, mirror  # type: ignore[arg-type]
        )  # fmt: skip

    def _met(self, scene: Nearby, places: Tensor) -> Met:
        """Depth, surface and face that are seen at places."""
        ray = rays(places, scene.view)
        toward = turned(scene.view.turn, ray)
        depth, which, face = nearest(scene.bodies, torch.zeros_like(toward[:, :1]), toward)
        floor = depth_along(ray, scene.view, scene.height_m)
        below = floor < depth
        which = torch.where(below, torch.full_like(which, GROUND), which)
        return torch.minimum(depth, floor), which, torch.where(below, 0 * face, face)

    def _light(
        self,
        scene: Nearby,
        painter: GroundPainter,
        places: Tensor,
        depth: Tensor,
        which: Tensor,
        face: Tensor,
    ) -> Tensor:
        """Scene light from the surfaces that are met at places."""
        light = torch.empty((3, places.shape[1]), device=self.device)
        index = where_true(which == GROUND)
        if index.shape[0]:
            light[:, index] = painter.light_at(take(places, index))
        index = where_true(which == 0)
        if index.shape[0]:
            light[:, index] = self._sky(scene.view, take(places, index))
        index = where_true((which > 0) & (which != GROUND))
        if index.shape[0]:
            parts = (take(f, index) for f in (places, depth, which, face))
            order, shown = self._things(scene, *parts)
            light[:, take(index, order)] = shown
        return light

    def _sky(self, view: View, places: Tensor) -> Tensor:
        toward = turned(view.turn, rays(places, view))
        toward = toward / dot(toward, toward).sqrt()
        angle = 1 / view.focal[0]
        return self.lighting.sky.seen(toward, angle) + self.lighting.sky.disc(toward, angle)

    def _things(
        self, scene: Nearby, places: Tensor, depth: Tensor, which: Tensor, face: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Light from bodies, in the order of the bodies, and that order."""
        toward = turned(scene.view.turn, rays(places, scene.view))
        offset = toward * depth
        width = scene.width_at(offset)
        parts, orders = [], []
        for number, body in enumerate(scene.bodies, 1):
            index = where_true(which == number)
            if index.shape[0]:
                orders.append(index)
                parts.append(body.look(*(take(f, index) for f in (offset, face, width))))
        order, look = torch.cat(orders), joined(parts)
        offset, toward, owner = take(offset, order), take(toward, order), take(which, order)
        long = dot(toward, toward).sqrt()
        above = offset[2] - (scene.height_m - float(scene.view.place[2]))
        share = scene.sun_on(offset, owner)
        sky = open_sky(scene.bodies, offset, look.normal, owner, scene.reach_m, above)
        light = shaded(look, -toward / long, share, sky, self.lighting)
        return order, self.lighting.hazed(light, dot(offset, offset).sqrt(), toward / long)

    def _seen(
        self, scene: Nearby, painter: GroundPainter, places: Tensor, met: Met
    ) -> tuple[Tensor, Tensor]:
        """What every pixel shows: one sample, or where surfaces meet the mean of several."""
        width, height = scene.view.size
        marks = _edges(*(field.reshape(height, width) for field in met)).reshape(-1)
        plain, edge = where_true(~marks), where_true(marks)
        corner = take(places, edge) - 0.5
        spots = [corner + torch.tensor(spot, device=self.device)[:, None] for spot in _GRID]
        fine = torch.cat(spots, 1)
        all_places = torch.cat((take(places, plain), fine), 1)
        pairs = zip(met, self._met(scene, fine), strict=True)
        all_met = [torch.cat((take(centre, plain), sample)) for centre, sample in pairs]
        exposed = self._film.exposed(self._light(scene, painter, all_places, *all_met))
        shown = torch.cat((self._film.develop(exposed), over_white(exposed)))
        picture = torch.empty((6, width * height), device=self.device)
        picture[:, plain] = shown[:, : plain.shape[0]]
        picture[:, edge] = shown[:, plain.shape[0] :].reshape(6, len(_GRID), -1).mean(1)
        return picture[:3], picture[3:]

    def _motion(
        self,
        number: int,
        view: View,
        bodies: list[Body],
        depth: Tensor,
        which: Tensor,
        places: Tensor,
    ) -> NDArray[np.float16]:
        """Pixels to the next frame."""
        then = self.view(number + 1)
        level = self.staging.ground.height_m
        motion = shifted(view, surface_shift(view, then, None), self.device)
        floor = shifted(view, surface_shift(view, then, level), self.device)
        motion = torch.where(which == GROUND, floor, motion)
        for one, (body, later) in enumerate(
            zip(bodies, self.bodies(number + 1, then), strict=True), 1
        ):
            index = where_true(which == one)
            if index.shape[0]:
                at = take(places, index)
                offset = turned(view.turn, rays(at, view)) * take(depth, index)
                world = turned(later.turn, body.own(offset)) + later.middle(offset)
                local = turned(then.turn.T, world)
                (fx, fy), (cx, cy) = then.focal, then.centre
                z = local[2].clamp_min(1e-3)
                motion[:, index] = (
                    torch.stack((fx * local[0] / z + cx, fy * local[1] / z + cy)) - at
                )
        width, height = view.size
        flat = motion.reshape(2, height, width).permute(1, 2, 0).clamp(-6e4, 6e4)
        return flat.to(torch.float16).cpu().numpy()


def _edges(depth: Tensor, which: Tensor, face: Tensor) -> Tensor:
    """Pixels with another surface beside them."""
    kind = which.int() * 8 + face
    marks = torch.zeros_like(which, dtype=torch.bool)
    near = 1 / depth
    solid = (which > 0) & (which != GROUND)
    for one, two in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        jump = (near[one] - near[two]).abs() > 0.04 * torch.maximum(near[one], near[two])
        differ = (kind[one] != kind[two]) | (jump & solid[one])
        marks[one] |= differ
        marks[two] |= differ
    return marks


def draw(staging: Staging, device: str = "cpu", *, motion: bool = True) -> Clip:
    """Draw a clip, with motion or without."""
    return Caster(staging, device).clip(motion=motion)
