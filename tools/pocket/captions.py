"""Captions of the clips in a storyboard's own words, from the scene's truth.

Every word that a caption can hold stands in a table here or in `words`; `VOCABULARY` gathers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from tools.pocket import words
from tools.pocket.motions import screen_way
from tools.pocket.sounds import AMBIENCE_WORDS, ambience_of
from tools.pocket.staging import Staging, Thing

MOVE_WORDS = {
    "static": ("the camera is still", "static shot", "a still camera"),
    "dolly-in": ("the camera dollies in", "slow dolly in", "the camera moves closer", "dolly-in"),
    "dolly-out": ("the camera dollies out", "slow dolly out", "the camera moves away", "dolly-out"),
    "truck-left": ("the camera trucks left", "the camera slides to the left", "truck-left"),
    "truck-right": ("the camera trucks right", "the camera slides to the right", "truck-right"),
    "pan-left": ("the camera pans left", "slow pan to the left", "pan-left"),
    "pan-right": ("the camera pans right", "slow pan to the right", "pan-right"),
    "tilt-up": ("the camera tilts up", "slow tilt up", "tilt-up"),
    "tilt-down": ("the camera tilts down", "slow tilt down", "tilt-down"),
    "orbit-left": ("the camera orbits to the left", "the camera circles left", "orbit-left"),
    "orbit-right": ("the camera orbits to the right", "the camera circles right", "orbit-right"),
    "crane-up": ("the camera cranes up", "the camera rises", "crane-up"),
    "crane-down": ("the camera cranes down", "the camera sinks", "crane-down"),
    "handheld": ("handheld camera", "a handheld shot", "the camera is held in the hand"),
    "follow": ("the camera follows it", "the camera goes with it", "a following shot"),
}
MOTION_WORDS = {
    "still": ("stands still", "rests", "stands"),
    "glide": ("glides", "moves", "slides", "goes"),
    "arc": ("moves in an arc", "curves", "turns away"),
    "circle": ("moves in a circle", "circles"),
    "bounce": ("bounces", "bounces gently", "hops"),
    "fall": ("falls to the ground", "drops and lands", "falls and hits the ground"),
    "start": ("starts to move", "sets off", "starts and goes"),
    "stop": ("comes to a stop", "slows and stops", "comes to rest"),
    "spin": ("turns", "turns slowly", "spins in place"),
    "roll": ("rolls", "rolls slowly"),
    "rise": ("rises", "floats upward", "lifts off"),
    "sink": ("sinks", "comes down slowly", "floats down"),
    "bob": ("bobs", "rocks in the swell", "floats and bobs"),
    "fly": ("flies", "crosses the sky", "glides through the air"),
}
_NEVER_SILENT = ("boat", "buoy", "gull", "lighthouse", "jetty")
_STILL_ON_WATER = ("floats", "lies still", "rests")
_WAYS = {
    "left": ("to the left", "left"),
    "right": ("to the right", "right"),
    "up": ("away", "farther away"),
    "down": ("closer", "nearer"),
}
_TEXTURE_WORDS = {
    "plain": ("",),
    "striped": ("striped", "banded"),
    "checkered": ("checkered", "chequered"),
    "shaded": ("", "two-tone"),
}
_LIGHT_FORMS = ("in {}", "{}", "under {}")
_SIDES = {
    "left": ("sun from the left", "light from the left"),
    "right": ("sun from the right", "light from the right"),
    "behind": ("sun from behind", "front light"),
    "ahead": ("against the sun", "backlight"),
}
_LIGHT_WORDS = {
    "morning light": ("morning light", "early morning", "soft low sun", "dawn"),
    "clear daylight": ("clear daylight", "a clear day", "daylight"),
    "midday sun": ("midday sun", "bright noon"),
    "evening light": ("evening light", "warm evening", "golden light"),
    "an overcast sky": ("an overcast sky", "a grey sky", "soft overcast light"),
    "mist": ("mist", "haze", "fog"),
    "dusk": ("dusk", "a dim dusk", "after sunset"),
    "studio light": ("studio light", "soft white light"),
}
_STYLES = (
    "35 mm film",
    "muted colours",
    "35 mm film, muted colours",
    "simple shapes",
    "after rain",
)
_SHOTS = ("low angle", "high angle", "wide shot", "close shot", "soft shadows")
_SOUND_FORMS = ("sound of {}", "the sound of {}", "sound: {}", "{}", "we hear {}")
_GLUE = (
    "a an the and on in at of with behind beside left right in front of to from while over under "
    "it its next two a sunny sky water sea , . : and small big large little tiny huge there is are"
)
_STORY = (
    "a small wooden boat with a striped sail glides toward a lighthouse at dawn",
    "the camera rises above the sail the islet and its rocks come into view",
    "a red bell buoy rocks in the swell and rings the lighthouse stands behind it",
    "low angle the lighthouse towers overhead its lamp turning gulls crossing the sky",
    "waves gulls the creak of a boat waves on rock a bell far off water lapping wind a foghorn far "
    "away early morning after rain muted colours soft low sun",
)
_SIZE_WORDS = {"small": ("small", "little"), "big": ("big", "large"), "": ("",)}


def captions_of(
    staging: Staging, sounds: dict[str, Any], centres: np.ndarray, ways: np.ndarray
) -> list[str]:
    """Four captions of a clip, long to short.

    Args:
        staging: The scene.
        sounds: From `sounds_of`.
        centres: [things, F, 2] on the screen, 0..1; decides who is spoken of.
        ways: The same for a camera that stays where it begins; decides which way things go.
    """
    rng = np.random.default_rng([staging.seed, 99])
    shown = _order(staging, centres)
    full = _sentence(rng, staging, ways, shown[:3])
    parts = [full, _light(rng, staging), _camera(rng, staging), _sound(rng, sounds)]
    if rng.random() < 0.3:
        parts.append(str(rng.choice([*_STYLES, *_shots(staging), *_shots(staging)])))
    long = _joined(rng, parts)
    middle = _joined(rng, [_sentence(rng, staging, ways, shown[:2]), _camera(rng, staging)])
    other = _joined(
        rng, [_sentence(rng, staging, ways, shown[:1]), _sound(rng, sounds), _light(rng, staging)]
    )
    short = _named(rng, staging.things[shown[0]]) if shown else _light(rng, staging)
    return [long, middle, other, short]


def mirrored(caption: str) -> str:
    """The caption of the clip seen in a mirror: left and right change places."""
    swap = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda found: swap[found.group()], caption)


def sounds_of(staging: Staging) -> dict[str, Any]:
    """What is heard, as `sounds.sound_track` plays it: the ambience and each thing's voice."""
    ambience = ambience_of(staging.ground.pattern, staging.light.sun_elevation_deg)
    things = []
    for number, thing in enumerate(staging.things):
        voice, hit = words.SOUNDS.get(thing.kind, ("", ""))
        heard = thing.motion != "still" or thing.kind in _NEVER_SILENT
        falls = any(kind == "impact" for _, kind in thing.events)
        things.append(
            {"object": number, "voice": voice if heard else "", "impact": hit if falls else ""}
        )
    return {"ambience": list(ambience), "things": things}


