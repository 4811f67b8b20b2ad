"""The packets of a video file: how many pictures it has, when, and where decoding can begin.

Nothing is decoded, so this is quick. A file with less in it than its header says is refused.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from reelwright.errors import MediaError

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MEND = "Give a video file that plays to its end elsewhere, or make this one again."


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """Packets of the picture, in the order they are shown.

    Attributes:
        time_base: Seconds of a tick.
        pts: When each is shown, ticks; empty where the file has no stamps that can be trusted.
        keys: Frame numbers from which decoding can begin.
        num_frames: Pictures.
        end_s: When the last one ends, on the file's clock.
    """

    time_base: Fraction
    pts: tuple[int, ...]
    keys: tuple[int, ...]
    num_frames: int
    end_s: Fraction

    def frame_of(self, pts: int | None) -> int | None:
        """Number of the frame shown at `pts`; None where none begins then."""
        if pts is None:
            return None
        at = bisect_right(self.pts, pts) - 1
        return at if at >= 0 and self.pts[at] == pts else None


def open_container(path: Path) -> av.container.InputContainer:
    """Open a file that has moving pictures.

    Raises:
        MediaError: It is missing, empty, a folder, or not a video.
    """
    if path.is_dir():
        raise MediaError(
            "This is a folder, not a video file.",
            "Give a film as one file (mp4, mov, mkv ...).",
            where=str(path),
        )
    try:
        if path.stat().st_size == 0:
            raise MediaError("This file is empty.", _MEND, where=str(path))
        container = av.open(str(path))
    except FileNotFoundError as error:
        raise MediaError("There is no such file.", "Check its name.", where=str(path)) from error
    except (FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"This file cannot be read as video: {getattr(error, 'strerror', None) or error}.",
            _MEND,
            where=str(path),
        ) from error
    if not any(_is_motion(stream) for stream in container.streams.video[:1]):
        container.close()
        raise MediaError("This file has no moving pictures in it.", _MEND, where=str(path))
    return container


def _is_motion(stream: av.VideoStream) -> bool:
    """A sound file's cover picture is a video stream too."""
    return av.stream.Disposition.attached_pic not in stream.disposition


def scan(container: av.container.InputContainer, path: Path) -> PacketIndex:
    """Read every packet of the picture once.

    Raises:
        MediaError: The file is damaged or was cut short.
    """
    stream = container.streams.video[0]
    time_base = stream.time_base or Fraction(1, 1000)
    shown: list[tuple[int, bool]] = []
    timeless = 0
    end = Fraction(0)
    started = False
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            started = started or packet.is_keyframe
            if packet.is_discard or not started:
                continue  # cut away by an edit list, or before the first key frame
            if packet.pts is None:
                timeless += 1
                continue
            shown.append((packet.pts, packet.is_keyframe))
            end = max(end, (packet.pts + (packet.duration or 0)) * time_base)
    except FFmpegError as error:
        raise damaged(path, len(shown), error) from error
    check_whole(container, path)
    num_frames = len(shown) + timeless
    if not num_frames:
        raise MediaError("This file has no pictures that can be decoded.", _MEND, where=str(path))
    shown.sort()
    pts = tuple(each for each, _ in shown)
    if timeless or len(set(pts)) != len(pts):
        return PacketIndex(time_base, (), (0,), num_frames, end)
    # The first frame shown can always be reached, if only from a key frame that is not shown.
    keys = tuple(number for number, (_, key) in enumerate(shown) if key or not number)
    return PacketIndex(time_base, pts, keys, num_frames, end)


def check_whole(container: av.container.InputContainer, path: Path) -> None:
    """Refuse a file that is shorter than its own index or header says.

    Raises:
        MediaError: It was cut short.
    """
    there = path.stat().st_size
    if "mp4" in container.format.name:
        entries = (entry for stream in container.streams for entry in stream.index_entries)
        promised = max((entry.pos + entry.size for entry in entries), default=0)
    else:
        promised = matroska_bytes(path) or 0
    if there < promised:
        raise MediaError(
            f"This file was cut short: {there} of {promised} bytes are there.",
            _MEND,
            where=str(path),
            size_bytes=there,
        )


def matroska_bytes(path: Path) -> int | None:
    """How long a Matroska file says it is; None for another file, or one that does not say.

    Source: RFC 8794 (EBML): an identifier and a length, both of variable width, then the data.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    header = _ebml_length(head, 4) if head.startswith(_EBML) else None
    if header is None:
        return None
    at = header[0] + header[1]
    if head[at : at + 4] != _SEGMENT:
        return None
    segment = _ebml_length(head, at + 4)
    return None if segment is None else sum(segment)


def _ebml_length(head: bytes, at: int) -> tuple[int, int] | None:
    """Where an element's data begins and how long it is; None if unknown or beyond `head`."""
    first = head[at] if at < len(head) else 0
    width = 9 - first.bit_length()
    if not first or at + width > len(head):
        return None
    bits = 7 * width
    value = int.from_bytes(head[at : at + width], "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else (at + width, value)


def tagged_duration(text: str) -> Fraction | None:
    """Matroska's `00:00:02.086000000`, seconds."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None


def damaged(path: Path, frame: int, error: FFmpegError | None = None) -> MediaError:
    """Say that a video cannot be decoded, and where."""
    why = f": {error.strerror or error}" if error is not None else ""
    return MediaError(
        f"This video is damaged at frame {frame}{why}.", _MEND, where=str(path), frame=frame
    )
