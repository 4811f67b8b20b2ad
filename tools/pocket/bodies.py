"""The things of one frame, as rays and light meet them. Places are measured from the eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians, tan

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pocket.shapes import MISS, distance, meet, normal_at, reach, sides
from tools.pocket.staging import Thing
from torch import Tensor

from reelwright.stage.selection import take, where_true
from reelwright.stage.surface import Look
from reelwright.stage.vector import dot
from reelwright.storyboard.rotation import rotation_from_euler

Array = NDArray[np.float64]
_GOLDEN = 0.6180339887
_STEPS = 7
_AO_HEIGHTS = ((0.25, 0.4), (0.6, 0.35), (1.0, 0.25))
_AO_STRENGTH = 0.85


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A thing in one frame.

    Attributes:
        thing: What it is.
        turn: World from its own axes.
        place: Its middle, from the eye.
        reach: Radius of the sphere that holds it.
    """

    thing: Thing
    turn: Array
    place: Array
    reach: float

    @staticmethod
    def of(thing: Thing, frame: int, eye: Array) -> Body:
        """A thing at a frame, for an eye."""
        x, y, z = (float(v) for v in thing.turn[frame])
        turn = rotation_from_euler((x, y, z))
        return Body(thing, turn, thing.path[frame] - eye, reach(thing.kind, thing.size))

    def middle(self, like: Tensor) -> Tensor:
        """Its place as a column."""
        return torch.tensor(self.place.tolist(), dtype=like.dtype, device=like.device)[:, None]

    def own(self, at: Tensor) -> Tensor:
        """Points in its own axes."""
        return turned(self.turn.T, at - self.middle(at))

    def own_way(self, way: Tensor) -> Tensor:
        """Directions in its own axes."""
        return turned(self.turn.T, way)

    def distance(self, at: Tensor) -> Tensor:
        """Signed distance of points."""
        return distance(self.thing.kind, self.thing.size, self.own(at))

    def near_rays(self, start: Tensor, way: Tensor, spread: Tensor | float) -> Tensor:
        """Indices of rays (unit directions) that come near, spreading by so much a metre."""
        to = self.middle(way) - start
        along = dot(way, to)
        beside = dot(to, to) - along * along
        wide = self.reach + spread * along.clamp_min(0)
        return where_true((beside < wide * wide) & (along > -self.reach))

    def look(
        self, at: Tensor, face: Tensor, footprint: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Base colour, normal, roughness, metallic and bend at points on it.

        Args:
            at: From the eye.
            face: From `shapes.meet`.
            footprint: Width of a pixel there, metres.
        """
        thing = self.thing
        own = self.own(at)
        normal = turned(self.turn, normal_at(thing.kind, thing.size, own, face))
        base = painted(thing, own, footprint)
        none = torch.zeros_like(footprint)
        round_m = thing.size[2] if thing.kind == "torus" else thing.size[0]
        bend = none if thing.kind == "box" else 2 * (footprint / round_m).square()
        return base, normal, none + thing.roughness, none + thing.metallic, bend


def turned(matrix: Array, field: Tensor) -> Tensor:
    """Multiply a field [3, N] by a 3x3 matrix; as the stage does, but in one product."""
    return torch.tensor(matrix.tolist(), dtype=field.dtype, device=field.device) @ field


def painted(thing: Thing, own: Tensor, footprint: Tensor) -> Tensor:
    """Base colour of a thing at points in its own axes, averaged over a pixel."""
    first = torch.tensor(thing.base, device=own.device)[:, None]
    if thing.texture == "plain":
        return first.expand(3, own.shape[1])
    second = torch.tensor(thing.second, device=own.device)[:, None]
    half = sides(thing.kind, thing.size)
    along = 0 if thing.kind == "torus" else 2
    if thing.texture == "shaded":
        share = (0.5 - 0.5 * own[along] / half[along]).clamp(0, 1)
    else:
        # Whole bands from end to end, so that both ends have the first colour.
        tile = 2 * half[along] / max(1, round(2 * half[along] / thing.tile_m))
        share = _bands((own[along] + half[along]) / tile + 0.25, footprint / tile)
        if thing.texture == "checkered":
            for axis in {0, 1, 2} - {along}:
                other = _bands(own[axis] / tile + 0.25, footprint / tile)
                share = share + other - 2 * share * other
    return first + share * (second - first)


def _bands(at: Tensor, width: Tensor) -> Tensor:
    """Bands of half a tile, 0 and 1 by turns, averaged over a width."""
    wide = (1.4 * width).clamp_min(1e-4)
    phase = at - at.floor()
    edge = torch.minimum(phase - 0.5, 1 - phase)
    edge = torch.where(phase < 0.25, -phase, edge)
    share = (0.5 + edge / wide).clamp(0, 1)
    return share + (0.5 - share) * ((width - 0.25) / 0.5).clamp(0, 1)


def nearest(bodies: list[Body], start: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first body that rays meet.

    Args:
        bodies: In order of their number, from 1.
        start: [3, 1] or [3, N], from the eye.
        way: [3, N]; distances are in its lengths.

    Returns:
        Distance (`MISS`), number of the body (0 for none), face.
    """
    best = torch.full_like(way[0], MISS)
    which = torch.zeros_like(way[0], dtype=torch.uint8)
    faces = torch.zeros_like(which)
    square = dot(way, way)
    for number, body in enumerate(bodies, 1):
        to = body.middle(way) - start
        along = dot(way, to)
        held = dot(to, to) - along * along / square < body.reach**2
        index = where_true(held & (along > 0))
        if not index.shape[0]:
            continue
        begin = start if start.shape[1] == 1 else take(start, index)
        own = body.own(begin)
        t, face = meet(body.thing.kind, body.thing.size, own, body.own_way(take(way, index)))
        closer = where_true(t < take(best, index))
        index = take(index, closer)
        best[index], faces[index] = take(t, closer), take(face, closer)
        which[index] = number
    return best, which, faces


def closest(body: Body, start: Tensor, way: Tensor) -> tuple[Tensor, Tensor]:
    """How near rays (unit directions) come to a body ahead of their start.

    The distance to a convex body along a line is convex: a golden-section search finds its least.
    A ring is looked at in a few places first.

    Returns:
        The least signed distance, and how far along the ray it is.
    """
    own, along = body.own(start), body.own_way(way)
    middle = -dot(own, along)
    low, high = (middle - body.reach).clamp_min(0), (middle + body.reach).clamp_min(0)
    kind, size = body.thing.kind, body.thing.size
    if kind == "sphere":
        best = middle.clamp_min(0)
        return distance(kind, size, own + best * along), best
    if kind == "torus":
        low, high = _bracket(kind, size, own, along, low, high)

    def at(t: Tensor) -> Tensor:
        return distance(kind, size, own + t * along)

    one, two = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    first, second = at(one), at(two)
    for _ in range(_STEPS):
        left = first < second
        high, low = torch.where(left, two, high), torch.where(left, low, one)
        fresh = torch.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        value = at(fresh)
        one, two = torch.where(left, fresh, two), torch.where(left, one, fresh)
        first, second = torch.where(left, value, second), torch.where(left, first, value)
    left = first < second
    return torch.where(left, first, second), torch.where(left, one, two)


def _bracket(
    kind: str, size: tuple[float, float, float], own: Tensor, along: Tensor, low: Tensor,
    high: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    parts = 10
    step = (high - low) / parts
    seen = torch.stack(
        [distance(kind, size, own + (low + (i + 0.5) * step) * along) for i in range(parts)]
    )
    best = seen.argmin(0).float()
    return low + (best - 0.5).clamp_min(0) * step, low + (best + 1.5) * step


def sun_share(
    bodies: list[Body], offset: Tensor, owner: Tensor | None, sun: Tensor, softness_deg: float,
    footprint: Tensor,
) -> Tensor:  # fmt: skip
    """How much of the sun's disc points see past the bodies, 0..1.

    Args:
        bodies: What stands in the way.
        offset: Points from the eye.
        owner: Number of the body each lies on, which does not shade it; None for the ground.
        sun: Direction, [3, 1].
        softness_deg: Width of the disc.
        footprint: Width of a pixel at each point: no shadow is sharper.
    """
    share = torch.ones_like(offset[0])
    spread = tan(radians(max(softness_deg, 0.53) / 2))
    for number, body in enumerate(bodies, 1):
        way = sun.expand_as(offset)
        index = body.near_rays(offset, way, spread)
        if owner is not None:
            index = take(index, where_true(take(owner, index) != number))
        if not index.shape[0]:
            continue
        gap, along = closest(body, take(offset, index), take(way, index))
        wide = spread * along + 0.7 * take(footprint, index) + 1e-4
        open_ = (0.5 + 0.5 * gap / wide).clamp(0, 1)
        share[index] *= open_ * open_ * (3 - 2 * open_)
    return share


def open_sky(
    bodies: list[Body], offset: Tensor, normal: Tensor, owner: Tensor | None, reach_m: float,
    above_ground: Tensor | None,
) -> Tensor:  # fmt: skip
    """How much of the sky points see, 0..1: what is near closes it.

    Args:
        bodies: What stands about.
        offset: Points from the eye.
        normal: Unit, world axes.
        owner: As for `sun_share`.
        reach_m: How far a thing darkens.
        above_ground: Height of the points over the ground; None for the ground itself.
    """
    shut = torch.zeros_like(offset[0])
    for height, weight in _AO_HEIGHTS:
        if above_ground is not None:
            far = height * reach_m
            shut += weight * ((far - above_ground - normal[2] * far) / far).clamp(0, 1)
    for number, body in enumerate(bodies, 1):
        to = offset - body.middle(offset)
        index = where_true(dot(to, to) < (body.reach + reach_m) ** 2)
        if owner is not None:
            index = take(index, where_true(take(owner, index) != number))
        if not index.shape[0]:
            continue
        at, up = take(offset, index), take(normal, index)
        for height, weight in _AO_HEIGHTS:
            far = height * reach_m
            shut[index] += weight * ((far - body.distance(at + far * up)) / far).clamp(0, 1)
    return 1 - _AO_STRENGTH * shut.clamp(0, 1)


def joined(parts: Sequence[tuple[Tensor, ...]]) -> Look:
    """The look of several bodies' points, one after another."""
    base, normal, rough, metal, bend = (
        torch.cat([part[i] for part in parts], dim=-1) for i in range(5)
    )
    none = torch.zeros_like(rough)
    return Look(base, none + 1, metal, rough, torch.zeros_like(base), none, normal, normal, bend)
