from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.audio import Audio, AudioWriter
from reelwright.frames import ArrayFrames
from reelwright.generate import Clip

RATE = 48_000


class Sound:
    """Samples in memory, read like any other sound."""

    def __init__(self, samples: NDArray[Any]) -> None:
        self.samples = np.asarray(samples, np.float32)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        block = np.zeros((2, count), np.float32)
        low, high = max(start, 0), min(start + count, self.samples.shape[1])
        if low < high:
            block[:, low - start : high - start] = self.samples[:, low:high]
        return block


@pytest.fixture
def sound() -> type[Sound]:
    return Sound


@pytest.fixture
def tone() -> Callable[..., NDArray[np.float64]]:
    """A sine at 48 kHz, [2, n]."""

    def make(
        seconds: float, hertz: float = 997.0, peak: float = 0.5, phase: float = 0.0
    ) -> NDArray[np.float64]:
        time = np.arange(round(seconds * RATE)) / RATE
        wave = peak * np.sin(2 * np.pi * hertz * time + phase)
        return np.stack([wave, wave])

    return make


@pytest.fixture
def film_like() -> Callable[..., NDArray[np.float64]]:
    """A bed of filtered noise with bells, pauses and a quiet stretch, [2, n]."""

    def make(seconds: float, seed: int = 0) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        count = round(seconds * RATE)
        spectrum = np.fft.rfft(rng.standard_normal((2, count)))
        spectrum /= np.maximum(np.arange(spectrum.shape[1]), 200) / 200
        bed = np.fft.irfft(spectrum, n=count)
        bed *= 0.05 * np.interp(np.arange(count) / count, [0, 0.4, 0.6, 0.7, 1], [1, 1, 0.02, 1, 1])
        time = np.arange(count) / RATE
        for strike in np.arange(0.5, seconds, 1.3):
            rung = np.where(time >= strike, np.exp(-6 * (time - strike).clip(0)), 0)
            bed += 0.5 * rung * np.sin(2 * np.pi * 1200 * time)
        return np.asarray(bed)

    return make


@pytest.fixture
def save_audio(tmp_path: Path) -> Callable[..., Audio]:
    """Write samples [2, n] as a float WAV."""

    def save(samples: NDArray[Any], name: str = "sound.wav") -> Audio:
        with AudioWriter(tmp_path / "given" / name) as writer:
            writer.write(np.asarray(samples, np.float32))
        return Audio.open(tmp_path / "given" / name)

    return save


@pytest.fixture
def make_clip() -> Callable[..., Clip]:
    """A black clip of so many frames, with anything else by name."""

    def make(
        num_frames: int,
        rate: Fraction = Fraction(24),
        size: tuple[int, int] = (2, 2),
        **fields: Any,
    ) -> Clip:
        pixel = np.zeros((1, 1, 1, 3), np.uint8)
        frames = np.broadcast_to(pixel, (num_frames, size[1], size[0], 3))
        return Clip(ArrayFrames(frames), rate, **fields)

    return make


@pytest.fixture
def true_peak() -> Callable[[NDArray[Any]], float]:
    """True peak in dB by an oversampling of the whole at once: an oracle of its own."""

    def measure(samples: NDArray[Any], times: int = 4) -> float:
        padded = np.pad(np.asarray(samples, np.float64), ((0, 0), (2400, 2400)))
        count = padded.shape[1]
        spectrum = np.fft.rfft(padded)
        longer = np.zeros((2, times * count // 2 + 1), complex)
        longer[:, : spectrum.shape[1]] = spectrum
        wave = np.fft.irfft(longer, n=times * count) * times
        return float(20 * np.log10(np.abs(wave).max()))

    return measure


@pytest.fixture
def ebur128() -> Callable[[NDArray[Any]], tuple[float, float]]:
    """Integrated loudness and true peak (dB) by FFmpeg's filter."""

    def measure(samples: NDArray[Any]) -> tuple[float, float]:
        import av

        graph = av.filter.Graph()
        chain = [
            graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo"),
            graph.add("ebur128", "peak=true:metadata=1"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*chain).configure()
        found: dict[str, str] = {}

        def drain() -> None:
            while True:
                try:
                    found.update(graph.pull().metadata)
                except (av.error.BlockingIOError, av.error.EOFError):
                    return

        block = np.ascontiguousarray(samples, np.float32)
        for start in range(0, block.shape[1], 4800):
            part = np.ascontiguousarray(block[:, start : start + 4800])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = start
            graph.push(frame)
            drain()
        graph.push(None)
        drain()
        peaks = [
            float(v) for k, v in found.items() if k.endswith(("peak_ch0", "peak_ch1", "true_peak"))
        ]
        return float(found["lavfi.r128.I"]), float(20 * np.log10(max(peaks)))

    return measure
