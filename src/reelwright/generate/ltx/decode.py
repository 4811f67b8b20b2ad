"""From a shot's latents to its clip."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from reelwright.audio import Audio
from reelwright.engine import (
    ClipLatents,
    Models,
    PixelUpscaler,
    Sound,
    Tiling,
    decode_frames,
    decode_sound,
)
from reelwright.errors import MediaError
from reelwright.frames import FrameKind, FrameWriter, open_frames
from reelwright.generate.clip import Clip
from reelwright.generate.large import LARGE
from reelwright.generate.ltx.color_anchor import ColorAnchor
from reelwright.generate.ltx.driven import driving_sound, is_driven, undriven
from reelwright.generate.ltx.in_shot import in_shot
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.model_sound import write_model_sound
from reelwright.generate.ltx.previous import MODEL_SOUND, PreviousShot
from reelwright.generate.ltx.provenance import clip_provenance, unheard
from reelwright.generate.ltx.refiner import open_refiner
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.shown import anchor_to, finished, first_frames, sized, split_tail
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
    large: bool = False,
) -> Clip:
    """Decode a shot's latents into its clip.

    What it begins with of the shot before is dropped, and what was made beyond the shot's frames.
    Its colours are moved a little to those of the shot before (see `ColorAnchor`). A draft is
    scaled up, and called one. With a pixel refiner every frame is refined at the refiner's scale
    and reduced again: sharper, its edges restored.

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
        large: Whether the refined frames are kept at the refiner's scale too, for a film that is
            enlarged (see `large_frames`).

    Returns:
        The clip as it lies in `out`.

    Raises:
        MediaError: There are no latents, or they are of another shot.
        AssetError: A sound file that cannot be used.
        CheckpointError: The pixel refiner's file is of something else.
        ResourceError: Memory or disk is short.
    """
    with in_shot(request.shot):
        out.mkdir(parents=True, exist_ok=True)
        made = ShotLatents.load(latents)
        before = None if previous is None else PreviousShot.load(previous)
        _check(request, made, before, latents)
        models = open_models(weights, device, settings.precision)
        refiner = open_refiner(weights.refiner, device, settings.precision)
        sound: Sound | None = None
        lost: tuple[str, ...] = ()
        if is_driven(request):
            sound, lost = driving_sound(request, made.span, before, out / ".driving")
        clip = _latents(request, made, sound)
        picture = ProgressPart(progress, 0.0, _PICTURE_SHARE)
        printer = _Printer(request.size.generated, refiner, out, large=large)
        tiling = models.tiling(other=settings.other_tiles)
        anchor = _write_frames(clip, models, tiling, made, before, printer, picture)
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
            provenance={
                **clip_provenance(request, made, weights, anchor, silence, digests or {}),
                "refiner": printer.facts,
            },
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


class _Printer:
    """Refines frames, brings them to size and writes them.

    Args:
        size: Width and height of the clip, pixels.
        refiner: None to leave them as they are.
        out: The clip's folder.
        large: Whether refined frames are written at their own size too.
    """

    def __init__(
        self, size: tuple[int, int], refiner: PixelUpscaler | None, out: Path, *, large: bool
    ) -> None:
        self._refiner = refiner
        self._writers = [(FrameWriter(out / "frames.mkv", FrameKind.COLOR8, size), size)]
        if large and refiner is not None:
            full = (size[0] * refiner.scale, size[1] * refiner.scale)
            self._writers.append((FrameWriter(out / LARGE, FrameKind.COLOR8, full), full))

    @property
    def facts(self) -> dict[str, object] | None:
        """For provenance."""
        if self._refiner is None:
            return None
        return {"scale": self._refiner.scale, "precision": str(self._refiner.compute)}

    @property
    def num_frames(self) -> int:
        """Frames written."""
        return self._writers[0][0].num_frames

    def writing(self) -> ExitStack:
        """Everything that is written to, to be closed together."""
        stack = ExitStack()
        for writer, _ in self._writers:
            stack.enter_context(writer)
        return stack

    def refined(self, frames: Tensor) -> Iterator[Tensor]:
        """Frames before they are brought to size; refined ones come one at a time."""
        if self._refiner is None:
            yield frames
            return
        for frame in torch.split(frames, 1):
            yield self._refiner.upscale(frame)

    def write(self, frames: Tensor, anchor: ColorAnchor | None) -> None:
        """Write frames."""
        for each in self.refined(frames):
            for writer, size in self._writers:
                writer.write(finished(each, size, anchor).numpy())


@torch.no_grad()
def _write_frames(
    clip: ClipLatents,
    models: Models,
    tiling: Tiling | None,
    made: ShotLatents,
    before: PreviousShot | None,
    printer: _Printer,
    progress: Progress,
) -> ColorAnchor | None:
    """Stream the frames to disk; a few of them are in memory beside what the codec decodes."""
    progress.step(0.0, "decoding the picture")
    anchor, count = None, made.span.shown
    decoded = cast("Generator[Tensor]", decode_frames(clip, models, tiling=tiling))
    # Closed here, not when it is collected: until then it holds the codec.
    with closing(decoded), printer.writing():
        tail, stream = split_tail(decoded, made.span.tail)
        if tail is not None and before is not None:
            size = (tail.shape[2], tail.shape[1])
            as_shown = torch.cat([sized(each, size) for each in printer.refined(tail)])
            anchor = anchor_to(as_shown, before.pixels(made.span.tail))
        for frames in first_frames(stream, count):
            printer.write(frames, anchor)
            done = printer.num_frames
            progress.step(done / count, f"frame {done} of {count}")
    if printer.num_frames != count:
        raise MediaError(
            f"The latents decode to {printer.num_frames} frames; the shot has {count}.",
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
