"""What this build can carry out, in one table.

The storyboard parses the whole format; what nobody here can carry out yet is refused by name
(see `refusals`), never ignored. An issue that adds a backend adds a row, and the setting is legal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reelwright.plan.stages import StageKind


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
)
"""What this build can carry out."""
