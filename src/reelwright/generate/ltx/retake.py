"""A range of a clip made again: all else of it stays to the bit.

In latents, what is kept is the clip's own; in frames and sound, what lies outside the range is
taken from the clip itself, not from what the new latents decode to.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from reelwright.audio import Audio, AudioWriter
from reelwright.engine import ModelFacts, Source
from reelwright.errors import InputError, MediaError
from reelwright.frames import FrameKind, Frames, FrameWriter, concat_frames, slice_frames
from reelwright.generate.clip import Clip
from reelwright.generate.large import LARGE, large_frames
from reelwright.generate.ltx.decode import decode_clip
from reelwright.generate.ltx.driven import is_driven
from reelwright.generate.ltx.in_shot import in_shot
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.previous import MODEL_SOUND
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.span import ShotSpan
from reelwright.generate.part import ProgressPart
from reelwright.generate.request import ClipRequest
from reelwright.models import WeightSet
from reelwright.progress import NO_PROGRESS, Progress

_DECODE_SHARE = 0.85
_FADE_S = 0.01
"""From what was heard to what is heard now, on the range's own side of its border."""

_BLOCK = 1 << 16
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class RetakeSource:
    """The clip of which a range is made again, as latents.

    Attributes:
        passes: What its passes made, up to the one that is made anew.
        first: First frame of the shot that is made again.
        stop: First frame that is kept again.
        driven: Whether a given sound drives the shot: it is kept.
    """

    passes: tuple[ShotLatents, ...]
    first: int
    stop: int
    driven: bool

    @classmethod
    def load(cls, request: ClipRequest, folders: Sequence[Path]) -> RetakeSource | None:
        """Open it; None where nothing is made again.

        Args:
            request: The shot.
            folders: Of its passes, up to the one that is made anew.

        Raises:
            MediaError: There are none, or they are of another clip.
            InputError: The shot has no such range.
        """
        if request.retake is None:
            return None
        passes = tuple(ShotLatents.load(folder) for folder in folders)
        first, stop = request.retake
        if not 0 <= first < stop <= request.frames.generated:
            raise InputError(
                f"There are no frames {first} to {stop - 1} in a clip of "
                f"{request.frames.generated}.",
                "Retake a range within the clip.",
            )
        if not passes or passes[-1].span.shown != request.frames.generated:
            raise MediaError(
                "What is to be retaken is of another clip.", "Make the shot's clip again."
            )
        return cls(passes, first, stop, is_driven(request))

    @property
    def span(self) -> ShotSpan:
        """Frames of the model's clip."""
        return self.passes[-1].span

    @property
    def ranges(self) -> list[list[int]]:
        """Every range that was made again, the newest last; frames of the shot."""
        before = self.passes[-1].facts.get("retakes", ())
        return [*(list(each) for each in before), [self.first, self.stop]]

    def remakes(self, frame: int) -> bool:
        """Whether a frame of the shot is made again."""
        return self.first <= frame < self.stop

    def source(self, frame_rate: Fraction, facts: ModelFacts) -> Source:
        """The clip in the engine's terms.

        What the engine makes again is all that overlaps a range: the range handed to it lies so
        far within that only what is wholly inside the asked one overlaps it.
        """
        tail, rate = self.span.tail, float(frame_rate)
        start_s, stop_s = (tail + self.first) / rate, (tail + self.stop) / rate
        quarter = 0.25 / rate
        latents = [each.made.video for each in self.passes]
        return Source(
            tuple(latent for latent in latents if latent is not None),
            self.passes[-1].made.audio,
            (start_s + quarter, stop_s - quarter),
            None if self.driven else self._heard(start_s, stop_s, facts),
        )

    def _heard(
        self, start_s: float, stop_s: float, facts: ModelFacts
    ) -> tuple[float, float] | None:
        if facts.audio is None:
            return None
        latent_s = 1 / facts.audio.scale.latents_per_second - 1e-4
        ends = self.span.tail + self.stop == self.span.total
        span = (
            start_s + latent_s if self.span.tail + self.first else 0.0,
            stop_s + latent_s if ends else stop_s - latent_s,
        )
        return span if span[0] < span[1] else None


