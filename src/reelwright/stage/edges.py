"""Edges of meshes that can show as a step in the picture, and the pixels that they cross.

Antialiasing follows from this: a pixel that no such edge crosses shows one smooth surface and is
shaded once; the others are looked at by sub-sample. An edge counts when it bounds the mesh, when
the surface has a crease there, or when one of its faces looks at the camera and the other away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from reelwright.stage.camera import NEAR_M, View
from reelwright.stage.selection import repeated, spans_of_at_most, take, where_true

_CREASE_COS = 0.985  # 10 degrees: flatter creases shade alike on both sides
_STEPS_PER_PIXEL = 2.0
_BEHIND = 0.02  # an edge this much (relative) behind the nearest surface is hidden
_POINTS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges of many triangles.

    Attributes:
        ends: Vertex indices.
        faces: The triangles on either side; twice the same where there is one.
        sharp: Bounds or creases the surface: seen whenever one of its faces is.
    """

    ends: Int64[Tensor, "2 E"]
    faces: Int64[Tensor, "2 E"]
    sharp: Bool[Tensor, " E"]


def mesh_edges(
    vertices: Float32[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "T 3"],
    normals: Float32[np.ndarray, "V 3"],
) -> tuple[Int64[np.ndarray, "2 E"], Int64[np.ndarray, "2 E"], Bool[np.ndarray, " E"]]:
    """Edges of one part: `ends`, `faces` and `sharp` as in `Edges`.

    Vertices at the same place are one, however often the file repeats them for their normals or
    texture coordinates.
    """
    place = np.ascontiguousarray(vertices).view(np.dtype((np.void, 12))).ravel()
    _, welded = np.unique(place, return_inverse=True)
    start = faces.T.reshape(-1)
    stop = np.roll(faces.T, -1, axis=0).reshape(-1)
    face = np.tile(np.arange(len(faces)), 3)
    a, b = welded[start], welded[stop]
    swap = a > b
    start, stop = np.where(swap, stop, start), np.where(swap, start, stop)
    key = np.minimum(a, b) * np.int64(len(vertices)) + np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    order = order[a[order] != b[order]]
    if not len(order):
        return np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64), np.zeros(0, bool)
    key, start, stop, face = key[order], start[order], stop[order], face[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    count = np.diff(np.r_[first, len(key)])
    second = np.where(count > 1, first + 1, first)
    alike = np.minimum(
        (normals[start[first]] * normals[start[second]]).sum(1),
        (normals[stop[first]] * normals[stop[second]]).sum(1),
    )
    sharp = (count != 2) | (alike < _CREASE_COS)
    ends = np.stack((start[first], stop[first]))
    return ends, np.stack((face[first], face[second])), sharp


def visible_edges(
    edges: Edges, facing: Bool[Tensor, " T"], both_sides: Bool[Tensor, " T"]
) -> Int64[Tensor, " N"]:
    """Indices of the edges that can show.

    Args:
        edges: Of the same triangles.
        facing: The triangle looks at the camera.
        both_sides: The triangle is seen from either side.
    """
    one, two = edges.faces[0], edges.faces[1]
    front_one, front_two = take(facing, one), take(facing, two)
    seen = front_one | front_two | take(both_sides, one)
    return where_true((front_one != front_two) | (edges.sharp & seen))


def mark_edges(
    marks: Bool[Tensor, " HW"],
    ends: Float32[Tensor, "2 3 E"],
    view: View,
    nearness: Float32[Tensor, " HW"],
) -> None:
    """Mark the pixels that edges cross and nothing hides, in place.

    Args:
        marks: Pixels, row by row.
        ends: Both ends of each edge in camera axes.
        view: The camera.
        nearness: 1 / depth of the nearest surface at each pixel's centre, 0 for none.
    """
    width, height = view.size
    line = _clipped_lines(ends, view)
    if not line.shape[1]:
        return
    (x0, y0, n0), (x1, y1, n1) = line[:3], line[3:]
    length = torch.maximum((x1 - x0).abs(), (y1 - y0).abs())
    counts = (length * _STEPS_PER_PIXEL).ceil().long() + 1
    for first, last in spans_of_at_most(counts, _POINTS):
        part = slice(first, last)
        owner, rank = repeated(counts[part])
        share = rank / (counts[part] - 1).clamp_min(1).index_select(0, owner)
        x = take(x0[part], owner) + share * take((x1 - x0)[part], owner)
        y = take(y0[part], owner) + share * take((y1 - y0)[part], owner)
        near = take(n0[part], owner) + share * take((n1 - n0)[part], owner)
        column, row = x.long().clamp(0, width - 1), y.long().clamp(0, height - 1)
        pixel = row * width + column
        shown = near >= take(nearness, pixel) * (1 - _BEHIND)
        marks[take(pixel, where_true(shown))] = True


def _clipped_lines(ends: Float32[Tensor, "2 3 E"], view: View) -> Float32[Tensor, "6 N"]:
    """Edges as x, y, 1/z of both ends in pixels, cut to the picture."""
    (fx, fy), (cx, cy) = view.focal, view.centre
    width, height = view.size
    a, b = ends[0], ends[1]
    swap = a[2] > b[2]
    near, far = torch.where(swap, b, a), torch.where(swap, a, b)
    kept = where_true(far[2] > NEAR_M)
    near, far = take(near, kept), take(far, kept)
    span = (far[2] - near[2]).clamp_min(1e-30)
    near = near + ((NEAR_M - near[2]) / span).clamp(0, 1) * (far - near)
    points = []
    for end in (near, far):
        inverse = 1 / end[2].clamp_min(NEAR_M)
        points += [fx * end[0] * inverse + cx, fy * end[1] * inverse + cy, inverse]
    line = torch.stack(points)
    start, stop = torch.zeros_like(line[0]), torch.ones_like(line[0])
    for axis, side in ((0, width), (1, height)):
        origin, step = line[axis], line[axis + 3] - line[axis]
        safe = torch.where(step.abs() < 1e-6, torch.full_like(step, 1e-6), step)
        at_low, at_high = -origin / safe, (side - origin) / safe
        start = torch.maximum(start, torch.minimum(at_low, at_high))
        stop = torch.minimum(stop, torch.maximum(at_low, at_high))
    kept = where_true(start <= stop)
    line, start, stop = take(line, kept), take(start, kept), take(stop, kept)
    step = line[3:] - line[:3]
    return torch.cat((line[:3] + start * step, line[:3] + stop * step))
