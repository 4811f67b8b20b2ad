from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.audio import Audio, AudioWriter
from reelwright.generate import ClipRequest, Listener
from reelwright.shapes import generation_size, shot_frames

SaveSound = Callable[..., Path]


@pytest.fixture
def save_sound(tmp_path: Path) -> SaveSound:
    """Write samples [2, n] or [n] as a float WAV; returns its path."""

    def save(samples: NDArray[Any], name: str = "sound.wav") -> Path:
        stereo = np.broadcast_to(np.atleast_2d(samples), (2, np.shape(samples)[-1]))
        with AudioWriter(tmp_path / name) as writer:
            writer.write(stereo.astype(np.float32))
        return tmp_path / name

    return save


@pytest.fixture
def tone() -> Callable[..., NDArray[np.float64]]:
    """A sine at 48 kHz, [n]."""

    def make(
        seconds: float, hertz: float = 440.0, peak: float = 0.5, phase: float = 0.0
    ) -> NDArray[np.float64]:
        time = np.arange(round(seconds * 48_000)) / 48_000
        return np.asarray(peak * np.sin(2 * np.pi * hertz * time + phase))

    return make


@pytest.fixture
def make_request() -> Callable[..., ClipRequest]:
    """A request for a shot of so many seconds; anything else by name."""

    def make(seconds: float = 1.0, rate: Fraction = Fraction(24), **fields: Any) -> ClipRequest:
        fields.setdefault("shot", "lamp")
        fields.setdefault("size", generation_size((64, 64)))
        return ClipRequest(frames=shot_frames(seconds, rate), frame_rate=rate, **fields)

    return make


@pytest.fixture
def listener_at_origin() -> Callable[..., Listener]:
    """A still camera in camera axes of its own (world = camera), and props on given paths."""

    def make(half_width: float = 0.5, **props: NDArray[Any]) -> Listener:
        count = len(next(iter(props.values())))
        return Listener(
            np.broadcast_to(np.eye(4), (count, 4, 4)),
            np.full(count, half_width),
            {name: np.asarray(path, float) for name, path in props.items()},
        )

    return make


@pytest.fixture
def whole() -> Callable[[Audio], NDArray[np.float32]]:
    """All samples of a sound."""
    return lambda audio: audio.read(0, audio.num_samples)


@pytest.fixture
def click() -> Callable[..., float]:
    """How much a place sticks out in the 4th difference (quality's measure; clean below 3)."""

    def measure(samples: NDArray[Any], at: int) -> float:
        step = np.abs(np.diff(np.asarray(samples, float), n=4, axis=1)).max(axis=0)
        blocks = step[: len(step) // 48 * 48].reshape(-1, 48).max(axis=1)
        joined = blocks[max((at - 2) // 48 - 1, 0) : (at - 2) // 48 + 2]
        low = max((at - 2) // 48 - 50, 0)
        return float(joined.max() / (np.median(blocks[low : low + 101]) + 2e-4))

    return measure
