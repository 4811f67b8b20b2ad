"""The tier `final`: frames go through a pixel refiner and are brought to the size of the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from reelwright import engine
from reelwright.engine.codecs.esrgan import Compact, CompactShape, DenseShape
from reelwright.errors import Cancelled, CheckpointError, MediaError
from reelwright.generate import Clip, ClipRequest
from reelwright.generate.large import LARGE, large_frames
from reelwright.generate.ltx import LtxSettings, decode_clip, draft_clip
from reelwright.generate.ltx.color_anchor import ColorAnchor
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.refiner import open_refiner
from reelwright.generate.ltx.shown import sized
from reelwright.models import WeightSet

Shot = Callable[..., ClipRequest]

FOLDED = CompactShape(width=16, depth=1, fold=2, scale=2)


def save_refiner(path: Path, *, blank: bool = False, lift: float = 0.0) -> Path:
    """A random refiner; a blank one adds nothing to the nearest pixel, `lift` brightens it."""
    torch.manual_seed(7)
    network = Compact(FOLDED)
    state = {name: each.clone() for name, each in network.state_dict().items()}
    if blank:
        state = {name: torch.zeros_like(each) for name, each in state.items()}
    state["body.4.bias"] += lift
    save_file(state, path)
    return path


@pytest.fixture
def made(weights: WeightSet, words: Path, few: LtxSettings, shot: Shot, tmp_path: Path) -> Path:
    """Latents of a shot, without a second pass: the draft is the whole clip."""
    single = replace(weights, upsampler=None)
    draft_clip(shot(), words, None, None, single, few, tmp_path / "one")
    return tmp_path / "one"


def _decoded(
    request: ClipRequest, latents: Path, weights: WeightSet, name: str, **more: Any
) -> Clip:
    more.setdefault("settings", LtxSettings(precision="float32"))
    out = latents.parent / name
    return decode_clip(
        request, latents, more.pop("previous", None), replace(weights, upsampler=None),
        more.pop("settings"), out, **more,
    )  # fmt: skip


def _pixels(frames: Any) -> NDArray[np.uint8]:
    return np.concatenate(list(frames.chunks(8)))


def test_frames_are_refined_and_reduced_to_the_size_of_the_clip(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path
) -> None:
    file = save_refiner(tmp_path / "refiner.safetensors")
    plain = _decoded(shot(), made, weights, "plain")
    clip = _decoded(shot(), made, replace(weights, refiner=file), "final")
    assert (clip.num_frames, clip.size) == (9, (64, 64))
    assert clip.provenance["refiner"] == {"scale": 2, "precision": "float32"}
    assert plain.provenance["refiner"] is None
    models = open_models(replace(weights, upsampler=None), "cpu", "float32")
    held = ShotLatents.load(made)
    latents = engine.ClipLatents(held.made.video, held.made.audio, 24.0, 11, None, (held.made,))
    decoded = torch.cat(list(engine.decode_frames(latents, models)))
    large = engine.load_pixel_upscaler(file).upscale(decoded)
    wanted = (sized(large, (64, 64)) * 255).round().byte().numpy()
    assert np.abs(_pixels(clip.frames).astype(int) - wanted).max() <= 1
    assert np.abs(_pixels(clip.frames).astype(int) - _pixels(plain.frames)).max() > 2
    assert not (clip.file.parent / LARGE).exists()  # type: ignore[union-attr]


def test_a_refiner_that_adds_nothing_changes_nothing(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path
) -> None:
    file = save_refiner(tmp_path / "refiner.safetensors", blank=True)
    plain = _decoded(shot(), made, weights, "plain")
    clip = _decoded(shot(), made, replace(weights, refiner=file), "final")
    assert np.array_equal(_pixels(clip.frames), _pixels(plain.frames))
    assert clip.stems.keys() == plain.stems.keys()


def test_larger_pictures_are_kept_for_a_film_that_is_enlarged(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path
) -> None:
    refined = replace(weights, refiner=save_refiner(tmp_path / "refiner.safetensors"))
    clip = _decoded(shot(), made, refined, "large", large=True)
    large = large_frames(tmp_path / "large", clip)
    assert large is not None
    assert large.shape == (9, 128, 128, 3)
    small = _pixels(large).reshape(9, 64, 2, 64, 2, 3).mean((2, 4))
    assert np.abs(small - _pixels(clip.frames)).max() <= 1.01
    plain = _decoded(shot(), made, weights, "plain", large=True)
    assert large_frames(tmp_path / "plain", plain) is None


def test_larger_pictures_of_another_clip_are_refused(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path
) -> None:
    refined = replace(weights, refiner=save_refiner(tmp_path / "refiner.safetensors"))
    clip = _decoded(shot(), made, refined, "large", large=True)
    (tmp_path / "large" / "frames.mkv").replace(tmp_path / "large" / LARGE)
    assert large_frames(tmp_path / "large", clip) is not None  # as large as itself
    other = replace(clip, start=clip.num_frames)
    with pytest.raises(MediaError, match="another clip"):
        large_frames(tmp_path / "large", other)


def test_a_continued_shot_is_matched_as_it_is_shown(
    weights: WeightSet, words: Path, few: LtxSettings, made: Path, shot: Shot, tmp_path: Path
) -> None:
    """A refiner that brightens does so once, not once more with every shot of a chain."""
    file = save_refiner(tmp_path / "refiner.safetensors", blank=True, lift=0.02)
    refined, single = replace(weights, refiner=file), replace(weights, upsampler=None)
    _decoded(shot(), made, refined, "one-final")
    before, request = tmp_path / "one-final", shot(shot="next")
    draft_clip(request, words, None, before, single, few, tmp_path / "two")
    clip = _decoded(request, tmp_path / "two", refined, "two-final", previous=before)
    held = ShotLatents.load(tmp_path / "two")
    models = open_models(single, "cpu", "float32")
    latents = engine.ClipLatents(held.made.video, held.made.audio, 24.0, 11, None, (held.made,))
    tail = torch.cat(list(engine.decode_frames(latents, models)))[: held.span.tail]
    shown = _pixels(Clip.load(before).frames)[-held.span.tail :].astype(np.float32) / 255
    wanted = ColorAnchor.match((tail + 0.02).clamp(0, 1), torch.from_numpy(shown)).to_json()
    told = clip.provenance["color_anchor"]
    assert told["offset"] == pytest.approx(wanted["offset"], abs=2e-3)


def test_a_draft_is_refined_to_its_full_size(
    weights: WeightSet, words: Path, few: LtxSettings, shot: Shot, tmp_path: Path
) -> None:
    draft_clip(shot(), words, None, None, weights, few, tmp_path / "draft")
    file = save_refiner(tmp_path / "refiner.safetensors")
    clip = _decoded(shot(), tmp_path / "draft", replace(weights, refiner=file), "clip")
    assert clip.size == (64, 64)


def test_a_decode_that_was_stopped_is_done_again(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path, diary: Callable[..., Any]
) -> None:
    refined = replace(weights, refiner=save_refiner(tmp_path / "refiner.safetensors"))
    whole = _decoded(shot(), made, refined, "whole", large=True)
    with pytest.raises(Cancelled):
        _decoded(shot(), made, refined, "cut", large=True, progress=diary(stop_at="frame 8"))
    assert not (tmp_path / "cut" / "clip.json").exists()
    again = _decoded(shot(), made, refined, "cut", large=True)
    for folder, clip in (("whole", whole), ("cut", again)):
        assert large_frames(tmp_path / folder, clip) is not None
    assert np.array_equal(_pixels(again.frames), _pixels(whole.frames))


def test_frames_go_through_one_at_a_time(
    weights: WeightSet,
    made: Path,
    shot: Shot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory holds one refined frame, however long the shot is."""
    seen: list[int] = []
    upscale = engine.PixelUpscaler.upscale

    def noted(self: engine.PixelUpscaler, frames: torch.Tensor) -> torch.Tensor:
        seen.append(len(frames))
        return upscale(self, frames)

    monkeypatch.setattr(engine.PixelUpscaler, "upscale", noted)
    refined = replace(weights, refiner=save_refiner(tmp_path / "refiner.safetensors"))
    _decoded(shot(), made, refined, "final")
    assert seen == [1] * 9


