from __future__ import annotations

import pytest
import torch

from reelwright.engine.sampling.conditioning import (
    KeptFrames,
    Keyframe,
    Reference,
    Retake,
    VideoSpace,
    condition,
    retake,
)
from reelwright.engine.sampling.tokens import Tokens, audio_tokens, video_tokens
from reelwright.errors import InputError

SPACE = VideoSpace((3, 2, 2), 24.0)
STILL = torch.full((1, 4, 1, 2, 2), 2.0)


@pytest.fixture
def tokens() -> Tokens:
    """The tokens of 17 frames of 2x2 cells."""
    return video_tokens(torch.zeros(1, 4, 3, 2, 2), 24.0)


def test_plain_tokens_are_all_made(tokens: Tokens) -> None:
    assert tokens.mask.shape == (1, 12, 1)
    assert tokens.mask.all()
    assert tokens.num_own == 12
    assert tokens.positions.shape == (1, 3, 12, 2)


@pytest.mark.parametrize("strength", [1.0, 0.8])
def test_a_first_frame_is_kept(tokens: Tokens, strength: float) -> None:
    kept = KeptFrames(STILL, 0, strength).apply(tokens, SPACE)
    assert torch.allclose(kept.mask[0, :4], torch.tensor(1 - strength))
    assert kept.mask[0, 4:].all()
    assert (kept.clean[0, :4] == 2).all()
    assert not tokens.clean.any(), "the given ones are left alone"


def test_kept_frames_must_lie_inside(tokens: Tokens) -> None:
    with pytest.raises(InputError, match="outside the film's 3"):
        KeptFrames(STILL, 3).apply(tokens, SPACE)
    with pytest.raises(InputError, match="size of the film"):
        KeptFrames(torch.zeros(1, 4, 1, 3, 2)).apply(tokens, SPACE)


@pytest.mark.parametrize(("frame", "index"), [(0, 0), (5, 5), (16, 16), (-1, 16), (-17, 0)])
def test_keyframes_stand_where_they_are_put(tokens: Tokens, frame: int, index: int) -> None:
    guided = Keyframe(STILL, frame).apply(tokens, SPACE)
    appended = guided.positions[0, 0, 12:] * 24
    assert appended.round().tolist() == [[index, index + 1]] * 4
    assert guided.num_own == 12
    assert not guided.mask[0, 12:].any()
    assert guided.own(guided.clean).shape == (1, 12, 4)


@pytest.mark.parametrize("frame", [17, -18])
def test_no_such_frame(tokens: Tokens, frame: int) -> None:
    with pytest.raises(InputError, match="-17 to 16"):
        Keyframe(STILL, frame).apply(tokens, SPACE)


def test_a_clip_at_the_start_is_causal_and_later_is_not(tokens: Tokens) -> None:
    clip = torch.zeros(1, 4, 2, 2, 2)
    first, later = (Keyframe(clip, frame).apply(tokens, SPACE) for frame in (0, 8))
    assert (first.positions[0, 0, [12, 16]] * 24).round().tolist() == [[0, 1], [1, 9]]
    assert (later.positions[0, 0, [12, 16]] * 24).round().tolist() == [[8, 16], [16, 24]]


def test_attention_between_groups(tokens: Tokens) -> None:
    items = [Keyframe(STILL, 0, attention=0.5), Keyframe(STILL, 8)]
    guided = condition(tokens, SPACE, items)
    assert guided.groups is not None
    matrix = guided.groups.matrix()
    assert matrix[0, 12] == 0.5
    assert matrix[0, 16] == 1.0
    assert matrix[12, 16] == 0.0
    assert condition(tokens, SPACE, [Keyframe(STILL, 8)]).groups is None


def test_references_have_coordinates_of_the_film(tokens: Tokens) -> None:
    reference = torch.zeros(1, 4, 3, 1, 1)
    guided = Reference(reference, downscale=2).apply(tokens, SPACE)
    assert guided.positions[0, 1, 12:].tolist() == [[0, 64]] * 3


def test_retake_makes_what_overlaps(tokens: Tokens) -> None:
    again = Retake(0.0, 1 / 24).apply(tokens, SPACE)
    assert again.mask[0, :, 0].tolist() == [1] * 4 + [0] * 8
    assert torch.equal(again.clean, tokens.initial)
    sound = retake(audio_tokens(torch.ones(1, 2, 5, 3)), 0.05, 0.09)
    assert sound.mask[0, :, 0].tolist() == [0, 0, 1, 0, 0]
    with pytest.raises(InputError, match="Nothing lies between"):
        retake(tokens, 1.0, 1.0)


def test_a_given_stream_is_clean_throughout() -> None:
    given = audio_tokens(torch.ones(1, 2, 5, 3)).freeze()
    noise = torch.randn(1, 5, 6)
    assert torch.equal(given.noised(noise, 1.0), given.initial)
    assert torch.equal(given.pin(noise), given.initial)
