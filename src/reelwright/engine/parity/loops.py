"""Cases of whole sampling loops, with every draw of noise given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reelwright.engine.conditioning import (
    Conditioning,
    KeptFrames,
    VideoSpace,
    condition,
    keyframe_positions,
)
from reelwright.engine.denoise import GuidedDenoise, StreamRun
from reelwright.engine.guidance import NEUTRAL, Guider
from reelwright.engine.loop import run_sampler
from reelwright.engine.models import load_transformer
from reelwright.engine.noise import NoiseSource, NoiseUse, Purpose
from reelwright.engine.parity.case import Case
from reelwright.engine.patchify import patchify, unpatchify, unpatchify_audio
from reelwright.engine.res2s import Res2s
from reelwright.engine.sampler import Euler, GradientEstimating, Sampler
from reelwright.engine.tokens import Tokens, append_tokens, audio_tokens, video_tokens


def run_loop(case: Case) -> Mapping[str, Tensor]:
    """A whole loop: condition, noise, walk, crop."""
    params = case.params
    grid = tuple(params["video_latent_grid"])
    space = VideoSpace(grid, float(params["fps"]))
    video = _video(case, space)
    channels = case.outputs["audio"].shape[1]
    audio = audio_tokens(_initial(case, "audio", case.outputs["audio"].shape))
    sampler = _sampler(case)
    streams = [_stream(case, "video", video), _stream(case, "audio", audio)]
    denoise = GuidedDenoise(load_transformer(case.checkpoints()[0]), streams, sampler.evaluations)
    scale = params.get("noise_scale", 1.0)
    latents = tuple(
        stream.tokens.noised(case.given(f"noise.{stream.kind}"), scale) for stream in streams
    )
    end = run_sampler(sampler, sampler.start(latents), denoise).latents
    return {
        "initial_state.video": latents[0],
        "initial_state.denoise_mask": video.mask,
        "initial_state.positions": video.positions,
        "tokens.video": end[0].float(),
        "video": unpatchify(video.own(end[0]), grid).float(),
        "audio": unpatchify_audio(audio.own(end[1]), channels).float(),
    }


def _initial(case: Case, stream: str, shape: torch.Size) -> Tensor:
    """The latent to refine, or zeros."""
    name = f"initial.{stream}"
    return case.given(name) if case.has(name) else torch.zeros(shape)


def _video(case: Case, space: VideoSpace) -> Tokens:
    tokens = video_tokens(_initial(case, "video", case.outputs["video"].shape), space.frame_rate)
    items: list[Conditioning] = []
    if case.has("first_frame_latent"):
        strength = case.params.get("first_frame_strength", 1.0)
        items.append(KeptFrames(case.given("first_frame_latent"), 0, strength))
    tokens = condition(tokens, space, items)
    for i, (frame, strength) in enumerate(case.params.get("keyframes") or ()):
        latent = case.given(f"keyframe{i}_latent")
        # Not `Keyframe`: the reference takes a negative index for a negative time.
        places = keyframe_positions(latent, frame, space)
        tokens = append_tokens(tokens, patchify(latent), places, strength)
    return tokens


def _stream(case: Case, kind: Any, tokens: Tokens) -> StreamRun:
    negative = f"negative_context.{kind}"
    return StreamRun(
        kind,
        tokens,
        case.given(f"context.{kind}"),
        case.given(negative) if case.has(negative) else None,
        _guider(case.params.get(f"{kind}_guider")),
    )


def _guider(settings: dict[str, Any] | None) -> Guider:
    if settings is None:
        return NEUTRAL
    known = {**settings, "stg_blocks": tuple(settings.get("stg_blocks") or ())}
    if known.pop("skip_step", 0):
        raise ValueError("skip_step is not supported")
    return Guider(**known)


def _sampler(case: Case) -> Sampler:
    sigmas = tuple(case.params["sigmas"])
    if case.kind == "loop_gradient_estimating":
        return GradientEstimating(sigmas, gamma=case.params["ge_gamma"])
    if case.kind == "loop_res2s":
        return Res2s(
            sigmas,
            _recorded(case),
            eta=case.params["eta"],
            refine=case.params.get("bongmath_max_iter", 1) > 0,
        )
    return Euler(sigmas)


def _recorded(case: Case) -> NoiseSource:
    """The draws of a case in call order: per step the middle's, then the step's, by stream."""

    def draw(use: NoiseUse, shape: tuple[int, ...]) -> Tensor:
        place = use.step * 4 + (2 if use.purpose == Purpose.STEP else 0) + use.stream
        return case.given(f"sde_noise.{place:02d}").reshape(shape)

    return draw


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {
    "loop_distilled": run_loop,
    "loop_gradient_estimating": run_loop,
    "loop_guided": run_loop,
    "loop_res2s": run_loop,
    "loop_stage2": run_loop,
}
