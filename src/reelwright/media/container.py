"""One film into one container: a picture track, a sound track, chapters and tags.

The same frames, sound and settings give the same bytes: no time stamps, no random identifiers
(`bitexact`), and x264's thread count is fixed, since its choices depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from reelwright.media.color import (
    BT709,
    FULL_RANGE,
    RGB_MATRIX,
    SRGB_CURVE,
    VIDEO_RANGE,
    YuvConverter,
    tag,
)
from reelwright.media.settings import SAMPLE_RATE, Chapter, FilmFormat, OutputSettings
from reelwright.media.sound import Soundtrack

_THREADS = 8
_FFV1_OPTIONS = {"level": "3", "coder": "1", "context": "0", "slices": "4", "slicecrc": "1"}
_PCM24 = {"bits_per_raw_sample": "24"}


@dataclass(frozen=True, slots=True)
class _Codecs:
    """What a format is made of."""

    container: str
    video: str
    video_options: Mapping[str, str]
    pix_fmt: str
    audio: str
    audio_options: Mapping[str, str]
    audio_format: str

    @property
    def is_rgb(self) -> bool:
        return not self.pix_fmt.startswith("yuv")


def _codecs(settings: OutputSettings, deep: bool) -> _Codecs:
    if settings.format is FilmFormat.MP4:
        x264 = {"crf": str(settings.crf), "preset": settings.preset, "profile": "high"}
        aac = {"b": f"{settings.audio_kbps}k"}
        return _Codecs("mp4", "libx264", x264, "yuv420p", "aac", aac, "fltp")
    if settings.format is FilmFormat.MOV:
        hq = {"profile": "3", "vendor": "apl0"}
        return _Codecs("mov", "prores_ks", hq, "yuv422p10le", "pcm_s24le", {}, "s32")
    # FFV1 keeps 8-bit RGB as bgr0: gbrp begins at 9 bit.
    pix_fmt = "gbrp16le" if deep else "bgr0"
    return _Codecs("matroska", "ffv1", _FFV1_OPTIONS, pix_fmt, "flac", _PCM24, "s32")


class FilmContainer:
    """Encode and multiplex pictures and sound in step; close it or abandon it.

    Args:
        path: The file to write.
        settings: Format and quality.
        size: Width and height, pixels, even.
        deep: Whether the pictures are 16 bit.
        sound: The sound; None for a silent file.
        chapters: Named stretches.
        tags: Texts about the film.

    Raises:
        FFmpegError: An encoder refuses; an OSError too where the disk is at fault.
    """

    def __init__(
        self,
        path: Path,
        settings: OutputSettings,
        size: tuple[int, int],
        deep: bool,
        sound: Soundtrack | None,
        chapters: Sequence[Chapter],
        tags: Mapping[str, str],
    ) -> None:
        self._codecs = _codecs(settings, deep)
        self._frame_rate = settings.frame_rate
        self._sound = sound
        self._index = 0
        self._container = av.open(
            str(path), "w", format=self._codecs.container, options=_muxer_options(settings)
        )
        self._container.metadata.update(tags)
        self._container.set_chapters(
            [_chapter(index, each, settings.frame_rate) for index, each in enumerate(chapters, 1)]
        )
        self._yuv = None if self._codecs.is_rgb else YuvConverter(size, self._codecs.pix_fmt)
        self._video = self._add_video(size)
        self._audio = self._add_audio(sound) if sound else None

    def write(self, picture: NDArray[Any]) -> None:
        """Append one picture, uint8 or uint16 [H, W, 3], and the sound that goes with it."""
        frame = self._frame(picture)
        frame.pts, frame.time_base = self._index, 1 / self._frame_rate
        self._container.mux(self._video.encode(frame))
        self._index += 1
        self._write_sound(int(self._index / self._frame_rate * SAMPLE_RATE))

    def close(self) -> None:
        """Finish the file."""
        if self._sound is not None:
            self._write_sound(self._sound.num_samples)
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Let go of the file after an error; what is in it is of no use."""
        try:
            self._container.close()
        except (OSError, ValueError, av.error.FFmpegError):
            return  # the first error is the one to hear of

    def _frame(self, picture: NDArray[Any]) -> VideoFrame:
        if self._yuv is not None:
            return self._yuv.convert(picture, self._index)
        if picture.dtype == np.uint16:
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gbrp16le")
        else:
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="bgr0")
        tag(frame, BT709, SRGB_CURVE, RGB_MATRIX, FULL_RANGE)
        return frame

    def _write_sound(self, until: int) -> None:
        if self._sound is None or self._audio is None:
            return
        for frame in self._sound.frames_until(until, self._codecs.audio_format):
            self._container.mux(self._audio.encode(frame))

    def _add_video(self, size: tuple[int, int]) -> Any:
        stream: Any = self._container.add_stream(
            self._codecs.video, rate=self._frame_rate, options=dict(self._codecs.video_options)
        )
        stream.width, stream.height = size
        stream.pix_fmt = self._codecs.pix_fmt
        stream.time_base = 1 / self._frame_rate
        context = stream.codec_context
        context.time_base = 1 / self._frame_rate
        context.thread_count = _THREADS
        context.color_primaries = BT709
        rgb = self._codecs.is_rgb
        context.color_trc = SRGB_CURVE if rgb else BT709
        context.colorspace = RGB_MATRIX if rgb else BT709
        context.color_range = FULL_RANGE if rgb else VIDEO_RANGE
        if rgb:
            context.gop_size = 1
        return stream

    def _add_audio(self, sound: Soundtrack) -> Any:
        stream: Any = self._container.add_stream(
            self._codecs.audio, rate=SAMPLE_RATE, options=dict(self._codecs.audio_options)
        )
        stream.layout = sound.layout
        stream.format = self._codecs.audio_format
        return stream


def _muxer_options(settings: OutputSettings) -> dict[str, str]:
    options = {"fflags": "+bitexact"}
    if settings.format in (FilmFormat.MP4, FilmFormat.MOV):
        # Chapters and edit lists count in the movie's own clock, by default milliseconds, which
        # would round them; this one holds every frame and every sample exactly.
        options["movflags"] = "+faststart+use_metadata_tags"
        options["movie_timescale"] = str(settings.clock)
    return options


def _chapter(index: int, chapter: Chapter, frame_rate: Fraction) -> Any:
    return {
        "id": index,
        "start": chapter.start_frame,
        "end": chapter.end_frame,
        "time_base": 1 / frame_rate,
        "metadata": {"title": chapter.title},
    }
