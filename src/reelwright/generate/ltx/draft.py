"""The passes of a shot: the draft, and what refines it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from reelwright.errors import MediaError
from reelwright.generate.ltx.in_shot import in_shot
from reelwright.generate.ltx.latents import ShotLatents, hand_on
from reelwright.generate.ltx.making import ShotMaking
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.request import ClipRequest
from reelwright.models import WeightSet
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.stage import StagedShot


@torch.no_grad()
def draft_clip(
    request: ClipRequest,
    words: Path,
    staged: StagedShot | None,
    previous: Path | None,
    weights: WeightSet,
    settings: LtxSettings,
    out: Path,
    *,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
    sources: Sequence[Path] = (),
) -> None:
    """Make a shot's first pass: half as large where it can be refined, else the whole clip.

    A run that was cut short goes on from `out/state.safetensors`; on the machine that it was begun
    on, the result is the same to the bit.

    Args:
        request: The shot.
        words: Folder of `read_words`.
        staged: The shot as staged; None for words alone.
        previous: Folder of the decoded clip that this one continues.
        weights: What makes it.
        settings: How.
        out: Folder to write to: `latents.safetensors` and, last, `pass.json`.
        device: Where it computes.
        progress: Told after each step, with a picture every few seconds; may raise `Cancelled`.
        sources: Folder of the draft of which `request.retake` is made again.

    Raises:
        InputError: The weights cannot make this shot, with the mend; nothing has been computed.
        CheckpointError: A part of the model is missing.
        NumericsError: It ended in numbers that are not finite.
        ResourceError: Memory or disk is short.
    """
    with in_shot(request.shot):
        out.mkdir(parents=True, exist_ok=True)
        making = ShotMaking.open(request, staged, previous, weights, settings, device, sources)
        making.make(0, words, (), out, progress)
        progress.step(1.0, "draft made")


@torch.no_grad()
def refine_clip(
    request: ClipRequest,
    words: Path,
    staged: StagedShot | None,
    previous: Path | None,
    draft: Path,
    weights: WeightSet,
    settings: LtxSettings,
    out: Path,
    *,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
    sources: Sequence[Path] = (),
) -> None:
    """Refine a shot's draft; a draft of full size, which nothing refines, is handed on as it is.

    Draft and refine are the passes of one clip: apart or together they make the same latents.

    Args:
        request: The shot, as it was drafted.
        words: Folder of `read_words`.
        staged: The shot as staged; None for words alone.
        previous: Folder of the decoded clip that this one continues.
        draft: Folder of `draft_clip`.
        weights: What makes it.
        settings: How.
        out: Folder to write to: `latents.safetensors` and, last, `pass.json`.
        device: Where it computes.
        progress: Told after each step, with a picture every few seconds; may raise `Cancelled`.
        sources: Folders of the draft and the refined clip of which `request.retake` is made again.

    Raises:
        MediaError: The draft is missing, or of another shot.
        InputError: As for `draft_clip`, as all others.
    """
    with in_shot(request.shot):
        out.mkdir(parents=True, exist_ok=True)
        drafted = ShotLatents.load(draft)
        if not drafted.is_draft:
            hand_on(draft, out)
            progress.step(1.0, "there is nothing to refine")
            return
        making = ShotMaking.open(request, staged, previous, weights, settings, device, sources)
        if (drafted.span, drafted.count) != (making.span, len(making.passes)):
            raise MediaError(
                "The draft was made for another clip.", "Draft the shot again.", where=str(draft)
            )
        making.make(drafted.index + 1, words, (drafted.made,), out, progress)
        progress.step(1.0, "draft refined")
