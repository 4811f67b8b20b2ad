"""The parts of a shot's making, each alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reelwright.audio import Audio
from reelwright.engine import DISTILLED, Sound
from reelwright.errors import Cancelled, InputError, NumericsError, SettingError
from reelwright.frames import ArrayFrames
from reelwright.generate.ltx import LtxSettings, watching
from reelwright.generate.ltx.color_anchor import MAX_GAIN, MAX_OFFSET, ColorAnchor
from reelwright.generate.ltx.depth_control import depth_clip, depth_grey, depth_range
from reelwright.generate.ltx.model_sound import write_model_sound
from reelwright.generate.ltx.passes import _levels
from reelwright.generate.ltx.shown import finished, first_frames, split_tail
from reelwright.generate.ltx.span import ShotSpan
from reelwright.shapes import ShotFrames, covering_frames


@given(
    delivered=st.integers(1, 300),
    factor=st.sampled_from([1, 2, 4, 8, 16]),
    before=st.none() | st.integers(1, 300),
)
def test_a_span_holds_the_shot_and_fits_the_model(
    delivered: int, factor: int, before: int | None
) -> None:
    frames = ShotFrames(delivered, covering_frames(delivered))
    span = ShotSpan.of(frames, factor, before)
    assert span.shown == frames.generated
    assert (span.total - 1) % factor == 0
    assert span.tail + span.shown <= span.total < span.tail + span.shown + factor
    if before is None:
        assert span.tail == 0
    else:
        assert (span.tail - 1) % factor == 0
        assert 1 <= span.tail <= before


def test_a_shot_of_its_own_is_made_as_it_is() -> None:
    assert ShotSpan.of(ShotFrames(120, 121), 8, None) == ShotSpan(0, 121, 121)
    assert ShotSpan.of(ShotFrames(120, 121), 8, 120) == ShotSpan(17, 121, 145)


def test_depth_is_told_near_white_and_far_black() -> None:
    grey = depth_grey(np.array([1.0, 2.0, 4.0, 8.0, np.inf], np.float32), 2.0, 4.0)
    assert grey.tolist() == [255, 255, 0, 0, 0]
    assert depth_grey(np.array([8 / 3], np.float32), 2.0, 4.0).tolist() == [128]


def test_the_mapping_is_the_one_that_models_are_trained_with() -> None:
    trained = pytest.importorskip("tools.pocket.depth", reason="tools/ is not beside the package")
    drawn = np.random.default_rng(0)
    depth = drawn.uniform(1, 30, (11, 24, 40)).astype(np.float32)
    depth[:, :8] = np.inf
    assert depth_range(ArrayFrames(depth)) == trained.depth_range(depth)
    clip = depth_clip(ArrayFrames(depth), (40, 24))
    assert np.array_equal(clip[..., 0].numpy(), trained.depth_to_grey(depth))


def test_near_and_far_are_found_in_few_samples_too() -> None:
    depth = np.linspace(1, 100, 7 * 70 * 70, dtype=np.float32).reshape(7, 70, 70)
    near, far = depth_range(ArrayFrames(depth), most=1000)
    assert near == pytest.approx(2.0, abs=0.3)
    assert far == pytest.approx(99.0, abs=0.3)
    assert depth_range(ArrayFrames(np.full((2, 4, 4), np.inf, np.float32))) == (1.0, 2.0)


def test_depth_is_read_chunk_by_chunk_and_kept_at_the_size_of_the_pass() -> None:
    class Counting(ArrayFrames):
        most = 0

        def chunks(self, num_frames: int) -> Any:
            self.most = max(self.most, num_frames)
            return super().chunks(num_frames)

    depth = Counting(np.random.default_rng(0).uniform(1, 9, (30, 64, 64)).astype(np.float32))
    clip = depth_clip(depth, (32, 32), before=5, total=37)
    assert depth.most <= 8
    assert tuple(clip.shape) == (37, 32, 32, 3)
    assert clip.untyped_storage().nbytes() == 37 * 32 * 32
    assert torch.equal(clip[0], clip[5])
    assert torch.equal(clip[36], clip[34])
    assert not torch.equal(clip[6], clip[5])


def test_colours_are_matched_within_bounds() -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = 0.3 + 0.4 * torch.rand(5, 8, 8, 3, generator=generator)
    found = (wanted - 0.5) * 0.95 + 0.5 + torch.tensor([0.02, -0.02, 0.0])
    moved = ColorAnchor.match(found, wanted).apply(found)
    assert torch.allclose(moved, wanted, atol=1e-5)
    far = ColorAnchor.match(found * 0.2, wanted)
    assert float(far.gain.max()) == pytest.approx(MAX_GAIN)
    assert float(far.offset.max()) == pytest.approx(MAX_OFFSET)
    assert far.apply(torch.ones(1, 2, 2, 3)).max() <= 1.0


def test_a_flat_picture_has_no_contrast_to_match() -> None:
    flat = torch.full((1, 4, 4, 3), 0.5)
    assert ColorAnchor.match(flat, torch.rand(1, 4, 4, 3)).gain.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("sizes", [(9,), (1, 3, 5), (4, 5)])
@pytest.mark.parametrize("tail", [0, 1, 4, 5])
def test_a_stream_is_cut_where_it_should_be(sizes: tuple[int, ...], tail: int) -> None:
    frames = torch.arange(9.0).view(9, 1, 1, 1).expand(-1, 1, 1, 3)
    first, rest = split_tail(iter(frames.split(list(sizes))), tail)
    shown = torch.cat(list(first_frames(rest, 3)))
    assert (0 if first is None else len(first)) == tail
    assert shown[:, 0, 0, 0].tolist() == [tail, tail + 1, tail + 2]


def test_decoded_frames_must_be_numbers() -> None:
    with pytest.raises(NumericsError):
        finished(torch.full((1, 2, 2, 3), float("nan")), (2, 2), None)


def test_the_models_sound_is_cut_brought_to_rate_and_ends_softly(tmp_path: Path) -> None:
    wave = torch.sin(torch.arange(8000) * 0.1).expand(2, -1) * 0.5
    stem = write_model_sound(
        Sound(wave.contiguous(), 8000), ShotSpan(6, 24, 30), Fraction(24), tmp_path / "s.wav"
    )
    assert (stem.sample_rate, stem.num_samples) == (48000, 48000)
    heard = Audio.open(stem.path).read(0, 48000)
    want = 0.5 * np.sin(0.1 * (2000 + np.arange(1000, 30000) / 6))
    assert np.abs(heard[0, 1000:30000] - want).max() < 0.01
    assert np.abs(heard[:, 36000:]).max() == 0.0  # 1 s of sound, a quarter of it before the shot
    assert abs(heard[0, 35999]) < 1e-3


def test_fewer_steps_follow_the_trained_levels() -> None:
    assert _levels(DISTILLED, LtxSettings(), 0) == DISTILLED
    four = _levels(DISTILLED, LtxSettings(steps=(4,)), 0)
    assert four == DISTILLED[::2]
    assert len(_levels(DISTILLED, LtxSettings(steps=(4, 20)), 1)) == 21


def test_settings_survive_json() -> None:
    settings = LtxSettings((8, 3), 2.5, ("none", 0.5), "bfloat16")
    assert LtxSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    with pytest.raises(InputError, match="no settings"):
        LtxSettings.from_json({"steps": [1]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": (0,)},
        {"guidance": 31.0},
        {"control": ("canny", 1.0)},
        {"control": ("depth", 1.5)},
        {"precision": "int8"},
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_mend(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as raised:
        LtxSettings(**wrong)
    assert raised.value.mend
    assert raised.value.where


def test_previews_are_shown_at_most_every_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diary: Callable[..., Any]
) -> None:
    now, made = [0.0], []
    monkeypatch.setattr(watching, "save_state", lambda path, state: made.append(state))

    def preview() -> torch.Tensor:
        return torch.full((4, 6, 3), 0.5)

    told = diary()
    watcher = watching.Watcher(tmp_path, 8, "draft", told, clock=lambda: now[0])
    for i in range(1, 9):
        now[0] = i * 0.9
        watcher(SimpleNamespace(state=SimpleNamespace(step=i), preview=preview))  # type: ignore[arg-type]
    assert len(made) == 8
    assert len(told.pictures) == 2  # at 2.7 s and 5.4 s
    assert told.pictures[0].dtype == np.uint8
    assert told.pictures[0].shape == (4, 6, 3)


def test_previews_that_are_slow_come_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diary: Callable[..., Any]
) -> None:
    now = [0.0]
    monkeypatch.setattr(watching, "save_state", lambda path, state: None)

    def preview() -> torch.Tensor:
        now[0] += 1.0
        return torch.zeros(4, 6, 3)

    told = diary()
    watcher = watching.Watcher(tmp_path, 20, "draft", told, clock=lambda: now[0])
    for i in range(1, 21):
        now[0] += 1.0
        watcher(SimpleNamespace(state=SimpleNamespace(step=i), preview=preview))  # type: ignore[arg-type]
    assert len(told.pictures) == 2  # at 2 s, which takes until 3 s, and 10 s later


def test_previews_end_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diary: Callable[..., Any]
) -> None:
    monkeypatch.setattr(watching, "save_state", lambda path, state: None)
    monkeypatch.setattr(watching, "PREVIEW_EVERY_S", 0.0)

    def preview() -> torch.Tensor:
        raise torch.OutOfMemoryError("short")

    told = diary()
    watcher = watching.Watcher(tmp_path, 8, "draft", told)
    for i in (1, 2):
        watcher(SimpleNamespace(state=SimpleNamespace(step=i), preview=preview))  # type: ignore[arg-type]
    assert len(told.warnings) == 1


def test_cancelling_finds_the_state_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diary: Callable[..., Any]
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(watching, "save_state", lambda path, state: made.append(state))
    watcher = watching.Watcher(tmp_path, 8, "draft", diary(stop_at="step 3"))
    with pytest.raises(Cancelled):
        watcher(SimpleNamespace(state=SimpleNamespace(step=3)))  # type: ignore[arg-type]
    assert len(made) == 1
