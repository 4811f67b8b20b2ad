"""What a plan is made of: a stage, what it is expected to cost, and the kinds of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reelwright.errors import InputError
from reelwright.plan.canonical import Recipe
from reelwright.plan.digests import FileUse

CPU = "cpu"
"""The device that every machine has."""


class StageKind(StrEnum):
    """The kinds of stages, in running order: a film is made kind by kind, not shot by shot."""

    ASSETS = "assets"
    """A prop becomes a mesh."""

    STAGE = "stage"
    """Meshes and a camera become a staged shot."""

    KEYFRAMES = "keyframes"
    """The pictures that the video must pass through."""

    GENERATE = "generate"
    """A shot's clip that needs no model: the animatic."""

    PROMPT = "prompt"
    """A shot's words, as a video model reads them."""

    DRAFT = "draft"
    """A video model's first pass: latents."""

    REFINE = "refine"
    """Its second pass, at twice the size: latents."""

    DECODE = "decode"
    """Latents become a clip."""

    FINISH = "finish"
    """The clip at the size and length that is delivered."""

    QUALITY = "quality"
    """What is measured of a shot."""

    MIX = "mix"
    """The film's sound."""

    MUX = "mux"
    """The film's file."""

    REPORT = "report"
    """What is measured, for people."""

    @property
    def order(self) -> int:
        """Its place in the running order."""
        return _ORDER[self]

    @property
    def resumes(self) -> bool:
        """Whether it goes on from what an attempt that was cut short has left in its folder."""
        return self in _RESUMING

    @property
    def runs_model(self) -> bool:
        """Whether a video model does it, on the machine's accelerator if it has one."""
        return self in _MODEL

    @property
    def makes_clips(self) -> bool:
        """Whether its result is a shot's clip."""
        return self in (StageKind.GENERATE, StageKind.DECODE)

    @classmethod
    def named(cls, name: str) -> StageKind:
        """The kind of that name.

        Raises:
            InputError: There is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise InputError(
                f"There is no stage {name!r}.", f"Use one of {', '.join(cls)}.", where="until"
            ) from None


_ORDER = {kind: place for place, kind in enumerate(StageKind)}
_RESUMING = frozenset({StageKind.DRAFT, StageKind.REFINE})
_MODEL = frozenset({StageKind.PROMPT, StageKind.DRAFT, StageKind.REFINE, StageKind.DECODE})


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stage is expected to cost.

    Attributes:
        seconds: Wall clock.
        peak_ram_bytes: Anonymous memory of its process at its highest; the page cache is not in it.
        peak_vram_bytes: Memory of the device at its highest.
        disk_bytes: Size of its result.
        row: Of the cost model, in its kind; measurements count for it alone.
        samples: Measured runs that it was corrected by; 0 is the model alone.
        modelled_s: Seconds before the correction; what a measurement is compared with.
        modelled_ram_bytes: Peak memory before the correction.
    """

    seconds: float = 0.0
    peak_ram_bytes: int = 0
    peak_vram_bytes: int = 0
    disk_bytes: int = 0
    row: str = ""
    samples: int = 0
    modelled_s: float = 0.0
    modelled_ram_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what a person or program plans by."""
        return {
            "seconds": round(self.seconds, 2),
            "peak_ram_bytes": self.peak_ram_bytes,
            "peak_vram_bytes": self.peak_vram_bytes,
            "disk_bytes": self.disk_bytes,
            "measured_runs": self.samples,
        }


def total(estimates: Sequence[Estimate]) -> Estimate:
    """One after another: seconds and disk add up, peaks do not."""
    return Estimate(
        seconds=sum(each.seconds for each in estimates),
        peak_ram_bytes=max((each.peak_ram_bytes for each in estimates), default=0),
        peak_vram_bytes=max((each.peak_vram_bytes for each in estimates), default=0),
        disk_bytes=sum(each.disk_bytes for each in estimates),
        samples=sum(each.samples for each in estimates),
        modelled_s=sum(each.modelled_s for each in estimates),
        modelled_ram_bytes=max((each.modelled_ram_bytes for each in estimates), default=0),
    )


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One step of a film.

    Attributes:
        id: Its name in the film, e.g. `stage/approach`, `generate/approach#1`, `mix`.
        kind: What it does.
        recipe: What decides its result; see `canonical_json`. Where and how it runs is not in it.
        needs: Ids of the stages it reads, in the order that its function expects.
        key: Name of its result: `artifact_key(recipe, keys of needs)`.
        files: Files of the project that it reads.
        weights: Files of models that it reads; they belong to no project.
        shot: The shot it belongs to; empty for the film's and the props' stages.
        take: The candidate it makes, counted from 1; 0 where takes share it.
        backend: Who carries it out, e.g. `animatic`.
        device: Where it runs, as torch names it.
        estimate: What it is expected to cost.
        why: Why it runs like this, in one plain sentence.
        aside: What its function is told besides and that nothing seen or heard depends on, e.g. the
            storyboard's own text with its comments; not in the key.
    """

    id: str
    kind: StageKind
    recipe: Recipe
    needs: tuple[str, ...] = ()
    key: str = ""
    files: tuple[FileUse, ...] = ()
    weights: tuple[FileUse, ...] = ()
    shot: str = ""
    take: int = 0
    backend: str = "builtin"
    device: str = CPU
    estimate: Estimate = Estimate()
    why: str = ""
    aside: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the recipe too."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            "shot": self.shot,
            "take": self.take,
            "backend": self.backend,
            "device": self.device,
            "key": self.key,
            "needs": list(self.needs),
            "estimate": self.estimate.to_json(),
            "why": self.why,
            "files": {use.path: use.sha256 for use in self.files},
            "weights": {use.path: use.sha256 for use in self.weights},
            "recipe": dict(self.recipe),
        }
