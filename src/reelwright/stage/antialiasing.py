"""Which pixels need more than one sample, and how few of their samples need light of their own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int32, Int64
from torch import Tensor

from reelwright.stage.edges import mark_edges, visible_edges
from reelwright.stage.frame_geometry import FrameGeometry
from reelwright.stage.ground import depth_along
from reelwright.stage.samples import NUM_SUBSAMPLES, SubsampleGrid
from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import rays
from reelwright.stage.truth import GROUND_YIELDS, Truth
from reelwright.stage.visibility import NOTHING, nearest, peeled

SKY, GROUND = -1, -2
"""What stands for a triangle's number where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleSurfaces:
    """What samples see.

    Attributes:
        solid: Triangle, `SKY` or `GROUND`.
        layers: See-through triangles before it, from near to far; `SKY` for none.
    """

    solid: Int32[Tensor, " N"]
    layers: list[Int32[Tensor, " N"]]

    def at(self, index: Int64[Tensor, " M"]) -> SampleSurfaces:
        """Some of them."""
        return SampleSurfaces(take(self.solid, index), [take(one, index) for one in self.layers])


@dataclass(frozen=True, slots=True, eq=False)
class SampleGroups:
    """Samples of each pixel that see the same surface: one light for them all.

    Attributes:
        leaders: The samples that are shaded.
        places: Where each leader is shaded, pixels: the middle of its group.
        place_of: For every sample, which leader's light it has.
    """

    leaders: Int64[Tensor, " L"]
    places: Float32[Tensor, "2 L"]
    place_of: Int64[Tensor, " N"]


def centre_surfaces(truth: Truth) -> SampleSurfaces:
    """What the pixels' centres see."""
    return SampleSurfaces(
        _named(truth.solid, truth.nearness > 0),
        [_named(layer.triangle, torch.zeros_like(truth.solid)) for layer in truth.layers],
    )


def grid_surfaces(
    geometry: FrameGeometry, grid: SubsampleGrid, ground_height: float | None
) -> SampleSurfaces:
    """What the samples of a grid see."""
    device = geometry.positions.device
    found = nearest(geometry.solid_fragments(grid), grid.num_samples, device)
    floor = torch.zeros_like(found.nearness)
    if ground_height is not None:
        every = torch.arange(grid.num_samples, device=device)
        ray = rays(grid.places(every), geometry.view)
        floor = 1 / depth_along(ray, geometry.view, ground_height)
    hidden = (1 + GROUND_YIELDS) * found.nearness < floor
    solid = torch.where(hidden, torch.full_like(found.triangle, NOTHING), found.triangle)
    layers = peeled(geometry.clear_fragments(grid), torch.maximum(floor, found.nearness))
    return SampleSurfaces(
        _named(solid, floor > 0),
        [_named(layer.triangle, torch.zeros_like(solid)) for layer in layers],
    )


def _named(triangle: Int32[Tensor, " N"], ground: Tensor) -> Int32[Tensor, " N"]:
    empty = torch.where(ground > 0, GROUND, SKY).int()
    return torch.where(triangle == NOTHING, empty, triangle)


def edge_pixels(geometry: FrameGeometry, truth: Truth) -> Bool[Tensor, " HW"]:
    """Pixels that may show more than one surface: crossed by an edge, or beside another thing."""
    width, height = geometry.view.size
    cast = geometry.cast
    marks = torch.zeros(width * height, dtype=torch.bool, device=truth.depth.device)
    top = truth.layers[0].triangle if truth.layers else truth.solid
    kinds = [_kind(cast.face_part, centre_surfaces(truth).solid)]
    if truth.layers:
        kinds.append(_kind(cast.face_part, _named(top, torch.zeros_like(top))))
    for kind in kinds:
        _mark_borders(marks.reshape(height, width), kind.reshape(height, width))
    both = take(cast.materials.both_sides, cast.face_part)
    seen = visible_edges(cast.edges, geometry.front, both)
    ends = take(cast.edges.ends, seen)
    lines = torch.stack((take(geometry.positions, ends[0]), take(geometry.positions, ends[1])))
    mark_edges(marks, lines, geometry.view, truth.nearness)
    return marks


def _kind(face_part: Int64[Tensor, " T"], surface: Int32[Tensor, " N"]) -> Int64[Tensor, " N"]:
    """The part that is seen, or `SKY` or `GROUND`."""
    if not face_part.shape[0]:
        return surface.long()
    part = take(face_part, surface.clamp_min(0).long())
    return torch.where(surface < 0, surface.long(), part)


def _mark_borders(marks: Bool[Tensor, "H W"], kind: Int64[Tensor, "H W"]) -> None:
    across = kind[:, 1:] != kind[:, :-1]
    marks[:, 1:] |= across
    marks[:, :-1] |= across
    down = kind[1:] != kind[:-1]
    marks[1:] |= down
    marks[:-1] |= down


def sample_groups(surfaces: SampleSurfaces, grid: SubsampleGrid) -> SampleGroups:
    """Group the samples of each pixel by what they see."""
    count = grid.pixels.shape[0]
    same = torch.ones((count, NUM_SUBSAMPLES, NUM_SUBSAMPLES), dtype=torch.bool)
    same = same.to(surfaces.solid.device)
    for name in (surfaces.solid, *surfaces.layers):
        own = name.reshape(count, NUM_SUBSAMPLES)
        same &= own[:, :, None] == own[:, None, :]
    first = same.int().argmax(2)
    every = torch.arange(NUM_SUBSAMPLES, device=first.device)
    is_leader = (first == every[None]).reshape(-1)
    leaders = where_true(is_leader)
    number = is_leader.long().cumsum(0) - 1
    start = torch.arange(count, device=first.device)[:, None] * NUM_SUBSAMPLES
    place_of = take(number, (start + first).reshape(-1))
    shares = take(same.reshape(-1, NUM_SUBSAMPLES).T, leaders).float()
    size = shares.sum(0)
    middle = torch.stack([(shares * axis[:, None]).sum(0) / size for axis in grid.offsets])
    pixel = torch.div(leaders, NUM_SUBSAMPLES, rounding_mode="floor")
    columns = take(grid.columns, pixel)
    row = torch.div(take(grid.pixels, pixel), grid.size[0], rounding_mode="floor")
    return SampleGroups(leaders, torch.stack((columns, row)).float() + middle, place_of)