def decode_retake(
    request: ClipRequest,
    latents: Path,
    source: Path,
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
    """Decode a clip of which a range was made again.

    Args:
        request: The shot, with its range.
        latents: Folder of `draft_clip` or `refine_clip`.
        source: Folder of the decoded clip that the range is of; outside the range, its frames and
            its sound are the result's, bit for bit.
        previous: Folder of the decoded clip that the shot continues.
        weights: What made it.
        settings: How.
        out: The clip's folder; see `decode_clip`.
        device: Where it computes.
        progress: Told of frames; may raise `Cancelled`.
        digests: Of the weights' files, for provenance.
        large: As for `decode_clip`; `source` has larger frames too then.

    Raises:
        MediaError: `source` is of another size or length.
        InputError: As for `decode_clip`, as all others.
    """
    scratch = out / ".anew"
    part = ProgressPart(progress, 0.0, _DECODE_SHARE)
    try:
        anew = decode_clip(
            request, latents, previous, weights, settings, scratch,
            device=device, progress=part, digests=digests, large=large,
        )  # fmt: skip
        with in_shot(request.shot):
            before = Clip.load(source)
            joined = _joined(anew, before, request, out)
            saved = joined.save(out, ProgressPart(progress, _DECODE_SHARE, 1.0))
            _join_large(
                (large_frames(source, before), large_frames(scratch, anew)), request, out / LARGE
            )
            return saved
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _joined(anew: Clip, source: Clip, request: ClipRequest, out: Path) -> Clip:
    """The clip with the range from `anew`, and all else its own."""
    if request.retake is None or anew.frames.shape != source.frames.shape:
        raise MediaError("What is to be retaken is of another clip.", "Make the shot's clip again.")
    frames = _with_range(source.frames, anew.frames, request.retake)
    stems = dict(source.stems)
    if MODEL_SOUND in stems and MODEL_SOUND in anew.stems and not is_driven(request):
        rate = request.frame_rate
        start, end = (round(frame / rate * anew.sample_rate) for frame in request.retake)
        target = out / "stems" / f"{MODEL_SOUND}.wav"
        stems[MODEL_SOUND] = _spliced(
            stems[MODEL_SOUND], anew.stems[MODEL_SOUND], (start, end), target
        )
    return replace(anew, frames=frames, stems=stems, file=None, start=0)


def _with_range(kept: Frames, anew: Frames, span: tuple[int, int]) -> Frames:
    """Frames, of which a range is from others."""
    first, stop = span
    parts = [(kept, 0, first), (anew, first, stop), (kept, stop, len(kept))]
    return concat_frames([slice_frames(frames, a, b) for frames, a, b in parts if a < b])


def _join_large(
    pictures: tuple[Frames | None, Frames | None], request: ClipRequest, target: Path
) -> None:
    """The larger frames beside the clip, where both have them."""
    kept, anew = pictures
    if request.retake is None or anew is None:
        return
    if kept is None or kept.shape != anew.shape:
        raise MediaError(
            "What is to be retaken has no larger pictures.", "Make the shot's clip again."
        )
    size = (int(anew.shape[2]), int(anew.shape[1]))
    with FrameWriter(target, FrameKind.COLOR8, size) as writer:
        for chunk in _with_range(kept, anew, request.retake).chunks(_CHUNK):
            writer.write(chunk)


def _spliced(source: Audio, anew: Audio, span: tuple[int, int], target: Path) -> Audio:
    """A sound with a range from another one; it fades over within the range."""
    start, stop = span
    fade = max(1, min(round(_FADE_S * source.sample_rate), (stop - start) // 2))
    target.parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(target) as writer:
        for at in range(0, source.num_samples, _BLOCK):
            count = min(_BLOCK, source.num_samples - at)
            places = np.arange(at, at + count)
            rises = np.ones(count) if not start else (places - start + 1) / fade
            falls = np.ones(count) if stop >= source.num_samples else (stop - places) / fade
            share = np.clip(np.minimum(rises, falls), 0.0, 1.0).astype(np.float32)
            share[(places < start) | (places >= stop)] = 0.0
            kept, new = source.read(at, count), anew.read(at, count)
            writer.write(np.where(share > 0, kept + (new - kept) * share, kept))
    return Audio.open(target)
