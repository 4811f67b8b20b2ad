"""Any video file as lazy frames, with the facts of its streams.

The packets are counted once on opening (nothing is decoded but the first picture), so the number
of frames is known and every one of them can be asked for. A file that ends early, or that cannot
be decoded, is refused by name; nothing is made up for a missing frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from reelwright.errors import MediaError
from reelwright.media.color import RgbConverter
from reelwright.media.packets import PacketIndex, damaged, open_container, scan
from reelwright.media.video_facts import describe

_MAX_THREADS = 8


class VideoFile:
    """Frames of a video file, decoded when asked for. Use `open_video`.

    Frames in order are decoded once; going back, or far ahead, seeks.
    """

    def __init__(self, path: Path, bits: Literal[8, 16] = 8) -> None:
        self.path = path
        self._bits = bits
        self.dtype = "uint8" if bits == 8 else "uint16"
        self._cursor: _Cursor | None = None
        with open_container(path) as container:
            self._index = scan(container, path)
        with open_container(path) as container:  # anew: not every file can go back
            self.facts = describe(container, path, self._index)
        width, height = self.facts.size
        self.shape: tuple[int, ...] = (self.facts.num_frames, height, width, 3)

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second; the mean where the rate is variable."""
        return self.facts.frame_rate

    @property
    def duration_s(self) -> Fraction:
        """Length of the picture, seconds."""
        return self.facts.duration_s

    @property
    def times_s(self) -> NDArray[np.float64]:
        """When each frame is shown, seconds from the first, [F]."""
        if not self._index.pts:
            return np.arange(len(self), dtype=np.float64) / float(self.facts.frame_rate)
        ticks = np.asarray(self._index.pts, np.int64) - self._index.pts[0]
        return np.asarray(ticks * float(self._index.time_base), np.float64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frame: int) -> NDArray[Any]:
        index = frame + len(self) if frame < 0 else frame
        if not 0 <= index < len(self):
            raise IndexError(f"frame {frame} of {len(self)}")
        if self._cursor is None:
            self._cursor = _Cursor(self.path, self._index, self._bits)
        return self._cursor.frame(index).copy()

    def chunks(self, num_frames: int) -> Iterator[NDArray[Any]]:
        """Yield [n, H, W, 3] in order, n at most `num_frames`."""
        if num_frames < 1:
            raise ValueError("a chunk has at least one frame")
        cursor = _Cursor(self.path, self._index, self._bits)
        try:
            for start in range(0, len(self), num_frames):
                stop = min(start + num_frames, len(self))
                yield np.stack([cursor.frame(index) for index in range(start, stop)])
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of the file; it is opened again when a frame is asked for."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_video(path: Path, bits: Literal[8, 16] = 8) -> VideoFile:
    """Open any video file that FFmpeg decodes.

    Args:
        path: The file.
        bits: 8 for uint8 frames, 16 for uint16 (65535 is white) from a file that has more.

    Returns:
        Its frames, display-referred RGB [F, H, W, 3], and its facts.

    Raises:
        MediaError: It is missing, empty, cut short, not a video, or has no pictures.
    """
    return VideoFile(path, bits)


class _Cursor:
    """A decoder that stands somewhere in a file."""

    def __init__(self, path: Path, index: PacketIndex, bits: int) -> None:
        self._path = path
        self._index = index
        self._rgb = RgbConverter(bits)
        self._open()
        self._last: tuple[int, NDArray[Any]] | None = None

    def frame(self, index: int) -> NDArray[Any]:
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        self._go_to(index)
        for number, frame in self._frames:
            self._next = number + 1
            if number > index:
                break
            if number == index:
                picture = self._picture(frame)
                self._last = (index, picture)
                return picture
        raise MediaError(
            f"Frame {index} of {self._index.num_frames} cannot be decoded.",
            "The file is damaged or was cut short; make it again.",
            where=str(self._path),
            frame=index,
        )

    def close(self) -> None:
        self._container.close()

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._stream.thread_count = _MAX_THREADS
        self._frames, self._next = self._decode(), 0

    def _go_to(self, index: int) -> None:
        """Seek where decoding on from here would be wrong, or longer than from a key frame."""
        key = 0
        if self._index.pts:
            keys = self._index.keys
            key = keys[max(0, bisect_right(keys, index) - 1)]
        if key <= self._next <= index:
            return
        if self._seek(key):
            self._frames, self._next = self._decode(), key
        elif self._next > index:
            self._container.close()
            self._open()

    def _seek(self, key: int) -> bool:
        """Go to a key frame; False where the file cannot (a raw stream, or one without stamps)."""
        if not self._index.pts:
            return False
        try:
            self._container.seek(self._index.pts[key], stream=self._stream, backward=True)
        except FFmpegError:
            return False
        return True

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Frames from here on with their numbers; those before a seek's target too."""
        count = 0
        try:
            for frame in self._container.decode(self._stream):
                number = self._index.frame_of(frame.pts) if self._index.pts else count
                count += 1
                if number is None:
                    continue
                if frame.is_corrupt:
                    raise damaged(self._path, number)
                yield number, frame
        except FFmpegError as error:
            raise damaged(self._path, self._next, error) from error

    def _picture(self, frame: av.VideoFrame) -> NDArray[Any]:
        turns = frame.rotation // 90
        picture = self._rgb.convert(frame)
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
