"""What becomes of the film: finishing and the file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import FilePath, Flag, Number, Whole


class Upscale(Entry):
    """Make the picture larger."""

    to: Literal["2x", "3x", "4x", "1080p", "1440p", "4k"] = Field(
        description="How large: a factor, or the height that the shorter side reaches."
    )
    with_: Literal["auto", "realesrgan-x2plus", "rtx-vsr", "pocket", "lanczos"] = Field(
        default="auto", alias="with", description="Which upscaler; auto takes the best installed."
    )
    quality: Literal["low", "medium", "high", "ultra"] | None = Field(
        default=None, description="Quality of rtx-vsr."
    )


class Finish(Entry):
    """The last hand on picture and sound."""

    upscale: Upscale | None = Field(default=None, description="Make the picture larger at the end.")
    loudness_lufs: Number = Field(
        default=-16.0, ge=-70, le=-5, description="Loudness of the film, -70 to -5 LUFS (BS.1770)."
    )
    true_peak_db: Number = Field(
        default=-1.0, ge=-20, le=0, description="Ceiling of the true peak, -20 to 0 dBTP."
    )


class Output(Entry):
    """The file that is written."""

    file: FilePath | None = Field(
        default=None,
        description="Where in the project the film goes. Without it beside the storyboard.",
    )
    format: Literal["mp4", "mov", "mkv", "png", "exr", "wav"] = Field(
        default="mp4",
        description="mp4: H.264 and AAC; mov: ProRes; mkv: FFV1; png, exr: a folder of pictures; "
        "wav: the sound alone.",
    )
    crf: Whole = Field(
        default=16, ge=0, le=51, description="Quality of an mp4, 0 (largest) to 51 (worst)."
    )
    audio_kbps: Whole = Field(
        default=192, ge=32, le=512, description="Bit rate of an mp4's sound, 32 to 512 kbit/s."
    )
    burn_in: Flag = Field(
        default=False, description="Whether shot, frame and time code are written into the picture."
    )
