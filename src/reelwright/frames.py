"""Frames of a shot: lazy, chunked, on disk.

A 10 s shot at 1080p is 8.6 GB of staged arrays, so nothing that has frames is an array in memory:
it is a handle on disk that yields chunks. Colour and masks are FFV1 in Matroska (lossless, every
frame a keyframe, 8 or 16 bit); depth and motion are one EXR a frame (float32, ZIP), which other
tools open as they are. What comes out is bit for bit what went in.

The store has no time of its own: a frame number is all it knows. (Matroska counts milliseconds,
so the file pretends to 25 frames a second, 40 ms each, exactly.)
"""

from __future__ import annotations

import errno
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from reelwright.disk import disk_error
from reelwright.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

_FRAME_MS = 40
_FFV1_SLICES = "4"


class Frames(Protocol):
    """A shot's frames. `shape` is [F, H, W] or [F, H, W, C]; F comes first."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[F, H, W] or [F, H, W, C]."""

    @property
    def dtype(self) -> str:
        """Name of the numpy dtype of what is read."""

    def __len__(self) -> int: ...

    def __getitem__(self, frame: int) -> NDArray[Any]: ...

    def chunks(self, num_frames: int) -> Iterator[NDArray[Any]]:
        """Yield [n, H, W, ...] in order, n at most `num_frames`."""


class FrameKind(StrEnum):
    """What a store of frames holds, and so how it lies on disk."""

    COLOR8 = "color8"
    """uint8 [F, H, W, 3], display-referred sRGB; FFV1."""

    COLOR16 = "color16"
    """uint16 [F, H, W, 3], the same with 65535 as white; FFV1."""

    MASK16 = "mask16"
    """uint16 [F, H, W]; FFV1."""

    DEPTH = "depth"
    """float32 [F, H, W], metres, inf is sky; EXR, channel Z."""

    MOTION = "motion"
    """float32 [F, H, W, 2], pixels right and down; EXR, channels motion.X and motion.Y."""


@dataclass(frozen=True, slots=True)
class _VideoFormat:
    array_format: str  # what numpy holds
    stored_format: str  # what FFV1 holds
    dtype: str
    channels: int


_VIDEO_FORMATS = {
    FrameKind.COLOR8: _VideoFormat("rgb24", "bgr0", "uint8", 3),
    FrameKind.COLOR16: _VideoFormat("gbrp16le", "gbrp16le", "uint16", 3),
    FrameKind.MASK16: _VideoFormat("gray16le", "gray16le", "uint16", 0),
}
_EXR_CHANNELS = {FrameKind.DEPTH: ("Z",), FrameKind.MOTION: ("motion.X", "motion.Y")}


class FrameWriter:
    """Write frames one chunk after another; use it in a `with`.

    Args:
        path: A `.mkv` file for colour and masks, a folder for depth and motion.
        kind: What is written.
        size: Width and height, pixels.

    Raises:
        MediaError: An array of another shape or dtype.
        ResourceError: The disk is full.
    """

    def __init__(self, path: Path, kind: FrameKind, size: tuple[int, int]) -> None:
        self.path = path
        self.kind = kind
        self.num_frames = 0
        width, height = size
        color = kind in (FrameKind.COLOR8, FrameKind.COLOR16)
        self._frame_shape = (
            (height, width, 3)
            if color
            else (height, width, 2)
            if kind is FrameKind.MOTION
            else (height, width)
        )
        video = _VIDEO_FORMATS.get(kind)
        self._dtype = video.dtype if video else "float32"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sink: _VideoSink | _ExrSink = (
            _VideoSink(path, video, size) if video else _ExrSink(path, _EXR_CHANNELS[kind])
        )

    def write(self, frames: NDArray[Any]) -> None:
        """Append [n, H, W, ...] (or one frame, [H, W, ...])."""
        if frames.shape == self._frame_shape:
            frames = frames[None]
        if frames.shape[1:] != self._frame_shape or frames.dtype != self._dtype:
            raise MediaError(
                f"Frames of {frames.dtype} {list(frames.shape)} do not fit a store of "
                f"{self._dtype} {list(self._frame_shape)}.",
                "This is a fault of the stage that wrote them; please report it.",
                where=str(self.path),
            )
        try:
            for frame in frames:
                self._sink.write(frame, self.num_frames)
                self.num_frames += 1
        except OSError as error:
            raise disk_error(error, self.path) from error

    def close(self) -> None:
        """Finish the file; nothing can be written after."""
        try:
            self._sink.close()
        except OSError as error:
            raise disk_error(error, self.path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._sink.abandon()


class _VideoSink:
    def __init__(self, path: Path, video: _VideoFormat, size: tuple[int, int]) -> None:
        import av

        self._video = video
        self._container = av.open(
            str(path), "w", format="matroska", options={"fflags": "+bitexact"}
        )
        stream = self._container.add_stream("ffv1", rate=1000 // _FRAME_MS)
        stream.width, stream.height = size
        stream.pix_fmt = video.stored_format
        stream.codec_context.gop_size = 1
        stream.codec_context.options = {
            "level": "3",
            "slices": _FFV1_SLICES,
            "slicecrc": "1",
            "flags": "+bitexact",
        }
        stream.codec_context.thread_type = "SLICE"
        self._stream = stream

    def write(self, frame: NDArray[Any], index: int) -> None:
        import av

        picture = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame), format=self._video.array_format
        )
        if self._video.stored_format != self._video.array_format:
            picture = picture.reformat(format=self._video.stored_format)
        picture.pts = index
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        try:
            self._container.close()
        except OSError:
            # What failed has been raised already; the file is not going to be used.
            return


