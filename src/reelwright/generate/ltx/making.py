"""One shot in the hands of one set of weights: everything that its passes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelwright import engine
from reelwright.engine import Control, Models, Pass, PassLatents, plan_clip
from reelwright.engine.clip.clip_state import fingerprint
from reelwright.engine.clip.pass_run import PassRun
from reelwright.errors import InputError
from reelwright.generate.ltx.driven import driving_sound, is_driven
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.passes import shot_passes
from reelwright.generate.ltx.previous import PreviousShot
from reelwright.generate.ltx.retake import RetakeSource
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.span import ShotSpan
from reelwright.generate.ltx.staged_control import (
    StagedControl,
    check_staged,
    control_loras,
    staged_control,
)
from reelwright.generate.ltx.stills import stills
from reelwright.generate.ltx.watching import STATE, Watcher, saved_state
from reelwright.generate.ltx.words import load_words
from reelwright.generate.request import ClipRequest
from reelwright.models import WeightSet
from reelwright.progress import Progress
from reelwright.stage import StagedShot


@dataclass(frozen=True, slots=True)
class ShotMaking:
    """A shot that is being made.

    Attributes:
        request: What was asked.
        weights: What makes it.
        settings: How.
        models: The weights, open.
        span: Frames of the model's clip.
        passes: All of them.
        previous: The shot that it goes on from.
        staged: As staged; None for words alone.
        control: How the staged depth is shown; None where it is not.
        retake: The clip of which a range is made again; None for a clip of its own.
    """

    request: ClipRequest
    weights: WeightSet
    settings: LtxSettings
    models: Models
    span: ShotSpan
    passes: tuple[Pass, ...]
    previous: PreviousShot | None
    staged: StagedShot | None
    control: StagedControl | None
    retake: RetakeSource | None = None

    @classmethod
    def open(
        cls,
        request: ClipRequest,
        staged: StagedShot | None,
        previous: Path | None,
        weights: WeightSet,
        settings: LtxSettings,
        device: str,
        sources: Sequence[Path] = (),
    ) -> ShotMaking:
        """Lay a shot out; nothing is computed.

        Raises:
            InputError: The weights cannot make it.
            MediaError: What is to be retaken is of another clip.
            StageError: What was staged is not what was asked.
        """
        models = open_models(weights, device, settings.precision)
        before = None if previous is None else PreviousShot.load(previous)
        span = shot_span(request, models, before, settings.beyond)
        retake = RetakeSource.load(request, sources)
        if retake is not None:
            span = retake.span
        if staged is not None:
            check_staged(request, staged)
        control = staged_control(weights, settings, staged)
        used = control.loras if control else ()
        passes = shot_passes(
            weights,
            settings,
            models.facts,
            models.checkpoint.identity.generation,
            request.size.generated,
            used,
            tuple(lora for lora in control_loras(weights) if lora not in used),
        )
        return cls(
            request, weights, settings, models, span, passes, before, staged, control, retake
        )

    def make(
        self,
        index: int,
        words: Path,
        finished: tuple[PassLatents, ...],
        out: Path,
        progress: Progress,
    ) -> ShotLatents:
        """Make a pass; one that was cut short goes on from its last step.

        Args:
            index: Which.
            words: From `read_words`.
            finished: What the passes before made.
            out: Where its state lies meanwhile.
            progress: Told after each step.
        """
        noun = "draft" if index == 0 else "refine"
        progress.step(0.0, f"{noun}: reading the model")
        asked = self.asked(index, words, out, progress)
        plan = plan_clip(asked, self.models.facts)
        marks = (engine.clip_digest(asked, self.models), fingerprint(self.models))
        resume = saved_state(out, index, marks, finished, progress)
        watcher = Watcher(out, len(self.passes[index].sigmas) - 1, noun, progress)
        run = PassRun(asked, plan, self.models, index, finished, marks)
        made = run.make(watcher, resume)
        latents = ShotLatents(made, index, len(self.passes), self.span, self.facts(index))
        latents.save(out)
        (out / STATE).unlink(missing_ok=True)
        return latents

    def asked(
        self, index: int, words: Path, scratch: Path, progress: Progress
    ) -> engine.ClipRequest:
        """The shot in the engine's terms, for one pass of it."""
        wanted, unwanted = load_words(words)
        request, span = self.request, self.span
        sound = None
        if is_driven(request) and self.retake is None:
            sound, _ = driving_sound(request, span, self.previous, scratch / ".driving")
        tail = None
        if self.previous is not None:
            tail = self.previous.tail(span.tail, heard=sound is None and self._hears)
        source = None
        if self.retake is not None:
            source = self.retake.source(request.frame_rate, self.models.facts)
        width, height = request.size.generated
        return engine.ClipRequest(
            width=width,
            height=height,
            num_frames=span.total,
            frame_rate=float(request.frame_rate),
            seed=request.seed,
            contexts=wanted,
            negative=unwanted,
            pictures=tuple(
                stills(
                    self._seen(), span, compressed=self.weights.compressed_stills, progress=progress
                )
            ),
            controls=self._controls(index),
            sound=sound,
            source=source,
            continues=tail,
            passes=self.passes if source is None else self.passes[: index + 1],
        )

    def facts(self, index: int) -> dict[str, Any]:
        """What made a pass, for people and provenance."""
        made = self.passes[: index + 1]
        shown = self.control is not None and any(each.controlled for each in made)
        video = self.models.facts.video
        return {
            "group_frames": 1 if video is None else video.scale.time,
            "generation": self.models.checkpoint.identity.generation,
            "precision": str(self.models.compute),
            "seed": self.request.seed,
            "size": [int(side * self.passes[index].scale) for side in self.request.size.generated],
            "passes": [_told(each) for each in made],
            "keyframes": sorted(keyframe.frame for keyframe in self.request.keyframes),
            "control": list(self.settings.control) if shown else None,
            "driven": is_driven(self.request),
            **({"retakes": self.retake.ranges} if self.retake else {}),
        }

    def _seen(self) -> ClipRequest:
        """The shot with the pictures that it is made to pass through, in a retake those within."""
        if self.retake is None:
            return self.request
        within = tuple(each for each in self.request.keyframes if self.retake.remakes(each.frame))
        return replace(self.request, keyframes=within)

    @property
    def _hears(self) -> bool:
        audio = self.models.facts.audio
        return audio is not None and audio.encodes

    def _controls(self, index: int) -> tuple[Control, ...]:
        settings = self.passes[index]
        if self.control is None or self.staged is None or not settings.controlled:
            return ()
        width, height = (int(side * settings.scale) for side in self.request.size.generated)
        return self.control.clip(self.staged, self.span, (width, height))


