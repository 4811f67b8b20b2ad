"""Triangles as the camera sees them: culled, cut at the near plane, in pixels.

A cut triangle becomes one or two pieces that keep the number of the triangle they came from: what
is interpolated later is taken from the whole triangle in space, never from a piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from reelwright.stage.camera import NEAR_M, View
from reelwright.stage.selection import take, where_true
from reelwright.stage.vector import cross, dot


@dataclass(frozen=True, slots=True, eq=False)
class ScreenTriangles:
    """Triangles in the plane of the picture.

    Attributes:
        x: Pixels, one row per corner.
        y: Pixels, one row per corner.
        nearness: Above 0 and linear over the picture; larger is nearer (1 / depth, for a camera).
        triangle: The number of the triangle that each is, or is cut from.
    """

    x: Float32[Tensor, "3 N"]
    y: Float32[Tensor, "3 N"]
    nearness: Float32[Tensor, "3 N"]
    triangle: Int64[Tensor, " N"]

    def at(self, index: Int64[Tensor, " M"]) -> ScreenTriangles:
        """Some of them."""
        return ScreenTriangles(
            take(self.x, index),
            take(self.y, index),
            take(self.nearness, index),
            take(self.triangle, index),
        )


def corners(
    positions: Float32[Tensor, "3 V"], faces: Int64[Tensor, "3 T"]
) -> tuple[Tensor, Tensor, Tensor]:
    """The three corners of each triangle, [3, T] each."""
    return take(positions, faces[0]), take(positions, faces[1]), take(positions, faces[2])


def facing(
    points: tuple[Tensor, Tensor, Tensor], mirrored: Bool[Tensor, " T"]
) -> Bool[Tensor, " T"]:
    """Whether each triangle looks at the eye.

    Args:
        points: Corners in camera axes.
        mirrored: The part's matrix mirrors, so the triangle winds the other way.
    """
    a, b, c = points
    return (dot(cross(b - a, c - a), a) < 0) != mirrored


def in_picture(points: tuple[Tensor, Tensor, Tensor], view: View) -> Bool[Tensor, " T"]:
    """False for triangles wholly beyond one side of the picture or before the near plane."""
    (fx, fy), (cx, cy) = view.focal, view.centre
    width, height = view.size
    beyond = torch.ones((5, points[0].shape[1]), dtype=torch.bool, device=points[0].device)
    for point in points:
        x, y, z = fx * point[0], fy * point[1], point[2]
        beyond[0] &= x + cx * z < 0
        beyond[1] &= x + (cx - width) * z > 0
        beyond[2] &= y + cy * z < 0
        beyond[3] &= y + (cy - height) * z > 0
        beyond[4] &= z < NEAR_M
    return ~beyond.any(0)


def projected(
    points: tuple[Tensor, Tensor, Tensor], triangle: Int64[Tensor, " T"], view: View
) -> ScreenTriangles:
    """Cut triangles at the near plane and bring them to pixels.

    Args:
        points: Corners in camera axes.
        triangle: Their numbers.
        view: The camera.
    """
    distance = torch.stack([point[2] - NEAR_M for point in points])
    pieces, source = cut(torch.stack(points), distance)
    (fx, fy), (cx, cy) = view.focal, view.centre
    inverse = 1 / pieces[:, 2].clamp_min(NEAR_M)
    return ScreenTriangles(
        fx * pieces[:, 0] * inverse + cx,
        fy * pieces[:, 1] * inverse + cy,
        inverse,
        take(triangle, source),
    )


def cut(
    points: Float32[Tensor, "3 3 T"], distance: Float32[Tensor, "3 T"]
) -> tuple[Float32[Tensor, "3 3 N"], Int64[Tensor, " N"]]:
    """Keep what lies on the positive side of a plane.

    A cut edge is always walked from its kept end, so that the two triangles that share it are cut
    at the very same point.

    Args:
        points: Corner, axis, triangle.
        distance: Signed distance of each corner to the plane.

    Returns:
        The corners of the pieces, and the triangle that each comes from.
    """
    kept = distance >= 0
    count = kept.sum(0)
    whole = where_true(count == 3)
    parts, sources = [take(points, whole)], [whole]
    for inside in (1, 2):
        index = where_true(count == inside)
        if index.shape[0]:
            part, twice = _pieces(take(points, index), take(distance, index), inside)
            parts.append(part)
            sources.append(torch.cat((index, index)) if twice else index)
    return torch.cat(parts, dim=-1), torch.cat(sources)


def _pieces(points: Tensor, distance: Tensor, inside: int) -> tuple[Tensor, bool]:
    """Cut triangles of which one or two corners are kept; the odd corner is rolled to the front."""
    odd = (distance >= 0) if inside == 1 else (distance < 0)
    first = odd.int().argmax(0)
    order = (first[None] + torch.arange(3, device=first.device)[:, None]) % 3
    rolled = points.gather(0, order[:, None].expand(-1, 3, -1))
    d = distance.gather(0, order)
    a, b, c = rolled[0], rolled[1], rolled[2]
    if inside == 1:
        ab, ac = (a + d[0] / (d[0] - far) * (p - a) for p, far in ((b, d[1]), (c, d[2])))
        return torch.stack((a, ab, ac)), False
    ab, ac = (p + near / (near - d[0]) * (a - p) for p, near in ((b, d[1]), (c, d[2])))
    return torch.cat((torch.stack((ab, b, c)), torch.stack((ab, c, ac))), dim=-1), True
