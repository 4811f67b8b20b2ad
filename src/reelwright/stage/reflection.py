"""What a level mirror (water, a polished floor) shows of the things that stand on it.

The cast is drawn once more, turned over at the plane, at half size; ripples then move and blur
where the picture of it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor
from torch.nn.functional import avg_pool2d

from reelwright.stage.camera import View
from reelwright.stage.frame_geometry import FrameGeometry, frame_geometry
from reelwright.stage.ground import depth_along
from reelwright.stage.pyramid import Pyramid
from reelwright.stage.samples import PixelGrid
from reelwright.stage.scanline import Fragments
from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import rays
from reelwright.stage.vector import turned, unit
from reelwright.stage.visibility import filled, nearest

_SHARE = 2  # the mirror's picture is so many times smaller
_SURE = 0.2  # with so much of the coarse picture covered, its depth is taken at its word

PaintMesh = Callable[
    [FrameGeometry, Float32[Tensor, "2 N"], Int64[Tensor, " N"]], Float32[Tensor, "3 N"]
]
"""Light from triangles of a turned-over geometry at places of its picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Mirror:
    """The picture in the mirror.

    Attributes:
        picture: Light (3), coverage, and coverage over depth, averaged down.
        view: The camera of the full picture.
    """

    picture: Pyramid
    view: View

    def read(
        self,
        places: Float32[Tensor, "2 N"],
        depth: Float32[Tensor, " N"],
        reflected: Float32[Tensor, "3 N"],
        spread: Float32[Tensor, " N"],
    ) -> tuple[Float32[Tensor, "3 N"], Float32[Tensor, " N"]]:
        """Light of reflected things, and how much of the reflection they fill.

        Args:
            places: Where the mirror is seen, pixels.
            depth: Of the mirror there, metres.
            reflected: Unit directions in which it looks, world axes.
            spread: How far these scatter, radians.
        """
        width, height = self.view.size
        scale = torch.tensor([[1 / width], [1 / height]], device=places.device)
        around = self.picture.read(places * scale, torch.full_like(depth, 2.0))
        # A thing that touches the water is reflected where it touches, whatever the ripples;
        # the farther it is behind, the more they move it.
        behind = 1 - depth * around[4] / around[3].clamp_min(1e-3)
        # Let in by degrees: where the coarse picture ends, a step would draw its blocks.
        known = (around[3] / _SURE).clamp(0, 1)
        lever = 1 + known * (behind.clamp(0.02, 1) - 1)
        at = places + lever * (self._seen_at(reflected) - places)
        blur = (spread * lever * (self.view.focal[0] / _SHARE)).clamp_min(1)
        found = self.picture.read(at * scale, blur.log2())
        return found[:3], found[3].clamp(0, 1)

    def _seen_at(self, reflected: Tensor) -> Tensor:
        """Where the turned-over world is seen in these directions."""
        down = torch.stack((reflected[0], reflected[1], -reflected[2]))
        local = turned(self.view.turn.T, down)
        (fx, fy), (cx, cy) = self.view.focal, self.view.centre
        width, height = self.view.size
        inverse = 1 / local[2].clamp_min(1e-3)
        x, y = fx * local[0] * inverse + cx, fy * local[1] * inverse + cy
        return torch.stack((x.clamp(-width, 2 * width), y.clamp(-height, 2 * height)))


def look_into_mirror(geometry: FrameGeometry, height_m: float, paint: PaintMesh) -> Mirror | None:
    """Draw what a mirror at a height shows; None if nothing stands over it.

    Args:
        geometry: The frame.
        height_m: Of the mirror.
        paint: Gives the light of what is seen.
    """
    view = _smaller(geometry.view)
    places = turned_over(geometry.places, height_m)
    over = frame_geometry(geometry.cast, view, places)
    device = geometry.positions.device
    grid = PixelGrid(view.size, device)
    every = torch.arange(grid.num_samples, device=device)
    mirror = 1 / depth_along(rays(grid.places(every), view), view, height_m)
    found = nearest(_behind(over.solid_fragments(grid), mirror), grid.num_samples, device)
    seen = filled(found.triangle)
    if not seen.shape[0]:
        return None
    picture = torch.zeros((5, grid.num_samples), device=device)
    picture[:3, seen] = paint(over, grid.places(seen), take(found.triangle, seen).long())
    picture[3, seen] = 1.0
    picture[4, seen] = take(found.nearness, seen)
    width, height = view.size
    grown = _grown(picture.reshape(5, height, width))
    return Mirror(Pyramid.of(grown, repeats=False), geometry.view)


def turned_over(
    places: Float64[np.ndarray, "P 4 4"], height_m: float
) -> Float64[np.ndarray, "P 4 4"]:
    """World-from-part of what is turned over at a level plane."""
    turned_places = places.copy()
    turned_places[:, 2] *= -1
    turned_places[:, 2, 3] += 2 * height_m
    return turned_places


def _smaller(view: View) -> View:
    width, height = (-(-side // _SHARE) for side in view.size)
    intrinsics = view.intrinsics.copy()
    intrinsics[0] *= width / view.size[0]
    intrinsics[1] *= height / view.size[1]
    return View((width, height), intrinsics, view.world_from_camera)


def _behind(pieces: Iterator[Fragments], mirror: Float32[Tensor, " N"]) -> Iterator[Fragments]:
    """Only what lies behind the mirror: what is under water is not reflected in it."""
    for piece in pieces:
        yield piece.at(where_true(piece.nearness < take(mirror, piece.sample)))


def _grown(picture: Float32[Tensor, "5 H W"]) -> Float32[Tensor, "5 H W"]:
    """Fill the pixels just outside of things from those beside them.

    Without it the sky would shine through the line where a thing meets the water.
    """
    around = 9 * avg_pool2d(picture[None], 3, stride=1, padding=1)[0]
    filling = around / around[3:4].clamp_min(1)
    return torch.where(picture[3:4] > 0, picture, filling)


def reflected_in(
    normal: Float32[Tensor, "3 N"], toward_eye: Float32[Tensor, "3 N"], lift: Tensor
) -> Float32[Tensor, "3 N"]:
    """Directions in which a nearly level mirror looks, kept above the horizon.

    Args:
        normal: Unit, world axes.
        toward_eye: Unit.
        lift: Mean extra height of what a rough mirror shows: facets that look away are not seen.
    """
    away = (normal * toward_eye).sum(0)
    toward = 2 * away * normal - toward_eye
    return unit(torch.stack((toward[0], toward[1], toward[2].abs().clamp_min(0.005) + lift)))
