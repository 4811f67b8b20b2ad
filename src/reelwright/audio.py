"""Sound on disk: 32-bit float WAV, mapped and read in blocks.

The pair of `frames`: nothing that lasts is an array in memory. Samples are float32, full scale is
1.0, shaped [channels, samples]; 48 kHz stereo unless said. Reading outside the sound gives
silence, so that mixing needs no special case at the ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from reelwright.disk import disk_error
from reelwright.errors import AssetError, MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

SAMPLE_RATE = 48_000
"""Samples per second of everything that is mixed."""

_HEADER_BYTES = 58
_FLOAT_FORMAT = 3
_MAX_BYTES = 2**32 - 1 - _HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound on disk.

    Attributes:
        path: The WAV file.
        sample_rate: Samples per second.
        num_channels: 1 or 2.
        num_samples: Samples per channel.
        data_offset: Where the samples begin in the file, bytes.
    """

    path: Path
    sample_rate: int
    num_channels: int
    num_samples: int
    data_offset: int = _HEADER_BYTES

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate

    @classmethod
    def open(cls, path: Path) -> Audio:
        """Open a float32 WAV that an `AudioWriter` wrote.

        Raises:
            MediaError: It is missing, cut short or of another format.
        """
        try:
            with path.open("rb") as file:
                return _parse_header(path, file)
        except (OSError, struct.error) as error:
            raise _broken(path) from error

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [channels, count] from `start`; silence where there is no sound."""
        block = np.zeros((self.num_channels, count), np.float32)
        low, high = max(start, 0), min(start + count, self.num_samples)
        if low < high:
            with self.path.open("rb") as file:
                file.seek(self.data_offset + low * self.num_channels * 4)
                raw = file.read((high - low) * self.num_channels * 4)
            samples = np.frombuffer(raw, "<f4").reshape(-1, self.num_channels)
            if len(samples) != high - low:
                raise _broken(self.path)
            block[:, low - start : high - start] = samples.T
        return block

    def blocks(self, num_samples: int) -> Iterator[NDArray[np.float32]]:
        """Yield [channels, n] in order, n at most `num_samples`."""
        for start in range(0, self.num_samples, num_samples):
            yield self.read(start, min(num_samples, self.num_samples - start))


class AudioWriter:
    """Write a float32 WAV block by block; use it in a `with`.

    Args:
        path: The WAV file.
        sample_rate: Samples per second.
        num_channels: Channels of every block.

    Raises:
        MediaError: A block of another shape, or more than a WAV can hold (4 GiB).
        ResourceError: The disk is full.
    """

    def __init__(self, path: Path, sample_rate: int = SAMPLE_RATE, num_channels: int = 2) -> None:
        self.path = path
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.num_samples = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))

    def write(self, block: NDArray[Any]) -> None:
        """Append [channels, n]; any float dtype."""
        if block.ndim != 2 or block.shape[0] != self.num_channels:
            raise MediaError(
                f"A block of shape {list(block.shape)} does not fit {self.num_channels} channels.",
                "This is a fault of the stage that wrote it; please report it.",
                where=str(self.path),
            )
        self.num_samples += block.shape[1]
        if self.num_samples * self.num_channels * 4 > _MAX_BYTES:
            raise MediaError(
                "The sound is longer than a WAV file can hold (4 GiB, three hours of stereo).",
                "Make the film in parts.",
                where=str(self.path),
            )
        try:
            self._file.write(np.ascontiguousarray(block.T, "<f4").tobytes())
        except OSError as error:
            raise disk_error(error, self.path) from error

    def close(self) -> Audio:
        """Finish the file and return it."""
        try:
            self._file.seek(0)
            self._file.write(_header(self.sample_rate, self.num_channels, self.num_samples))
            self._file.close()
        except OSError as error:
            raise disk_error(error, self.path) from error
        return Audio(self.path, self.sample_rate, self.num_channels, self.num_samples)

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
            try:
                self._file.close()
            except OSError:
                # The first error is the one to hear of; this file will not be used.
                return


def decode_audio(
    source: Path, out: Path, sample_rate: int = SAMPLE_RATE, num_channels: int = 2
) -> Audio:
    """Decode any sound that FFmpeg reads (a film's soundtrack too) to a float32 WAV.

    Mono is given to both channels at full level; more than two channels are mixed down. A film's
    soundtrack that begins after its picture keeps that distance, as silence.

    Args:
        source: The file to decode.
        out: The WAV to write.
        sample_rate: Samples per second of the result.
        num_channels: 1 or 2.

    Returns:
        The decoded sound.

    Raises:
        AssetError: The file is missing, empty, cut short or has no sound.
        ResourceError: The disk is full.
    """
    import av
    from av.error import FFmpegError

    mend = "Give a sound file that plays elsewhere (WAV, FLAC, MP3, OGG, M4A ...)."
    try:
        container = av.open(str(source))
    except (FFmpegError, OSError, ValueError) as error:
        raise AssetError(f"This sound cannot be read: {error}.", mend, where=str(source)) from error
    with container:
        if not container.streams.audio:
            raise AssetError("This file has no sound in it.", mend, where=str(source))
        with AudioWriter(out, sample_rate, num_channels) as writer:
            try:
                for block in _resampled(container, sample_rate, num_channels):
                    writer.write(block)
            except FFmpegError as error:
                raise AssetError(
                    f"This sound is damaged at {writer.num_samples / sample_rate:.2f} s: {error}.",
                    mend,
                    where=str(source),
                ) from error
        if not writer.num_samples:
            raise AssetError("This sound has no samples in it.", mend, where=str(source))
    return Audio.open(out)


def _resampled(
    container: InputContainer, sample_rate: int, num_channels: int
) -> Iterator[NDArray[np.float32]]:
    from av import AudioResampler

    stream = container.streams.audio[0]
    mono = stream.channels == 1
    layout = "mono" if mono or num_channels == 1 else "stereo"
    resampler = AudioResampler(format="fltp", layout=layout, rate=sample_rate)
    yield np.zeros((num_channels, round(_late_s(container) * sample_rate)), np.float32)
    for frame in container.decode(stream):
        frame.pts = None
        for part in resampler.resample(frame):
            yield _spread(part.to_ndarray(), num_channels)
    for part in resampler.resample(None):
        yield _spread(part.to_ndarray(), num_channels)


def _late_s(container: InputContainer) -> float:
    """How long after the picture the sound begins, seconds; never negative."""
    stream = container.streams.audio[0]
    starts = [
        float(each.start_time * each.time_base)
        for each in container.streams.video
        if each.start_time is not None and each.time_base is not None
    ]
    if not starts or stream.start_time is None or stream.time_base is None:
        return 0.0
    return max(0.0, float(stream.start_time * stream.time_base) - min(starts))


def _spread(block: NDArray[Any], num_channels: int) -> NDArray[np.float32]:
    block = np.nan_to_num(block.astype(np.float32, copy=False), nan=0.0, posinf=1.0, neginf=-1.0)
    return block if block.shape[0] == num_channels else np.repeat(block, num_channels, axis=0)


def _header(sample_rate: int, num_channels: int, num_samples: int) -> bytes:
    data_bytes = num_samples * num_channels * 4
    frame_bytes = num_channels * 4
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", _HEADER_BYTES - 8 + data_bytes, b"WAVE"),
            struct.pack("<4sIHHIIHHH", b"fmt ", 18, _FLOAT_FORMAT, num_channels, sample_rate,
                        sample_rate * frame_bytes, frame_bytes, 32, 0),
            struct.pack("<4sII", b"fact", 4, num_samples),
            struct.pack("<4sI", b"data", data_bytes),
        )
    )  # fmt: skip


def _parse_header(path: Path, file: BinaryIO) -> Audio:
    riff, _, wave = struct.unpack("<4sI4s", file.read(12))
    if riff != b"RIFF" or wave != b"WAVE":
        raise _broken(path)
    rate = channels = 0
    while True:
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(length)[:16])
            if kind != _FLOAT_FORMAT or bits != 32 or channels < 1:
                raise _broken(path)
        elif name == b"data" and channels:
            offset = file.tell()
            if path.stat().st_size < offset + length:
                raise _broken(path)
            return Audio(path, rate, channels, length // (channels * 4), offset)
        else:
            file.seek(length + length % 2, 1)


def _broken(path: Path) -> MediaError:
    return MediaError(
        "This is not a whole 32-bit float WAV.", "Render the sound again.", where=str(path)
    )
