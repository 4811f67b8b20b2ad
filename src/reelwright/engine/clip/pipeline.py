"""One pipeline for every clip: lay it out, make each pass, hand out latents.

Text-to-video, picture-to-video, first and last frame, sound-to-video, retake and control run
through these same lines; they differ in the request's values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_plan import plan_clip
from reelwright.engine.clip.clip_request import ClipRequest, Sound
from reelwright.engine.clip.clip_state import ClipState, PassLatents, clip_digest, fingerprint
from reelwright.engine.clip.pass_run import PassRun, Watch
from reelwright.errors import InputError


@dataclass(frozen=True, slots=True)
class ClipLatents:
    """A clip that is made, not yet decoded.

    Attributes:
        video: Normalised, float32, on the CPU; None where nothing is seen.
        audio: The same of its sound; None where nothing is heard.
        frame_rate: Frames per second.
        seed: Of its noise.
        sound: The waveform that it was made for, which is its sound unchanged; None if its sound
            was made.
        passes: What each pass made.
        notes: What its maker should know.
    """

    video: Float[Tensor, "1 C F H W"] | None
    audio: Float[Tensor, "1 D L M"] | None
    frame_rate: float
    seed: int
    sound: Sound | None
    passes: tuple[PassLatents, ...]
    notes: tuple[str, ...] = ()


@torch.no_grad()
def make_clip(
    request: ClipRequest,
    models: Models,
    *,
    watch: Watch = lambda step: None,
    resume: ClipState | None = None,
) -> ClipLatents:
    """Make a clip.

    Args:
        request: What it should be.
        models: What makes it.
        watch: Called after each step.
        resume: A state of the same clip to go on from. On what it was computed on, the result is
            that of a run never interrupted, bit for bit; elsewhere a note says that it may not be.

    Raises:
        InputError: The request cannot be made by this model, or `resume` is of another clip;
            nothing has been computed then.
        CheckpointError: A part of the model is missing.
        NumericsError: A pass ended in numbers that are not finite.
        Cancelled: Raised by `watch`.
    """
    plan = plan_clip(request, models.facts)
    digest, here = clip_digest(request, models), fingerprint(models)
    notes = () if resume is None else _check_resume(resume, digest, here)
    finished = [] if resume is None else list(resume.finished)
    for index in range(len(finished), len(plan.passes)):
        run = PassRun(request, plan, models, index, tuple(finished), (digest, here))
        finished.append(run.make(watch, resume))
        resume = None
    last = finished[-1]
    return ClipLatents(
        last.video,
        last.audio,
        request.frame_rate,
        request.seed,
        request.sound,
        tuple(finished),
        notes,
    )


def _check_resume(state: ClipState, digest: str, here: str) -> tuple[str, ...]:
    """Refuse the state of another clip; note that of another computer."""
    if state.digest != digest:
        raise InputError(
            "The saved state is of another clip: the request or the model has changed.",
            "Ask for the clip that it was saved of, or make this one from its beginning.",
        )
    if state.fingerprint == here:
        return ()
    return (
        f"The clip was begun on {state.fingerprint} and is finished on {here}: its last digits "
        "may differ from those of a run on one of them alone.",
    )
