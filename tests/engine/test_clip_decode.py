"""From latents to what is seen and heard, whole and in tiles."""

from __future__ import annotations

import pytest
import torch
from tests.engine.tiny_checkpoint import tiny_models, tiny_request
from torch import Tensor

from reelwright.engine.clip.clip_decode import decode_frames, decode_sound
from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import Sound
from reelwright.engine.clip.passes import Pass
from reelwright.engine.clip.pipeline import ClipLatents, make_clip
from reelwright.engine.codecs.tiling import AxisTiling, Tiling
from reelwright.errors import InputError

ONE = (Pass((1.0, 0.5, 0.0)),)
UNCUT = AxisTiling(99, 0)
WHOLE = Tiling(UNCUT, UNCUT, UNCUT)
TILED = Tiling(AxisTiling(4, 2), AxisTiling(9, 5), AxisTiling(9, 5))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A whole model; every part stays once it is built."""
    made = tiny_models(tmp_path_factory.mktemp("tiny"))
    made.keep_all = True
    return made


@pytest.fixture(scope="module")
def large(models: Models) -> ClipLatents:
    """A clip of 6 x 13 x 17 cells."""
    request = tiny_request(width=136, height=104, num_frames=21, passes=ONE, audio=False)
    return make_clip(request, models)


def _frames(clip: ClipLatents, models: Models, tiling: Tiling | None) -> Tensor:
    return torch.cat(list(decode_frames(clip, models, tiling=tiling)))


def test_tiles_come_as_they_are_final(models: Models, large: ClipLatents) -> None:
    chunks = [chunk.shape[0] for chunk in decode_frames(large, models, tiling=TILED)]
    assert sum(chunks) == 21
    assert len(chunks) == 2
    (whole,) = decode_frames(large, models)
    assert whole.shape == (21, 104, 136, 3), "the models' own tiles leave a small clip whole"


def _steps(frames: Tensor, axis: int) -> Tensor:
    """How large the steps are from each place of an axis to the next."""
    return frames.diff(dim=axis).abs().transpose(0, axis).flatten(1).mean(1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_tiles_leave_no_seam(models: Models, axis: int) -> None:
    """Nowhere are the steps across tiles larger than those of a decode in one piece.

    The random decoder sees six cells far, more than tiles share, so single pixels do differ.
    Measured: 0.3 % larger in time, 3 % in space, where few pixels are averaged; with no overlap,
    3 % and 15 %, so a seam would be found.
    """
    sides = {"width": 24, "height": 24, "num_frames": 9}
    sides |= ({"num_frames": 53}, {"height": 192}, {"width": 192})[axis]
    clip = make_clip(tiny_request(**sides, passes=ONE, audio=False), models)

    def tiled(size: int, overlap: int) -> Tensor:
        axes = [UNCUT, UNCUT, UNCUT]
        axes[axis] = AxisTiling(size, overlap)
        return _frames(clip, models, Tiling(*axes))

    whole, plain = _frames(clip, models, WHOLE), tiled(10, 6)
    assert (whole - plain).abs().mean() < 0.1 * whole.std()
    allowed = (1.02, 1.05, 1.05)[axis] * _steps(whole, axis)
    assert (_steps(plain, axis) < allowed).all()
    assert not (_steps(tiled(5, 0), axis) < allowed).all()


def test_one_frame(models: Models) -> None:
    request = tiny_request(num_frames=1, passes=ONE, audio=False)
    assert _frames(make_clip(request, models), models, None).shape == (1, 32, 48, 3)


def test_a_given_sound_comes_back_as_it_was(models: Models) -> None:
    sound = Sound(torch.zeros(1, 11025), 44100)
    clip = make_clip(tiny_request(passes=ONE, sound=sound), models)
    assert decode_sound(clip, models) is sound


def test_a_made_sound_ends_with_the_picture(models: Models) -> None:
    clip = make_clip(tiny_request(passes=ONE), models)
    sound = decode_sound(clip, models)
    assert sound is not None
    assert sound.rate == 8000
    assert sound.wave.shape[0] == 2
    assert torch.isfinite(sound.wave).all()
    late = 9 / 24 - sound.duration_s
    assert 0 < late < 0.0625, "1.25 latent frames of 50 ms at most"


def test_nothing_seen_and_nothing_heard(models: Models) -> None:
    heard = make_clip(tiny_request(passes=ONE, video=False), models)
    with pytest.raises(InputError, match="Nothing is seen"):
        list(decode_frames(heard, models))
    seen = make_clip(tiny_request(passes=ONE, audio=False), models)
    assert decode_sound(seen, models) is None
