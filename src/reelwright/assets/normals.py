"""Normals for meshes that bring none: smooth over soft edges, broken at hard ones.

Two triangles that share an edge are one smooth surface there if their planes meet at less than
`CREASE_DEG`; a vertex is split where surfaces meet. Linear in the number of triangles: edges are
found by sorting, surfaces by hooking and halving (a vertex with ten thousand triangles costs no
more than ten thousand vertices with one).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.typing import NDArray

CREASE_DEG = 40.0
_UP = np.array([0.0, 0.0, 1.0])


def crease_normals(
    vertices: Float32[np.ndarray, "V 3"], faces: Int64[np.ndarray, "T 3"]
) -> tuple[Int64[np.ndarray, " W"], Int64[np.ndarray, "T 3"], Float32[np.ndarray, "W 3"]]:
    """Split vertices at hard edges and give each a normal.

    Args:
        vertices: Positions; equal ones count as one point.
        faces: Indices in range.

    Returns:
        For each new vertex the old one it is a copy of; the faces by new vertices; unit normals.
    """
    crosses = face_crosses(vertices, faces)
    corners = _surfaces(_welded(vertices)[faces], _unit(crosses))
    keys = corners * len(vertices) + faces.reshape(
        -1
    )  # a pair as one number sorts ten times faster
    unique, new = np.unique(keys, return_inverse=True)
    surface, old = np.divmod(unique, max(len(vertices), 1))
    weights = _corner_angles(vertices, faces).reshape(-1, 1)
    per_corner = np.repeat(_unit(crosses), 3, axis=0) * weights
    sums = _sum_rows(per_corner, corners, int(corners.max(initial=0)) + 1)
    return old, new.reshape(-1, 3), _unit(sums[surface]).astype(np.float32)


def mended_normals(
    normals: Float32[np.ndarray, "V 3"],
    vertices: Float32[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "T 3"],
) -> Float32[np.ndarray, "V 3"]:
    """Unit normals; where a file's is zero or not a number, that of the faces around."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(normals.astype(np.float64), axis=1)
    bad = ~(np.isfinite(lengths) & (lengths > 1e-12))
    out = np.where(bad[:, None], 0.0, normals) / np.where(bad, 1.0, lengths)[:, None]
    if bad.any():
        crosses = np.repeat(face_crosses(vertices, faces), 3, axis=0)
        out[bad] = _unit(_sum_rows(crosses, faces.reshape(-1), len(vertices)))[bad]
    return out.astype(np.float32)


def face_crosses(
    vertices: Float32[np.ndarray, "V 3"], faces: Int64[np.ndarray, "T 3"]
) -> Float64[np.ndarray, "T 3"]:
    """Cross products of two sides of each triangle: its normal times twice its area."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return np.cross(b - a, c - a)


def _welded(vertices: Float32[np.ndarray, "V 3"]) -> Int64[np.ndarray, " V"]:
    """A number per vertex that is the same for equal positions."""
    rows = np.ascontiguousarray(vertices + np.float32(0.0))  # -0.0 becomes 0.0
    _, point = np.unique(rows.view("V12").reshape(-1), return_inverse=True)
    return point.reshape(-1).astype(np.int64)


def _surfaces(
    points: Int64[np.ndarray, "T 3"], units: Float64[np.ndarray, "T 3"]
) -> Int64[np.ndarray, " 3*T"]:
    """A number per corner of each face, the same where a point's faces are joined smoothly."""
    size = int(points.max(initial=0)) + 1
    start, end = points, np.roll(points, -1, axis=1)
    edge = (np.minimum(start, end) * size + np.maximum(start, end)).reshape(-1)
    order = np.argsort(edge, kind="stable")
    # Neighbours in the sorted list share an edge; a third face at an edge joins the second.
    one, two = order[:-1], order[1:]
    soft = edge[one] == edge[two]
    soft &= np.einsum("ij,ij->i", units[one // 3], units[two // 3]) > np.cos(np.radians(CREASE_DEG))
    one, two = one[soft], two[soft]
    # Corner k of a face is the start of its edge k; the end is the face's next corner.
    next_one, next_two = one // 3 * 3 + (one + 1) % 3, two // 3 * 3 + (two + 1) % 3
    flat = points.reshape(-1)
    same_way = flat[one] == flat[two]
    first = np.concatenate([one, next_one])
    second = np.concatenate([np.where(same_way, two, next_two), np.where(same_way, next_two, two)])
    return _joined(len(flat), first, second)


def _joined(
    count: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> Int64[np.ndarray, " count"]:
    """The lowest index of each group, given pairs that belong together."""
    label = np.arange(count)
    while True:
        low = np.minimum(label[first], label[second])
        high = np.maximum(label[first], label[second])
        apart = low != high
        if not apart.any():
            return label
        np.minimum.at(label, high[apart], low[apart])
        while True:
            up = label[label]
            if np.array_equal(up, label):
                break
            label = up


def _corner_angles(
    vertices: Float32[np.ndarray, "V 3"], faces: Int64[np.ndarray, "T 3"]
) -> Float64[np.ndarray, "T 3"]:
    """Angle of each corner, so that a quad's normal does not depend on how it was cut."""
    points = vertices[faces].astype(np.float64)
    to_next = _unit(np.roll(points, -1, axis=1) - points)
    to_last = _unit(np.roll(points, 1, axis=1) - points)
    return np.asarray(np.arccos(np.clip((to_next * to_last).sum(axis=-1), -1.0, 1.0)))


def _sum_rows(
    rows: Float64[np.ndarray, "R 3"], index: Int64[np.ndarray, " R"], count: int
) -> Float64[np.ndarray, "count 3"]:
    return np.stack([np.bincount(index, rows[:, i], count) for i in range(3)], axis=1)


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of unit length; a row of zeros points up."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.where(lengths > 0.0, rows / np.where(lengths > 0.0, lengths, 1.0), _UP)