class _ExrSink:
    def __init__(self, path: Path, channels: tuple[str, ...]) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._channels = channels

    def write(self, frame: NDArray[Any], index: int) -> None:
        planes = [frame] if len(self._channels) == 1 else list(np.moveaxis(frame, -1, 0))
        write_exr(self._path / f"{index:06d}.exr", dict(zip(self._channels, planes, strict=True)))

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


def write_exr(path: Path, channels: dict[str, NDArray[Any]]) -> None:
    """Write one EXR, ZIP-compressed.

    Args:
        path: The file; its folder exists.
        channels: [H, W] float32 or float16 by channel name.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    planes = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
    try:
        OpenEXR.File(header, planes).write(str(path))
    except RuntimeError as error:  # the library has no errno; ask the disk
        free = shutil.disk_usage(path.parent).free
        if free < 2 * sum(plane.nbytes for plane in planes.values()):
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from error
        raise MediaError("An EXR could not be written.", str(error), where=str(path)) from error


def read_exr(path: Path) -> dict[str, NDArray[Any]]:
    """Read every channel of an EXR as [H, W].

    Raises:
        MediaError: The file is missing, truncated or not an EXR.
    """
    import OpenEXR

    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return {name: channel.pixels for name, channel in file.channels().items()}
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise MediaError(
            "This EXR cannot be read.", "Render the shot's stage again.", where=str(path)
        ) from error


class _Sequence(ABC):
    """What every store shares: length, negative indices, chunks."""

    shape: tuple[int, ...]
    dtype: str

    def __len__(self) -> int:
        return self.shape[0]

    def _index(self, frame: int) -> int:
        index = frame + self.shape[0] if frame < 0 else frame
        if not 0 <= index < self.shape[0]:
            raise IndexError(f"frame {frame} of {self.shape[0]}")
        return index

    def __getitem__(self, frame: int) -> NDArray[Any]:
        return next(self._read(self._index(frame), 1))

    def chunks(self, num_frames: int) -> Iterator[NDArray[Any]]:
        """Yield [n, H, W, ...] in order, n at most `num_frames`."""
        yield from self._chunks(0, self.shape[0], num_frames)

    def _chunks(self, start: int, stop: int, num_frames: int) -> Iterator[NDArray[Any]]:
        if num_frames < 1:
            raise ValueError("a chunk has at least one frame")
        held: list[NDArray[Any]] = []
        for frame in self._read(start, stop - start):
            held.append(frame)
            if len(held) == num_frames:
                yield np.stack(held)
                held.clear()
        if held:
            yield np.stack(held)

    @abstractmethod
    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        """Yield frames `start` to `start + count`, one by one."""


class ArrayFrames(_Sequence):
    """Frames that are in memory already: for small things and tests.

    Args:
        array: [F, H, W] or [F, H, W, C].
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.shape = tuple(array.shape)
        self.dtype = str(array.dtype)

    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        yield from self.array[start : start + count]


