"""A clip that is stopped and gone on from is the clip that never stopped, to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.engine.tiny_checkpoint import tiny_contexts, tiny_frames, tiny_models, tiny_request

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import ClipRequest, Picture
from reelwright.engine.clip.clip_state import ClipState, clip_digest, load_state, save_state
from reelwright.engine.clip.pass_run import Step
from reelwright.engine.clip.passes import HALF, Pass, SamplerKind
from reelwright.engine.clip.pipeline import ClipLatents, make_clip
from reelwright.engine.sampling.guidance import Guider
from reelwright.errors import Cancelled, InputError, MediaError

TWO = (Pass((1.0, 0.7, 0.3, 0.0), HALF), Pass((0.8, 0.4, 0.0)))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A whole model; every part stays once it is built."""
    made = tiny_models(tmp_path_factory.mktemp("tiny"))
    made.keep_all = True
    return made


def _stopped(request: ClipRequest, models: Models, at: int, path: Path) -> ClipState:
    """Make a clip up to a step, save, stop, and load what was saved."""

    def watch(step: Step) -> None:
        if step.index == at:
            save_state(path, step.state)
            raise Cancelled

    with pytest.raises(Cancelled):
        make_clip(request, models, watch=watch)
    return load_state(path)


def _equal(one: ClipLatents, other: ClipLatents) -> bool:
    assert one.video is not None
    assert one.audio is not None
    assert other.video is not None
    assert other.audio is not None
    return torch.equal(one.video, other.video) and torch.equal(one.audio, other.audio)


@pytest.mark.parametrize("sampler", SamplerKind)
def test_gone_on_from_any_step(models: Models, tmp_path: Path, sampler: SamplerKind) -> None:
    passes = tuple(replace(settings, sampler=sampler) for settings in TWO)
    request = tiny_request(passes=passes, pictures=(Picture(tiny_frames(), strength=0.8),))
    counts: list[int] = []
    whole = make_clip(request, models, watch=lambda step: counts.append(step.count))
    for at in (0, len(counts) // 2, len(counts) - 1):
        state = _stopped(request, models, at, tmp_path / "state.safetensors")
        seen: list[int] = []
        again = make_clip(
            request, models, resume=state, watch=lambda s, seen=seen: seen.append(s.index)
        )
        assert _equal(again, whole), at
        assert seen == list(range(at + 1, counts[0])), "nothing is made twice"
        assert again.notes == ()
        assert len(again.passes) == 2


def test_gone_on_from_a_step_that_uses_a_prediction_again(models: Models, tmp_path: Path) -> None:
    guider = Guider(3.0, skip_step=2)
    passes = (Pass((1.0, 0.8, 0.6, 0.3, 0.0), video_guider=guider, audio_guider=guider),)
    request = tiny_request(passes=passes)
    whole = make_clip(request, models)
    for at in (0, 1, 2):
        state = _stopped(request, models, at, tmp_path / "state.safetensors")
        assert _equal(make_clip(request, models, resume=state), whole), at


def test_gone_on_from_with_the_references_noise(models: Models, tmp_path: Path) -> None:
    passes = tuple(replace(settings, sampler=SamplerKind.RES_2S) for settings in TWO)
    request = tiny_request(
        passes=passes, reference_noise=torch.bfloat16, pictures=(Picture(tiny_frames(), -1),)
    )
    whole = make_clip(request, models)
    for at in (1, 4):
        state = _stopped(request, models, at, tmp_path / "state.safetensors")
        assert _equal(make_clip(request, models, resume=state), whole), at


def test_another_clip_is_not_gone_on_from(models: Models, tmp_path: Path) -> None:
    request = tiny_request(passes=TWO)
    state = _stopped(request, models, 1, tmp_path / "state.safetensors")
    for change in ({"seed": 12}, {"contexts": tiny_contexts(8)}, {"frame_rate": 25.0}):
        with pytest.raises(InputError, match="of another clip"):
            make_clip(replace(request, **change), models, resume=state)


def test_another_computer_is_noted(models: Models, tmp_path: Path) -> None:
    request = tiny_request(passes=TWO)
    state = _stopped(request, models, 1, tmp_path / "state.safetensors")
    elsewhere = replace(state, fingerprint="torch 2.11.0, cuda NVIDIA H200, 8 threads")
    (note,) = make_clip(request, models, resume=elsewhere).notes
    assert "NVIDIA H200" in note
    assert state.fingerprint in note


def test_equal_requests_have_equal_digests(models: Models) -> None:
    first, second = (
        clip_digest(tiny_request(pictures=(Picture(tiny_frames()),)), models) for _ in range(2)
    )
    assert first == second
    changed = tiny_frames()
    changed[0, 0, 0, 0] ^= 1
    assert clip_digest(tiny_request(pictures=(Picture(changed),)), models) != first


def test_a_state_is_whole_or_not_there(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.safetensors"
    state = _stopped(tiny_request(passes=TWO), models, 0, path)
    before = path.read_bytes()

    def fail(handle: int) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(MediaError):
            save_state(path, replace(state, step=2))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cut", [0, 5, 400, -1])
def test_a_state_that_is_cut_short(models: Models, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "state.safetensors"
    _stopped(tiny_request(passes=TWO), models, 0, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="no saved state") as caught:
        load_state(path)
    assert "Remove it" in caught.value.mend


def test_a_checkpoint_is_no_state(models: Models) -> None:
    with pytest.raises(InputError, match="no saved state"):
        load_state(models.checkpoint.files[0].path)
