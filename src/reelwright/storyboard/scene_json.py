"""A scene as JSON values, and back.

Must stay canonical: no value that does not decide the staged picture, but for the shot's id.
"""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.errors import InputError
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.storyboard.light import Ground, Light
from reelwright.storyboard.moves import CameraTrack, ViewKey
from reelwright.storyboard.prop import Prop

if TYPE_CHECKING:
    from reelwright.storyboard.scene import PlacedProp, Scene


def json_from_scene(scene: Scene) -> dict[str, Any]:
    """A scene as JSON values: dicts, lists, text, numbers, true, false and null."""
    return {
        "shot": scene.shot,
        "frames": [scene.frames.delivered, scene.frames.generated],
        "frame_rate": [scene.frame_rate.numerator, scene.frame_rate.denominator],
        "size": {
            "delivered": list(scene.size.delivered),
            "generated": list(scene.size.generated),
            "fit": scene.size.fit,
        },
        "props": [_placed(prop) for prop in scene.props],
        "camera": _listed(asdict(scene.camera)),
        "light": scene.light.model_dump(mode="json"),
        "ground": scene.ground.model_dump(mode="json"),
        "seed": scene.seed,
        "start_s": scene.start_s,
    }


def scene_from_json(data: dict[str, Any]) -> Scene:
    """The scene that `json_from_scene` wrote.

    Raises:
        InputError: It is not a scene.
    """
    try:
        return _scene(data)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "This is not a staged scene of this version.", "Stage the shot again."
        ) from error


def _scene(data: dict[str, Any]) -> Scene:
    from reelwright.storyboard.scene import Scene

    size, camera = data["size"], dict(data["camera"])
    camera["keys"] = tuple(ViewKey(**_tupled(key)) for key in camera["keys"])
    return Scene(
        shot=data["shot"],
        frames=ShotFrames(*data["frames"]),
        frame_rate=Fraction(*data["frame_rate"]),
        size=GenerationSize(tuple(size["delivered"]), tuple(size["generated"]), size["fit"]),
        props=tuple(_prop(prop) for prop in data["props"]),
        camera=CameraTrack(**camera),
        light=Light.model_validate(data["light"]),
        ground=Ground.model_validate(data["ground"]),
        seed=data["seed"],
        start_s=data["start_s"],
    )


def _placed(placed: PlacedProp) -> dict[str, Any]:
    return {
        "name": placed.name,
        "index": placed.index,
        "prop_name": placed.prop_name,
        "prop": placed.prop.model_dump(mode="json"),
        "keys": [_listed(asdict(key)) for key in placed.keys],
        "animation": placed.animation,
        "animation_speed": placed.animation_speed,
        "animation_loop": placed.animation_loop,
    }


def _prop(data: dict[str, Any]) -> PlacedProp:
    from reelwright.storyboard.scene import PlacedProp, PoseKey

    keys = tuple(PoseKey(**_tupled(key)) for key in data["keys"])
    return PlacedProp(**{**data, "prop": Prop.model_validate(data["prop"]), "keys": keys})


def _listed(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, list | tuple) else value


def _tupled(data: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
