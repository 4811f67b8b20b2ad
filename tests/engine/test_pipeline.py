"""What a clip keeps, follows and makes: behaviour, from request to latents."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from tests.engine.tiny_checkpoint import (
    tiny_contexts,
    tiny_frames,
    tiny_models,
    tiny_request,
    write_lora,
)
from torch import Tensor

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import Control, Picture, Sound, Source, Tail
from reelwright.engine.clip.fitting import encode_frames, encode_sound
from reelwright.engine.clip.pass_run import Step
from reelwright.engine.clip.passes import HALF, Lora, Pass, SamplerKind, distilled, guided
from reelwright.engine.clip.pipeline import ClipLatents, make_clip
from reelwright.engine.codecs.statistics import load_statistics
from reelwright.engine.denoiser.patchify import unpatchify, unpatchify_audio
from reelwright.engine.denoiser.positions import AudioScale, VideoScale
from reelwright.engine.memory.residency import Residency
from reelwright.engine.sampling.conditioning import KeptFrames, Keyframe, VideoSpace, condition
from reelwright.engine.sampling.denoise import GuidedDenoise, StreamRun
from reelwright.engine.sampling.guidance import Guider
from reelwright.engine.sampling.loop import run_sampler
from reelwright.engine.sampling.noise import NoiseUse, Purpose, seeded, seeded_standardised
from reelwright.engine.sampling.tokens import audio_tokens, video_tokens
from reelwright.errors import Cancelled, InputError

SHORT = (1.0, 0.6, 0.0)
ONE = (Pass(SHORT),)
TWO = (Pass(SHORT, HALF), Pass((0.8, 0.0), controlled=False))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A whole model; every part stays once it is built."""
    made = tiny_models(tmp_path_factory.mktemp("tiny"))
    made.keep_all = True
    return made


def _video(clip: ClipLatents) -> Tensor:
    assert clip.video is not None
    return clip.video


def _audio(clip: ClipLatents) -> Tensor:
    assert clip.audio is not None
    return clip.audio


def _encoded(models: Models, frames: Tensor, size: tuple[int, int] = (48, 32)) -> Tensor:
    with models.video_vae() as vae:
        return encode_frames(vae, frames, size, None)


def _sound(seconds: float, rate: int = 8000) -> Sound:
    generator = torch.Generator().manual_seed(5)
    return Sound(torch.rand(2, int(seconds * rate), generator=generator) - 0.5, rate)


@pytest.fixture(scope="module")
def plain(models: Models) -> ClipLatents:
    """A clip of text alone, in one pass."""
    return make_clip(tiny_request(passes=ONE), models)


@pytest.fixture(scope="module")
def refined(models: Models) -> ClipLatents:
    """A clip of text alone, in two passes."""
    return make_clip(tiny_request(passes=TWO), models)


def test_from_text_alone(models: Models) -> None:
    clip = make_clip(tiny_request(), models)
    first, second = clip.passes
    assert first.video is not None
    assert first.video.shape == (1, 4, 3, 2, 3)
    assert _video(clip).shape == (1, 4, 3, 4, 6)
    assert _audio(clip).shape == (1, 2, 8, 4)
    assert second.video is clip.video
    assert clip.notes == ()


def test_the_seed_and_the_text_decide(models: Models) -> None:
    clips = [
        _video(make_clip(tiny_request(passes=ONE, **change), models))
        for change in ({}, {}, {"seed": 12}, {"contexts": tiny_contexts(9)})
    ]
    assert torch.equal(clips[0], clips[1])
    assert not torch.allclose(clips[0], clips[2], atol=1e-2)
    assert not torch.allclose(clips[0], clips[3], atol=1e-3)


