"""A range made again in two passes, each from the latents of its own size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.typing import NDArray

from reelwright.generate import ClipRequest
from reelwright.generate.ltx import (
    LtxSettings,
    decode_clip,
    decode_retake,
    draft_clip,
    refine_clip,
)
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.models import WeightSet


def test_both_passes_keep_what_is_outside(
    weights: WeightSet,
    words: Path,
    few: LtxSettings,
    shot: Callable[..., ClipRequest],
    tmp_path: Path,
) -> None:
    home = {name: tmp_path / name for name in ("draft", "full", "clip", "draft2", "full2", "clip2")}
    request = shot(25)
    draft_clip(request, words, None, None, weights, few, home["draft"])
    refine_clip(request, words, None, None, home["draft"], weights, few, home["full"])
    decode_clip(request, home["full"], None, weights, few, home["clip"])
    again = shot(25, retake=(9, 17), seed=12)
    sources = (home["draft"],)
    draft_clip(again, words, None, None, weights, few, home["draft2"], sources=sources)
    refine_clip(
        again, words, None, None, home["draft2"], weights, few, home["full2"],
        sources=(home["draft"], home["full"]),
    )  # fmt: skip
    clip = decode_retake(again, home["full2"], home["clip"], None, weights, few, home["clip2"])
    for name in ("draft", "full"):
        kept, made = (ShotLatents.load(home[each]).made for each in (name, f"{name}2"))
        assert kept.video is not None
        assert made.video is not None
        same = (kept.video == made.video).all(dim=1).flatten(2).all(dim=-1)[0]
        assert same.tolist() == [True, True, True, False, False, True, True]  # of 4 frames
        assert kept.audio is not None
        assert made.audio is not None
        heard = (kept.audio == made.audio).all(dim=3).all(dim=1)[0]
        anew = torch.nonzero(~heard).flatten() / len(heard)
        assert len(anew)
        assert anew.min() > 9 / 25 - 0.02
        assert anew.max() < 17 / 25
    assert clip.num_frames == 25
    assert not torch.equal(
        torch.from_numpy(clip.frames[12]), torch.from_numpy(_frame(home["clip"], 12))
    )
    for frame in (8, 17):
        assert (clip.frames[frame] == _frame(home["clip"], frame)).all()
    assert not (home["clip2"] / ".anew").exists()


def _frame(folder: Path, frame: int) -> NDArray[Any]:
    from reelwright.generate import Clip

    return Clip.load(folder).frames[frame]


def test_a_pass_without_its_own_latents_is_refused(
    weights: WeightSet,
    words: Path,
    few: LtxSettings,
    shot: Callable[..., ClipRequest],
    tmp_path: Path,
) -> None:
    from reelwright.errors import MediaError

    again = shot(25, retake=(9, 17))
    with pytest.raises(MediaError, match="another clip"):
        draft_clip(again, words, None, None, weights, few, tmp_path / "draft")
