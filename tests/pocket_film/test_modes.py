"""Every way to make a clip, on the package's own weights: what each promises is looked at.

Bounds leave room: they hold for weights in the middle of their training and for trained ones.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reelwright.generate.ltx.latents import ShotLatents
from reelwright.stage import StagedShot

from .conftest import Made, Maker, Pixels, bell, psnr

STAGED_WORDS = "A red sphere rolls past a blue box on the floor."
LOST_DB = 4.0
"""What a keyframe may lose against the codec alone: at an end, measured 0 (first) and 3 (last)."""

LOST_BETWEEN_DB = 6.0
"""The same in the middle of a clip, where it shares its group with other frames: measured 3.3."""


def reaches(maker: Maker, clip: Made, frame: int, picture: Pixels, lost_db: float) -> bool:
    """Whether a clip passes through a picture, as far as the codec can show it."""
    best = psnr(maker.through_codec(picture), picture)
    return psnr(clip.frames[frame], picture) > best - lost_db


class TestWordsAlone:
    def test_a_clip_moves_between_no_extremes_and_can_be_heard(self, plain: Made) -> None:
        frames = plain.frames.astype(np.float64)
        assert frames.shape == (17, 128, 128, 3)
        assert 10 < frames.mean() < 245
        assert frames.std() > 5
        sound = plain.sound()
        assert sound.shape == (2, 34_000)
        assert np.isfinite(sound).all()
        assert plain.clip.label == "pocket"

    def test_the_same_request_is_the_same_clip(self, maker: Maker, plain: Made) -> None:
        again = maker.make()
        assert (again.frames == plain.frames).all()
        assert (again.sound() == plain.sound()).all()

    def test_another_seed_is_another_clip(self, maker: Maker, plain: Made) -> None:
        other = maker.make(seed=6)
        assert np.abs(other.frames.astype(float) - plain.frames).mean() > 2

    @pytest.mark.xfail(reason="these weights do not heed their words yet: 6e-6 of 255", strict=True)
    def test_other_words_are_another_picture(self, maker: Maker, plain: Made) -> None:
        other = maker.make("A blue box stands on green grass under an orange sky.")
        assert np.abs(other.frames.astype(float) - plain.frames).mean() > 2


class TestPictures:
    def test_a_first_frame_is_reached(
        self, maker: Maker, begun: Made, stage_frames: Pixels
    ) -> None:
        assert reaches(maker, begun, 0, stage_frames[0], LOST_DB)

    def test_first_and_last_are_reached(
        self, maker: Maker, ends: Made, begun: Made, stage_frames: Pixels
    ) -> None:
        assert reaches(maker, ends, 0, stage_frames[0], LOST_DB)
        assert reaches(maker, ends, 32, stage_frames[32], LOST_DB)
        alone = psnr(begun.frames[32], stage_frames[32])
        assert psnr(ends.frames[32], stage_frames[32]) > alone + 2  # measured 7

    @pytest.mark.parametrize("at", [12, 16])
    def test_one_in_the_middle_is_reached(
        self, maker: Maker, begun: Made, stage_frames: Pixels, at: int
    ) -> None:
        first, middle = (maker.keyframe(stage_frames[i], i) for i in (0, at))
        clip = maker.make(STAGED_WORDS, 33, keyframes=(first, middle))
        assert reaches(maker, clip, at, stage_frames[at], LOST_BETWEEN_DB)
        without = psnr(begun.frames[at], stage_frames[at])
        assert psnr(clip.frames[at], stage_frames[at]) > without + 1  # measured 4.6 and more

    def test_a_weaker_one_is_followed_less(
        self, maker: Maker, ends: Made, stage_frames: Pixels
    ) -> None:
        first = maker.keyframe(stage_frames[0], 0)
        last = maker.keyframe(stage_frames[32], 32, strength=0.3)
        clip = maker.make(STAGED_WORDS, 33, keyframes=(first, last))
        firm = psnr(ends.frames[32], stage_frames[32])
        assert psnr(clip.frames[32], stage_frames[32]) < firm


class TestStagedDepth:
    def test_the_stage_is_shown_to_the_model(
        self, maker: Maker, steered: Made, begun: Made
    ) -> None:
        assert steered.clip.provenance["control"] == ["depth", 1.0]
        assert begun.clip.provenance["control"] is None
        assert (steered.frames != begun.frames).any()

    def test_a_clip_follows_the_stage_better_with_it(
        self, steered: Made, begun: Made, stage_frames: Pixels
    ) -> None:
        moving = np.abs(stage_frames.astype(float) - stage_frames[0]).max(axis=-1) > 20
        moving[:9] = False  # the first frame is given to both
        errors = [
            np.mean((clip.frames[moving].astype(float) - stage_frames[moving]) ** 2)
            for clip in (steered, begun)
        ]
        assert errors[0] < 0.8 * errors[1]  # 1 dB


class TestAGivenSound:
    def test_it_is_kept_to_the_sample(self, driven: Made) -> None:
        at = np.arange(34_000) / 48_000
        given = 0.5 * np.sin(2 * np.pi * 660 * at) * np.exp(-4 * at)
        assert np.abs(driven.sound() - given).max() < 2 / 32_768  # written with 16 bits
        assert set(driven.clip.stems) == {"generated"}

    def test_it_is_what_the_model_hears(self, driven: Made, plain: Made) -> None:
        heard, made = (ShotLatents.load(each.latents).made.audio for each in (driven, plain))
        assert heard is not None
        assert made is not None
        assert heard.shape == made.shape
        assert not (heard == made).all()
        assert driven.clip.provenance["driven"]


class TestAChain:
    DRIFT = 12.0
    """Of 255, each channel's mean over three joins; measured 3.1."""
    SPREAD = 0.25
    """Share that each channel's deviation may change by; measured 0.11."""

    def test_each_goes_on_where_the_one_before_ended(self, chain: list[Made]) -> None:
        for before, after in pairwise(chain):
            joined = psnr(after.frames[0], before.frames[-1])
            cut = psnr(after.frames[0], before.frames[0])
            assert joined > 22  # measured 25 and more
            assert joined > cut - 1
            assert after.clip.provenance["continued_frames"] > 0

    def test_it_does_not_drift_in_colour(self, chain: list[Made]) -> None:
        means, deviations = (
            np.stack([take(each.frames, axis=(0, 1, 2)) for each in chain])
            for take in (np.mean, np.std)
        )
        assert np.abs(means - means[0]).max() < self.DRIFT
        assert np.abs(deviations / deviations[0] - 1).max() < self.SPREAD


