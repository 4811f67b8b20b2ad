"""The camera of one frame: a pinhole in float64.

Camera axes are x right, y down, z forward. Pixel (column i, row j) covers [i, i+1) x [j, j+1); a
point lands at x = fx X/Z + cx. Depth is Z. Everything that is added to or taken from a place in
the world is composed here in float64, so that float32 on the device only ever sees distances from
the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

NEAR_M = 0.01
"""Nothing nearer than this is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where one frame is seen from.

    Attributes:
        size: Width and height in pixels.
        intrinsics: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], pixels.
        world_from_camera: Rigid, metres.
    """

    size: tuple[int, int]
    intrinsics: Float64[np.ndarray, "3 3"]
    world_from_camera: Float64[np.ndarray, "4 4"]

    @property
    def turn(self) -> Float64[np.ndarray, "3 3"]:
        """World axes from camera axes."""
        return self.world_from_camera[:3, :3]

    @property
    def place(self) -> Float64[np.ndarray, " 3"]:
        """The eye in the world, metres."""
        return self.world_from_camera[:3, 3]

    @property
    def focal(self) -> tuple[float, float]:
        """fx and fy, pixels."""
        return float(self.intrinsics[0, 0]), float(self.intrinsics[1, 1])

    @property
    def centre(self) -> tuple[float, float]:
        """cx and cy, pixels."""
        return float(self.intrinsics[0, 2]), float(self.intrinsics[1, 2])

    def from_places(self, places: Float64[np.ndarray, "P 4 4"]) -> Float64[np.ndarray, "P 4 4"]:
        """Camera axes from what has world matrices: places are subtracted before any turning."""
        relative = places.copy()
        relative[:, :3, 3] -= self.place
        turn = np.eye(4)
        turn[:3, :3] = self.turn.T
        return np.asarray(turn @ relative)


def scene_view(scene: Scene, frame: int) -> View:
    """The camera of a frame of a scene."""
    pose = scene.camera_pose(frame)
    return View(
        scene.size.generated,
        np.asarray(scene.intrinsics(frame), dtype=np.float64),
        np.asarray(pose.world_from_camera, dtype=np.float64),
    )


def project_points(
    points_world: NDArray[np.float64],
    intrinsics: NDArray[np.float64],
    world_from_camera: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where points of the world land in the picture.

    Args:
        points_world: [N, 3], metres.
        intrinsics: [3, 3], pixels.
        world_from_camera: [4, 4].

    Returns:
        Pixel positions [N, 2] (the centre of the first pixel is (0.5, 0.5)) and depths [N] in
        metres. A point at or behind the camera has a depth of 0 or less and a position of NaN.
    """
    turn, place = world_from_camera[:3, :3], world_from_camera[:3, 3]
    local = (np.asarray(points_world, dtype=np.float64) - place) @ turn
    depth = local[:, 2]
    ahead = np.where(depth > 0, depth, np.nan)
    pixels = (local / ahead[:, None]) @ np.asarray(intrinsics, dtype=np.float64).T
    return pixels[:, :2], depth


def surface_shift(now: View, then: View, height_m: float | None) -> Float64[np.ndarray, "3 3"]:
    """How the picture of a plane or of the sky moves from one view to the next.

    Args:
        now: The view of this frame.
        then: The view of the next frame.
        height_m: Height of a level plane; None for directions (the sky).

    Returns:
        M - I, where M takes homogeneous pixels of `now` to those of `then`. The difference is
        what is returned so that float32 holds a small motion to full precision; it is exactly
        zero when nothing moves.
    """
    if np.array_equal(now.intrinsics, then.intrinsics) and np.array_equal(
        now.world_from_camera, then.world_from_camera
    ):
        return np.zeros((3, 3))
    turned = now.turn.copy()
    if height_m is not None:
        above = height_m - now.place[2]
        turned += np.outer((now.place - then.place) / above, now.turn[2])
    pixels = then.intrinsics @ then.turn.T @ turned @ np.linalg.inv(now.intrinsics)
    return np.asarray(pixels - np.eye(3))
