"""What this build can carry out, in one table.

The storyboard parses the whole format; what nobody here can carry out yet is refused by name
(see `refusals`), never ignored. An issue that adds a backend adds a row, and the setting is legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reelwright.plan.model_settings import has_second_pass
from reelwright.plan.stages import StageKind

if TYPE_CHECKING:
    from reelwright.models import WeightSet


@dataclass(frozen=True, slots=True)
class Backend:
    """Who can make a shot's clip.

    Attributes:
        name: As `shots.model.backend` names it.
        tiers: What it makes.
        label: What its clips are always called.
        needs: Kinds of a shot's stages that its clips are made from.
        settings: Fields of `shots.model` that it takes.
        sound_modes: Modes of placed sound that it takes.
        speaks: Whether it makes sound from words (`sound`, `dialogue`).
        reads_words: Whether `prompt` and `style` decide its pictures.
        takes_differ: Whether another seed makes another clip of the same staged shot.
        controls: What of the staged frames can steer every frame.
        weights: What it makes clips with; None where it needs none.
    """

    name: str
    tiers: tuple[str, ...]
    label: str
    needs: tuple[StageKind, ...]
    settings: frozenset[str] = frozenset({"backend"})
    sound_modes: frozenset[str] = frozenset({"mix", "replace", "duck"})
    speaks: bool = False
    reads_words: bool = False
    takes_differ: bool = False
    controls: frozenset[str] = frozenset()
    weights: WeightSet | None = None

    def label_for(self, tier: str) -> str:
        """What its clips of a tier are called: a draft says so."""
        is_half = self.weights is not None and has_second_pass(self.weights)
        return f"{self.label}, draft" if tier == "draft" and is_half else self.label


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Everything that an installation can carry out.

    Attributes:
        tiers: From the humblest to the best; the last is what is used when none is asked for.
        backends: Who makes clips, the preferred first.
        prop_sources: Ways of getting a prop.
        keyframe_sources: Ways of getting a keyframe; `picture` stands for any file.
        scene_files: Suffixes of scenes staged by hand.
        upscalers: Names for `finish.upscale.with`.
        formats: Of the output.
    """

    tiers: tuple[str, ...]
    backends: tuple[Backend, ...]
    prop_sources: frozenset[str]
    keyframe_sources: frozenset[str]
    scene_files: frozenset[str] = frozenset()
    upscalers: frozenset[str] = frozenset()
    formats: frozenset[str] = field(
        default_factory=lambda: frozenset({"mp4", "mov", "mkv", "png", "exr", "wav"})
    )

    @property
    def best_tier(self) -> str:
        """What `tier` means where the storyboard leaves it open."""
        return self.tiers[-1]

    def backend_for(self, tier: str, name: str | None = None) -> Backend:
        """Who makes a clip of that tier; KeyError if nobody does."""
        for each in self.backends:
            if tier in each.tiers and name in (None, each.name):
                return each
        raise KeyError(tier if name is None else name)

    @property
    def has_models(self) -> bool:
        """Whether there are weights that clips can be made with."""
        return any(each.weights is not None for each in self.backends)

    def has_backend(self, name: str) -> bool:
        """Whether a backend of that name is there at all."""
        return any(each.name == name for each in self.backends)


ANIMATIC = Backend(name="animatic", tiers=("animatic",), label="animatic", needs=(StageKind.STAGE,))
"""The staged frames themselves. It passes through every staged frame, so keyframes add nothing."""

CAPABILITIES = Capabilities(
    tiers=("animatic",),
    backends=(ANIMATIC,),
    prop_sources=frozenset({"file", "shape"}),
    keyframe_sources=frozenset({"stage", "none"}),
    upscalers=frozenset({"lanczos"}),
)
"""What this build can carry out."""


def capabilities_for(weights: Sequence[WeightSet]) -> Capabilities:
    """What can be carried out with some sets of weights.

    Args:
        weights: Those that are there, the preferred first: it makes the clips. With none, films
            are animatics.
    """
    if not weights:
        return CAPABILITIES
    model = _ltx(weights[0])
    return replace(
        CAPABILITIES,
        tiers=("animatic", *model.tiers),
        backends=(ANIMATIC, model),
        keyframe_sources=CAPABILITIES.keyframe_sources | {"picture"},
        upscalers=CAPABILITIES.upscalers | _refiners(weights[0]),
    )


def _refiners(weights: WeightSet) -> frozenset[str]:
    return frozenset({"pocket"} if weights.refiner is not None and weights.name == "pocket" else ())


def _ltx(weights: WeightSet) -> Backend:
    final = ("final",) if weights.refiner is not None else ()
    # A LoRA may have been trained to take depth; a shot may bring one of its own.
    return Backend(
        name="ltx",
        tiers=("draft", "standard", *final),
        label=weights.label,
        needs=(StageKind.STAGE, StageKind.KEYFRAMES),
        settings=frozenset({"backend", "negative", "steps", "guidance", "control", "loras"}),
        sound_modes=frozenset({"mix", "replace", "duck", "drive"}),
        speaks=True,
        reads_words=True,
        takes_differ=True,
        controls=frozenset({"none", "depth"} if weights.control or weights.loras else {"none"}),
        weights=weights,
    )
