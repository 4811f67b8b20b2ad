"""What cannot be made is refused before anything is loaded: what, where, and the mend."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engine.tiny_checkpoint import (
    tiny_contexts,
    tiny_frames,
    tiny_models,
    tiny_request,
)
from torch import Tensor

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_plan import plan_clip
from reelwright.engine.clip.clip_request import Control, Picture, Sound, Source, Tail
from reelwright.engine.clip.passes import HALF, Lora, Pass
from reelwright.engine.clip.pipeline import make_clip
from reelwright.engine.sampling.guidance import Guider
from reelwright.engine.text.embeddings import Contexts
from reelwright.errors import InputError, ScheduleError

FRAME = tiny_frames()
WAVE = torch.zeros(2, 800)
LATENT = torch.zeros(1, 4, 3, 4, 6)
HEARD = torch.zeros(1, 2, 8, 4)
ONE = (Pass((1.0, 0.0)),)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A whole model, of which nothing is ever built here."""
    return tiny_models(tmp_path_factory.mktemp("tiny"))


def _wide(width: int) -> Contexts:
    return Contexts(torch.zeros(1, 8, width), tiny_contexts().audio)


def _unchecked(pixels: Tensor) -> Picture:
    """A picture of any type: what a caller without the tests' own checks could give."""
    picture = Picture(FRAME)
    object.__setattr__(picture, "pixels", pixels)
    return picture


def _guided(**guider: Any) -> dict[str, Any]:
    return {"passes": (Pass((1.0, 0.0), video_guider=Guider(**guider)),)}


REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "frames": ({"num_frames": 10}, "4k\\+1", "num_frames", "13"),
    "no frames": ({"num_frames": 0}, "not a clip", "num_frames", "one or more"),
    "width in two passes": ({"width": 40}, "multiples of 8", "width", "Use 48"),
    "width in one pass": ({"width": 44, "passes": ONE}, "multiples of 8", "width", "Use 48"),
    "height": ({"height": 8}, "multiples of 8", "height", "Use 16"),
    "frame rate": ({"frame_rate": 0.0}, "cannot be shown", "frame_rate", "24"),
    "endless frame rate": ({"frame_rate": float("inf")}, "cannot be shown", "frame_rate", "24"),
    "seed": ({"seed": 2**64}, "too large", "seed", "63"),
    "too short to hear": (
        {"num_frames": 1, "frame_rate": 60.0, "passes": ONE},
        "too short",
        "num_frames",
        "no audio",
    ),
    "text of another model": ({"contexts": _wide(9)}, "1, S, 16", "contexts.video", "connectors"),
    "no text to hear by": (
        {"contexts": replace(tiny_contexts(), audio=None)},
        "no text",
        "contexts.audio",
        "stream",
    ),
    "negative of another model": (
        {"negative": _wide(9)},
        "1, S, 16",
        "negative.video",
        "connectors",
    ),
    "no negative": (
        {"negative": None, **_guided(cfg_scale=3.0)},
        "not given",
        "passes[0].video_guider.cfg_scale",
        "negative",
    ),
    "no such block": (
        _guided(stg_scale=1.0, stg_blocks=(28,)),
        "no block 28",
        "passes[0].video_guider.stg_blocks",
        "counted from 0",
    ),
    "skips back": (
        _guided(skip_step=-1),
        "cannot be skipped",
        "passes[0].video_guider.skip_step",
        "0 or more",
    ),
    "no passes": ({"passes": ()}, "no pass", "", "distilled"),
    "no LoRA": (
        {"passes": (Pass((1.0, 0.0), loras=(Lora(Path("nowhere.safetensors")),)),)},
        "not there",
        "passes[0].loras[0]",
        "path",
    ),
    "scale": (
        {"passes": (Pass((1.0, 0.0), Fraction(3, 2)),)},
        "cannot be 3/2",
        "passes[0]",
        "1/2 or 1",
    ),
    "upsampled too far": (
        {"width": 64, "height": 64, "passes": (Pass((1.0, 0.0), Fraction(1, 4)), *ONE)},
        "does not lead",
        "passes[1]",
        "1/2 as large",
    ),
    "picture beyond": (
        {"pictures": (Picture(FRAME, 9),)},
        "no frame 9",
        "pictures[0].frame",
        "-9 to 8",
    ),
    "clip beyond": (
        {"pictures": (Picture(tiny_frames(5), 5),)},
        "beyond the clip's 9",
        "pictures[0]",
        "earlier",
    ),
    "picture's strength": (
        {"pictures": (Picture(FRAME, strength=1.5),)},
        "strength of 1.5",
        "pictures[0].strength",
        "0 to 1",
    ),
    "two first pictures": (
        {"pictures": (Picture(FRAME), Picture(FRAME, -9))},
        "given twice",
        "pictures[1]",
        "append",
    ),
    "picture's frames": (
        {"pictures": (Picture(tiny_frames(2)),)},
        "4k\\+1",
        "pictures[0].pixels",
        "Use 5",
    ),
    "picture's channels": (
        {"pictures": (_unchecked(torch.zeros(1, 4, 4, 3, dtype=torch.int32)),)},
        "cannot be read",
        "pictures[0].pixels",
        "uint8",
    ),
    "picture's range": (
        {"pictures": (Picture(FRAME.float()),)},
        "outside \\[0, 1\\]",
        "pictures[0].pixels",
        "255",
    ),
    "picture of nothing": (
        {"pictures": (Picture(FRAME * float("nan")),)},
        "outside \\[0, 1\\]",
        "pictures[0].pixels",
        "255",
    ),
    "sound of nothing": (
        {"sound": Sound(WAVE * float("nan"), 8000)},
        "not finite",
        "sound",
        "anew",
    ),
    "source of nothing": (
        {"source": Source(LATENT / 0, HEARD, (0.0, 0.1)), "passes": ONE},
        "not finite",
        "source.video",
        "anew",
    ),
    "text of nothing": (
        {"contexts": replace(tiny_contexts(), video=torch.full((1, 8, 16), float("inf")))},
        "not finite",
        "contexts.video",
        "anew",
    ),
    "control's size": (
        {"controls": (Control(tiny_frames(9), downscale=2),), "width": 48},
        "divided by 2",
        "controls[0].downscale",
        "16",
    ),
    "control's length": (
        {"controls": (Control(tiny_frames(13)),)},
        "cannot guide",
        "controls[0]",
        "at most",
    ),
    "control's attention": (
        {"controls": (Control(tiny_frames(9), attention=2.0),)},
        "strength of 2.0",
        "controls[0].attention",
        "0 to 1",
    ),
    "controls unseen": (
        {
            "controls": (Control(tiny_frames(9)),),
            "passes": (Pass((1.0, 0.0), controlled=False),),
        },
        "No pass shows",
        "controls",
        "controlled",
    ),
    "wave": ({"sound": Sound(torch.zeros(3, 9), 8000)}, "cannot be heard", "sound", "two"),
    "rate": ({"sound": Sound(WAVE, 0)}, "at 0 Hz", "sound", "rate"),
    "sound unheard": (
        {"sound": Sound(WAVE, 8000), "audio": False},
        "cannot take",
        "sound",
        "leave",
    ),
    "tail": (
        {"continues": Tail(tiny_frames(9))},
        "leaves nothing",
        "continues.pixels",
        "shorter tail",
    ),
    "tail and first picture": (
        {"continues": Tail(tiny_frames(5)), "pictures": (Picture(FRAME),)},
        "given twice",
        "pictures[0]",
        "append",
    ),
    "two sounds": (
        {"continues": Tail(tiny_frames(5), Sound(WAVE, 8000)), "sound": Sound(WAVE, 8000)},
        "to go on from",
        "continues.sound",
        "one of them",
    ),
    "empty range": (
        {"source": Source(LATENT, HEARD, (0.2, 0.2)), "passes": ONE},
        "Nothing of 0.375 s lies between",
        "source.video_range_s",
        "behind the start",
    ),
    "range behind the end": (
        {"source": Source(LATENT, HEARD, None, (1.0, 2.0)), "passes": ONE},
        "lies between 1.0 s and 2.0 s",
        "source.audio_range_s",
        "inside the clip",
    ),
    "nothing again": (
        {"source": Source(LATENT, HEARD), "passes": ONE},
        "Nothing of the source",
        "source",
        "range",
    ),
    "half a source": (
        {"source": Source(LATENT, None, (0.0, 0.1)), "passes": ONE},
        "no audio",
        "source.audio",
        "Give the source's audio",
    ),
    "source's size": (
        {"source": Source(LATENT, HEARD, (0.0, 0.1))},
        "\\[1, 4, 3, 4, 6\\], the pass's of \\[1, 4, 3, 2, 3\\]",
        "passes[0]",
        "frames",
    ),
    "source's length": (
        {"source": Source(tiny_frames(5), HEARD, (0.0, 0.1)), "passes": ONE},
        "5 frames, the clip 9",
        "num_frames",
        "as long",
    ),
    "source's sound": (
        {"source": Source(LATENT, HEARD[:, :, :5], (0.0, 0.1)), "passes": ONE},
        "\\[1, 2, 5, 4\\], the clip's of \\[1, 2, 8, 4\\]",
        "source.audio",
        "waveform",
    ),
    "source and pictures": (
        {
            "source": Source(LATENT, HEARD, None, (0.0, 0.1)),
            "passes": ONE,
            "pictures": (Picture(FRAME),),
        },
        "nothing is seen anew",
        "source.video_range_s",
        "range",
    ),
    "nothing": ({"video": False, "audio": False}, "Nothing of the clip", "", "both"),
    "pictures unseen": (
        {"video": False, "pictures": (Picture(FRAME),)},
        "not seen",
        "",
        "ask for video",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_is_loaded(
    models: Models, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("a part of the model was loaded")

    monkeypatch.setattr(Models, "_part", fail)
    changes, what, where, mend = REFUSED[name]
    with pytest.raises(InputError, match=what) as caught:
        make_clip(tiny_request(**changes), models)
    assert caught.value.where == where
    assert mend in caught.value.mend


def test_levels_that_do_not_descend(models: Models) -> None:
    with pytest.raises(ScheduleError):
        plan_clip(tiny_request(passes=(Pass((0.1, 0.9)),)), models.facts)


def test_no_upsampler(models: Models) -> None:
    alone = Models(models.checkpoint)
    with pytest.raises(InputError, match="latent upsampler") as caught:
        plan_clip(tiny_request(), alone.facts)
    assert caught.value.where == "passes[1]"


def test_sizes_follow_the_codec(models: Models) -> None:
    facts = models.facts
    assert facts.video is not None
    assert facts.audio is not None
    scale = facts.video.scale
    assert (scale.time, scale.height, scale.width) == (4, 8, 8)
    assert facts.audio.scale.latents_per_second == 20
    assert (facts.audio.channels, facts.audio.bins) == (2, 4)
    assert facts.upsampling == 2
    plan = plan_clip(tiny_request(num_frames=13), facts)
    spaces = [place.space for place in plan.passes]
    assert [space and space.grid for space in spaces] == [(4, 2, 3), (4, 4, 6)]
    assert [place.num_audio for place in plan.passes] == [11, 11]
    assert [place.upsampled for place in plan.passes] == [False, True]
    same = tiny_request(passes=(Pass((1.0, 0.0), HALF), Pass((0.5, 0.0), HALF)))
    assert [place.upsampled for place in plan_clip(same, facts).passes] == [False, False]


@pytest.mark.parametrize(
    "guides",
    [
        {"pictures": (Picture(FRAME),)},
        {"source": Source(tiny_frames(9), HEARD, (0.0, 0.1))},
        {"sound": Sound(WAVE, 8000)},
        {"source": Source(LATENT, Sound(WAVE, 8000), (0.0, 0.1))},
    ],
)
def test_no_encoder(models: Models, guides: dict[str, Any]) -> None:
    video, audio = models.facts.video, models.facts.audio
    assert video is not None
    assert audio is not None
    facts = replace(
        models.facts, video=replace(video, encodes=False), audio=replace(audio, encodes=False)
    )
    with pytest.raises(InputError, match=r"no video encoder|cannot take one"):
        plan_clip(tiny_request(passes=ONE, **guides), facts)
