"""From a shot to its clip with a tiny random model: what is kept, followed and promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reelwright import engine
from reelwright.errors import Cancelled, InputError, MediaError, StageError
from reelwright.generate import Clip, ClipRequest, SoundPlacement
from reelwright.generate.ltx import LtxSettings, decode_clip, draft_clip, refine_clip
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.making import ShotMaking
from reelwright.generate.ltx.stills import read_still
from reelwright.models import WeightSet
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.shapes import generation_size

Shot = Callable[..., ClipRequest]


class Crew:
    """The four steps over one set of weights, in folders of their own."""

    def __init__(
        self, weights: WeightSet, words: Path, settings: LtxSettings, folder: Path
    ) -> None:
        self.weights, self.words, self.settings, self.folder = weights, words, settings, folder

    def draft(
        self,
        request: ClipRequest,
        staged: Any = None,
        previous: Path | None = None,
        name: str = "draft",
        progress: Progress = NO_PROGRESS,
    ) -> ShotLatents:
        out = self.folder / name
        draft_clip(
            request, self.words, staged, previous, self.weights, self.settings, out,
            progress=progress,
        )  # fmt: skip
        return ShotLatents.load(out)

    def refine(
        self,
        request: ClipRequest,
        staged: Any = None,
        previous: Path | None = None,
        name: str = "draft",
        progress: Progress = NO_PROGRESS,
    ) -> ShotLatents:
        out = self.folder / f"{name}-refined"
        refine_clip(
            request, self.words, staged, previous, self.folder / name, self.weights,
            self.settings, out, progress=progress,
        )  # fmt: skip
        return ShotLatents.load(out)

    def decode(
        self, request: ClipRequest, previous: Path | None = None, name: str = "draft"
    ) -> Clip:
        out = self.folder / f"{name}-clip"
        return decode_clip(request, self.folder / name, previous, self.weights, self.settings, out)


@pytest.fixture
def crew(weights: WeightSet, words: Path, few: LtxSettings, tmp_path: Path) -> Crew:
    return Crew(weights, words, few, tmp_path)


def _video(latents: ShotLatents) -> torch.Tensor:
    assert latents.made.video is not None
    return latents.made.video


def _pixels(clip: Clip) -> np.ndarray:
    return np.concatenate(list(clip.frames.chunks(8)))


def test_words_alone_become_a_whole_clip(crew: Crew, shot: Shot) -> None:
    request = shot(6, prompt="a boat", sound="waves")
    drafted = crew.draft(request)
    assert drafted.is_draft
    assert tuple(_video(drafted).shape[2:]) == (3, 4, 4)  # 9 frames of 32x32
    refined = crew.refine(request)
    assert tuple(_video(refined).shape[2:]) == (3, 8, 8)
    clip = crew.decode(request, name="draft-refined")
    assert (clip.num_frames, clip.size) == (9, (64, 64))
    assert clip.stems["generated"].num_samples == round(9 / 24 * 48000)
    assert np.abs(clip.stems["generated"].read(0, 9000)).max() > 0
    assert (clip.label, clip.silence) == ("tiny", ())
    told = clip.provenance
    assert (told["backend"], told["weights"], told["generation"]) == ("ltx", "tiny", "2.3")
    assert [each["steps"] for each in told["passes"]] == [3, 2]
    assert (told["seed"], told["precision"], told["delivered_frames"]) == (11, "float32", 6)


def test_a_draft_is_shown_at_full_size_and_called_one(crew: Crew, shot: Shot) -> None:
    request = shot()
    crew.draft(request)
    clip = crew.decode(request)
    assert clip.size == (64, 64)
    assert clip.label == "tiny, draft"
    assert clip.provenance["picture"] == "draft"


def test_draft_and_refine_are_one_clip_to_the_bit(
    crew: Crew, shot: Shot, save_still: Callable[..., Any]
) -> None:
    request = shot(keyframes=(save_still(0), save_still(8, 1, 0.9)))
    crew.draft(request)
    refined = crew.refine(request)
    making = ShotMaking.open(request, None, None, crew.weights, crew.settings, "cpu")
    asked = making.asked(0, crew.words, crew.folder, NO_PROGRESS)
    assert len(asked.passes) == 2
    whole = engine.make_clip(asked, making.models)
    assert torch.equal(_video(refined), whole.video)  # type: ignore[arg-type]
    assert torch.equal(refined.made.audio, whole.audio)  # type: ignore[arg-type]


def test_a_first_keyframe_is_kept_exactly_and_a_last_one_is_followed(
    crew: Crew, shot: Shot, save_still: Callable[..., Any]
) -> None:
    first, last = save_still(0), save_still(8, 1)
    free, kept, held = (
        _video(crew.draft(shot(keyframes=keyframes), name=f"draft{len(keyframes)}"))
        for keyframes in ((), (first,), (first, last))
    )
    models = open_models(crew.weights, "cpu")
    with models.video_vae() as vae, torch.no_grad():
        still = engine_still(vae, read_still(first.image))
    assert torch.equal(kept[:, :, :1], still)
    assert torch.equal(held[:, :, :1], still)
    assert not torch.equal(free[:, :, :1], still)
    assert not torch.equal(held[:, :, 1:], kept[:, :, 1:])


def engine_still(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    from reelwright.engine.clip.fitting import encode_frames

    return encode_frames(vae, pixels, (32, 32), None)


def test_weights_of_compressed_films_are_given_compressed_stills(
    crew: Crew, shot: Shot, save_still: Callable[..., Any]
) -> None:
    request = shot(keyframes=(save_still(0),))
    plain = crew.draft(request)
    crew.weights = replace(crew.weights, compressed_stills=True)
    blemished = crew.draft(request, name="blemished")
    assert not torch.equal(_video(plain)[:, :, :1], _video(blemished)[:, :, :1])


def test_staged_depth_steers_weights_that_take_it(
    crew: Crew, shot: Shot, stage_depth: Callable[..., Any]
) -> None:
    request = shot()
    near = np.full((9, 64, 64), 10.0)
    near[:, 20:40, 20:40] = 2.0
    far = near[:, ::-1].copy()

    def drafted(depth: np.ndarray, name: str) -> torch.Tensor:
        return _video(crew.draft(request, stage_depth(depth), name=name))

    unmoved = [drafted(near, "a"), drafted(far, "b")]
    assert torch.equal(*unmoved)
    crew.weights = replace(crew.weights, control="depth")
    steered = [drafted(near, "c"), drafted(far, "d")]
    assert not torch.equal(*steered)
    assert not torch.equal(steered[0], unmoved[0])
    refined = crew.refine(request, stage_depth(near), name="c")
    assert refined.facts["control"] == ["depth", 1.0]
    crew.settings = replace(crew.settings, control=("none", 1.0))
    assert torch.equal(drafted(near, "e"), unmoved[0])


def test_what_was_staged_must_be_what_is_asked(
    crew: Crew, shot: Shot, stage_depth: Callable[..., Any]
) -> None:
    with pytest.raises(StageError, match="staged as 5 frames") as raised:
        crew.draft(shot(), stage_depth(np.ones((5, 64, 64))))
    assert raised.value.where == 'shot "lamp"'


def test_a_shot_goes_on_from_the_last_frame_that_is_shown(
    crew: Crew, shot: Shot, save_still: Callable[..., Any], diary: Callable[..., Any]
) -> None:
    before = shot(20)  # 25 are made, 20 are shown
    crew.draft(before, name="one")
    first = crew.decode(before, name="one")
    after = shot(7, shot="next", keyframes=(save_still(0),), seed=5)
    told = diary()
    drafted = crew.draft(after, previous=crew.folder / "one-clip", name="two", progress=told)
    assert (drafted.span.tail, drafted.span.shown, drafted.span.total) == (17, 9, 29)
    assert any("left out" in words for words in told.warnings)
    second = crew.decode(after, previous=crew.folder / "one-clip", name="two")
    assert second.num_frames == 9
    assert second.stems["generated"].num_samples == round(9 / 24 * 48000)
    assert second.provenance["continued_frames"] == 17
    assert max(second.provenance["color_anchor"]["gain"]) <= 1.1
    kept = engine_tail(crew, first)
    assert torch.equal(_video(drafted)[:, :, : kept.shape[2]], kept)


def engine_tail(crew: Crew, clip: Clip) -> torch.Tensor:
    """The latent of frames 3 to 19, the last 17 that are shown of 20."""
    from reelwright.engine.clip.fitting import encode_frames

    models = open_models(crew.weights, "cpu")
    pixels = torch.from_numpy(_pixels(clip)[3:20])
    with models.video_vae() as vae, torch.no_grad():
        return encode_frames(vae, pixels, (32, 32), models.tiling())


def test_a_continued_shot_needs_its_predecessor_to_decode(crew: Crew, shot: Shot) -> None:
    before = shot(9)
    crew.draft(before, name="one")
    crew.decode(before, name="one")
    crew.draft(shot(shot="next"), previous=crew.folder / "one-clip", name="two")
    with pytest.raises(MediaError, match="another clip"):
        crew.decode(shot(shot="next"), name="two")


def test_a_sound_that_drives_is_kept_and_changes_the_picture(
    crew: Crew, shot: Shot, save_sound: Callable[..., Path], tone: Callable[..., Any]
) -> None:
    free = crew.draft(shot(), name="free")
    drive = SoundPlacement(save_sound(tone(0.3)), "tone", at_s=0.05, mode="drive")
    bell = SoundPlacement(save_sound(tone(0.1), "bell.wav"), "bell")
    request = shot(sounds=(drive, bell), sound="waves")
    driven = crew.draft(request, name="driven")
    assert not torch.equal(_video(free), _video(driven))
    clip = crew.decode(request, name="driven")
    count = clip.stems["generated"].num_samples
    heard = clip.stems["generated"].read(0, count)
    alone = Clip_of(crew, shot(sounds=(replace(drive, mode="mix"),)))
    assert np.array_equal(heard, alone.read(0, count))
    assert clip.stems["placed"].read(0, count)[:, 6000:].max() == 0.0  # the bell alone
    assert "drives it" in clip.silence[0]


def Clip_of(crew: Crew, request: ClipRequest) -> Any:  # noqa: N802
    from reelwright.generate import write_placed

    return write_placed(request, crew.folder / "alone").stem


@pytest.mark.parametrize("step", [1, 2])
def test_a_draft_killed_in_a_denoise_goes_on_to_the_same_bits(
    crew: Crew, shot: Shot, diary: Callable[..., Any], step: int
) -> None:
    request = shot()
    whole = crew.draft(request, name="whole")
    with pytest.raises(Cancelled):
        crew.draft(request, progress=diary(stop_at=f"step {step} of 3"))
    assert (crew.folder / "draft" / "state.safetensors").is_file()
    assert not (crew.folder / "draft" / "pass.json").exists()
    told = diary()
    resumed = crew.draft(request, progress=told)
    assert [note for note in told.notes if "step" in note] == [
        f"draft: step {i} of 3" for i in range(step + 1, 4)
    ]
    assert not told.warnings
    assert torch.equal(_video(resumed), _video(whole))
    assert torch.equal(resumed.made.audio, whole.made.audio)  # type: ignore[arg-type]
    assert _bytes(crew, "draft") == _bytes(crew, "whole")
    assert not (crew.folder / "draft" / "state.safetensors").exists()


def _bytes(crew: Crew, name: str) -> tuple[bytes, bytes]:
    folder = crew.folder / name
    return (folder / "latents.safetensors").read_bytes(), (folder / "pass.json").read_bytes()


def test_a_refinement_that_was_killed_goes_on_too(
    crew: Crew, shot: Shot, diary: Callable[..., Any]
) -> None:
    request = shot()
    crew.draft(request)
    with pytest.raises(Cancelled):
        crew.refine(request, progress=diary(stop_at="step 1 of 2"))
    resumed = crew.refine(request)
    crew.draft(request, name="again")
    assert torch.equal(_video(resumed), _video(crew.refine(request, name="again")))


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_state_of_no_use_is_said_and_left(
    crew: Crew, shot: Shot, diary: Callable[..., Any], damage: str
) -> None:
    request = shot()
    with pytest.raises(Cancelled):
        crew.draft(request, progress=diary(stop_at="step 2 of 3"))
    state = crew.folder / "draft" / "state.safetensors"
    if damage == "cut":
        state.write_bytes(state.read_bytes()[:-9])
    else:
        request = shot(seed=12)
    told = diary()
    made = crew.draft(request, progress=told)
    assert "begins anew" in told.warnings[0]
    assert torch.equal(_video(made), _video(crew.draft(request, name="anew")))


def test_without_an_upsampler_the_draft_is_the_clip(crew: Crew, shot: Shot) -> None:
    crew.weights = replace(crew.weights, upsampler=None)
    request = shot()
    drafted = crew.draft(request)
    assert not drafted.is_draft
    assert tuple(_video(drafted).shape[2:]) == (3, 8, 8)
    assert torch.equal(_video(crew.refine(request)), _video(drafted))
    assert crew.decode(request).label == "tiny"


def test_sizes_follow_the_model_and_are_refused_with_the_shot(crew: Crew, shot: Shot) -> None:
    size = replace(generation_size((64, 64)), generated=(60, 64))
    with pytest.raises(InputError, match="multiples of 8") as raised:
        crew.draft(shot(size=size))
    assert raised.value.where.startswith('shot "lamp"')
    assert "64" in raised.value.mend


def test_progress_runs_from_nothing_to_all(
    crew: Crew, shot: Shot, diary: Callable[..., Any]
) -> None:
    told = diary()
    crew.draft(shot(), progress=told)
    assert told.fractions[0] == 0.0
    assert told.fractions[-1] == 1.0
    assert told.fractions == sorted(told.fractions)


def test_the_real_previews_are_pictures(
    crew: Crew, shot: Shot, diary: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwright.generate.ltx.watching.PREVIEW_EVERY_S", 0.0)
    monkeypatch.setattr("reelwright.generate.ltx.watching.PREVIEW_COST", 0)
    told = diary()
    shown = crew.draft(shot(), progress=told)
    assert [picture.shape for picture in told.pictures] == [(32, 32, 3)] * 3
    assert torch.equal(_video(shown), _video(crew.draft(shot(), name="unseen")))


def test_a_decode_that_was_stopped_is_done_again(
    crew: Crew, shot: Shot, diary: Callable[..., Any]
) -> None:
    request = shot(17)
    crew.draft(request)
    out = crew.folder / "draft-clip"
    with pytest.raises(Cancelled):
        decode_clip(
            request, crew.folder / "draft", None, crew.weights, crew.settings, out,
            progress=diary(stop_at="frame 8"),
        )  # fmt: skip
    assert not (out / "clip.json").exists()
    whole = _pixels(crew.decode(request))
    crew.draft(request, name="other")
    assert np.array_equal(whole, _pixels(crew.decode(request, name="other")))


def test_only_depth_is_read_of_what_was_staged(
    crew: Crew, shot: Shot, stage_depth: Callable[..., Any]
) -> None:
    class Untouched:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} of staged colour was read")

    staged = replace(stage_depth(np.full((9, 64, 64), 3.0)), color=Untouched())
    crew.weights = replace(crew.weights, control="depth")
    crew.draft(shot(), staged)


def test_a_chain_stays_within_its_bounds_of_colour(crew: Crew, shot: Shot) -> None:
    folder = None
    for name in ("one", "two", "three"):
        request = shot(17, shot=name)
        crew.draft(request, previous=folder, name=name)
        clip = crew.decode(request, previous=folder, name=name)
        folder = crew.folder / f"{name}-clip"
        if name != "one":
            told = clip.provenance["color_anchor"]
            assert all(1 / 1.1 - 1e-6 <= gain <= 1.1 + 1e-6 for gain in told["gain"])
            assert all(abs(offset) <= 0.05 + 1e-6 for offset in told["offset"])


def test_a_shot_may_go_on_from_another_and_be_driven(
    crew: Crew, shot: Shot, save_sound: Callable[..., Path], tone: Callable[..., Any]
) -> None:
    crew.draft(shot(17), name="one")
    first = crew.decode(shot(17), name="one")
    before = crew.folder / "one-clip"
    drive = SoundPlacement(save_sound(tone(0.3)), "tone", mode="drive")
    request = shot(shot="next", sounds=(drive,))
    making = ShotMaking.open(request, None, before, crew.weights, crew.settings, "cpu")
    asked = making.asked(0, crew.words, crew.folder, NO_PROGRESS)
    assert asked.sound is not None
    count = round(17 / 24 * 48000)
    heard = asked.sound.wave.numpy()
    assert np.array_equal(heard[:, :count], first.stems["generated"].read(0, count))
    crew.draft(request, previous=before, name="two")
    stem = crew.decode(request, previous=before, name="two").stems["generated"]
    assert np.array_equal(stem.read(0, stem.num_samples), heard[:, count:])
