"""One plain sentence for each stage: why it runs like this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwright.plan.capabilities import Backend
from reelwright.plan.digests import FileUse
from reelwright.shapes import GenerationSize, ShotFrames

if TYPE_CHECKING:
    from reelwright.storyboard import Film, Music, Prop, Scene, Shot

_CODECS = {
    "mp4": "H.264 and AAC",
    "mov": "ProRes and PCM",
    "mkv": "FFV1 and FLAC, lossless",
    "png": "a folder of PNG pictures",
    "exr": "a folder of EXR pictures",
    "wav": "the sound alone",
}


class Whys:
    """The sentences, by kind of stage."""

    @staticmethod
    def asset(name: str, prop: Prop, files: Sequence[FileUse]) -> str:
        """For a prop."""
        if prop.file is None:
            return f'"{name}" is a built-in {prop.shape}.'
        size = sum(use.identity[1] for use in files)
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        return f'"{name}" is read from {prop.file}{more} ({_bytes(size)}).'

    @staticmethod
    def stage(scene: Scene) -> str:
        """For a staged shot."""
        width, height = scene.size.generated
        count = _count(len(scene.props), "prop")
        return (
            f"{scene.frames.generated} frames of {width}x{height} with {count} are drawn by the "
            "built-in stage, which needs no GPU."
        )

    @staticmethod
    def keyframes(requests: Sequence[tuple[int, float]]) -> str:
        """For keyframes."""
        frames = ", ".join(str(frame) for frame, _ in requests[:6])
        return f"Staged frames are kept as pictures to look at: {frames}."

    @staticmethod
    def generate(shot: Shot, scene: Scene | None, backend: Backend) -> str:
        """For a clip."""
        sounds = f", with {_count(len(shot.audio), 'placed sound')}" if shot.audio else ", silent"
        if scene is None:
            return f"A slate: the shot has words alone, and no video model is installed{sounds}."
        return f"The {backend.name} takes the staged frames as they are{sounds}."

    @staticmethod
    def finish(size: GenerationSize, frames: ShotFrames) -> str:
        """For a finished clip."""
        parts = []
        if size.delivered != size.generated:
            (width, height), (full_width, full_height) = size.delivered, size.generated
            how = "Cropped" if size.fit == "crop" else "Fitted"
            parts.append(f"{how} from {full_width}x{full_height} to {width}x{height}")
        if frames.trimmed:
            verb = "trimmed" if parts else "Trimmed"
            parts.append(f"{verb} from {frames.generated} to {frames.delivered} frames")
        return f"{' and '.join(parts)}." if parts else "Its size and length are right already."

    @staticmethod
    def quality(scene: Scene | None) -> str:
        """For a shot's measures."""
        if scene is None:
            return "Measured by itself: nothing is staged that it could be held against."
        return "Measured against the stage, before the encoder."

    @staticmethod
    def mix(film: Film, shots: Sequence[Shot], music: Sequence[Music]) -> str:
        """For the film's sound."""
        placed = sum(len(shot.audio) for shot in shots)
        if not placed and not music:
            return "Silence: no sound is placed and there is no music."
        parts = [_count(placed, "placed sound"), _count(len(music), "piece of music")]
        return (
            f"{' and '.join(parts)}, to {film.finish.loudness_lufs:g} LUFS under "
            f"{film.finish.true_peak_db:g} dBTP."
        )

    @staticmethod
    def mux(film: Film, shots: Sequence[Shot]) -> str:
        """For the film's file."""
        kind = film.output.format
        return f"{_count(len(shots), 'shot')} as {kind}: {_CODECS.get(kind, kind)}."

    @staticmethod
    def report(shots: Sequence[Shot]) -> str:
        """For the report."""
        return f"What was measured of {_count(len(shots), 'shot')} and of the file, as one page."


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    head, _, tail = noun.partition(" of ")
    return f"{number or 'no'} {head}s of {tail}" if tail else f"{number or 'no'} {noun}s"


def _bytes(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"
