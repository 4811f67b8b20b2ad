from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelwright.errors import MediaError
from reelwright.frames import ArrayFrames
from reelwright.media import contact_sheet
from reelwright.media.sheet import spread


def test_pictures_stand_in_order_on_a_dark_ground(tmp_path: Path) -> None:
    levels = np.arange(10, 250, 10, dtype=np.uint8)
    frames = ArrayFrames(np.broadcast_to(levels[:, None, None, None], (24, 48, 64, 3)))
    out = contact_sheet(frames, tmp_path / "sheet.png", columns=4, count=8, width=640, title="t")
    with Image.open(out) as image:
        seen = np.asarray(image.convert("RGB"))
    assert seen.shape[1] == 640
    assert tuple(seen[0, 0]) == (24, 25, 28)
    values = list(levels[spread(24, 8)])
    grey = (seen[..., 0] == seen[..., 1]) & (seen[..., 1] == seen[..., 2])
    for value in values:
        assert (grey & (seen[..., 0] == value)).sum() > 1000
    first = np.nonzero(grey & (seen[..., 0] == values[0]))
    second = np.nonzero(grey & (seen[..., 0] == values[1]))
    fifth = np.nonzero(grey & (seen[..., 0] == values[4]))
    assert second[1].mean() > first[1].max()
    assert fifth[0].mean() > first[0].max()


def test_labels_are_drawn(clip: Callable[..., ArrayFrames], tmp_path: Path) -> None:
    def ink(labels: list[str]) -> int:
        out = contact_sheet(clip(4), tmp_path / "s.png", count=4, labels=labels, width=400)
        with Image.open(out) as image:
            return int((np.asarray(image.convert("L"))[-16:] > 60).sum())

    assert ink(["approach 0", "approach 9", "lamp 0", "lamp 9"]) > ink([" ", " ", " ", " "])


def test_sixteen_bits(clip: Callable[..., ArrayFrames], tmp_path: Path) -> None:
    eight = contact_sheet(clip(3), tmp_path / "a.png", count=3).read_bytes()
    sixteen = ArrayFrames(clip(3).array.astype(np.uint16) * 257)
    assert contact_sheet(sixteen, tmp_path / "b.png", count=3).read_bytes() == eight


def test_refusals(clip: Callable[..., ArrayFrames], tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frames"):
        contact_sheet(clip(3), tmp_path / "a.png", count=0)
    with pytest.raises(MediaError, match="2 labels do not fit 3"):
        contact_sheet(clip(3), tmp_path / "a.png", labels=["a", "b"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("num_frames", "count", "wanted"),
    [(10, 4, [0, 3, 6, 9]), (3, 12, [0, 1, 2]), (5, 1, [0]), (0, 4, []), (121, 2, [0, 120])],
)
def test_spread(num_frames: int, count: int, wanted: list[int]) -> None:
    assert spread(num_frames, count) == wanted
