"""Frames on disk come back bit for bit, lazily, and a damaged store says so."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.errors import MediaError
from reelwright.frames import (
    ArrayFrames,
    FrameKind,
    FrameWriter,
    concat_frames,
    open_frames,
    slice_frames,
)

NUM_FRAMES, HEIGHT, WIDTH = 13, 48, 64


def noise(kind: FrameKind, seed: int = 0) -> NDArray[np.generic]:
    rng = np.random.default_rng(seed)
    shape = (NUM_FRAMES, HEIGHT, WIDTH)
    match kind:
        case FrameKind.COLOR8:
            return rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        case FrameKind.COLOR16:
            return rng.integers(0, 65536, (*shape, 3), dtype=np.uint16)
        case FrameKind.MASK16:
            return rng.integers(0, 65536, shape, dtype=np.uint16)
        case FrameKind.DEPTH:
            return np.where(rng.random(shape) > 0.5, np.inf, rng.random(shape)).astype(np.float32)
        case FrameKind.MOTION:
            return rng.normal(0, 30, (*shape, 2)).astype(np.float32)


def store(folder: Path, kind: FrameKind) -> Path:
    return folder / (kind if kind in (FrameKind.DEPTH, FrameKind.MOTION) else f"{kind}.mkv")


@pytest.mark.parametrize("kind", list(FrameKind))
def test_what_comes_out_is_what_went_in(tmp_path: Path, kind: FrameKind) -> None:
    truth = noise(kind)
    path = store(tmp_path, kind)
    with FrameWriter(path, kind, (WIDTH, HEIGHT)) as writer:
        writer.write(truth[:5])
        writer.write(truth[5])
        writer.write(truth[6:])
    frames = open_frames(path)
    assert frames.shape == truth.shape
    assert frames.dtype == str(truth.dtype)
    np.testing.assert_array_equal(np.concatenate(list(frames.chunks(4))), truth)
    for index in (0, 7, NUM_FRAMES - 1, -1, -NUM_FRAMES):
        np.testing.assert_array_equal(frames[index], truth[index])
    for index in (NUM_FRAMES, -NUM_FRAMES - 1):
        with pytest.raises(IndexError):
            frames[index]


@pytest.mark.parametrize("kind", [FrameKind.COLOR8, FrameKind.MASK16, FrameKind.DEPTH])
def test_the_same_frames_are_the_same_bytes(tmp_path: Path, kind: FrameKind) -> None:
    written = []
    for name in ("a", "b"):
        path = store(tmp_path / name, kind)
        with FrameWriter(path, kind, (WIDTH, HEIGHT)) as writer:
            writer.write(noise(kind))
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_slices_and_joins_copy_nothing_and_agree_with_numpy(tmp_path: Path) -> None:
    truth = noise(FrameKind.COLOR8)
    path = store(tmp_path, FrameKind.COLOR8)
    with FrameWriter(path, FrameKind.COLOR8, (WIDTH, HEIGHT)) as writer:
        writer.write(truth)
    middle = slice_frames(open_frames(path), 3, 11)
    np.testing.assert_array_equal(np.concatenate(list(middle.chunks(3))), truth[3:11])
    joined = concat_frames([middle, ArrayFrames(truth[:2]), slice_frames(middle, 1, 2)])
    expected = np.concatenate([truth[3:11], truth[:2], truth[4:5]])
    assert joined.shape == expected.shape
    np.testing.assert_array_equal(np.concatenate(list(joined.chunks(4))), expected)
    np.testing.assert_array_equal(joined[-1], expected[-1])
    with pytest.raises(IndexError):
        slice_frames(middle, 0, 9)


def test_joins_of_different_sizes_are_refused() -> None:
    small, large = (ArrayFrames(np.zeros((2, side, side), np.uint8)) for side in (4, 8))
    with pytest.raises(MediaError, match="different sizes"):
        concat_frames([small, large])


def test_frames_of_another_shape_or_dtype_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(MediaError, match="do not fit"),
        FrameWriter(tmp_path / "c.mkv", FrameKind.COLOR8, (WIDTH, HEIGHT)) as writer,
    ):
        writer.write(np.zeros((1, HEIGHT, WIDTH, 3), np.float32))


def test_missing_truncated_and_foreign_stores_are_named(tmp_path: Path) -> None:
    path = store(tmp_path, FrameKind.COLOR8)
    with FrameWriter(path, FrameKind.COLOR8, (WIDTH, HEIGHT)) as writer:
        writer.write(noise(FrameKind.COLOR8))
    whole = path.read_bytes()
    for broken in (b"", b"not a film", whole[:200]):
        path.write_bytes(broken)
        with pytest.raises(MediaError) as caught:
            list(open_frames(path).chunks(4))
        assert path.name in caught.value.where
        assert caught.value.mend
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError):
        list(open_frames(path).chunks(4))
    with pytest.raises(MediaError):
        open_frames(tmp_path / "none.mkv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="no frames"):
        open_frames(tmp_path / "empty")


def test_reading_a_long_store_holds_one_chunk(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    frame = noise(FrameKind.COLOR8)[:1]
    with FrameWriter(path, FrameKind.COLOR8, (WIDTH, HEIGHT)) as writer:
        for _ in range(400):
            writer.write(frame)
    frames = open_frames(path)
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in frames.chunks(8)) == 400
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * frame.nbytes