@pytest.mark.parametrize(
    ("reference", "sampler"),
    [(False, SamplerKind.EULER), (False, SamplerKind.RES_2S), (True, SamplerKind.EULER)],
)
def test_it_is_the_parts_put_together(
    models: Models, reference: bool, sampler: SamplerKind
) -> None:
    """The same clip made by hand: what is encoded, noised, walked, upsampled and noised again."""
    generator = torch.Generator().manual_seed(11)
    picture, last, lead = tiny_frames(), tiny_frames(seed=4), Guider(3.0, rescale_scale=0.5)
    first = replace(TWO[0], video_guider=lead, audio_guider=replace(lead, cfg_scale=2.0))
    request = tiny_request(
        passes=(first, replace(TWO[1], sampler=sampler)),
        pictures=(Picture(picture), Picture(last, -1, 0.75)),
        frame_rate=25.0,
    )
    against, scale = request.negative, VideoScale(4, 8, 8)
    assert against is not None
    latents = [torch.zeros(1, 4, 3, 2, 3), torch.zeros(1, 2, 7, 4)]
    with models.transformer() as model, models.latent_upsampler() as upsampler:
        for stage, settings in enumerate(request.passes):
            if stage:
                statistics = load_statistics(models.checkpoint, "vae.", 4)
                latents[0] = upsampler.upsample(latents[0], statistics)
            grid = (3, 2 * (1 + stage), 3 * (1 + stage))
            size = (24 * (1 + stage), 16 * (1 + stage))
            items = [
                KeptFrames(_encoded(models, picture, size)),
                Keyframe(_encoded(models, last, size), 8, 0.75),
            ]
            video = condition(
                video_tokens(latents[0], 25.0, scale), VideoSpace(grid, 25.0, scale), items
            )
            audio = audio_tokens(latents[1], AudioScale(8000, 100, 4))
            runs = [
                StreamRun(
                    "video", video, request.contexts.video, against.video, settings.video_guider
                ),
                StreamRun(
                    "audio", audio, request.contexts.audio, against.audio, settings.audio_guider
                ),
            ]
            noises = [
                torch.randn(shape, generator=generator, dtype=torch.bfloat16).float()
                if reference
                else seeded(11, stage)(NoiseUse(Purpose.INITIAL, i), shape)
                for i, shape in enumerate(tuple(run.tokens.clean.shape) for run in runs)
            ]
            start = tuple(
                run.tokens.noised(drawn, settings.sigmas[0])
                for run, drawn in zip(runs, noises, strict=True)
            )
            walk = settings.sampler.make(settings.sigmas, seeded_standardised(11, stage))
            denoise = GuidedDenoise(model, runs, walk.evaluations)
            end = run_sampler(walk, walk.start(start), denoise).latents
            own = video.own(end[0]).float()
            latents = [unpatchify(own, grid), unpatchify_audio(end[1].float(), 2)]
    dtype = torch.bfloat16 if reference else None
    clip = make_clip(replace(request, reference_noise=dtype), models)
    assert torch.equal(_video(clip), latents[0])
    assert torch.equal(_audio(clip), latents[1])


@pytest.mark.parametrize(
    ("num_frames", "frame_rate", "heard"), [(1, 24.0, 1), (5, 23.976, 4), (13, 50.0, 5)]
)
def test_lengths_and_rates(models: Models, num_frames: int, frame_rate: float, heard: int) -> None:
    clip = make_clip(tiny_request(num_frames=num_frames, frame_rate=frame_rate, passes=TWO), models)
    assert _video(clip).shape[2] == 1 + num_frames // 4
    assert _audio(clip).shape[2] == heard


@pytest.mark.parametrize("sampler", SamplerKind)
def test_a_first_frame_is_kept_in_every_pass(models: Models, sampler: SamplerKind) -> None:
    picture = tiny_frames()
    passes = tuple(replace(settings, sampler=sampler) for settings in TWO)
    clip = make_clip(tiny_request(pictures=(Picture(picture),), passes=passes), models)
    for made, size in zip(clip.passes, ((24, 16), (48, 32)), strict=True):
        assert made.video is not None
        assert torch.equal(made.video[:, :, :1], _encoded(models, picture, size))
        assert not torch.equal(made.video[:, :, 1:2], made.video[:, :, :1])


def test_a_weaker_first_frame_is_drawn_towards(models: Models) -> None:
    picture = tiny_frames()
    kept = _encoded(models, picture)
    gaps = []
    for strength in (0.9, 0.5, 0.1):
        request = tiny_request(pictures=(Picture(picture, strength=strength),), passes=ONE)
        gaps.append((_video(make_clip(request, models))[:, :, :1] - kept).abs().mean().item())
    assert 0 < gaps[0] < gaps[1] < gaps[2]