def _order(staging: Staging, centres: np.ndarray) -> list[int]:
    """Things in view, the one that fills and moves most first."""

    def weight(number: int) -> float:
        inside = ((centres[number] > -0.05) & (centres[number] < 1.05)).all(1).mean()
        thing = staging.things[number]
        return float(inside) * (thing.large + (0.15 if thing.motion != "still" else 0.0))

    ranked = sorted(range(len(staging.things)), key=weight, reverse=True)
    return [number for number in ranked if weight(number) > 0.02]


def _sentence(
    rng: np.random.Generator, staging: Staging, ways: np.ndarray, shown: list[int]
) -> str:
    water = staging.ground.pattern == "water"
    said = []
    for place, number in enumerate(shown):
        thing = staging.things[number]
        text = _named(rng, thing)
        if place < 2 and rng.random() < 0.9:
            text += " " + _moves(rng, thing, ways[number], water)
        said.append(text)
    ground = str(rng.choice(words.GROUNDS[staging.ground.pattern]))
    text = " and ".join(said) if len(said) < 3 else f"{said[0]}, {said[1]} and {said[2]}"
    if not said:
        return f"an empty {ground}"
    if rng.random() < 0.6:
        text += f" {'in' if water and rng.random() < 0.3 else 'on'} the {ground}"
    if len(shown) > 1 and rng.random() < 0.25:
        text += ", " + _relation(staging, ways, shown)
    return text


def _relation(staging: Staging, centres: np.ndarray, shown: list[int]) -> str:
    one, two = shown[:2]
    names = [_noun(staging.things[number]) for number in (one, two)]
    aside = float(centres[one, :, 0].mean() - centres[two, :, 0].mean())
    return f"the {names[0]} {'right' if aside > 0 else 'left'} of the {names[1]}"


def _noun(thing: Thing) -> str:
    return words.SHAPE_WORDS.get(thing.kind, words.MESH_WORDS.get(thing.kind, ("thing",)))[0]


