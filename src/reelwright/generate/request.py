"""`ClipRequest`: everything that the making of one clip needs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from reelwright.errors import InputError
from reelwright.keyframes import Keyframe
from reelwright.shapes import GenerationSize, ShotFrames

if TYPE_CHECKING:
    from reelwright.storyboard import PlacedSound, Scene


@dataclass(frozen=True, slots=True)
class SoundPlacement:
    """A sound file laid into a shot.

    Attributes:
        file: The file, resolved.
        name: As the storyboard wrote it, for messages.
        at_s: Where it begins in the shot, seconds.
        from_s: Where it begins in the file.
        length_s: How long it plays; None: to its end, or to the shot's.
        gain_db: Its level.
        from_prop: Name of the placed prop that it comes from, if any.
        pan: -1 left to 1 right; None: where its prop stands, or as the file is.
        mode: `mix` adds it; `replace` silences the model's own sound meanwhile; `duck` makes the
            others step back; `drive` is given to a video model.
        fade_in_s: Length of its fade in.
        fade_out_s: Length of its fade out.
        loop: Begin again when the file ends.
    """

    file: Path
    name: str = ""
    at_s: float = 0.0
    from_s: float = 0.0
    length_s: float | None = None
    gain_db: float = 0.0
    from_prop: str | None = None
    pan: float | None = None
    mode: Literal["mix", "replace", "duck", "drive"] = "mix"
    fade_in_s: float = 0.01
    fade_out_s: float = 0.01
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """The camera as ears: where it stands in every frame, and where the sounding props do.

    Attributes:
        world_from_camera: float64 [F, 4, 4], OpenCV axes (x right, y down, z forward), metres.
        half_width: float64 [F], half the picture's width at one metre, metres: the tangent of
            half the horizontal field of view.
        props: Position of each prop by its placed name, float64 [F, 3], world, metres.
    """

    world_from_camera: NDArray[np.float64]
    half_width: NDArray[np.float64]
    props: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What a shot's clip should be.

    Attributes:
        shot: The shot's id.
        frames: How many frames are made, and how many of them the film shows.
        frame_rate: Frames per second, exact.
        size: The size that is made, and what of it is delivered.
        prompt: Words for the picture.
        sound: Words for the sound.
        dialogue: Words that are spoken.
        keyframes: Pictures that the video must pass through.
        sounds: Files laid into the shot.
        listener: Where camera and sounding props stand; None where nothing is staged.
        seed: The shot's seed.
        take: Which take, from 1.
        label: What the result is called in front of people.
        retake: Frames, first and one behind the last, that are made again of a clip that there is;
            None for a clip of its own.
    """

    shot: str
    frames: ShotFrames
    frame_rate: Fraction
    size: GenerationSize
    prompt: str = ""
    sound: str = ""
    dialogue: str = ""
    keyframes: tuple[Keyframe, ...] = ()
    sounds: tuple[SoundPlacement, ...] = ()
    listener: Listener | None = None
    seed: int = 0
    take: int = 1
    label: str = "animatic"
    retake: tuple[int, int] | None = None


def listener_from_scene(scene: Scene, names: Iterable[str]) -> Listener:
    """Follow the camera and some props through every generated frame of a scene.

    Args:
        scene: The shot's scene.
        names: Placed names of the props to follow.

    Returns:
        Their places, frame by frame.

    Raises:
        InputError: A name that is not placed in the scene.
    """
    wanted = sorted(set(names))
    missing = sorted(set(wanted) - {prop.name for prop in scene.props})
    if missing:
        raise InputError(
            f'Shot "{scene.shot}" places no prop named "{missing[0]}" that a sound could come '
            "from.",
            "Place it in the shot, or take `from_prop` away.",
        )
    frames = range(scene.frames.generated)
    width = scene.size.framed[0]
    focal = np.array([scene.intrinsics(frame)[0, 0] for frame in frames])
    return Listener(
        world_from_camera=np.stack([scene.camera_pose(f).world_from_camera for f in frames]),
        half_width=width / (2 * focal),
        props={
            name: np.stack([scene.prop_pose(name, frame)[:3, 3] for frame in frames])
            for name in wanted
        },
    )


def placements_from_storyboard(
    sounds: Iterable[PlacedSound], root: Path
) -> tuple[SoundPlacement, ...]:
    """Resolve the storyboard's placed sounds against the project's folder.

    Args:
        sounds: As the storyboard has them, already checked.
        root: The project's folder.

    Raises:
        InputError: A path that leads out of the project.
    """
    from reelwright.storyboard import project_file

    return tuple(
        SoundPlacement(
            file=project_file(root, sound.file),
            name=sound.file,
            at_s=sound.at_s,
            from_s=sound.from_s,
            length_s=sound.length_s,
            gain_db=sound.gain_db,
            from_prop=sound.from_prop,
            pan=sound.pan,
            mode=sound.mode,
            fade_in_s=sound.fade_in_s,
            fade_out_s=sound.fade_out_s,
            loop=sound.loop,
        )
        for sound in sounds
    )
