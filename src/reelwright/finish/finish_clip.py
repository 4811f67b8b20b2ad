"""`finish_clip`: a clip as the film shows it, in size and length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.audio import SAMPLE_RATE, Audio, AudioWriter
from reelwright.errors import MediaError
from reelwright.finish.picture import conform, is_unchanged
from reelwright.frames import FrameKind, FrameWriter, open_frames, slice_frames
from reelwright.generate.clip import Clip, SoundCue
from reelwright.generate.linking import link_or_copy
from reelwright.generate.part import ProgressPart
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.shapes import GenerationSize

FINISH_VERSION = 1
"""Raised whenever the same clip would be finished differently."""

_CHUNK_FRAMES = 8
_BLOCK_SAMPLES = 1 << 16
_PICTURE_SHARE = 0.95


def finish_clip(
    clip: Clip,
    size: GenerationSize,
    num_frames: int,
    out: Path,
    progress: Progress = NO_PROGRESS,
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
        picture = ProgressPart(progress, 0.0, _PICTURE_SHARE)
        shown = _encoded(shown, size, out / "frames.mkv", picture)
    num_samples = round(num_frames / clip.frame_rate * SAMPLE_RATE)
    finished = replace(
        shown,
        stems={
            name: _trimmed(stem, num_samples, out / "stems" / f"{name}.wav")
            for name, stem in sorted(clip.stems.items())
        },
        cues=_trimmed_cues(clip.cues, num_samples / SAMPLE_RATE),
        provenance=dict(clip.provenance) | {"finish": _provenance(size, num_frames)},
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


def _encoded(clip: Clip, size: GenerationSize, target: Path, progress: Progress) -> Clip:
    """The clip with its pictures changed, in a file of its own."""
    kind = FrameKind.COLOR16 if clip.frames.dtype == "uint16" else FrameKind.COLOR8
    done = 0
    with FrameWriter(target, kind, size.delivered) as writer:
        for chunk in clip.frames.chunks(_CHUNK_FRAMES):
            writer.write(conform(chunk, size))
            done += len(chunk)
            progress.step(done / clip.num_frames, f"frame {done} of {clip.num_frames}")
    return replace(clip, frames=open_frames(target), file=target, start=0)


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


def _provenance(size: GenerationSize, num_frames: int) -> dict[str, Any]:
    return {
        "version": FINISH_VERSION,
        "fit": size.fit,
        "size": list(size.delivered),
        "box": list(size.crop_box if size.fit == "crop" else size.pad_box),
        "num_frames": num_frames,
    }
