"""What a video file says of itself, and what its packets show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from reelwright.media.packets import PacketIndex, damaged, tagged_duration

_TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    6: "smpte170m",
    8: "linear",
    13: "srgb",
    16: "pq",
    18: "hlg",
}
_MATRICES = {0: "rgb", 1: "bt709", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
_PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 11: "dci-p3", 12: "display-p3"}
_SNAP = Fraction(1, 2_000_000)
_RANGES = {1: "tv", 2: "pc"}


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """A file's sound track.

    Attributes:
        codec: Its codec's name.
        sample_rate: Samples per second.
        num_channels: Channels.
        start_s: When it begins, against the file's clock.
        duration_s: Its length; exact where the container says it, else to the millisecond.
    """

    codec: str
    sample_rate: int
    num_channels: int
    start_s: Fraction
    duration_s: Fraction


@dataclass(frozen=True, slots=True)
class ChapterFacts:
    """A named stretch of a file.

    Attributes:
        title: Its name.
        start_s: When it begins.
        end_s: When it ends.
    """

    title: str
    start_s: Fraction
    end_s: Fraction


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file says of itself, and what its packets show.

    Attributes:
        path: The file.
        container: Its format, e.g. `mov,mp4,m4a,3gp,3g2,mj2`.
        codec: The picture's codec.
        pix_fmt: How the pictures are stored, e.g. `yuv420p`.
        bits: Bits of a component.
        size: Width and height as seen, turned where the file says so, pixels.
        rotation_deg: How far the stored picture was turned for that, anticlockwise.
        pixel_aspect: Width of a pixel over its height; the frames are given as stored.
        num_frames: Pictures.
        frame_rate: Frames per second; the mean where the rate is variable.
        is_variable: Whether pictures are unevenly spaced.
        duration_s: Length of the picture.
        matrix: `bt709`, `rgb` ...; empty if not tagged.
        primaries: The same.
        transfer: The same; `pq` and `hlg` are given as stored, not tone-mapped.
        color_range: `tv`, `pc`, or empty.
        audio: The first sound track; None for a silent file.
        chapters: Named stretches.
        tags: Texts inside the file.
    """

    path: Path
    container: str
    codec: str
    pix_fmt: str
    bits: int
    size: tuple[int, int]
    rotation_deg: int
    pixel_aspect: Fraction
    num_frames: int
    frame_rate: Fraction
    is_variable: bool
    duration_s: Fraction
    matrix: str
    primaries: str
    transfer: str
    color_range: str
    audio: AudioFacts | None
    chapters: tuple[ChapterFacts, ...]
    tags: dict[str, str]


def describe(container: av.container.InputContainer, path: Path, index: PacketIndex) -> VideoFacts:
    """Everything that is known of a file just opened; its first picture is decoded for it.

    Raises:
        MediaError: That picture cannot be decoded.
    """
    stream = container.streams.video[0]
    first = _first_frame(container, path)
    rotation = first.rotation
    turned = rotation // 90 % 2 == 1
    size = (first.height, first.width) if turned else (first.width, first.height)
    frame_rate, is_variable = _frame_rate(stream, index)
    begin = index.pts[0] * index.time_base if index.pts else Fraction(0)
    duration = index.end_s - begin if is_variable else index.num_frames / frame_rate
    return VideoFacts(
        path=path,
        container=container.format.name,
        codec=stream.codec_context.name,
        pix_fmt=first.format.name,
        bits=max(component.bits for component in first.format.components),
        size=size,
        rotation_deg=rotation,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        num_frames=index.num_frames,
        frame_rate=frame_rate,
        is_variable=is_variable,
        duration_s=duration,
        matrix=_MATRICES.get(int(first.colorspace), ""),
        primaries=_PRIMARIES.get(int(first.color_primaries), ""),
        transfer=_TRANSFERS.get(int(first.color_trc), ""),
        color_range=_RANGES.get(int(first.color_range), ""),
        audio=_audio_facts(container),
        chapters=tuple(_chapters(container)),
        tags=dict(container.metadata),
    )


def _first_frame(container: av.container.InputContainer, path: Path) -> av.VideoFrame:
    try:
        for frame in container.decode(video=0):
            return frame
    except FFmpegError as error:
        raise damaged(path, 0, error) from error
    raise damaged(path, 0)


def _frame_rate(stream: av.VideoStream, index: PacketIndex) -> tuple[Fraction, bool]:
    """The rate that the time stamps keep to the tick; or their mean, and that it varies."""
    said = [stream.average_rate, stream.base_rate, stream.guessed_rate]
    rates = [_snapped(Fraction(rate)) for rate in said if rate]
    if len(index.pts) < 2:
        return (rates[0] if rates else Fraction(24)), False
    ticks = np.asarray(index.pts, np.int64) - index.pts[0]
    mean = Fraction(len(ticks) - 1) / (int(ticks[-1]) * index.time_base)
    rates += [mean.limit_denominator(1001), mean]
    for rate in rates:
        step = float(1 / (rate * index.time_base))
        if np.abs(ticks - step * np.arange(len(ticks))).max() <= 1.01:
            return rate, False
    return mean, True


def _snapped(rate: Fraction) -> Fraction:
    """The rate that was meant: Matroska's 60000/1001 is read as 19001/317."""
    for meant in (Fraction(round(rate)), Fraction(round(rate * 1001 / 1000) * 1000, 1001)):
        if abs(meant - rate) < rate * _SNAP:
            return meant
    return rate


def _audio_facts(container: av.container.InputContainer) -> AudioFacts | None:
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    base = stream.time_base or Fraction(1, stream.rate or 1)
    start = (stream.start_time or 0) * base
    if stream.duration is not None:
        duration = stream.duration * base
    else:
        tagged = tagged_duration(stream.metadata.get("DURATION", ""))
        whole = Fraction(container.duration or 0, 1_000_000)
        duration = (tagged if tagged is not None else whole) - start
    return AudioFacts(stream.codec_context.name, stream.rate or 0, stream.channels, start, duration)


def _chapters(container: av.container.InputContainer) -> Iterator[ChapterFacts]:
    for chapter in container.chapters():
        base = Fraction(chapter["time_base"] or 0)
        title = chapter["metadata"].get("title", "")
        yield ChapterFacts(title, chapter["start"] * base, chapter["end"] * base)