def _named(rng: np.random.Generator, thing: Thing) -> str:
    if thing.kind in words.MESH_WORDS:
        name = str(rng.choice(words.MESH_WORDS[thing.kind]))
        return _a(name)
    size = "small" if thing.large < 0.2 else "big" if thing.large > 0.42 else ""
    size = str(rng.choice(_SIZE_WORDS[size])) if rng.random() < 0.5 else ""
    texture = str(rng.choice(_TEXTURE_WORDS[thing.texture])) if rng.random() < 0.75 else ""
    metal = "metal" if thing.metallic > 0.5 and rng.random() < 0.6 else ""
    shape = words.SHAPE_WORDS[thing.kind]
    noun = shape[0] if rng.random() < 0.6 else str(rng.choice(shape))
    return _a(" ".join(part for part in (size, texture, thing.color, metal, noun) if part))


def _a(name: str) -> str:
    return ("an " if name[0] in "aeiou" else "a ") + name


def _moves(rng: np.random.Generator, thing: Thing, centres: np.ndarray, water: bool) -> str:
    table = MOTION_WORDS[thing.motion]
    if water and thing.motion == "still" and thing.kind not in ("lighthouse", "islet", "jetty"):
        table = _STILL_ON_WATER
    text = str(rng.choice(table))
    way = screen_way(centres)
    if (
        thing.motion in ("glide", "start", "roll", "arc", "bob", "fly")
        and way
        and text != "turns away"
    ):
        if thing.motion in ("arc", "bob") and way in ("up", "down"):
            return text
        text += " " + str(rng.choice(_WAYS[way]))
    return text


def _light(rng: np.random.Generator, staging: Staging) -> str:
    text = str(rng.choice(_LIGHT_WORDS[staging.mood]))
    if rng.random() < 0.5:
        text = str(rng.choice(_LIGHT_FORMS)).format(text)
    if rng.random() < 0.3 and staging.mood not in ("an overcast sky", "mist", "studio light"):
        text += ", " + str(rng.choice(_SIDES[staging.sun_side]))
    return text


def _camera(rng: np.random.Generator, staging: Staging) -> str:
    return str(rng.choice(MOVE_WORDS[staging.track.action]))


def _sound(rng: np.random.Generator, sounds: dict[str, Any]) -> str:
    heard = [t[k] for t in sounds["things"] for k in ("impact", "voice") if t[k]]
    heard = list(dict.fromkeys(heard))[:2]
    airs = [str(rng.choice(AMBIENCE_WORDS[kind])) for kind in sounds["ambience"]]
    airs = [air for number, air in enumerate(airs) if rng.random() < (0.7, 0.4)[number]]
    if not heard + airs:
        return ""
    named = airs + heard if rng.random() < 0.5 else heard + airs
    said = " and ".join(named) if len(named) < 3 else ", ".join(named)
    form = "{}" if said.startswith("the sound") else str(rng.choice(_SOUND_FORMS))
    return form.format(said)


def _shots(staging: Staging) -> list[str]:
    """Which of `_SHOTS` are true of the clip's first frame."""
    upward = float(staging.camera(0)[2, 2])
    large = max((thing.large for thing in staging.things), default=0.0)
    true = (
        upward > 0.04, upward < -0.28, large < 0.22, large > 0.45,
        staging.light.sun_softness_deg > 4,
    )  # fmt: skip
    return [name for name, holds in zip(_SHOTS, true, strict=True) if holds]


def _joined(rng: np.random.Generator, parts: list[str]) -> str:
    kept = [part for part in parts if part]
    text = (". " if rng.random() < 0.3 else ", ").join(kept)
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:] + "."
    return text


def split(text: str) -> list[str]:
    """Words of a text in lower case; signs are words of their own."""
    return re.findall(r"[a-z0-9'-]+|[.,:;]", text.lower())


def _phrases() -> Iterator[str]:
    tables: list[Any] = [
        MOVE_WORDS, MOTION_WORDS, _WAYS, _TEXTURE_WORDS, _SIDES, _LIGHT_WORDS, _SIZE_WORDS,
        words.SHAPE_WORDS, words.MESH_WORDS, words.SOUNDS, words.GROUNDS,
        AMBIENCE_WORDS,
    ]  # fmt: skip
    for table in tables:
        for entry in table.values():
            yield from entry
    yield from (*_STYLES, *_SHOTS, *_SOUND_FORMS, *_LIGHT_FORMS, *_STILL_ON_WATER, *_STORY, _GLUE)
    yield from (*words.COLORS, "metal empty thing . , :")


VOCABULARY = tuple(sorted({word for phrase in _phrases() for word in split(phrase)}))
"""Every word that a caption can hold."""
