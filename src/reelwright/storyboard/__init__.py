"""What the director wrote: the film, its shots, props, cameras, light and sound.

A storyboard is TOML, checked as a whole (`load_film`), or made in Python (`Film(...)`), and becomes
one `Scene` for each staged shot (`resolve_scenes`). Names are loaded when they are first used:
importing the room is free, pydantic comes with the models (0.1 s) and numpy with the scenes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.storyboard.camera import SENSORS_MM, Camera, CameraKey
    from reelwright.storyboard.color import linear_from_color, normal_color, srgb_from_color
    from reelwright.storyboard.edit import edit_toml
    from reelwright.storyboard.files import project_file
    from reelwright.storyboard.film import Document, Film, FilmSettings
    from reelwright.storyboard.light import Ground, Light
    from reelwright.storyboard.load import LoadedFilm, check_film, load_film, parse_film
    from reelwright.storyboard.model_settings import Control, Lora, ModelSettings
    from reelwright.storyboard.moves import CameraTrack, Rig, ViewKey
    from reelwright.storyboard.output import Finish, Output, Upscale
    from reelwright.storyboard.place import Place, PlaceKey
    from reelwright.storyboard.prop import Prop
    from reelwright.storyboard.resolve import resolve_scenes
    from reelwright.storyboard.retake import Retake
    from reelwright.storyboard.scene import CameraPose, PlacedProp, PoseKey, Scene
    from reelwright.storyboard.schema import film_schema
    from reelwright.storyboard.seeds import shot_seed
    from reelwright.storyboard.shot import KeyframeSpec, Shot
    from reelwright.storyboard.sound import Music, PlacedSound
    from reelwright.storyboard.source import SourceMap
    from reelwright.storyboard.starter import new_film
    from reelwright.storyboard.write import film_to_toml

_HOMES = {
    "camera": ("SENSORS_MM", "Camera", "CameraKey"),
    "color": ("linear_from_color", "normal_color", "srgb_from_color"),
    "edit": ("edit_toml",),
    "files": ("project_file",),
    "film": ("Document", "Film", "FilmSettings"),
    "light": ("Ground", "Light"),
    "load": ("LoadedFilm", "check_film", "load_film", "parse_film"),
    "model_settings": ("Control", "Lora", "ModelSettings"),
    "moves": ("CameraTrack", "Rig", "ViewKey"),
    "output": ("Finish", "Output", "Upscale"),
    "place": ("Place", "PlaceKey"),
    "prop": ("Prop",),
    "resolve": ("resolve_scenes",),
    "retake": ("Retake",),
    "scene": ("CameraPose", "PlacedProp", "PoseKey", "Scene"),
    "schema": ("film_schema",),
    "seeds": ("shot_seed",),
    "shot": ("KeyframeSpec", "Shot"),
    "sound": ("Music", "PlacedSound"),
    "source": ("SourceMap",),
    "starter": ("new_film",),
    "write": ("film_to_toml",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "SENSORS_MM",
    "Camera",
    "CameraKey",
    "CameraPose",
    "CameraTrack",
    "Control",
    "Document",
    "Film",
    "FilmSettings",
    "Finish",
    "Ground",
    "KeyframeSpec",
    "Light",
    "LoadedFilm",
    "Lora",
    "ModelSettings",
    "Music",
    "Output",
    "Place",
    "PlaceKey",
    "PlacedProp",
    "PlacedSound",
    "PoseKey",
    "Prop",
    "Retake",
    "Rig",
    "Scene",
    "Shot",
    "SourceMap",
    "Upscale",
    "ViewKey",
    "check_film",
    "edit_toml",
    "film_schema",
    "film_to_toml",
    "linear_from_color",
    "load_film",
    "new_film",
    "normal_color",
    "parse_film",
    "project_file",
    "resolve_scenes",
    "shot_seed",
    "srgb_from_color",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
