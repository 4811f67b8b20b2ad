"""`finish_clip`: a clip as the film shows it, in size and length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.audio import SAMPLE_RATE, Audio, AudioWriter
from reelwright.errors import MediaError
from reelwright.finish.picture import Pictures, conform, enlarge, is_unchanged
from reelwright.frames import FrameKind, Frames, FrameWriter, open_frames, slice_frames
from reelwright.generate.clip import Clip, SoundCue
from reelwright.generate.linking import link_or_copy
from reelwright.generate.part import ProgressPart
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.shapes import GenerationSize, Size

FINISH_VERSION = 1
"""Raised whenever the same clip would be finished differently."""

_CHUNK_FRAMES = 8
_BLOCK_SAMPLES = 1 << 16
_PICTURE_SHARE = 0.95
_OWN_SHARE = 0.3
"""Of the pictures' time, where they are enlarged too."""

ENLARGED = "enlarged.mkv"
"""The clip's pictures as a film shows them that is delivered larger than it is made."""


def finish_clip(
    clip: Clip,
    size: GenerationSize,
    num_frames: int,
    out: Path,
    progress: Progress = NO_PROGRESS,
    *,
    enlarged: Size | None = None,
    large: Frames | None = None,
) -> Clip:
    """Cut or pad a clip to the delivered size, and trim it to the delivered length.

    Where size and pictures stay as they are, nothing is encoded: the file is linked and the trim
    stands in the manifest.

    Args:
        clip: A clip of the generated size.
        size: Both sizes, and how one becomes the other.
        num_frames: Frames that the film shows.
        out: Folder to write to; made if missing.
        progress: Told of frames.
        enlarged: A larger size that the film is delivered in: its pictures lie beside the clip,
            see `delivered_frames`.
        large: Pictures that they are taken from, of the same frames, a whole number of times the
            clip's size; None for the clip's own.

    Returns:
        The clip as it lies in `out`; its stems last round(num_frames / frame_rate x 48000) samples.

    Raises:
        MediaError: The clip is of another size, or shorter than what is delivered.
        ResourceError: The disk is full.
    """
    _check(clip, size, num_frames)
    out.mkdir(parents=True, exist_ok=True)
    shown = replace(clip, frames=slice_frames(clip.frames, 0, num_frames))
    if not is_unchanged(size):
        share = _PICTURE_SHARE * (1.0 if enlarged is None else _OWN_SHARE)
        picture = ProgressPart(progress, 0.0, share)
        frames = _encoded(
            shown.frames, size.delivered, lambda chunk: conform(chunk, size), out / "frames.mkv",
            picture,
        )  # fmt: skip
        shown = replace(shown, frames=frames, file=out / "frames.mkv", start=0)
    if enlarged is not None:
        target, source = enlarged, clip.frames if large is None else large
        picture = ProgressPart(progress, _PICTURE_SHARE * _OWN_SHARE, _PICTURE_SHARE)
        _encoded(
            slice_frames(source, 0, num_frames), target,
            lambda chunk: enlarge(chunk, size, target), out / ENLARGED, picture,
        )  # fmt: skip
    num_samples = round(num_frames / clip.frame_rate * SAMPLE_RATE)
    finished = replace(
        shown,
        stems={
            name: _trimmed(stem, num_samples, out / "stems" / f"{name}.wav")
            for name, stem in sorted(clip.stems.items())
        },
        cues=_trimmed_cues(clip.cues, num_samples / SAMPLE_RATE),
        provenance=dict(clip.provenance) | {"finish": _provenance(size, num_frames, enlarged)},
    ).save(out, progress)
    progress.step(1.0, f"{num_frames} frames finished")
    return finished


def _check(clip: Clip, size: GenerationSize, num_frames: int) -> None:
    if clip.size != size.generated:
        raise MediaError(
            f"The clip is {clip.size[0]}x{clip.size[1]}; {size.generated[0]}x{size.generated[1]} "
            "should have been generated.",
            "Generate the shot again.",
            where=str(clip.file or ""),
        )
    if not 1 <= num_frames <= clip.num_frames:
        raise MediaError(
            f"{num_frames} frames should be delivered of a clip that has {clip.num_frames}.",
            "Generate the shot again.",
            where=str(clip.file or ""),
        )


def delivered_frames(clip: Clip, folder: Path, size: Size) -> Frames:
    """The pictures of a finished clip as the film shows them.

    Args:
        clip: It.
        folder: Where it lies.
        size: Of the film; larger than the clip's where it was enlarged.

    Raises:
        MediaError: It was not finished for that size.
    """
    frames = clip.frames if clip.size == size else open_frames(folder / ENLARGED)
    if (frames.shape[2], frames.shape[1]) != size or frames.shape[0] != clip.num_frames:
        raise MediaError(
            f"The clip's pictures are {frames.shape[2]}x{frames.shape[1]}; the film is "
            f"{size[0]}x{size[1]}.",
            "Finish the clip again.",
            where=str(folder),
        )
    return frames


def _encoded(
    frames: Frames,
    size: Size,
    change: Callable[[Pictures], Pictures],
    target: Path,
    progress: Progress,
) -> Frames:
    """Pictures that were changed, in a file of their own; a few at a time."""
    kind = FrameKind.COLOR16 if frames.dtype == "uint16" else FrameKind.COLOR8
    done, count = 0, int(frames.shape[0])
    with FrameWriter(target, kind, size) as writer:
        for chunk in frames.chunks(_CHUNK_FRAMES):
            writer.write(change(chunk))
            done += len(chunk)
            progress.step(done / count, f"frame {done} of {count}")
    return open_frames(target)


def _trimmed(stem: Audio, num_samples: int, target: Path) -> Audio:
    """The stem, cut or lengthened with silence to so many samples."""
    if stem.num_samples == num_samples:
        link_or_copy(stem.path, target)
    else:
        with AudioWriter(target, stem.sample_rate, stem.num_channels) as writer:
            for start in range(0, num_samples, _BLOCK_SAMPLES):
                writer.write(stem.read(start, min(_BLOCK_SAMPLES, num_samples - start)))
    return Audio.open(target)


def _trimmed_cues(cues: tuple[SoundCue, ...], stop_s: float) -> tuple[SoundCue, ...]:
    return tuple(
        replace(cue, stop_s=min(cue.stop_s, stop_s)) for cue in cues if cue.start_s < stop_s
    )


def _provenance(size: GenerationSize, num_frames: int, enlarged: Size | None) -> dict[str, Any]:
    return {
        **({} if enlarged is None else {"enlarged": list(enlarged)}),
        "version": FINISH_VERSION,
        "fit": size.fit,
        "size": list(size.delivered),
        "box": list(size.crop_box if size.fit == "crop" else size.pad_box),
        "num_frames": num_frames,
    }