def test_keyframes_guide_and_are_dropped(models: Models, plain: ClipLatents) -> None:
    guided_by = {
        "last": (Picture(tiny_frames(), -1),),
        "middle": (Picture(tiny_frames(), 4),),
        "appended": (Picture(tiny_frames(), 0, appended=True),),
        "first and last": (Picture(tiny_frames()), Picture(tiny_frames(seed=4), 8)),
        "clip": (Picture(tiny_frames(5), 4),),
    }
    for name, pictures in guided_by.items():
        clip = make_clip(tiny_request(pictures=pictures, passes=ONE), models)
        assert _video(clip).shape == _video(plain).shape, name
        assert not torch.allclose(_video(clip), _video(plain), atol=1e-3), name
    same = [
        _video(make_clip(tiny_request(pictures=(Picture(tiny_frames(), f),), passes=ONE), models))
        for f in (-1, 8)
    ]
    assert torch.equal(*same)


def test_a_clip_to_follow_is_shown_to_the_passes_that_want_it(
    models: Models, plain: ClipLatents
) -> None:
    control = Control(tiny_frames(9, size=(16, 24)), downscale=2)
    shown = make_clip(tiny_request(passes=ONE, controls=(control,)), models)
    softer = replace(control, attention=0.2)
    soft = make_clip(tiny_request(passes=ONE, controls=(softer,)), models)
    assert not torch.allclose(_video(plain), _video(shown), atol=1e-3)
    assert not torch.equal(_video(soft), _video(shown))
    assert shown.passes[0].shapes[0] == (1, 72 + 18, 4)
    first_only = make_clip(
        tiny_request(passes=TWO, controls=(replace(control, downscale=1),)), models
    )
    assert [made.shapes[0][1] for made in first_only.passes] == [18 + 18, 72]


def test_a_given_sound_stays_and_is_heard(models: Models, refined: ClipLatents) -> None:
    sound = _sound(0.2, 11025)
    clip = make_clip(tiny_request(passes=TWO, sound=sound), models)
    with models.audio_vae() as vae:
        wanted = encode_sound(vae, sound, 8)
    for made in clip.passes:
        assert made.audio is not None
        assert torch.equal(made.audio, wanted), "shorter than the clip: the rest is silence"
    assert clip.sound is sound
    assert not torch.allclose(_video(clip), _video(refined), atol=1e-3)


def test_a_given_sound_is_not_guided(models: Models) -> None:
    """Guidance leads what is made; of a given sound the text stays what it is."""
    passes = (Pass(SHORT, video_guider=Guider(3.0), audio_guider=Guider(7.0)),)
    clips = [
        make_clip(
            tiny_request(
                passes=passes,
                sound=_sound(0.3),
                negative=replace(tiny_contexts(2), audio=tiny_contexts(seed).audio),
            ),
            models,
        )
        for seed in (2, 5)
    ]
    assert torch.equal(_video(clips[0]), _video(clips[1]))


@pytest.mark.parametrize("sampler", SamplerKind)
def test_a_retake_leaves_the_rest_to_the_bit(
    models: Models, plain: ClipLatents, sampler: SamplerKind
) -> None:
    before = plain
    span = (6 / 24, 9 / 24)  # the last latent frame, which stands for frames 5 to 8
    source = Source(before.video, before.audio, video_range_s=span)
    passes = (replace(ONE[0], sampler=sampler),)
    seen = make_clip(tiny_request(seed=3, passes=passes, source=source), models)
    assert torch.equal(_video(seen)[:, :, :2], _video(before)[:, :, :2])
    assert not torch.allclose(_video(seen)[:, :, 2], _video(before)[:, :, 2], atol=1e-2)
    assert torch.equal(_audio(seen), _audio(before)), "what is heard is kept"

    source = Source(before.video, before.audio, audio_range_s=span)
    heard = make_clip(tiny_request(seed=3, passes=passes, source=source), models)
    assert torch.equal(_video(heard), _video(before)), "what is seen is kept"
    # A latent frame of sound lasts 50 ms here, the first one 12.5: number 5 ends at 0.2625 s.
    assert torch.equal(_audio(heard)[:, :, :5], _audio(before)[:, :, :5])
    assert not torch.isclose(_audio(heard)[:, :, 5:], _audio(before)[:, :, 5:]).any()


