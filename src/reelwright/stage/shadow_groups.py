"""Which things share a shadow map: those that stand still, near one another."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from reelwright.stage.cast import Actor

_FEWER_IS_BETTER = 0.9
_MOST_COMPARED = 192


def stands_still(actor: Actor) -> bool:
    """Whether an actor keeps its place and plays no animation throughout the shot."""
    placed = actor.placed
    animation = actor.geometry.animation(placed.animation)
    playing = animation is not None and placed.animation_speed > 0 and animation.duration_s > 0
    return not playing and len({(key.at, key.turn_deg, key.scale) for key in placed.keys}) <= 1


def joined_boxes(boxes: Float64[np.ndarray, "N 2 2"], most: int) -> list[list[int]]:
    """Join boxes while the joint one is hardly larger than the two, and until there are few.

    Args:
        boxes: Low and high corners.
        most: So many groups are left at most, however much room they waste.

    Returns:
        Numbers of the boxes in each group.
    """
    groups = _split(boxes, list(range(len(boxes))), _MOST_COMPARED)
    low = np.array([boxes[group, 0].min(0) for group in groups]).reshape(-1, 2)
    high = np.array([boxes[group, 1].max(0) for group in groups]).reshape(-1, 2)
    while len(groups) > 1:
        area = np.prod(high - low, axis=1)
        joint = np.prod(
            np.maximum(high[:, None], high[None]) - np.minimum(low[:, None], low[None]), axis=2
        )
        waste = _FEWER_IS_BETTER * joint / np.maximum(area[:, None] + area[None], 1e-12)
        waste[np.tril_indices(len(groups))] = np.inf
        one, two = divmod(int(waste.argmin()), len(groups))
        if waste[one, two] > 1.0 and len(groups) <= most:
            break
        groups[one] += groups.pop(two)
        low[one], high[one] = np.minimum(low[one], low[two]), np.maximum(high[one], high[two])
        low, high = np.delete(low, two, 0), np.delete(high, two, 0)
    return groups


def _split(boxes: Float64[np.ndarray, "N 2 2"], group: list[int], most: int) -> list[list[int]]:
    """Cut a crowd in halves along its longer side until there are few enough groups to compare."""
    if len(boxes) <= _MOST_COMPARED or most < 2 or len(group) < 2:
        return [[number] for number in group] if len(boxes) <= _MOST_COMPARED else [group]
    middles = boxes[group].mean(1)
    axis = int(np.ptp(middles, axis=0).argmax())
    order = [group[k] for k in np.argsort(middles[:, axis], kind="stable")]
    half = len(order) // 2
    return [*_split(boxes, order[:half], most // 2), *_split(boxes, order[half:], most // 2)]
