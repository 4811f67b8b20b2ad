"""One plain sentence for each stage: why it runs like this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwright.plan.capabilities import Backend
from reelwright.plan.digests import FileUse
from reelwright.plan.enlarging import Enlarged
from reelwright.plan.model_settings import ModelChoices
from reelwright.shapes import GenerationSize, ShotFrames

if TYPE_CHECKING:
    from reelwright.plan.sketch import Words
    from reelwright.storyboard import Film, Music, Prop, Scene, Shot

_GUESS = " until it has run here"
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
    def keyframes(
        requests: Sequence[tuple[int, float]],
        pictures: Sequence[tuple[int, float, FileUse]] = (),
    ) -> str:
        """For keyframes."""
        parts = []
        if requests:
            frames = ", ".join(str(frame) for frame, _ in requests[:6])
            parts.append(f"Staged frames are kept as pictures to look at: {frames}.")
        if pictures:
            own = ", ".join(f"{use.path} at {frame}" for frame, _, use in pictures[:6])
            parts.append(f"Pictures of your own: {own}.")
        return " ".join(parts)

    @staticmethod
    def generate(shot: Shot, scene: Scene | None, backend: Backend) -> str:
        """For a clip."""
        sounds = f", with {_count(len(shot.audio), 'placed sound')}" if shot.audio else ", silent"
        if scene is None:
            return f"A slate: the shot has words alone{sounds}."
        return f"The {backend.name} takes the staged frames as they are{sounds}."

    @staticmethod
    def prompt(words: Words) -> str:
        """For a shot's words, with what was added to them and what left out."""
        count = _count(len(words.text.split()), "word")
        return " ".join([f"The text encoder reads {count}.", *words.notes])

    @staticmethod
    def draft(backend: Backend, choices: ModelChoices, *, half: bool, continues: bool) -> str:
        """For a first pass."""
        size = "half size" if half else "full size"
        parts = [f"{choices.num_steps(0)} steps at {size} with the {backend.label} weights"]
        if choices.control != "none":
            parts.append(f"every frame steered by the staged {choices.control}")
        if continues:
            parts.append("going on from the clip before")
        if not half:
            parts.append("one pass, since there is no latent upsampler")
        return f"{', '.join(parts)}; time is a guess{_GUESS}."

    @staticmethod
    def refine(choices: ModelChoices) -> str:
        """For a second pass."""
        return (
            f"The draft at twice its size, refined in {choices.num_steps(1)} steps; time is a "
            f"guess{_GUESS}."
        )

    @staticmethod
    def decode(tier: str, *, half: bool, refined: bool) -> str:
        """For a clip."""
        if half:
            return f"The draft's pictures and sound, scaled up; time is a guess{_GUESS}."
        more = ", and the pixel refiner over it" if refined else ""
        return f"Pictures and sound of the {tier}{more}; time is a guess{_GUESS}."

    @staticmethod
    def finish(size: GenerationSize, frames: ShotFrames, enlarged: Enlarged | None = None) -> str:
        """For a finished clip."""
        parts = []
        if size.delivered != size.generated:
            (width, height), (full_width, full_height) = size.delivered, size.generated
            how = "Cropped" if size.fit == "crop" else "Fitted"
            parts.append(f"{how} from {full_width}x{full_height} to {width}x{height}")
        if frames.trimmed:
            verb = "trimmed" if parts else "Trimmed"
            parts.append(f"{verb} from {frames.generated} to {frames.delivered} frames")
        if enlarged is not None:
            width, height = enlarged.size
            source = "the refined pictures" if enlarged.refined else "its own pixels, by Lanczos"
            verb = "enlarged" if parts else "Enlarged"
            parts.append(f"{verb} to {width}x{height} from {source}")
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