def test_a_file_that_is_no_refiner_is_refused_with_the_shot(
    weights: WeightSet, made: Path, shot: Shot
) -> None:
    foreign = replace(weights, refiner=weights.checkpoint[0])
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors.*No pixel upscaler"):
        _decoded(shot(), made, foreign, "clip")


@pytest.mark.parametrize(
    ("capable", "dtype"), [({"avx512_bf16": True}, "bfloat16"), ({}, "float32")]
)
def test_products_run_in_what_is_quick(
    capable: dict[str, bool], dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable, raising=False)
    file = save_refiner(tmp_path / "refiner.safetensors")
    opened = open_refiner(file, "cpu", "auto")
    assert opened is not None
    assert str(opened.compute) == dtype
    asked = open_refiner(file, "cpu", "float32")
    assert asked is not None
    assert str(asked.compute) == "float32"
    assert open_refiner(None, "cpu", "auto") is None


@pytest.mark.parametrize("size", [(64, 64), (40, 20), (96, 96)])
def test_frames_are_sized_without_a_shift(size: tuple[int, int]) -> None:
    ramp = torch.linspace(0, 1, 64).expand(64, 64)
    frames = torch.stack([ramp, ramp.T, ramp.flip(1)], dim=-1)[None]
    found = sized(frames, size)
    assert found.shape == (1, size[1], size[0], 3)
    mirrored = sized(frames.flip(2), size).flip(2)
    torch.testing.assert_close(found, mirrored, atol=1e-5, rtol=0)
    assert found.mean() == pytest.approx(0.5, abs=1e-3)


def test_dense_refiners_work_too(
    weights: WeightSet, made: Path, shot: Shot, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    save_file(dict(DenseShape(4, 4, 1, 2).make().state_dict()), tmp_path / "dense.safetensors")
    refined = replace(weights, refiner=tmp_path / "dense.safetensors")
    assert _decoded(shot(), made, refined, "final").provenance["refiner"]["scale"] == 2
