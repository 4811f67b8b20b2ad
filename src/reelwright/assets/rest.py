"""How a prop rests: its size, scale and turn as one matrix, and the bounds that come of it.

Order: the file's own pose, then `size_m` (the largest side of the resting bounds, measured before
any turn), then `scale`, then `turn_deg` about the prop's origin. The origin stays the file's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from reelwright.assets.geometry import Geometry
from reelwright.assets.mesh import Bounds
from reelwright.assets.rig import transform_points
from reelwright.errors import AssetError
from reelwright.storyboard.rotation import rotation_from_euler

if TYPE_CHECKING:
    from reelwright.storyboard import Prop

_MAX_EXTENT_M = 1e7
_CHUNK = 1_000_000


def rest_matrix(prop: Prop, geometry: Geometry, where: str) -> Float64[np.ndarray, "4 4"]:
    """The rest transform of a prop, in our axes.

    Args:
        prop: Its size, scale and turn.
        geometry: As the file has it.
        where: The file's name for messages.

    Raises:
        AssetError: A size is asked of something that has none.
    """
    factor = prop.scale
    if prop.size_m is not None:
        low, high = rest_bounds(geometry, np.eye(4), where)
        largest = float(np.max(np.subtract(high, low)))
        if largest <= 0.0:
            raise AssetError(
                "All of its points are one: it has no size to scale.",
                "Export the model again.",
                where=where,
            )
        factor *= prop.size_m / largest
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_from_euler(prop.turn_deg) * factor
    return matrix


def rest_bounds(geometry: Geometry, rest: Float64[np.ndarray, "4 4"], where: str) -> Bounds:
    """Lowest and highest corner of everything drawn, at rest, under a further transform.

    Raises:
        AssetError: It is larger than any world.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        for part, matrix in zip(geometry.parts, geometry.part_matrices("none"), strict=True):
            used = part.vertices[np.unique(part.faces)]
            for start in range(0, len(used), _CHUNK):
                points = transform_points(rest @ matrix, used[start : start + _CHUNK])
                low = np.minimum(low, points.min(axis=0))
                high = np.maximum(high, points.max(axis=0))
    if not np.max(np.abs([low, high])) < _MAX_EXTENT_M:
        raise AssetError(
            f"It reaches {np.max(np.abs([low, high])):.3g} m from its origin.",
            "Give it a sensible size: size_m = 2, for instance.",
            where=where,
        )
    return _point(low), _point(high)


def _point(corner: Float64[np.ndarray, " C"]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in corner)
    return (x, y, z)