def test_a_retake_of_frames_in_two_passes(models: Models) -> None:
    frames, sound = tiny_frames(9), _sound(9 / 24)
    source = Source(frames, sound, video_range_s=(0.3, 0.375), audio_range_s=(0.0, 0.1))
    clip = make_clip(tiny_request(passes=TWO, source=source), models)
    for made, size in zip(clip.passes, ((24, 16), (48, 32)), strict=True):
        assert made.video is not None
        assert torch.equal(made.video[:, :, :2], _encoded(models, frames, size)[:, :, :2])
    with models.audio_vae() as vae:
        assert torch.equal(_audio(clip)[:, :, 3:], encode_sound(vae, sound, 8)[:, :, 3:])


def test_a_clip_goes_on_from_another(models: Models) -> None:
    whole, sound = tiny_frames(12), _sound(12 / 24)
    tail = Tail.of(whole, 5, sound, 24.0)
    assert tail.sound is not None
    assert tail.sound.duration_s == pytest.approx(5 / 24, abs=1e-3)
    clip = make_clip(tiny_request(passes=TWO, continues=tail), models)
    for made, size in zip(clip.passes, ((24, 16), (48, 32)), strict=True):
        assert made.video is not None
        assert torch.equal(made.video[:, :, :2], _encoded(models, whole[7:], size))
    with models.audio_vae() as vae:
        kept = encode_sound(vae, tail.sound, 4)  # ends at 4 * 50 - 37.5 = 162.5 ms, before 208 ms
    assert torch.equal(_audio(clip)[:, :, :4], kept)
    assert not torch.isclose(_audio(clip)[:, :, 5], kept[:, :, 3]).all()


def test_a_video_alone_and_a_sound_alone(
    models: Models, plain: ClipLatents, tmp_path: Path
) -> None:
    seen = make_clip(tiny_request(passes=ONE, audio=False), models)
    assert seen.audio is None
    assert not torch.allclose(_video(seen), _video(plain), atol=1e-3), "it hears nothing"
    heard = make_clip(tiny_request(passes=ONE, video=False), models)
    assert heard.video is None
    assert _audio(heard).shape == (1, 2, 8, 4)
    only_seen = make_clip(tiny_request(passes=TWO), tiny_models(tmp_path, audio=False))
    assert (only_seen.video is None, only_seen.audio is None) == (False, True)
    only_heard = make_clip(tiny_request(passes=ONE), tiny_models(tmp_path, video=False))
    assert (only_heard.video is None, only_heard.audio is None) == (True, False)


def test_which_sound_is_kept_is_a_value(models: Models, refined: ClipLatents) -> None:
    (first, second), made = TWO, refined
    assert not torch.equal(_audio(made), made.passes[0].audio)  # type: ignore[arg-type]
    kept = make_clip(tiny_request(passes=(first, replace(second, remakes_audio=False))), models)
    assert torch.equal(_audio(kept), made.passes[0].audio)  # type: ignore[arg-type]
    assert torch.equal(_video(kept), _video(made))


def test_loras_have_a_strength_in_each_pass(
    models: Models, refined: ClipLatents, tmp_path: Path
) -> None:
    path = write_lora(tmp_path / "lora.safetensors")
    first, second = TWO

    def made(one: float, two: float) -> ClipLatents:
        passes = (
            replace(first, loras=(Lora(path, one),)),
            replace(second, loras=(Lora(path, two),)),
        )
        return make_clip(tiny_request(passes=passes), models)

    none, both, later = made(0.0, 0.0), made(1.0, 0.5), made(0.0, 0.5)
    assert torch.equal(_video(none), _video(refined))
    halves = [clip.passes[0].video for clip in (none, both, later)]
    assert torch.equal(halves[0], halves[2])  # type: ignore[arg-type]
    assert not torch.allclose(halves[0], halves[1], atol=1e-3)  # type: ignore[arg-type]
    assert not torch.allclose(_video(none), _video(later), atol=1e-3)


