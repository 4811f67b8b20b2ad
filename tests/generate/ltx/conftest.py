"""Shots made with a tiny random model in the official layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelwright.errors import Cancelled
from reelwright.frames import ArrayFrames
from reelwright.generate import ClipRequest
from reelwright.generate.ltx import LtxSettings, read_words, release
from reelwright.keyframes import Keyframe
from reelwright.models import WeightSet
from reelwright.shapes import generation_size, shot_frames
from reelwright.stage import StagedShot

RATE = Fraction(24)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightSet:
    """A whole tiny model; the text encoder brings its tokenizer."""
    from tests.engine import tiny_checkpoint as tiny

    folder = tmp_path_factory.mktemp("weights")
    return WeightSet(
        name="tiny",
        checkpoint=(tiny.write_checkpoint(folder / "tiny.safetensors"),),
        text_encoder=tiny.write_text_encoder(folder / "gemma"),
        label="tiny",
        upsampler=tiny.write_upsampler(folder / "upsampler.safetensors"),
    )


@pytest.fixture(scope="session")
def words(weights: WeightSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The words of all shots here."""
    folder = tmp_path_factory.mktemp("words")
    read_words("a boat turns.", "", weights, folder)
    return folder


@pytest.fixture(autouse=True, scope="session")
def _let_go() -> Any:
    yield
    release()


@pytest.fixture
def few() -> LtxSettings:
    """Few steps, so that tests are quick."""
    return LtxSettings(steps=(3, 2))


@pytest.fixture
def shot() -> Callable[..., ClipRequest]:
    """A shot of so many frames, 64x64; anything else by name."""

    def make(num_frames: int = 9, **fields: Any) -> ClipRequest:
        fields.setdefault("shot", "lamp")
        fields.setdefault("size", generation_size((64, 64)))
        fields.setdefault("seed", 11)
        frames = shot_frames(num_frames / RATE, RATE)
        return ClipRequest(frames=frames, frame_rate=RATE, **fields)

    return make


@pytest.fixture
def save_still(tmp_path: Path) -> Callable[..., Keyframe]:
    """Write a picture of noise; returns it as a keyframe."""

    def save(frame: int, seed: int = 0, strength: float = 1.0) -> Keyframe:
        pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
        path = tmp_path / f"still{seed}.png"
        Image.fromarray(pixels).save(path)
        return Keyframe(path, frame, strength)

    return save


@pytest.fixture
def stage_depth() -> Callable[..., StagedShot]:
    """A staged shot of given depth [F, H, W], with sky where it is infinite."""

    def make(depth: NDArray[np.float32]) -> StagedShot:
        count, height, width = depth.shape
        color = np.zeros((count, height, width, 3), np.uint8)
        return StagedShot(
            color=ArrayFrames(color),
            depth=ArrayFrames(depth.astype(np.float32)),
            mask=ArrayFrames(np.zeros((count, height, width), np.uint16)),
            motion=ArrayFrames(np.zeros((count - 1, height, width, 2), np.float32)),
            intrinsics=np.tile(np.eye(3), (count, 1, 1)),
            world_from_camera=np.tile(np.eye(4), (count, 1, 1)),
            frame_rate=RATE,
            props=(),
        )

    return make


@dataclass
class Diary:
    """Progress that notes everything; stops at a step if told to."""

    stop_at: str = ""
    notes: list[str] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pictures: list[NDArray[Any]] = field(default_factory=list)

    def step(self, fraction: float, note: str = "") -> None:
        self.fractions.append(fraction)
        self.notes.append(note)
        if self.stop_at and self.stop_at in note:
            raise Cancelled

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def preview(self, picture: NDArray[Any]) -> None:
        self.pictures.append(picture)


@pytest.fixture
def diary() -> Callable[..., Diary]:
    """Progress that notes everything."""
    return Diary
