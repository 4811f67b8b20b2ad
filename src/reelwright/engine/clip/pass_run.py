"""One pass of a clip: conditioned, noised, walked, folded back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_plan import ClipPlan
from reelwright.engine.clip.clip_request import ClipRequest
from reelwright.engine.clip.clip_state import ClipState, PassLatents
from reelwright.engine.clip.clip_tokens import AudioMaker, VideoMaker
from reelwright.engine.clip.fitting import thumbnail
from reelwright.engine.clip.passes import PassPlan
from reelwright.engine.codecs.statistics import load_statistics
from reelwright.engine.codecs.video_vae import to_rgb
from reelwright.engine.denoiser.patchify import unpatchify, unpatchify_audio
from reelwright.engine.sampling.denoise import GuidedDenoise, StreamRun
from reelwright.engine.sampling.loop import run_sampler
from reelwright.engine.sampling.noise import (
    NoiseSource,
    NoiseUse,
    Purpose,
    ReferenceNoise,
    seeded,
    seeded_standardised,
)
from reelwright.engine.sampling.sampler import Latents, SamplerState
from reelwright.engine.sampling.tokens import Tokens
from reelwright.errors import InputError

PREVIEW_CELLS = 12
"""Latent cells of a preview's long side: 384 pixels of LTX-2."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done.

    Attributes:
        index: Its number over all passes, counted from 0.
        count: Steps of all passes.
        state: Where the clip is; for `save_state`.
    """

    index: int
    count: int
    state: ClipState
    _preview: Callable[[], Tensor]

    def preview(self) -> Float32[Tensor, "Hp Wp 3"]:
        """How the middle of the clip is predicted to look, small; decoded when called.

        Returns:
            Red, green and blue in [0, 1].

        Raises:
            InputError: Nothing is seen in this clip.
        """
        return self._preview()


Watch = Callable[[Step], None]
"""Called after each step; may raise `Cancelled`, may save the state."""


@dataclass(frozen=True)
class PassRun:
    """One pass of a clip.

    Attributes:
        request: What the clip should be.
        plan: How it is laid out.
        models: What makes it.
        index: Which pass.
        finished: What the passes before made.
        marks: Digest and fingerprint, for saved states.
    """

    request: ClipRequest
    plan: ClipPlan
    models: Models
    index: int
    finished: tuple[PassLatents, ...]
    marks: tuple[str, str]

    @property
    def place(self) -> PassPlan:
        """This pass, laid out."""
        return self.plan.passes[self.index]

    def make(self, watch: Watch, resume: ClipState | None) -> PassLatents:
        """Condition, noise, walk, fold back."""
        streams = self._streams()
        shapes = tuple(tuple(stream.tokens.clean.shape) for stream in streams)
        initial, stirring = self._noise(shapes)
        sampler = self.place.settings.sampler.make(self.place.settings.sigmas, stirring)
        kinds = [stream.kind for stream in streams]
        with self.models.transformer(
            self.place.settings.loras, video="video" in kinds, audio="audio" in kinds
        ) as model:
            device = self.models.device
            predicted = () if resume is None else resume.predicted
            denoise = GuidedDenoise(
                model, streams, sampler.evaluations, tuple(x.to(device) for x in predicted)
            )
            if resume is None:
                state = sampler.start(self._noised(streams, initial))
            else:
                state = _moved(resume.sampler, device)
            end = run_sampler(
                sampler,
                state,
                denoise,
                first_step=0 if resume is None else resume.step,
                watch=lambda i, now: watch(self._step(i, now, denoise, streams)),
            )
        return self._folded(end.latents, streams, shapes)

    def _streams(self) -> list[StreamRun]:
        """What each stream brings: its tokens, its texts, its guider."""
        before = self.finished[-1] if self.finished else PassLatents(None, None)
        place, facts = self.place, self.plan.facts
        streams = []
        if place.space is not None and facts.video is not None:
            maker = VideoMaker(
                self.request, place, place.space, facts.video, self.models, self.index
            )
            latent = self._upsampled(before.video) if place.upsampled else before.video
            streams.append(self._stream("video", maker.make(latent)))
        if place.num_audio is not None and facts.audio is not None:
            hearer = AudioMaker(self.request, place.num_audio, facts.audio, self.models)
            streams.append(self._stream("audio", hearer.make(before.audio)))
        return streams

    def _stream(self, kind: Literal["video", "audio"], tokens: Tokens) -> StreamRun:
        texts, settings = self.request.contexts, self.place.settings
        seen = kind == "video"
        context = texts.video if seen else texts.audio
        if context is None:  # refused by the plan
            raise InputError(f"There is no text for {kind}.", "Give its context.")
        if tokens.given:
            return StreamRun(kind, tokens, context)
        against = self.request.negative
        negative = None if against is None else against.video if seen else against.audio
        guider = settings.video_guider if seen else settings.audio_guider
        return StreamRun(kind, tokens, context, negative, guider)

    def _upsampled(self, latent: Tensor | None) -> Tensor | None:
        if latent is None or self.plan.facts.video is None:
            return None
        channels = self.plan.facts.video.channels
        statistics = load_statistics(self.models.checkpoint, "vae.", channels)
        with self.models.latent_upsampler() as upsampler:
            return upsampler.upsample(latent.to(self.models.device), statistics).float().cpu()

    def _noise(self, shapes: tuple[tuple[int, ...], ...]) -> tuple[NoiseSource, NoiseSource]:
        """Where the noise to begin with comes from, and that of the steps."""
        seed, settings = self.request.seed, self.place.settings
        dtype, standardise = self.request.reference_noise, settings.sampler.standardised
        if dtype is not None:
            earlier = tuple(shape for made in self.finished for shape in made.shapes)
            drawn = ReferenceNoise(seed, shapes, earlier, dtype, standardise)
            return drawn, drawn
        own = seeded(seed, self.index)
        if standardise:
            return own, seeded_standardised(seed, self.index)
        return own, own

    def _noised(self, streams: list[StreamRun], draw: NoiseSource) -> Latents:
        level = self.place.settings.sigmas[0]
        return tuple(
            stream.tokens.noised(
                draw(NoiseUse(Purpose.INITIAL, i), tuple(stream.tokens.clean.shape)), level
            ).to(self.models.device)
            for i, stream in enumerate(streams)
        )

    def _folded(
        self, latents: Latents, streams: list[StreamRun], shapes: tuple[tuple[int, ...], ...]
    ) -> PassLatents:
        """From tokens back to latents; those appended are dropped."""
        own = {
            stream.kind: stream.tokens.own(latent).float().cpu()
            for stream, latent in zip(streams, latents, strict=True)
        }
        video = audio = None
        if "video" in own and self.place.space is not None:
            video = unpatchify(own["video"], self.place.space.grid)
        if "audio" in own and self.plan.facts.audio is not None:
            audio = unpatchify_audio(own["audio"], self.plan.facts.audio.channels)
            if self.finished and not self.place.settings.remakes_audio:
                audio = self.finished[-1].audio
        return PassLatents(video, audio, shapes)

    def _step(
        self, i: int, now: SamplerState, denoise: GuidedDenoise, streams: list[StreamRun]
    ) -> Step:
        counts = [_num_steps(place) for place in self.plan.passes]
        state = ClipState(self.index, i + 1, now, denoise.predicted, self.finished, *self.marks)
        return Step(
            sum(counts[: self.index]) + i,
            sum(counts),
            state,
            lambda: self._preview(streams[0], state.predicted),
        )

    @torch.no_grad()
    def _preview(self, stream: StreamRun, predicted: Latents) -> Float32[Tensor, "Hp Wp 3"]:
        if stream.kind != "video" or self.place.space is None:
            raise InputError("Nothing is seen in this clip.", "Ask for no preview of it.")
        latent = unpatchify(stream.tokens.own(predicted[0]).float(), self.place.space.grid)
        middle = latent.shape[2] // 2
        small = thumbnail(latent[:, :, middle : middle + 1], PREVIEW_CELLS)
        with self.models.video_vae() as vae:
            return to_rgb(vae.decode(small)[0].float().cpu())[0]


def _num_steps(place: PassPlan) -> int:
    settings = place.settings
    return settings.sampler.make(settings.sigmas, seeded(0)).num_steps


def _moved(state: SamplerState, device: torch.device) -> SamplerState:
    return SamplerState(
        tuple(x.to(device) for x in state.latents), tuple(x.to(device) for x in state.memory)
    )
