"""What a storyboard asks that nothing here can carry out: refused by name, all at once.

Each rule looks at one part of the film and holds it against `Capabilities`; a rule never names a
version or an issue, so a row in that table is all that a new backend needs to be let in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.errors import Problem
from reelwright.plan.capabilities import Backend, Capabilities
from reelwright.plan.enlarging import LANCZOS, REFINED_TIER, enlarged_size
from reelwright.shapes import MAX_SIDE

if TYPE_CHECKING:
    from reelwright.storyboard import Film, KeyframeSpec, LoadedFilm, ModelSettings, Shot, Upscale


@dataclass(frozen=True, slots=True)
class Refusal:
    """One setting that cannot be carried out.

    Attributes:
        field: Its path, as a person would write it in TOML.
        what: What is asked and cannot be done.
        mend: What to write instead.
    """

    field: str
    what: str
    mend: str


def refused(film: Film, capabilities: Capabilities, tier: str | None = None) -> tuple[Refusal, ...]:
    """Every setting that cannot be carried out, in the order of the rules.

    Args:
        film: The film.
        capabilities: What can be carried out.
        tier: What was asked for outside the storyboard; wins over the film's.
    """
    return tuple(refusal for rule in RULES for refusal in rule(film, capabilities, tier))


def problems_of(
    loaded: LoadedFilm, capabilities: Capabilities, tier: str | None = None
) -> tuple[Problem, ...]:
    """The same with file and line, sorted by line."""
    found = [
        Problem(
            each.what,
            each.mend,
            file=str(loaded.path),
            line=loaded.source.line(each.field) if each.field else None,
            field=each.field,
        )
        for each in refused(loaded.film, capabilities, tier)
    ]
    return tuple(sorted(found, key=lambda problem: problem.line or 0))


def backend_of(
    shot: Shot, film: Film, capabilities: Capabilities, tier: str | None = None
) -> Backend:
    """Who makes a shot's clip; KeyError where that is refused."""
    return capabilities.backend_for(_tier(film, capabilities, tier), shot.model.backend)


def _tier(film: Film, capabilities: Capabilities, tier: str | None) -> str:
    return tier or film.tier or capabilities.best_tier


def _tiers(film: Film, capabilities: Capabilities, tier: str | None) -> Iterator[Refusal]:
    asked = _tier(film, capabilities, tier)
    if asked not in capabilities.tiers:
        best = capabilities.best_tier
        needs = "a pixel refiner" if capabilities.has_models else "a video model"
        yield Refusal(
            "film.tier" if tier is None else "",
            f'The tier "{asked}" needs {needs}, and none is installed.',
            f'Use tier = "{best}" until one is.',
        )


def _props(film: Film, capabilities: Capabilities, _: str | None) -> Iterator[Refusal]:
    for name, prop in film.props.items():
        for source, meaning in (("prompt", "words"), ("image", "a picture")):
            if getattr(prop, source) is not None and source not in capabilities.prop_sources:
                yield Refusal(
                    f"props.{name}.{source}",
                    f'Prop "{name}" is to be made from {meaning}; nothing that could is installed.',
                    'Use file = "..." (.glb, .gltf, .obj, .ply, .stl) or shape = "..." instead.',
                )


def _scenes(film: Film, capabilities: Capabilities, _: str | None) -> Iterator[Refusal]:
    for i, shot in enumerate(film.shots):
        if shot.scene is None:
            continue
        suffix = shot.scene[shot.scene.rfind(".") :].lower() if "." in shot.scene else ""
        if suffix not in capabilities.scene_files:
            yield Refusal(
                f"shots[{i}].scene",
                f'Shot "{shot.id}" is staged in "{shot.scene}", which only Blender can open; it is '
                "not connected yet.",
                "Place props with [[shots.place]] and take `scene` away until it is.",
            )


def _keyframes(film: Film, capabilities: Capabilities, _: str | None) -> Iterator[Refusal]:
    for i, shot in enumerate(film.shots):
        for field, spec in _specs(shot):
            path = f"shots[{i}].{field}"
            source = "picture" if spec.picture else spec.from_
            if source not in capabilities.keyframe_sources:
                yield _keyframe_refusal(shot, path, spec)


def _keyframe_refusal(shot: Shot, path: str, spec: KeyframeSpec) -> Refusal:
    if spec.picture:
        return Refusal(
            path,
            f'Shot "{shot.id}" is to pass through "{spec.picture}", which needs a video model, and '
            "none is installed.",
            'Use from = "stage", or take the keyframe away until one is.',
        )
    return Refusal(
        path,
        f'Shot "{shot.id}" asks for a painted keyframe, and no painter is installed.',
        'Use "stage" until one is: the staged frame itself.',
    )


def _specs(shot: Shot) -> Iterator[tuple[str, KeyframeSpec]]:
    if shot.first is not None:
        yield "first", shot.first
    if shot.last is not None:
        yield "last", shot.last
    for j, spec in enumerate(shot.keyframes):
        yield f"keyframes[{j}]", spec


def _sounds(film: Film, capabilities: Capabilities, tier: str | None) -> Iterator[Refusal]:
    for i, shot in enumerate(film.shots):
        backend = _backend_or_none(shot, film, capabilities, tier)
        for j, sound in enumerate(shot.audio):
            if backend is not None and sound.mode not in backend.sound_modes:
                yield Refusal(
                    f"shots[{i}].audio[{j}].mode",
                    f'The sound "{sound.file}" of shot "{shot.id}" is to drive the picture, which '
                    f"needs a video model that listens; {backend.name} does not.",
                    'Use mode = "mix", "replace" or "duck" until one is installed.',
                )


