"""Cases of whole sampling loops, with every draw of noise given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reelwright.engine.denoiser.models import load_transformer
from reelwright.engine.denoiser.patchify import patchify, unpatchify, unpatchify_audio
from reelwright.engine.denoiser.positions import VideoScale
from reelwright.engine.parity.case import Case
from reelwright.engine.sampling.conditioning import (
    Conditioning,
    KeptFrames,
    VideoSpace,
    condition,
    keyframe_positions,
)
from reelwright.engine.sampling.denoise import GuidedDenoise, StreamRun
from reelwright.engine.sampling.guidance import NEUTRAL, Guider
from reelwright.engine.sampling.loop import run_sampler
from reelwright.engine.sampling.noise import NoiseSource, NoiseUse, Purpose
from reelwright.engine.sampling.res2s import Res2s
from reelwright.engine.sampling.sampler import Euler, GradientEstimating, Sampler
from reelwright.engine.sampling.tokens import Tokens, append_tokens, audio_tokens, video_tokens


def run_loop(case: Case) -> Mapping[str, Tensor]:
    """A whole loop: condition, noise, walk, crop; of the streams that the case has a text for."""
    params = case.params
    grid = tuple(params["video_latent_grid"])
    factors = params.get("scale_factors")
    scale = VideoScale(*factors) if factors else VideoScale()
    space = VideoSpace(grid, float(params["fps"]), scale)
    streams = []
    if case.has("context.video"):
        streams.append(_stream(case, "video", _video(case, space)))
    if case.has("context.audio"):
        silent = _initial(case, "audio", case.outputs["audio"].shape)
        streams.append(_stream(case, "audio", audio_tokens(silent)))
    sampler = _sampler(case, len(streams))
    model = load_transformer(case.checkpoints()[0])
    denoise = GuidedDenoise(model, streams, sampler.evaluations)
    share = params.get("noise_scale", 1.0)
    latents = tuple(
        stream.tokens.noised(case.given(f"noise.{stream.kind}"), share) for stream in streams
    )
    end = run_sampler(sampler, sampler.start(latents), denoise).latents
    results: dict[str, Tensor] = {}
    for stream, start, latent in zip(streams, latents, end, strict=True):
        results |= _results(case, stream, start, latent, grid)
    return results


def _results(
    case: Case, stream: StreamRun, start: Tensor, latent: Tensor, grid: tuple[int, ...]
) -> dict[str, Tensor]:
    """What a stream began with and came to."""
    kind, tokens = stream.kind, stream.tokens
    if kind == "audio":
        channels = case.outputs["audio"].shape[1]
        return {"audio": unpatchify_audio(tokens.own(latent), channels).float()}
    frames, height, width = grid
    return {
        "initial_state.video": start,
        "initial_state.denoise_mask": tokens.mask,
        "initial_state.positions": tokens.positions.expand(latent.shape[0], -1, -1, -1),
        "tokens.video": latent.float(),
        "video": unpatchify(tokens.own(latent), (frames, height, width)).float(),
    }


def _initial(case: Case, stream: str, shape: torch.Size) -> Tensor:
    """The latent to refine, or zeros."""
    name = f"initial.{stream}"
    return case.given(name) if case.has(name) else torch.zeros(shape)


def _video(case: Case, space: VideoSpace) -> Tokens:
    initial = _initial(case, "video", case.outputs["video"].shape)
    tokens = video_tokens(initial, space.frame_rate, space.scale)
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
    return Guider(**{**settings, "stg_blocks": tuple(settings.get("stg_blocks") or ())})


def _sampler(case: Case, num_streams: int) -> Sampler:
    sigmas = tuple(case.params["sigmas"])
    if case.kind == "loop_gradient_estimating":
        return GradientEstimating(sigmas, gamma=case.params["ge_gamma"])
    if case.kind == "loop_res2s":
        return Res2s(
            sigmas,
            _recorded(case, num_streams),
            eta=case.params["eta"],
            refine=case.params.get("bongmath_max_iter", 1) > 0,
        )
    return Euler(sigmas)


def _recorded(case: Case, num_streams: int) -> NoiseSource:
    """The draws of a case in call order: per step the middle's, then the step's, by stream."""

    def draw(use: NoiseUse, shape: tuple[int, ...]) -> Tensor:
        half = 2 * use.step + (use.purpose == Purpose.STEP)
        place = half * num_streams + use.stream
        return case.given(f"sde_noise.{place:02d}").reshape(shape)

    return draw


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {
    "loop_distilled": run_loop,
    "loop_gradient_estimating": run_loop,
    "loop_guided": run_loop,
    "loop_res2s": run_loop,
    "loop_stage2": run_loop,
}
