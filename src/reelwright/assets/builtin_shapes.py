"""The built-in shapes: sphere, box, cylinder, cone, torus, plane, capsule.

Each fills a box of `dimensions` metres and stands on its own ground: centred on the origin in x
and y, its lowest point at z = 0, so that `at = [x, y, 0]` puts it on the floor. Axis of revolution
is z. Round ones have 64 segments: at 64 the silhouette leaves the true circle by 0.12 % of the
radius, under half a pixel for anything that fills a 720-line picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from reelwright.assets.surface import Look, Surface

SEGMENTS = 64
RINGS = 32
_TUBE_SHARE = 1.0 / 3.0
"""A torus' tube is at most this share of its smaller diameter, so that a hole is left."""

Dimensions = tuple[float, float, float]
_Profile = tuple[Float64[np.ndarray, "_ 2"], Float64[np.ndarray, "_ 2"]]
"""Points (radius, height) of an outline from bottom to top, and their normals."""


def make_shape(shape: str, dimensions: Dimensions) -> Surface:
    """Model a built-in shape.

    Args:
        shape: One of `SHAPES`.
        dimensions: Size along x, y and z in metres, above 0. A plane has no height; a torus' z is
            the thickness of its tube, at most a third of its smaller diameter.

    Raises:
        KeyError: There is no such shape.
    """
    return SHAPES[shape](dimensions)


def torus_thickness_m(dimensions: Dimensions) -> float:
    """How thick a torus of these dimensions really is."""
    return min(dimensions[2], min(dimensions[:2]) * _TUBE_SHARE)


def _sphere(dimensions: Dimensions) -> Surface:
    angle = np.linspace(-np.pi / 2, np.pi / 2, RINGS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    circle[[0, -1], 0] = 0.0
    return _revolve([(circle, circle)], _halves(dimensions))


def _cylinder(dimensions: Dimensions) -> Surface:
    return _revolve(
        [
            _line((0.0, -1.0), (1.0, -1.0)),
            _line((1.0, -1.0), (1.0, 1.0)),
            _line((1.0, 1.0), (0.0, 1.0)),
        ],
        _halves(dimensions),
    )


def _cone(dimensions: Dimensions) -> Surface:
    return _revolve(
        [_line((0.0, -1.0), (1.0, -1.0)), _line((1.0, -1.0), (0.0, 1.0), steps=8)],
        _halves(dimensions),
    )


def _capsule(dimensions: Dimensions) -> Surface:
    x, y, z = _halves(dimensions)
    cap = min(x, y, z) / z  # height of a cap, as a share of half the height
    angle = np.linspace(0.0, np.pi / 2, RINGS // 2 + 1)
    turn = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    turn[-1, 0] = 0.0
    top = turn * [1.0, cap] + [0.0, 1.0 - cap]
    normals = turn / [1.0, cap]
    points = np.concatenate([top[::-1] * [1.0, -1.0], top])
    outwards = np.concatenate([normals[::-1] * [1.0, -1.0], normals])
    if cap == 1.0:  # no straight side: the two equators are one
        points, outwards = (np.delete(rows, len(top), axis=0) for rows in (points, outwards))
    return _revolve([(points, outwards)], (x, y, z))


def _torus(dimensions: Dimensions) -> Surface:
    x, y, _ = _halves(dimensions)
    thickness = torus_thickness_m(dimensions)
    tube = thickness / (2 * min(x, y))  # radius of the tube where the ring's outer radius is 1
    angle = np.linspace(-np.pi, np.pi, RINGS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outline = circle * [tube, 1.0] + [1.0 - tube, 0.0]
    # Stretching a round ring, not bending a round tube: that would cut itself on a long ellipse.
    return _revolve([(outline, circle * [1.0 / tube, 1.0])], (x, y, thickness / 2))


def _plane(dimensions: Dimensions) -> Surface:
    x, y, _ = _halves(dimensions)
    corners = np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]])
    return Surface(
        vertices=corners.astype(np.float32),
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
        normals=np.tile(np.array([0, 0, 1], np.float32), (4, 1)),
        uvs=np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32),
        look=Look(double_sided=True),
    )