def _models(film: Film, capabilities: Capabilities, tier: str | None) -> Iterator[Refusal]:
    for i, shot in enumerate(film.shots):
        name = shot.model.backend
        if name is not None and not capabilities.has_backend(name):
            known = ", ".join(f'"{each.name}"' for each in capabilities.backends)
            yield Refusal(
                f"shots[{i}].model.backend",
                f'Shot "{shot.id}" is to be made by "{name}", which is not installed.',
                f"Take it away, or use {known}.",
            )
        backend = _backend_or_none(shot, film, capabilities, tier)
        if backend is None:
            if name is not None and capabilities.has_backend(name):
                yield _wrong_tier(i, shot, _tier(film, capabilities, tier), capabilities)
            continue
        for setting in sorted(_set(shot.model) - backend.settings):
            yield Refusal(
                f"shots[{i}].model.{setting}",
                f'Shot "{shot.id}" sets `model.{setting}`, which is for a video model; '
                f"{backend.name} has no use for it.",
                "Take it away until a video model that knows it is installed.",
            )


def _controls(film: Film, capabilities: Capabilities, tier: str | None) -> Iterator[Refusal]:
    for i, shot in enumerate(film.shots):
        backend = _backend_or_none(shot, film, capabilities, tier)
        asked = shot.model.control
        if asked is None or backend is None or backend.weights is None:
            continue
        # A LoRA that the shot brings may have been trained for it; the engine looks.
        able = backend.controls | ({"depth"} if shot.model.loras else set())
        if asked.kind not in able:
            yield Refusal(
                f"shots[{i}].model.control",
                f'Shot "{shot.id}" is to be steered by {asked.kind}, which the '
                f"{backend.label} weights do not take.",
                f"Use kind = {' or '.join(repr(each) for each in sorted(able))}, or a LoRA made "
                "for it.",
            )
        elif asked.strength > 1:
            yield Refusal(
                f"shots[{i}].model.control",
                f'Shot "{shot.id}" asks for a control of {asked.strength:g}; {backend.name} takes '
                "0 to 1.",
                "Use strength = 1.0.",
            )


def _wrong_tier(i: int, shot: Shot, tier: str, capabilities: Capabilities) -> Refusal:
    makes = next(each.tiers for each in capabilities.backends if each.name == shot.model.backend)
    return Refusal(
        f"shots[{i}].model.backend",
        f'Shot "{shot.id}" is to be made by "{shot.model.backend}", which makes no "{tier}".',
        f"Use tier = {' or '.join(repr(each) for each in makes)}, or take the backend away.",
    )


def _set(model: ModelSettings) -> set[str]:
    """Settings that a shot really makes: written, and not to what they are anyway."""
    defaults = type(model)()
    return {
        name for name in type(model).model_fields if getattr(model, name) != getattr(defaults, name)
    }


def _backend_or_none(
    shot: Shot, film: Film, capabilities: Capabilities, tier: str | None
) -> Backend | None:
    """Who would make a shot; where the tier itself is refused, who makes the best there is."""
    if _tier(film, capabilities, tier) not in capabilities.tiers:
        tier = capabilities.best_tier
    try:
        return backend_of(shot, film, capabilities, tier)
    except KeyError:
        return None


def _upscale(film: Film, capabilities: Capabilities, tier: str | None) -> Iterator[Refusal]:
    upscale = film.finish.upscale
    if upscale is None:
        return
    for what, mend in _upscale_problems(film, upscale, capabilities, tier):
        yield Refusal("finish.upscale", what, mend)


def _upscale_problems(
    film: Film, upscale: Upscale, capabilities: Capabilities, tier: str | None
) -> Iterator[tuple[str, str]]:
    name, asked = upscale.with_, _tier(film, capabilities, tier)
    if name != "auto" and name not in capabilities.upscalers:
        known = ", ".join(f'"{each}"' for each in sorted({"auto", *capabilities.upscalers}))
        yield (
            f'The film is to be upscaled by "{name}", which is not installed.',
            f"Use with = {known}, or deliver a larger `size`.",
        )
    elif name == "pocket" and asked != REFINED_TIER:
        yield (
            f'The film is to be upscaled by "{name}", which is part of the tier "{REFINED_TIER}"; '
            f'this is "{asked}".',
            f'Use tier = "{REFINED_TIER}", or with = "{LANCZOS}".',
        )
    (width, height), (wide, tall) = film.size, enlarged_size(film.size, upscale.to)
    if wide <= width or tall <= height:
        yield (
            f"Upscaling to {upscale.to} would make {wide}x{tall} of {width}x{height}.",
            "Take [finish.upscale] away, or ask for more.",
        )
    elif max(wide, tall) > MAX_SIDE:
        yield (
            f"Upscaling to {upscale.to} would make {wide}x{tall}; a side has {MAX_SIDE} at most.",
            "Ask for less.",
        )


def _formats(film: Film, capabilities: Capabilities, _: str | None) -> Iterator[Refusal]:
    if film.output.format not in capabilities.formats:
        yield Refusal(
            "output.format",
            f'The film is to be written as "{film.output.format}", which this build cannot.',
            f"Use one of {', '.join(sorted(capabilities.formats))}.",
        )


Rule = Callable[["Film", Capabilities, "str | None"], Iterator[Refusal]]
RULES: tuple[Rule, ...] = (
    _tiers, _props, _scenes, _keyframes, _sounds, _models, _controls, _upscale, _formats,
)  # fmt: skip