class VideoFrames(_Sequence):
    """Frames in an FFV1 file of ours. Use `open_frames`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _open_video(path) as container:
            stream = container.streams.video[0]
            kind = _kind_of(stream.codec_context.pix_fmt, path)
            self.kind = kind
            self._video = _VIDEO_FORMATS[kind]
            count = round((container.duration or 0) / (1000 * _FRAME_MS))
            channels = (self._video.channels,) if self._video.channels else ()
            self.shape = (count, stream.height, stream.width, *channels)
        self.dtype = self._video.dtype

    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        if count < 1:
            return
        with _open_video(self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "SLICE"
            if start:
                container.seek(start * _FRAME_MS, stream=stream, backward=True)
            expected = start
            for picture in _decode(container, self.path):
                if picture.pts is None or picture.pts < start * _FRAME_MS:
                    continue
                yield picture.to_ndarray(format=self._video.array_format)
                expected += 1
                if expected == start + count:
                    return
        raise MediaError(
            f"Frame {expected} is missing from a store of {self.shape[0]}.",
            "The file was cut short; render the shot again.",
            where=str(self.path),
        )


class ExrFrames(_Sequence):
    """Frames in a folder of EXR files of ours. Use `open_frames`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        count = sum(1 for _ in path.glob("[0-9]*.exr"))
        if not count:
            raise MediaError(
                "This folder has no frames.", "Render the shot's stage again.", where=str(path)
            )
        first = read_exr(path / "000000.exr")
        self.kind = FrameKind.DEPTH if "Z" in first else FrameKind.MOTION
        self._channels = _EXR_CHANNELS[self.kind]
        if not set(self._channels) <= set(first):
            raise MediaError(
                f"These EXR files have the channels {sorted(first)}, not {list(self._channels)}.",
                "Render the shot's stage again.",
                where=str(path),
            )
        height, width = first[self._channels[0]].shape
        self.shape = (count, height, width) + ((2,) if self.kind is FrameKind.MOTION else ())
        self.dtype = "float32"

    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        for index in range(start, start + count):
            planes = read_exr(self.path / f"{index:06d}.exr")
            picked = [planes[name] for name in self._channels]
            yield picked[0] if len(picked) == 1 else np.stack(picked, axis=-1)


class _Slice(_Sequence):
    def __init__(self, source: Frames, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= len(source):
            raise IndexError(f"frames {start} to {stop} of {len(source)}")
        self.source = source
        self.start = start
        self.shape = (stop - start, *source.shape[1:])
        self.dtype = source.dtype

    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        first = self.start + start
        if isinstance(self.source, _Sequence):
            yield from self.source._read(first, count)
        else:
            yield from (self.source[index] for index in range(first, first + count))


class _Concat(_Sequence):
    def __init__(self, parts: Sequence[Frames]) -> None:
        tails = {part.shape[1:] for part in parts}
        if len(tails) != 1 or len({part.dtype for part in parts}) != 1:
            raise MediaError(
                f"Frames of different sizes or depths cannot follow one another: {sorted(tails)}.",
                "Bring every shot to the same size first.",
            )
        self.parts = tuple(parts)
        self.shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def _read(self, start: int, count: int) -> Iterator[NDArray[Any]]:
        offset = 0
        for part in self.parts:
            low, high = max(start - offset, 0), min(start + count - offset, len(part))
            if low < high:
                yield from _Slice(part, low, high)._read(0, high - low)
            offset += len(part)


def open_frames(path: Path) -> VideoFrames | ExrFrames:
    """Open frames that a `FrameWriter` wrote; nothing is read yet but the shape.

    Args:
        path: The `.mkv` file or the folder.

    Raises:
        MediaError: It is missing, cut short, or not a store of ours.
    """
    return ExrFrames(path) if path.is_dir() else VideoFrames(path)


def slice_frames(frames: Frames, start: int, stop: int) -> Frames:
    """Frames `start` to `stop` (exclusive) of another store, without copying."""
    return _Slice(frames, start, stop)


def concat_frames(parts: Sequence[Frames]) -> Frames:
    """One store after another, without copying.

    Raises:
        MediaError: They differ in size or dtype.
    """
    return parts[0] if len(parts) == 1 else _Concat(parts)


def _kind_of(pix_fmt: str | None, path: Path) -> FrameKind:
    for kind, video in _VIDEO_FORMATS.items():
        if video.stored_format == pix_fmt:
            return kind
    raise MediaError(
        f"This file holds {pix_fmt} pictures, which no store of frames does.",
        "Render the shot again.",
        where=str(path),
    )


def _open_video(path: Path) -> InputContainer:
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(path))
    except (FFmpegError, OSError) as error:
        raise MediaError(
            "These frames cannot be read.",
            "The file is missing or was cut short; render the shot again.",
            where=str(path),
        ) from error
    if not container.streams.video:
        container.close()
        raise MediaError("This file has no pictures.", "Render the shot again.", where=str(path))
    return container


def _decode(container: InputContainer, path: Path) -> Iterator[Any]:
    from av.error import FFmpegError

    try:
        yield from container.decode(video=0)
    except FFmpegError as error:
        raise MediaError(
            "These frames cannot be decoded.",
            "The file was damaged; render the shot again.",
            where=str(path),
        ) from error
