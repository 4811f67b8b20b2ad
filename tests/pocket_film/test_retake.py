"""A range of a clip made again, on the package's own weights: all else stays to the bit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from reelwright.errors import InputError, MediaError
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.shapes import ShotFrames, retaken_frames

from .conftest import Made, Maker, bell

FIRST, STOP = 9, 25


@pytest.fixture(scope="module")
def source(maker: Maker) -> Made:
    return maker.make(num_frames=33)


@pytest.fixture(scope="module")
def retaken(maker: Maker, source: Made) -> Made:
    return maker.make("A green cone falls.", 33, of=source, retake=(FIRST, STOP), seed=9)


def changed(retaken: Made, source: Made) -> list[int]:
    """Frames that differ."""
    differ = (retaken.frames != source.frames).any(axis=(1, 2, 3))
    return [int(frame) for frame in np.nonzero(differ)[0]]


class TestARange:
    def test_frames_outside_it_are_the_clips_own(self, retaken: Made, source: Made) -> None:
        assert changed(retaken, source) == list(range(FIRST, STOP))

    def test_it_shows_something_else(self, retaken: Made, source: Made) -> None:
        within = slice(FIRST, STOP)
        difference = np.abs(retaken.frames[within].astype(float) - source.frames[within])
        assert difference.mean() > 1  # measured 4.6

    def test_sound_outside_it_is_the_clips_own(self, retaken: Made, source: Made) -> None:
        differ = np.nonzero((retaken.sound() != source.sound()).any(axis=0))[0]
        assert differ.min() >= FIRST / 24 * 48_000
        assert differ.max() < STOP / 24 * 48_000
        assert len(differ) > 0.9 * (STOP - FIRST) / 24 * 48_000

    def test_nothing_clicks_at_its_borders(self, retaken: Made) -> None:
        steps = np.abs(np.diff(retaken.sound(), axis=1)).max(axis=0)
        borders = np.zeros(len(steps), bool)
        for frame in (FIRST, STOP):
            at = round(frame / 24 * 48_000)
            borders[at - 480 : at + 480] = True
        assert steps[borders].max() < 2 * steps[~borders].max() + 0.01

    def test_latents_outside_it_are_the_clips_own(self, retaken: Made, source: Made) -> None:
        for pair in ((retaken.draft, source.draft), (retaken.latents, source.latents)):
            anew, kept = (ShotLatents.load(each).made for each in pair)
            assert anew.video is not None
            assert kept.video is not None
            assert torch.equal(anew.video[:, :, :2], kept.video[:, :, :2])
            assert torch.equal(anew.video[:, :, 4:], kept.video[:, :, 4:])
            same = (anew.video == kept.video).flatten(3).all(dim=-1)[0, :, 2:4]
            assert not same.any()

    def test_it_is_told(self, retaken: Made) -> None:
        assert retaken.clip.provenance["retakes"] == [[FIRST, STOP]]


def test_a_retake_of_a_retake_keeps_the_first(maker: Maker, retaken: Made) -> None:
    again = maker.make("The sea.", 33, of=retaken, retake=(25, 33), seed=11)
    assert changed(again, retaken) == list(range(25, 33))
    assert again.clip.provenance["retakes"] == [[FIRST, STOP], [25, 33]]


def test_the_very_first_frame_can_be_made_again_alone(maker: Maker, source: Made) -> None:
    again = maker.make("The sea.", 33, of=source, retake=(0, 1), seed=12)
    assert changed(again, source) == [0]


def test_a_shot_that_goes_on_from_another_keeps_its_beginning(maker: Maker, source: Made) -> None:
    on = maker.make(num_frames=17, previous=source, seed=13)
    again = maker.make("The sea.", 17, of=on, previous=source, retake=(8, 16), seed=14)
    assert changed(again, on) == list(range(8, 16))


def test_a_given_sound_is_kept_throughout(maker: Maker) -> None:
    driven = maker.make(sounds=(bell(maker.folder / "drive.wav", 17 / 24),))
    again = maker.make("The sea.", of=driven, retake=(9, 17), seed=15, sounds=driven.request.sounds)
    assert changed(again, driven) == list(range(9, 17))
    assert (again.sound() == driven.sound()).all()


def test_what_is_of_another_clip_is_refused(maker: Maker, source: Made, plain: Made) -> None:
    with pytest.raises(MediaError, match="another clip"):
        maker.make(num_frames=33, of=plain, retake=(9, 17))
    with pytest.raises(InputError, match="no frames 30 to 39"):
        maker.make(num_frames=33, of=source, retake=(30, 40))
    wide = replace(source, draft=source.words)
    with pytest.raises(MediaError):
        maker.make(num_frames=33, of=wide, retake=(9, 17))


@pytest.mark.parametrize(
    ("span", "continues", "frames"),
    [
        ((1.5, 3.5), False, (41, 81)),
        ((1.5, 3.5), True, (40, 80)),
        ((0.0, 1.0), False, (0, 17)),
        ((0.0, 0.05), False, (0, 1)),
        ((0.0, 1.0), True, (0, 24)),
        ((4.0, 5.0), False, (97, 121)),
        ((2.0, 2.3), False, None),
        ((1.0, 1.0), False, None),
    ],
)
def test_a_range_is_the_whole_groups_within(
    span: tuple[float, float], continues: bool, frames: tuple[int, int] | None
) -> None:
    found = retaken_frames(*span, ShotFrames(120, 121), Fraction(24), continues=continues)
    assert found == frames