def shot_span(
    request: ClipRequest, models: Models, before: PreviousShot | None, beyond: int = 0
) -> ShotSpan:
    """The frames that a model makes for a shot; at least so many beyond its own.

    Raises:
        InputError: The model shows nothing, or its sizes are others.
    """
    video = models.facts.video
    if video is None:
        raise InputError(
            "These weights show nothing: they have no video.",
            "Name a checkpoint that has the video transformer with --checkpoint.",
        )
    factors = {"width": video.scale.width, "height": video.scale.height}
    for side, (name, factor) in zip(request.size.generated, factors.items(), strict=True):
        if side % factor:
            raise InputError(
                f"A {name} of {side} pixels cannot be made: these weights take multiples of "
                f"{factor}.",
                f"Give the film a {name} of {-(-side // factor) * factor}.",
                where=f"film.size: {name}",
            )
    delivered = None if before is None else before.delivered
    return ShotSpan.of(request.frames, video.scale.time, delivered, beyond)


def _told(settings: Pass) -> dict[str, Any]:
    return {
        "steps": len(settings.sigmas) - 1,
        "scale": str(settings.scale),
        "sampler": str(settings.sampler),
        "guidance": settings.video_guider.cfg_scale,
        "loras": [[lora.path.name, lora.strength] for lora in settings.loras],
    }
