"""The cast as one frame sees it: vertices before the camera, triangles in the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor

from reelwright.stage.camera import View
from reelwright.stage.cast import Cast
from reelwright.stage.projection import (
    ScreenTriangles,
    corners,
    facing,
    in_picture,
    projected,
)
from reelwright.stage.samples import PixelGrid, SubsampleGrid
from reelwright.stage.scanline import Fragments, fragments
from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import hits, opacity


@dataclass(frozen=True, slots=True, eq=False)
class FrameGeometry:
    """Vertices and triangles of one frame.

    Attributes:
        cast: What stands there.
        view: The camera.
        places: World-from-part.
        positions: Vertices in camera axes, metres.
        mirrored: Per part.
        front: Triangles that look at the camera.
        solid: Triangles in the picture that hide what is behind them.
        clear: Triangles in the picture that are seen through.
    """

    cast: Cast
    view: View
    places: Float64[np.ndarray, "P 4 4"]
    positions: Float32[Tensor, "3 V"]
    mirrored: Bool[Tensor, " P"]
    front: Bool[Tensor, " T"]
    solid: ScreenTriangles
    clear: ScreenTriangles

    def solid_fragments(self, grid: PixelGrid | SubsampleGrid) -> Iterator[Fragments]:
        """What solid triangles cover of a grid, less what a texture cuts away."""
        pieces = fragments(_near(self.solid, grid), grid)
        if not bool(self.cast.materials.cut.any()):
            yield from pieces
            return
        for piece in pieces:
            yield piece.at(where_true(self._kept(piece, grid)))

    def clear_fragments(self, grid: PixelGrid | SubsampleGrid) -> list[Fragments]:
        """What see-through triangles cover of a grid."""
        return list(fragments(_near(self.clear, grid), grid))

    def _kept(self, piece: Fragments, grid: PixelGrid | SubsampleGrid) -> Bool[Tensor, " N"]:
        part = take(self.cast.face_part, piece.triangle)
        cut = where_true(take(self.cast.materials.cut, part))
        kept = torch.ones(piece.sample.shape[0], dtype=torch.bool, device=part.device)
        if cut.shape[0]:
            own = piece.at(cut)
            hit = hits(
                self.cast,
                self.positions,
                own.triangle,
                grid.places(own.sample),
                self.view,
                self.mirrored,
            )
            cutoff = take(self.cast.materials.cutoff, take(part, cut))
            kept[cut] = opacity(self.cast, hit) >= cutoff
        return kept


def frame_geometry(cast: Cast, view: View, places: Float64[np.ndarray, "P 4 4"]) -> FrameGeometry:
    """Bring a cast that stands at some places before a camera."""
    positions = cast.positions(view.from_places(places))
    mirrored = cast.mirrored(places)
    points = corners(positions, cast.faces)
    front = facing(points, take(mirrored, cast.face_part))
    both = take(cast.materials.both_sides, cast.face_part)
    seen = in_picture(points, view) & (front | both)
    clear = take(cast.materials.blended, cast.face_part)
    return FrameGeometry(
        cast,
        view,
        places,
        positions,
        mirrored,
        front,
        _chosen(points, where_true(seen & ~clear), view),
        _chosen(points, where_true(seen & clear), view),
    )


def _chosen(
    points: tuple[Tensor, Tensor, Tensor], index: Int64[Tensor, " M"], view: View
) -> ScreenTriangles:
    a, b, c = (take(point, index) for point in points)
    return projected((a, b, c), index, view)


def _near(triangles: ScreenTriangles, grid: PixelGrid | SubsampleGrid) -> ScreenTriangles:
    """Leave out triangles whose box holds no sampled pixel."""
    if isinstance(grid, PixelGrid) or not triangles.triangle.shape[0]:
        return triangles
    width, height = grid.size
    left, right = (
        edge.clamp(-1, width + 1).floor().long()
        for edge in (triangles.x.amin(0), triangles.x.amax(0))
    )
    top, bottom = (
        edge.clamp(-1, height + 1).floor().long()
        for edge in (triangles.y.amin(0), triangles.y.amax(0))
    )
    return triangles.at(where_true(grid.occupied(left, right + 1, top, bottom + 1)))
