"""What a clip is drawn from: things on their paths, light, ground and camera, with nothing open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tools.pocket.motions import Event

from reelwright.storyboard import CameraTrack, Ground, Light
from reelwright.storyboard.moves import rig_at, shaken

Array = NDArray[np.float64]
Color = tuple[float, float, float]

SENSOR_MM = 36.0


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One prop of a scene.

    Attributes:
        kind: A shape, or the name of a mesh.
        color: Its colour word; empty for a mesh.
        base: Linear colour.
        second: Linear colour of its texture.
        texture: One of `words.TEXTURES`.
        tile_m: Width of a stripe or a field of its texture.
        size: See `shapes`; of a mesh its half sides.
        large: Its height on the screen, roughly, as a share of the picture's.
        roughness: 0..1.
        metallic: 0..1.
        motion: One of `motions.MOTIONS`.
        pace: Metres a second.
        path: [F, 3], metres.
        turn: [F, 3], degrees.
        events: Frame and kind.
        scale: Of a mesh.
        middle: From its place to the middle of what is seen, metres.
    """

    kind: str
    color: str
    base: Color
    second: Color
    texture: str
    tile_m: float
    size: Color
    large: float
    roughness: float
    metallic: float
    motion: str
    pace: float
    path: Array
    turn: Array
    events: tuple[Event, ...] = ()
    scale: float = 1.0
    middle: Color = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Staging:
    """One clip, ready to be drawn.

    Attributes:
        seed: What it was drawn from.
        source: `analytic` or `stage`.
        frame_size: Width and height, pixels.
        num_frames: 8k+1.
        frame_rate: Frames per second.
        things: One to some.
        light: Sun and sky.
        mood: Name of the light.
        sun_side: Where the sun stands for the camera: left, right, behind, ahead.
        ground: The ground.
        track: What the camera does, in a shot that may be longer than the clip.
        shot_s: Length of that shot, seconds.
        from_s: Where in it the clip begins.
        held_out: Never to be trained on.
    """

    seed: int
    source: str
    frame_size: tuple[int, int]
    num_frames: int
    frame_rate: float
    things: tuple[Thing, ...]
    light: Light
    mood: str
    sun_side: str
    ground: Ground
    track: CameraTrack
    shot_s: float
    from_s: float
    held_out: bool

    @property
    def fov_deg(self) -> float:
        """Angle of the picture's larger side, degrees."""
        lens = self.track.keys[0].lens_mm or 35.0
        return float(np.degrees(2 * np.arctan(SENSOR_MM / 2 / lens)))

    def camera(self, frame: int) -> Array:
        """World from camera, 4x4."""
        time = self.from_s + frame / self.frame_rate

        def position(name: str, at_s: float) -> tuple[float, float, float]:
            step = np.clip((at_s - self.from_s) * self.frame_rate, 0, self.num_frames - 1)
            x, y, z = self.things[int(name)].path[round(float(step))]
            return float(x), float(y), float(z)

        rig = rig_at(self.track, time, self.shot_s, position)
        rig = shaken(rig, self.track, self.seed, time, self.shot_s, 0.0)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rig.turn, rig.at
        return matrix

    def intrinsics(self) -> Array:
        """3x3, pixels; the same in every frame."""
        width, height = self.frame_size
        lens = self.track.keys[0].lens_mm or 35.0
        focal = lens / self.track.sensor_mm * max(width, height)
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
