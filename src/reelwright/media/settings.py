"""How a film is delivered: the formats, their settings, and the parts it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reelwright.errors import SettingError

if TYPE_CHECKING:
    from reelwright.frames import Frames
    from reelwright.media.provenance import Provenance

SAMPLE_RATE = 48_000
"""Samples per second of every film."""

CRF_RANGE = (1, 51)
"""H.264 qualities, finest first. (0 is lossless in a profile that few players know: use mkv.)"""

PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast",
    "medium", "slow", "slower", "veryslow",
)  # fmt: skip
"""How long x264 thinks for a smaller file, quickest first."""


class FilmFormat(StrEnum):
    """What a film is written as."""

    MP4 = "mp4"
    """H.264 and AAC: plays everywhere."""

    MOV = "mov"
    """ProRes 422 HQ (10 bit) and 24-bit PCM: for an editor."""

    MKV = "mkv"
    """FFV1 and FLAC: every pixel and sample as it was made."""

    PNG = "png"
    """A folder of pictures, 8 or 16 bit, with a WAV beside them."""

    EXR = "exr"
    """A folder of pictures in linear light, half float, with a WAV beside them."""

    WAV = "wav"
    """The sound alone, 24 bit."""

    @property
    def is_sequence(self) -> bool:
        """Whether it is a folder of pictures."""
        return self in (FilmFormat.PNG, FilmFormat.EXR)


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How a film is written.

    Attributes:
        format: What it is written as.
        frame_rate: Frames per second, exact.
        crf: H.264 quality, 1 to 51; 16 cannot be told from the source by eye.
        preset: One of `PRESETS`; a slower one makes a smaller file of the same quality.
        audio_kbps: AAC bit rate for both channels together.
        png_bits: 8, 16, or None for what the frames have.
        burn_in: Draw shot, frame number, time code and label into the picture.
        label: What the burnt-in label says, e.g. `ANIMATIC`.
    """

    format: FilmFormat = FilmFormat.MP4
    frame_rate: Fraction = Fraction(24)
    crf: int = 16
    preset: str = "medium"
    audio_kbps: int = 192
    png_bits: Literal[8, 16] | None = None
    burn_in: bool = False
    label: str = ""

    def __post_init__(self) -> None:
        _within("crf", self.crf, *CRF_RANGE, "16 is visually lossless; mkv is lossless")
        _within("audio_kbps", self.audio_kbps, 32, 512, "192 is transparent for stereo")
        _within("frame_rate", self.frame_rate, Fraction(1), Fraction(240), "24 is film's")
        if self.clock >= 2**31:
            raise SettingError(
                f"frame_rate is {self.frame_rate}, finer than a file's clock can count.",
                "Write it as a ratio such as 24000/1001.",
                where="frame_rate",
            )
        if self.preset not in PRESETS:
            raise SettingError(
                f"preset is {self.preset!r}.", f"Use one of {', '.join(PRESETS)}.", where="preset"
            )

    @property
    def clock(self) -> int:
        """Ticks of a second in which every frame and every sample falls on a whole one."""
        return lcm(SAMPLE_RATE, self.frame_rate.numerator)


@dataclass(frozen=True, slots=True)
class FilmSpan:
    """A shot's place in the film.

    Attributes:
        title: Its name, as chapters and the burn-in show it.
        frames: Its frames, uint8 or uint16 [F, H, W, 3], display-referred sRGB.
    """

    title: str
    frames: Frames


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named stretch of a film.

    Attributes:
        title: Its name.
        start_frame: The first frame of it.
        end_frame: The frame after its last.
    """

    title: str
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class FilmMetadata:
    """What a film says of itself.

    Attributes:
        title: The film's title; empty for none.
        comment: A sentence for people, e.g. that this is an animatic.
        provenance: How it was made, so that it can be made again.
        tags: Further tags by name, e.g. `artist`.
    """

    title: str = ""
    comment: str = ""
    provenance: Provenance | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WrittenFilm:
    """What was written, as measured by reading the finished file.

    Attributes:
        path: The file, or the folder of a sequence.
        num_frames: Pictures in it; 0 for sound alone.
        duration_s: Length of the picture (of the sound where there is no picture), exact.
        audio_duration_s: Length of the sound, exact; None where there is none.
        size_bytes: Bytes on disk, all files together.
    """

    path: Path
    num_frames: int
    duration_s: Fraction
    audio_duration_s: Fraction | None
    size_bytes: int


def chapters_of(spans: tuple[FilmSpan, ...] | list[FilmSpan]) -> tuple[Chapter, ...]:
    """One chapter for each span, end to end."""
    chapters, start = [], 0
    for span in spans:
        chapters.append(Chapter(span.title, start, start + len(span.frames)))
        start += len(span.frames)
    return tuple(chapters)


def _within(
    name: str, value: int | Fraction, low: int | Fraction, high: int | Fraction, hint: str
) -> None:
    if not low <= value <= high:
        raise SettingError(
            f"{name} is {value}.", f"Use a number from {low} to {high}; {hint}.", where=name
        )
