"""A film as the document that TOML holds: nested, plain values, and only what is not default.

What a shot's light or ground names is kept even where it equals a default, since what they do not
name is the film's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.storyboard.film import FilmSettings

if TYPE_CHECKING:
    from reelwright.storyboard.film import Film

_MEANT_EMPTY = ("camera", "light", "ground")
"""Tables of a shot that say something by being there: an empty `[shots.camera]` stages the shot."""


def document_from_film(film: Film) -> dict[str, Any]:
    """The document of a film; reading it gives the same film.

    Returns:
        Dicts, lists, text, numbers, true and false, in the order in which a person would write.
    """
    flat = _plain(film.model_dump(by_alias=True, exclude_defaults=True))
    settings = {name: flat.pop(name) for name in FilmSettings.model_fields if name in flat}
    shots = [_shot(shot) for shot in flat.pop("shots", [])]
    music, finish, output = (flat.pop(name, None) for name in ("music", "finish", "output"))
    parts = {"film": settings, **flat, "music": music, "shots": shots}
    parts |= {"finish": finish, "output": output}
    return {name: part for name, part in parts.items() if part}


def _plain(value: Any, key: str = "") -> Any:
    """Without nulls, and with the short forms that a person would write."""
    if isinstance(value, dict):
        parts = {name: _plain(part, name) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, list | tuple):
        return _short_list([_plain(part) for part in value], key)
    if key == "haze_m" and value is None:
        return 0
    return int(value) if isinstance(value, float) and _is_short(value) else value


def _is_short(value: float) -> bool:
    """Whether `5` says it as exactly as `5.0`; not of -0.0."""
    return value == int(value) and abs(value) < 1e15 and str(value) != "-0.0"


def _short_list(values: list[Any], key: str) -> Any:
    same = len(values) == 3 and values[0] == values[1] == values[2]
    if (key == "scale" and same) or (key == "strength" and len(values) == 1):
        return values[0]
    return values


def _shot(shot: dict[str, Any]) -> dict[str, Any]:
    for name in ("first", "last"):
        if name in shot and set(shot[name]) == {"from"}:
            shot[name] = shot[name]["from"]
    return {name: part for name, part in shot.items() if part != {} or name in _MEANT_EMPTY}
