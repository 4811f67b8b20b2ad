"""How a prop's parts hang together and move: a tree of nodes and the animations that turn them.

Must agree with glTF 2.0, appendix C (interpolation) and section 3.5 (nodes): a node's matrix is
translation @ rotation @ scale, quaternions are x, y, z, w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, Int64

Path = Literal["translation", "rotation", "scale"]
Interpolation = Literal["LINEAR", "STEP", "CUBICSPLINE"]

Z_UP_FROM_Y_UP: Float64[np.ndarray, "4 4"] = np.array(
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
"""The door between glTF's axes and ours: (x, y, z) becomes (x, -z, y)."""

_THINNEST = 1e-6
"""A scale of 0 hides things in many files; this much is left, so that matrices can be inverted."""


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One moving property of one node.

    Attributes:
        node: Which node moves.
        path: Which of its properties.
        interpolation: How values between two keys are found.
        times_s: Key times, ascending.
        values: One row per key (3 numbers, or 4 for a rotation); for CUBICSPLINE three rows per
            key: in-tangent, value, out-tangent.
    """

    node: int
    path: Path
    interpolation: Interpolation
    times_s: Float64[np.ndarray, " K"]
    values: Float64[np.ndarray, "R C"]

    def at(self, time_s: float) -> Float64[np.ndarray, " C"]:
        """The value at a time; before the first key and after the last one it is held."""
        cubic = self.interpolation == "CUBICSPLINE"
        points = self.values[1::3] if cubic else self.values
        right = int(np.searchsorted(self.times_s, time_s, side="right"))
        if right == 0:
            return np.asarray(points[0])
        if right == len(self.times_s):
            return np.asarray(points[-1])
        left = right - 1
        if self.interpolation == "STEP":
            return np.asarray(points[left])
        span = float(self.times_s[right] - self.times_s[left])
        u = (time_s - float(self.times_s[left])) / span
        if cubic:
            return _hermite(self.values[3 * left : 3 * right + 3], u, span)
        if self.path == "rotation":
            return _slerp(points[left], points[right], u)
        return np.asarray(points[left] + u * (points[right] - points[left]))


@dataclass(frozen=True, slots=True, eq=False)
class Animation:
    """A named movement of some nodes.

    Attributes:
        name: As in the file, made unique.
        duration_s: Time of the last key of any channel.
        channels: What moves.
    """

    name: str
    duration_s: float
    channels: tuple[Channel, ...]

    def local_time_s(self, time_s: float, loop: bool) -> float:
        """Where in the movement a moment of the shot falls."""
        if self.duration_s <= 0:
            return 0.0
        if loop:
            return time_s % self.duration_s
        return min(max(time_s, 0.0), self.duration_s)


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """The node tree of a prop at rest, and its animations.

    Attributes:
        parents: Parent of each node, -1 for a root; a parent may stand after its child.
        translations: Metres, in the parent's axes.
        rotations: Unit quaternions x, y, z, w.
        scales: Factors along the node's axes.
        matrices: For a node that the file gives as a matrix: that matrix; None for the others.
        root: What every root node stands in: the door from glTF's axes to ours.
        animations: What the file can play, in its order.
    """

    parents: Int64[np.ndarray, " N"]
    translations: Float64[np.ndarray, "N 3"]
    rotations: Float64[np.ndarray, "N 4"]
    scales: Float64[np.ndarray, "N 3"]
    matrices: tuple[Float64[np.ndarray, "4 4"] | None, ...]
    root: Float64[np.ndarray, "4 4"]
    animations: tuple[Animation, ...] = ()

    def matrices_at(
        self, animation: Animation | None = None, time_s: float = 0.0
    ) -> Float64[np.ndarray, "N 4 4"]:
        """World matrix of every node.

        Args:
            animation: What is played; None is the rest pose.
            time_s: Time inside the animation.
        """
        moved = {
            "translation": self.translations.copy(),
            "rotation": self.rotations.copy(),
            "scale": self.scales.copy(),
        }
        for channel in () if animation is None else animation.channels:
            moved[channel.path][channel.node] = channel.at(time_s)
        thin = np.abs(moved["scale"]) < _THINNEST
        scales = np.where(thin, np.copysign(_THINNEST, moved["scale"]), moved["scale"])
        local = compose(moved["translation"], moved["rotation"], scales)
        for node, matrix in enumerate(self.matrices):
            if matrix is not None:
                local[node] = matrix
        return self._down_the_tree(local)

    def _down_the_tree(self, local: Float64[np.ndarray, "N 4 4"]) -> Float64[np.ndarray, "N 4 4"]:
        world = np.empty_like(local)
        for node in downwards(self.parents):
            parent = int(self.parents[node])
            world[node] = (self.root if parent < 0 else world[parent]) @ local[node]
        return world


def downwards(parents: Int64[np.ndarray, " N"]) -> list[int]:
    """Nodes in an order in which every parent stands before its children."""
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents.tolist()):
        children.setdefault(parent, []).append(node)
    order = list(children.get(-1, ()))
    for node in order:
        order.extend(children.get(node, ()))
    return order


def compose(
    translations: Float64[np.ndarray, "N 3"],
    rotations: Float64[np.ndarray, "N 4"],
    scales: Float64[np.ndarray, "N 3"],
) -> Float64[np.ndarray, "N 4 4"]:
    """Matrices from translation, rotation (quaternion x, y, z, w) and scale."""
    lengths = np.linalg.norm(rotations, axis=1, keepdims=True)
    x, y, z, w = (rotations / np.maximum(lengths, 1e-12)).T
    out = np.zeros((len(translations), 4, 4))
    out[:, 0, 0] = 1 - 2 * (y * y + z * z)
    out[:, 0, 1] = 2 * (x * y - z * w)
    out[:, 0, 2] = 2 * (x * z + y * w)
    out[:, 1, 0] = 2 * (x * y + z * w)
    out[:, 1, 1] = 1 - 2 * (x * x + z * z)
    out[:, 1, 2] = 2 * (y * z - x * w)
    out[:, 2, 0] = 2 * (x * z - y * w)
    out[:, 2, 1] = 2 * (y * z + x * w)
    out[:, 2, 2] = 1 - 2 * (x * x + y * y)
    out[:, :3, :3] *= scales[:, None, :]
    out[:, :3, 3] = translations
    out[:, 3, 3] = 1.0
    return out


def still_rig(num_parts: int) -> Rig:
    """A rig of `num_parts` nodes that stand where they are, in our own axes."""
    return Rig(
        parents=np.full(num_parts, -1, np.int64),
        translations=np.zeros((num_parts, 3)),
        rotations=np.tile([0.0, 0.0, 0.0, 1.0], (num_parts, 1)),
        scales=np.ones((num_parts, 3)),
        matrices=(None,) * num_parts,
        root=np.eye(4),
    )


def transform_points(
    matrix: Float64[np.ndarray, "4 4"], points: Float32[np.ndarray, "V 3"]
) -> Float64[np.ndarray, "V 3"]:
    """Points after an affine matrix, in double precision."""
    return np.asarray(points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3])


def _hermite(rows: Float64[np.ndarray, "6 C"], u: float, span: float) -> Float64[np.ndarray, " C"]:
    start, out_tangent, in_tangent, end = rows[1], rows[2], rows[3], rows[4]
    u2, u3 = u * u, u * u * u
    return np.asarray(
        (2 * u3 - 3 * u2 + 1) * start
        + (u3 - 2 * u2 + u) * span * out_tangent
        + (3 * u2 - 2 * u3) * end
        + (u3 - u2) * span * in_tangent
    )


def _slerp(
    start: Float64[np.ndarray, " C"], end: Float64[np.ndarray, " C"], u: float
) -> Float64[np.ndarray, " C"]:
    cosine = float(start @ end)
    if cosine < 0.0:  # the short way round: q and -q are one rotation
        end, cosine = -end, -cosine
    if cosine > 0.9999:  # nearly one: the arc is a line within 1e-5, and sin(angle) vanishes
        return np.asarray(start + u * (end - start))
    angle = float(np.arccos(cosine))
    weights = np.sin([(1.0 - u) * angle, u * angle]) / np.sin(angle)
    return np.asarray(weights[0] * start + weights[1] * end)
