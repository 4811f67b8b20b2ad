"""Rotations of the world and of a camera.

World: right-handed, metres, Z up. Camera axes as in OpenCV: x right, y down, z forward. Must agree
with the stage, which projects with what is made here.
"""

from __future__ import annotations

from math import atan2, cos, degrees, radians, sin

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_TINY = 1e-9


def turn_about_x(angle_deg: float) -> Matrix:
    """Rotation about x, 3x3; counterclockwise as seen from +x."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def turn_about_y(angle_deg: float) -> Matrix:
    """Rotation about y, 3x3; counterclockwise as seen from +y."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def turn_about_z(angle_deg: float) -> Matrix:
    """Rotation about z, 3x3; counterclockwise as seen from above."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_from_euler(turn_deg: tuple[float, float, float]) -> Matrix:
    """Rotation 3x3 from a storyboard's `turn_deg`: about world x, then y, then z."""
    x, y, z = turn_deg
    return turn_about_z(z) @ turn_about_y(y) @ turn_about_x(x)


def rotation_from_view(forward: Vector, roll_deg: float = 0.0) -> Matrix:
    """World-from-camera rotation of a camera that looks along `forward`, upright but for its roll.

    Args:
        forward: Direction it looks in, any length [3]. Zero is taken as +Y. Straight up or down
            is the limit of tilting a camera that looks along +Y: its right is +X.
        roll_deg: Positive leans the camera to its right.

    Returns:
        Rotation 3x3; its columns are the camera's right, down and forward.
    """
    length = float(np.linalg.norm(forward))
    ahead = np.array([0.0, 1.0, 0.0]) if length < _TINY else forward / length
    right = np.array([ahead[1], -ahead[0], 0.0])  # ahead x up
    span = float(np.linalg.norm(right))
    right = np.array([1.0, 0.0, 0.0]) if span < _TINY else right / span
    upright = np.column_stack([right, np.cross(ahead, right), ahead])
    return upright @ turn_about_z(roll_deg) if roll_deg else upright


def roll_from_rotation(rotation: Matrix) -> float:
    """Roll of a world-from-camera rotation, degrees in (-180, 180].

    With its forward column it gives the rotation back: the inverse of `rotation_from_view`.
    """
    upright = rotation_from_view(rotation[:, 2])
    right = rotation[:, 0]
    return degrees(atan2(float(right @ upright[:, 1]), float(right @ upright[:, 0])))
