"""From a shot's latents to its clip."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from reelwright.audio import Audio
from reelwright.engine import ClipLatents, Models, Sound, decode_frames, decode_sound
from reelwright.errors import InputError, MediaError
from reelwright.frames import FrameKind, FrameWriter, open_frames
from reelwright.generate.clip import Clip
from reelwright.generate.ltx.color_anchor import ColorAnchor
from reelwright.generate.ltx.driven import driving_sound, is_driven, undriven
from reelwright.generate.ltx.in_shot import in_shot
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.model_sound import write_model_sound
from reelwright.generate.ltx.previous import MODEL_SOUND, PreviousShot
from reelwright.generate.ltx.provenance import clip_provenance, unheard
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.shown import anchor_to, finished, first_frames, split_tail
from reelwright.generate.part import ProgressPart
from reelwright.generate.placed import write_placed
from reelwright.generate.request import ClipRequest
from reelwright.models import WeightSet
from reelwright.progress import NO_PROGRESS, Progress

_PICTURE_SHARE, _SOUND_SHARE = 0.8, 0.9


def decode_clip(
    request: ClipRequest,
    latents: Path,
    previous: Path | None,
    weights: WeightSet,
    settings: LtxSettings,
    out: Path,
    *,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
    digests: Mapping[str, str] | None = None,
) -> Clip:
    """Decode a shot's latents into its clip.

    What it begins with of the shot before is dropped, and what was made beyond the shot's frames.
    Its colours are moved a little to those of the shot before (see `ColorAnchor`). A draft is
    scaled up, and called one.

    Args:
        request: The shot.
        latents: Folder of `draft_clip` or `refine_clip`.
        previous: Folder of the decoded clip that this one continues.
        weights: What made it.
        settings: How.
        out: The clip's folder: `frames.mkv`, the stems `generated` (what the model made to be
            heard, or was given to make the picture for) and `placed`, and, last, `clip.json`.
        device: Where it computes.
        progress: Told of frames; may raise `Cancelled`.
        digests: Of the weights' files, for provenance.

    Returns:
        The clip as it lies in `out`.

    Raises:
        MediaError: There are no latents, or they are of another shot.
        AssetError: A sound file that cannot be used.
        InputError: A pixel refiner is asked for.
        ResourceError: Memory or disk is short.
    """
    with in_shot(request.shot):
        _refuse_refiner(weights)
        out.mkdir(parents=True, exist_ok=True)
        made = ShotLatents.load(latents)
        before = None if previous is None else PreviousShot.load(previous)
        _check(request, made, before, latents)
        models = open_models(weights, device, settings.precision)
        sound: Sound | None = None
        lost: tuple[str, ...] = ()
        if is_driven(request):
            sound, lost = driving_sound(request, made.span, before, out / ".driving")
        clip = _latents(request, made, sound)
        picture = ProgressPart(progress, 0.0, _PICTURE_SHARE)
        anchor = _write_frames(clip, models, made, before, request, out / "frames.mkv", picture)
        progress.step(_PICTURE_SHARE, "decoding the sound")
        heard = _write_sound(clip, models, made, request, out)
        mixing = ProgressPart(progress, _SOUND_SHARE, 1.0)
        placed = write_placed(undriven(request), out, mixing)
        stems = {MODEL_SOUND: heard, "placed": placed.stem}
        silence = (*unheard(request, placed, weights, hears=heard is not None), *lost)
        saved = Clip(
            frames=open_frames(out / "frames.mkv"),
            frame_rate=request.frame_rate,
            stems={name: stem for name, stem in stems.items() if stem is not None},
            provenance=clip_provenance(request, made, weights, anchor, silence, digests or {}),
            cues=placed.cues,
            file=out / "frames.mkv",
        ).save(out)
        progress.step(1.0, "clip decoded")
        return saved


def _check(
    request: ClipRequest, made: ShotLatents, before: PreviousShot | None, latents: Path
) -> None:
    if made.span.shown != request.frames.generated or bool(made.span.tail) != (before is not None):
        raise MediaError(
            "These latents are of another clip.", "Make the shot's clip again.", where=str(latents)
        )


def _latents(request: ClipRequest, made: ShotLatents, sound: Sound | None) -> ClipLatents:
    rate = float(request.frame_rate)
    return ClipLatents(made.made.video, made.made.audio, rate, request.seed, sound, (made.made,))


@torch.no_grad()
def _write_frames(
    clip: ClipLatents,
    models: Models,
    made: ShotLatents,
    before: PreviousShot | None,
    request: ClipRequest,
    target: Path,
    progress: Progress,
) -> ColorAnchor | None:
    """Stream the frames to disk; a few of them are in memory beside what the codec decodes."""
    progress.step(0.0, "decoding the picture")
    anchor = None
    size, count = request.size.generated, made.span.shown
    decoded = cast("Generator[Tensor]", decode_frames(clip, models))
    # Closed here, not when it is collected: until then it holds the codec.
    with closing(decoded), FrameWriter(target, FrameKind.COLOR8, size) as writer:
        tail, stream = split_tail(decoded, made.span.tail)
        if tail is not None and before is not None:
            anchor = anchor_to(tail, before.pixels(made.span.tail))
        for frames in first_frames(stream, count):
            writer.write(finished(frames, size, anchor).numpy())
            done = writer.num_frames
            progress.step(done / count, f"frame {done} of {count}")
    if writer.num_frames != count:
        raise MediaError(
            f"The latents decode to {writer.num_frames} frames; the shot has {count}.",
            "Make the shot's clip again.",
        )
    return anchor


def _write_sound(
    clip: ClipLatents, models: Models, made: ShotLatents, request: ClipRequest, out: Path
) -> Audio | None:
    if clip.sound is None and clip.audio is None:
        return None
    sound = decode_sound(clip, models)
    if sound is None:
        return None
    path = out / "stems" / f"{MODEL_SOUND}.wav"
    return write_model_sound(sound, made.span, request.frame_rate, path)


def _refuse_refiner(weights: WeightSet) -> None:
    if weights.refiner is not None:
        raise InputError(
            "Pixel refiners cannot be applied yet.",
            "Render with `--tier standard`.",
            where=str(weights.refiner),
        )