def test_guidance_and_the_steps_that_skip_it(models: Models) -> None:
    guider = Guider(3.0, 1.0, (1,), rescale_scale=0.7, modality_scale=2.0)
    asked = []
    for skip in (0, 1):
        settings = replace(guider, skip_step=skip)
        passes = (Pass(SHORT, video_guider=settings, audio_guider=settings),)
        with models.transformer() as model:
            calls: list[int] = []
            handle = model.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
            make_clip(tiny_request(passes=passes), models)
            handle.remove()
        asked.append(len(calls))
    assert asked == [2, 1]


def test_a_step_can_stop_it_and_shows_what_is_coming(models: Models) -> None:
    seen: list[tuple[int, int]] = []

    def watch(step: Step) -> None:
        seen.append((step.index, step.count))
        if step.index == 2:
            preview = step.preview()
            assert preview.shape == (32, 48, 3)
            assert 0 <= preview.min() < preview.max() <= 1
            raise Cancelled

    with pytest.raises(Cancelled):
        make_clip(tiny_request(passes=TWO), models, watch=watch)
    assert seen == [(0, 3), (1, 3), (2, 3)]


def test_a_sound_alone_has_no_preview(models: Models) -> None:
    def watch(step: Step) -> None:
        step.preview()

    with pytest.raises(InputError, match="Nothing is seen"):
        make_clip(tiny_request(passes=ONE, video=False), models, watch=watch)


def test_parts_are_let_go_and_kept(tmp_path: Path) -> None:
    models = tiny_models(tmp_path)
    with models.transformer() as first:
        pass
    with models.video_vae():
        pass
    with models.transformer() as second, models.video_vae() as beside:
        assert second is not first, "the codec took its place"
    with models.video_vae() as again:
        assert again is not beside, "it was beside another, and went first"
    with models.transformer() as second:
        pass
    with models.transformer() as third:
        assert third is second
    models.release()
    with models.transformer() as fourth:
        assert fourth is not third


def test_streamed_blocks_make_the_same_clip(models: Models, refined: ClipLatents) -> None:
    streamed = Models(models.checkpoint, models.upsampler, residency=Residency(2))
    clip = make_clip(tiny_request(passes=TWO), streamed)
    assert torch.equal(_video(clip), _video(refined))
    assert torch.equal(_audio(clip), _audio(refined))


def test_capture_wants_a_device_that_can(models: Models) -> None:
    with pytest.raises(InputError, match="cannot be captured"):
        make_clip(tiny_request(passes=ONE), Models(models.checkpoint, capture=True))


def test_presets_run(models: Models, tmp_path: Path) -> None:
    lora = Lora(write_lora(tmp_path / "lora.safetensors"))
    for passes in (
        distilled(control_loras=(lora,)),
        guided(3, stg_blocks=(1,), refiner=lora),
        guided(2, stg_blocks=(1,)),
    ):
        clip = make_clip(tiny_request(passes=passes), models)
        assert torch.isfinite(_video(clip)).all()


def test_the_references_noise_is_another(models: Models, refined: ClipLatents) -> None:
    reference = make_clip(tiny_request(passes=TWO, reference_noise=torch.bfloat16), models)
    for one, other in zip(reference.passes, refined.passes, strict=True):
        assert one.shapes == other.shapes
        assert one.video is not None
        assert other.video is not None
        assert not torch.allclose(one.video, other.video, atol=1e-2)


def test_a_three_pass_clip_of_other_scales(models: Models) -> None:
    passes = (Pass(SHORT, Fraction(1, 4)), Pass((0.8, 0.0), HALF), Pass((0.5, 0.0)))
    clip = make_clip(tiny_request(width=64, height=64, passes=passes), models)
    assert [p.video.shape[-1] for p in clip.passes if p.video is not None] == [2, 4, 8]