class TestPasses:
    def test_the_draft_that_is_refined_is_the_draft(self, maker: Maker, plain: Made) -> None:
        draft, refined = (ShotLatents.load(each) for each in (plain.draft, plain.latents))
        assert draft.made.video is not None
        assert refined.made.video is not None
        if not draft.is_draft:  # one pass: it is handed on
            assert maker.weights.upsampler is None
            assert (draft.made.video == refined.made.video).all()
        else:
            rows = [latents.made.video.shape[-1] for latents in (draft, refined)]
            assert rows == [2, 4]
        alone = maker.make()
        kept = ShotLatents.load(alone.draft).made.video
        assert kept is not None
        assert (kept == draft.made.video).all()


@pytest.fixture(scope="module")
def begun(maker: Maker, stage_frames: Pixels) -> Made:
    """A clip from the first staged frame."""
    return maker.make(STAGED_WORDS, 33, keyframes=(maker.keyframe(stage_frames[0], 0),))


@pytest.fixture(scope="module")
def steered(maker: Maker, staged: StagedShot, stage_frames: Pixels) -> Made:
    """The same, with the staged depth."""
    first = maker.keyframe(stage_frames[0], 0)
    return maker.make(STAGED_WORDS, 33, keyframes=(first,), staged=staged)


@pytest.fixture(scope="module")
def ends(maker: Maker, stage_frames: Pixels) -> Made:
    """A clip between the first and the last staged frame."""
    first, last = (maker.keyframe(stage_frames[at], at) for at in (0, 32))
    return maker.make(STAGED_WORDS, 33, keyframes=(first, last))


@pytest.fixture(scope="module")
def driven(maker: Maker) -> Made:
    """A clip that is made for a sound."""
    return maker.make(sounds=(bell(maker.folder / "bell.wav", 17 / 24),))


@pytest.fixture(scope="module")
def chain(maker: Maker, begun: Made) -> list[Made]:
    """Four clips, of which each goes on from the one before."""
    made = [begun]
    while len(made) < 4:
        made.append(maker.make(STAGED_WORDS, 33, previous=made[-1], seed=20 + len(made)))
    return made


def test_the_weights_lie_in_the_package(maker: Maker) -> None:
    import reelwright

    home = Path(reelwright.__file__).parent
    assert all(path.is_relative_to(home) for path in maker.weights.files())
