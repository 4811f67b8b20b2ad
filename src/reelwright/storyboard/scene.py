"""A shot made ready for the stage: plain values, nothing left open, no other shot needed.

`Scene.to_json` is complete (`from_json` gives the scene back); `Scene.recipe` is what decides the
staged picture, and nothing else: the shot's id, prompt, title and sound are not in it, and the
seed only where a hand shakes the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from reelwright.errors import InputError
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.storyboard.fields import Vec3
from reelwright.storyboard.moves import CameraTrack, Rig, rig_at, shaken
from reelwright.storyboard.paths import value_at
from reelwright.storyboard.rotation import Matrix, rotation_from_euler

if TYPE_CHECKING:
    from reelwright.storyboard.light import Ground, Light
    from reelwright.storyboard.prop import Prop


@dataclass(frozen=True, slots=True)
class PoseKey:
    """A prop at one time; None where the key does not speak of it.

    Attributes:
        t_s: Time in the shot, seconds.
        at: Place, metres.
        turn_deg: Turn about the world's x, then y, then z axis.
        scale: Factor on each axis.
        ease: How it goes from here to the next key (`KeyEase`).
    """

    t_s: float
    at: Vec3 | None = (0.0, 0.0, 0.0)
    turn_deg: Vec3 | None = (0.0, 0.0, 0.0)
    scale: Vec3 | None = (1.0, 1.0, 1.0)
    ease: str = "smooth"


@dataclass(frozen=True, slots=True)
class PlacedProp:
    """A prop that stands in a shot.

    Attributes:
        name: Its name in the shot.
        index: Its value in the mask, from 1.
        prop_name: Its name among the film's props.
        prop: What it is.
        keys: Where it is, in order of time; the first is at 0 and complete.
        animation: `auto`, `none` or a name in the .glb.
        animation_speed: How fast that plays; 1 is as made.
        animation_loop: Whether it starts again at its end.
    """

    name: str
    index: int
    prop_name: str
    prop: Prop
    keys: tuple[PoseKey, ...]
    animation: str = "auto"
    animation_speed: float = 1.0
    animation_loop: bool = True

    def pose_at(self, time_s: float) -> PoseKey:
        """Where it is at a time of the shot, seconds."""
        return PoseKey(
            t_s=time_s,
            at=_three(value_at(self.keys, lambda key: key.at, time_s), 0.0),
            turn_deg=_three(value_at(self.keys, lambda key: key.turn_deg, time_s), 0.0),
            scale=_three(value_at(self.keys, lambda key: key.scale, time_s), 1.0),
        )


@dataclass(frozen=True, slots=True)
class CameraPose:
    """A camera at one frame.

    Attributes:
        world_from_camera: 4x4 float64, OpenCV camera axes (x right, y down, z forward).
        lens_mm: Focal length.
    """

    world_from_camera: Matrix
    lens_mm: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What the stage needs for one shot.

    Attributes:
        shot: The shot's id.
        frames: How many frames it delivers and how many are staged.
        frame_rate: Frames per second.
        size: Delivered and generated size.
        props: What stands in it, in order of mask value.
        camera: What the camera does.
        light: Sun and sky.
        ground: The ground.
        seed: Seed of the camera's shake; 0 where there is none.
        start_s: Staged time at which the shot begins; above 0 where it continues another.
    """

    shot: str
    frames: ShotFrames
    frame_rate: Fraction
    size: GenerationSize
    props: tuple[PlacedProp, ...]
    camera: CameraTrack
    light: Light
    ground: Ground
    seed: int = 0
    start_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Length of the delivered shot; a move comes to rest here."""
        return float(self.frames.delivered / self.frame_rate)

    @property
    def uses_seed(self) -> bool:
        """Whether another seed gives another picture."""
        return self.camera.shake > 0

    def placed(self, name: str) -> PlacedProp:
        """The prop of this placed name.

        Raises:
            InputError: Nothing of that name stands in the shot.
        """
        for prop in self.props:
            if prop.name == name:
                return prop
        names = ", ".join(prop.name for prop in self.props) or "nothing"
        raise InputError(
            f'No "{name}" stands in this shot.', f"Placed here: {names}.", where=self.shot
        )

    def time_s(self, frame: int) -> float:
        """Time of a frame in the shot, seconds."""
        return float(frame / self.frame_rate)

    def scene_time_s(self, frame: int) -> float:
        """Time of a frame since the chain of continuing shots began, seconds."""
        return self.start_s + self.time_s(frame)

    def prop_pose(self, name: str, frame: int) -> Matrix:
        """World-from-prop 4x4 float64 of a placed prop: scale, then turn, then place, in metres.

        Raises:
            InputError: Nothing of that name stands in the shot.
        """
        pose = self.placed(name).pose_at(self.time_s(frame))
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_from_euler(pose.turn_deg or (0, 0, 0)) * np.array(pose.scale)
        matrix[:3, 3] = pose.at or (0, 0, 0)
        return matrix

    def camera_pose(self, frame: int) -> CameraPose:
        """The camera at a frame."""
        time_s = self.time_s(frame)
        rig = shaken(self.rig(time_s), self.camera, self.seed, time_s, self.seconds, self.start_s)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rig.turn, rig.at
        return CameraPose(matrix, rig.lens_mm)

    def intrinsics(self, frame: int) -> Matrix:
        """Intrinsics 3x3 float64 at a frame, in pixels of the generated picture."""
        focal = self.rig(self.time_s(frame)).lens_mm / self.camera.sensor_mm * max(self.size.framed)
        width, height = self.size.generated
        return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])

    def rig(self, time_s: float) -> Rig:
        """The camera at a time of the shot, without shake."""
        return rig_at(self.camera, time_s, self.seconds, self._position)

    def recipe(self) -> dict[str, Any]:
        """What decides the staged picture: `to_json` without the shot's id."""
        recipe = self.to_json()
        del recipe["shot"]
        return recipe

    def to_json(self) -> dict[str, Any]:
        """The scene as plain JSON values, complete and always the same for the same scene."""
        from reelwright.storyboard.scene_json import json_from_scene

        return json_from_scene(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Scene:
        """The scene that `to_json` wrote.

        Raises:
            InputError: It is not a scene.
        """
        from reelwright.storyboard.scene_json import scene_from_json

        return scene_from_json(data)

    def _position(self, name: str, time_s: float) -> Vec3:
        return self.placed(name).pose_at(time_s).at or (0.0, 0.0, 0.0)


def _three(value: tuple[float, ...] | None, default: float) -> Vec3:
    x, y, z = (default, default, default) if value is None else value
    return x, y, z
