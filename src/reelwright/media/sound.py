"""The film's sound as encoders want it: exactly as long as the picture, in whole samples."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.errors import MediaError
from reelwright.media.settings import SAMPLE_RATE

BLOCK = 1024
"""Samples handed to an encoder at a time; one AAC frame."""

_LAYOUTS = {1: "mono", 2: "stereo"}


class Soundtrack:
    """A sound cut, or filled with silence, to the picture's length.

    Args:
        audio: The mix, 48 kHz, one or two channels.
        num_samples: How long it has to be.

    Raises:
        MediaError: Another sample rate or channel count.
    """

    def __init__(self, audio: Audio, num_samples: int) -> None:
        if audio.sample_rate != SAMPLE_RATE or audio.num_channels not in _LAYOUTS:
            raise MediaError(
                f"The mix has {audio.num_channels} channels at {audio.sample_rate} Hz.",
                f"Give one or two channels at {SAMPLE_RATE} Hz.",
                where=str(audio.path),
            )
        self.audio = audio
        self.num_samples = num_samples
        self.layout = _LAYOUTS[audio.num_channels]
        self._at = 0

    def frames_until(self, sample: int, audio_format: str) -> Iterator[AudioFrame]:
        """The next stretch of sound, up to `sample`, in whole blocks but at the very end.

        Args:
            sample: Where to stop.
            audio_format: `fltp` for AAC, `s32` for PCM and FLAC at 24 bit.
        """
        sample = min(sample, self.num_samples)
        while sample - self._at >= BLOCK or (sample == self.num_samples and self._at < sample):
            count = min(BLOCK, sample - self._at)
            yield self._frame(self.audio.read(self._at, count), audio_format)
            self._at += count

    def _frame(self, block: NDArray[np.float32], audio_format: str) -> AudioFrame:
        array: NDArray[Any] = block if audio_format == "fltp" else pcm24(block)
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(array), format=audio_format, layout=self.layout
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._at, Fraction(1, SAMPLE_RATE)
        return frame


def samples_of(num_frames: int, frame_rate: Fraction) -> int:
    """Samples that last as long as so many frames, to the nearest."""
    return round(num_frames / frame_rate * SAMPLE_RATE)


def pcm24(block: NDArray[np.float32]) -> NDArray[np.int32]:
    """Samples [C, n] as packed 24-bit PCM in the upper bits of int32 [1, n * C], not dithered."""
    scaled = np.rint(block.T.astype(np.float64) * 2**23)
    clipped = np.clip(scaled, -(2**23), 2**23 - 1).astype(np.int32)
    return (clipped << 8).reshape(1, -1)