def _box(dimensions: Dimensions) -> Surface:
    halves = np.array(_halves(dimensions))
    sides = []
    # A side: outwards, then the way its picture's right and top point.
    for out, right, up in (
        ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
        ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
        ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
    ):
        axes = np.array([out, right, up], float)
        signs = np.array([[1, -1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1]], float)
        sides.append((signs @ axes * halves + [0, 0, halves[2]], np.tile(axes[0], (4, 1))))
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    return Surface(
        vertices=np.concatenate([points for points, _ in sides]).astype(np.float32),
        faces=np.concatenate([quad + 4 * side for side in range(6)]),
        normals=np.concatenate([normals for _, normals in sides]).astype(np.float32),
        uvs=np.tile(np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32), (6, 1)),
    )


def _halves(dimensions: Dimensions) -> Dimensions:
    x, y, z = dimensions
    return (x / 2, y / 2, z / 2)


def _line(start: tuple[float, float], end: tuple[float, float], steps: int = 1) -> _Profile:
    """A straight outline; its normal is on the right hand of its way."""
    points = np.linspace(start, end, steps + 1)
    way = np.subtract(end, start)
    return points, np.tile([way[1], -way[0]], (steps + 1, 1))


def _revolve(profiles: list[_Profile], halves: Dimensions) -> Surface:
    """Turn unit outlines about z, stretch them to their size and stand them on z = 0."""
    pieces = []
    for outline, outwards in profiles:
        u, row = np.meshgrid(np.linspace(0, 1, SEGMENTS + 1), np.arange(len(outline)))
        turn = np.stack([np.cos(2 * np.pi * u), np.sin(2 * np.pi * u)], axis=-1)
        points = np.concatenate([turn * outline[row, :1], outline[row, 1:]], axis=-1)
        normals = np.concatenate([turn * outwards[row, :1], outwards[row, 1:]], axis=-1)
        # Normals stretch the other way round.
        normals /= halves
        lengths = np.concatenate(
            [[0.0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))]
        )
        v = 1.0 - lengths[row] / lengths[-1]
        uvs = np.stack([u, v], axis=-1)
        if np.ptp(outline[:, 1]) == 0.0:  # a flat end shows its picture as a disc cut from it
            upright = np.sign(outwards[0, 1])
            uvs = 0.5 + points[..., :2] * [0.5, -0.5 * upright]
        placed = points * halves + [0.0, 0.0, halves[2]]
        pieces.append(_grid(placed, normals, uvs))
    return _join(pieces)


def _grid(
    points: Float64[np.ndarray, "R S 3"],
    normals: Float64[np.ndarray, "R S 3"],
    uvs: Float64[np.ndarray, "R S 2"],
) -> Surface:
    """Rows of points as triangles; those that a pole makes flat are left out."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
    flat = points.reshape(-1, 3)
    corners = flat[faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    unit = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    return Surface(
        vertices=flat.astype(np.float32),
        faces=faces[area > 1e-9 * area.max()],
        normals=unit.reshape(-1, 3).astype(np.float32),
        uvs=uvs.reshape(-1, 2).astype(np.float32),
    )


def _join(pieces: list[Surface]) -> Surface:
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces[:-1])])
    return Surface(
        vertices=np.concatenate([piece.vertices for piece in pieces]),
        faces=np.concatenate(
            [piece.faces + start for piece, start in zip(pieces, starts, strict=True)]
        ),
        normals=np.concatenate([p.normals for p in pieces if p.normals is not None]),
        uvs=np.concatenate([p.uvs for p in pieces if p.uvs is not None]),
    )


SHAPES: dict[str, Callable[[Dimensions], Surface]] = {
    "box": _box,
    "capsule": _capsule,
    "cone": _cone,
    "cylinder": _cylinder,
    "plane": _plane,
    "sphere": _sphere,
    "torus": _torus,
}
