from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from reelwright.engine import (
    DISTILLED_REFINE,
    Euler,
    GuidedDenoise,
    Guider,
    KeptFrames,
    Keyframe,
    StreamRun,
    Transformer,
    VideoSpace,
    audio_tokens,
    condition,
    run_sampler,
    video_tokens,
)
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.sampling.denoise import passes_of
from reelwright.engine.sampling.guidance import NEUTRAL
from reelwright.errors import InputError

TINY: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 2,
    "cross_attention_dim": 16,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": 4,
    "audio_in_channels": 6,
    "audio_out_channels": 6,
    "audio_cross_attention_dim": 8,
    "cross_attention_adaln": True,
    "caption_proj_before_connector": True,
}
SPACE = VideoSpace((2, 2, 2), 24.0)
ALL = Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0, rescale_scale=0.5)


@pytest.fixture(scope="module")
def model() -> Transformer:
    """A joint transformer of two blocks."""
    torch.manual_seed(5)
    made = Transformer(TransformerConfig(**TINY)).requires_grad_(False)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def _streams(guider: Guider = NEUTRAL, batch: int = 1) -> list[StreamRun]:
    generator = torch.Generator().manual_seed(9)

    def text(width: int) -> torch.Tensor:
        return torch.randn(batch, 5, width, generator=generator)

    video = video_tokens(torch.zeros(batch, 4, 2, 2, 2), 24.0)
    items = [KeptFrames(torch.ones(batch, 4, 1, 2, 2)), Keyframe(torch.ones(batch, 4, 1, 2, 2), -1)]
    audio = audio_tokens(torch.zeros(batch, 2, 4, 3))
    return [
        StreamRun("video", condition(video, SPACE, items), text(16), text(16), guider),
        StreamRun("audio", audio, text(8), text(8), guider),
    ]


def _noise(streams: list[StreamRun]) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(4)
    return tuple(
        s.tokens.noised(torch.randn(s.tokens.clean.shape, generator=generator), 1.0)
        for s in streams
    )


def test_passes_follow_the_guiders() -> None:
    assert passes_of(_streams()) == ("cond",)
    assert passes_of(_streams(ALL)) == ("cond", "uncond", "perturbed", "isolated")
    assert passes_of(_streams(Guider(cfg_scale=2.0))) == ("cond", "uncond")


def test_what_is_kept_comes_back(model: Transformer) -> None:
    streams = _streams(ALL)
    denoise = GuidedDenoise(model, streams)
    video, _ = denoise(_noise(streams), 0.7)
    assert torch.equal(video[:, :4], torch.ones(1, 4, 4))
    assert torch.equal(video[:, 8:], torch.ones(1, 4, 4))


def test_passes_in_one_batch_equal_passes_alone(model: Transformer) -> None:
    """Guidance is linear without rescaling: a joint batch gives the sum of its parts."""
    guider = Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0)
    latents = _noise(_streams())

    def delta(**settings: Any) -> torch.Tensor:
        guided = GuidedDenoise(model, _streams(Guider(**settings)))(latents, 0.7)[1]
        return guided - GuidedDenoise(model, _streams())(latents, 0.7)[1]

    together = delta(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0)
    apart = (
        delta(cfg_scale=3.0)
        + delta(stg_scale=1.0, stg_blocks=guider.stg_blocks)
        + delta(modality_scale=2.0)
    )
    assert torch.allclose(together, apart, atol=1e-4)


def test_batch_equals_samples(model: Transformer) -> None:
    streams = _streams(ALL, batch=1)
    latents = _noise(streams)
    one = GuidedDenoise(model, streams)(latents, 0.6)
    doubled = [
        StreamRun(
            s.kind,
            type(s.tokens)(
                s.tokens.initial.repeat(2, 1, 1),
                s.tokens.clean.repeat(2, 1, 1),
                s.tokens.mask.repeat(2, 1, 1),
                s.tokens.positions,
                s.tokens.num_own,
            ),
            s.context.repeat(2, 1, 1),
            None if s.negative is None else s.negative.repeat(2, 1, 1),
            Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0),
        )
        for s in streams
    ]
    two = GuidedDenoise(model, doubled)(tuple(x.repeat(2, 1, 1) for x in latents), 0.6)
    assert torch.allclose(two[1][0], two[1][1], atol=1e-5)
    assert two[0].shape == (2, *one[0].shape[1:])


def test_levels_are_prepared_before_the_loop(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = _streams()
    sampler = Euler(DISTILLED_REFINE)
    denoise = GuidedDenoise(model, streams, sampler.evaluations)

    def fail(*args: object) -> None:
        raise AssertionError("modulation is computed inside the loop")

    monkeypatch.setattr(model, "step", fail)
    monkeypatch.setattr(model, "layout", fail)
    end = run_sampler(sampler, sampler.start(_noise(streams)), denoise)
    assert torch.isfinite(end.latents[0]).all()


def test_one_stream_alone(model: Transformer) -> None:
    video = _streams()[:1]
    (found,) = GuidedDenoise(model, video)(_noise(video), 0.5)
    assert found.shape == (1, 12, 4)
    sound = _streams()[1:]
    (found,) = GuidedDenoise(model, sound)(_noise(sound), 0.5)
    assert found.shape == (1, 4, 6)


def test_a_given_sound_stays(model: Transformer) -> None:
    video, audio = _streams()
    given = StreamRun("audio", audio.tokens.freeze(), audio.context)
    denoise = GuidedDenoise(model, [video, given])
    _, heard = denoise(_noise([video, given]), 0.8)
    assert torch.equal(heard, audio.tokens.initial)


def test_streams_in_the_wrong_order(model: Transformer) -> None:
    with pytest.raises(InputError, match="video, audio, or both"):
        GuidedDenoise(model, _streams()[::-1])


def test_a_skipped_step_gives_the_last_prediction(model: Transformer) -> None:
    video, audio = _streams(Guider(cfg_scale=2.0, skip_step=1))
    latents = _noise([video, audio])
    denoise = GuidedDenoise(model, [video, audio])
    first = denoise(latents, 0.9, 0)
    assert denoise(latents, 0.5, 1) is first
    assert not torch.equal(denoise(latents, 0.5, 2)[0], first[0])


def test_a_stream_that_goes_on_sees_the_one_that_skips(model: Transformer) -> None:
    video, audio = _streams(Guider(cfg_scale=2.0, skip_step=1))
    audio = replace(audio, guider=Guider(cfg_scale=2.0))
    latents = _noise([video, audio])
    denoise, plain = GuidedDenoise(model, [video, audio]), GuidedDenoise(model, [video, audio])
    first, second = denoise(latents, 0.9, 0), denoise(latents, 0.5, 1)
    assert second[0] is first[0]
    assert torch.equal(second[1], plain(latents, 0.5, 0)[1])


def test_a_run_that_goes_on_brings_its_last_prediction(model: Transformer) -> None:
    streams = _streams(Guider(cfg_scale=2.0, skip_step=1))
    latents = _noise(streams)
    before = tuple(torch.full_like(x, 3.0) for x in latents)
    again = GuidedDenoise(model, streams, predicted=before)(latents, 0.5, 1)
    assert again is before
