"""The tokens of a pass: what there is, with everything that guides it applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.clip.clip_facts import AudioFacts, VideoFacts
from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import ClipRequest, Frames, Sound
from reelwright.engine.clip.fitting import (
    encode_frames,
    encode_sound,
    latents_within,
    strided_frames,
)
from reelwright.engine.clip.passes import PassPlan
from reelwright.engine.codecs.video_vae import VideoVae
from reelwright.engine.denoiser.patchify import patchify_audio
from reelwright.engine.sampling.conditioning import (
    Conditioning,
    KeptFrames,
    Keyframe,
    Reference,
    Retake,
    VideoSpace,
    condition,
    retake,
)
from reelwright.engine.sampling.tokens import Tokens, audio_tokens, video_tokens


@dataclass(frozen=True, slots=True)
class VideoMaker:
    """Makes the video tokens of one pass.

    Attributes:
        request: What the clip should be.
        place: The pass.
        space: What its video fills.
        facts: What the model takes.
        models: Has the codec; it is held only while something is encoded.
        index: Which pass it is.
    """

    request: ClipRequest
    place: PassPlan
    space: VideoSpace
    facts: VideoFacts
    models: Models
    index: int = 0

    def make(self, before: Float[Tensor, "1 C F H W"] | None) -> Tokens:
        """Make them.

        Args:
            before: The pass before, on this pass's grid; None to begin from noise alone.
        """
        source = self.request.source
        if before is None:
            before = torch.zeros(1, self.facts.channels, *self.space.grid)
        if source is not None and source.video is not None:
            latent = self._source(source.video)
            if source.video_range_s is None:
                return video_tokens(latent, self.space.frame_rate, self.space.scale).freeze()
        tokens = video_tokens(before, self.space.frame_rate, self.space.scale)
        return condition(tokens, self.space, self._conditionings())

    def _conditionings(self) -> list[Conditioning]:
        if not self._encodes():
            return list(self._retakes())
        with self.models.video_vae() as vae:
            return [*self._retakes(), *self._kept(vae), *self._controls(vae)]

    def _encodes(self) -> bool:
        request = self.request
        shown = request.controls if self.place.settings.controlled else ()
        return bool(request.pictures or shown or request.continues)

    def _retakes(self) -> Iterator[Conditioning]:
        source = self.request.source
        if source is not None and source.video is not None and source.video_range_s is not None:
            yield Retake(*source.video_range_s, self._source(source.video))

    def _kept(self, vae: VideoVae) -> Iterator[Conditioning]:
        tail = self.request.continues
        if tail is not None:
            yield KeptFrames(self._encode(vae, tail.pixels), 0, tail.strength)
        for picture in self.request.pictures:
            latent, frame = self._encode(vae, picture.pixels), self.space.resolve(picture.frame)
            if frame == 0 and not picture.appended:
                yield KeptFrames(latent, 0, picture.strength)
            else:
                yield Keyframe(latent, frame, picture.strength)

    def _controls(self, vae: VideoVae) -> Iterator[Conditioning]:
        if not self.place.settings.controlled:
            return
        for control in self.request.controls:
            frames = strided_frames(control.pixels, control.time_stride)
            yield Reference(
                self._encode(vae, frames, control.downscale),
                control.downscale,
                control.time_stride,
                control.strength,
                control.attention,
            )

    def _encode(
        self, vae: VideoVae, frames: Frames, downscale: int = 1
    ) -> Float[Tensor, "1 C F H W"]:
        size = (self.place.width // downscale, self.place.height // downscale)
        return encode_frames(vae, frames, size, self.models.tiling())

    def _source(self, video: Tensor | tuple[Tensor, ...]) -> Float[Tensor, "1 C F H W"]:
        if isinstance(video, tuple):
            video = video[self.index]
        if video.ndim == 5:
            return video.float().cpu()
        with self.models.video_vae() as vae:
            return self._encode(vae, video)


@dataclass(frozen=True, slots=True)
class AudioMaker:
    """Makes the audio tokens of one pass.

    Attributes:
        request: What the clip should be.
        length: Latent frames of its sound.
        facts: What the model takes.
        models: Has the codec; it is held only while something is encoded.
    """

    request: ClipRequest
    length: int
    facts: AudioFacts
    models: Models

    def make(self, before: Float[Tensor, "1 C L M"] | None) -> Tokens:
        """Make them.

        Args:
            before: The sound of the pass before; None to begin from noise alone.
        """
        request, source = self.request, self.request.source
        if request.sound is not None:
            return self._tokens(self._encode(request.sound, self.length)).freeze()
        if source is not None and source.audio is not None:
            latent = self._source(source.audio)
            if source.audio_range_s is None:
                return self._tokens(latent).freeze()
            tokens = self._tokens(latent if before is None else before)
            return retake(tokens, *source.audio_range_s, patchify_audio(latent))
        if before is None:
            before = torch.zeros(1, self.facts.channels, self.length, self.facts.bins)
        return self._continued(self._tokens(before))

    def _tokens(self, latent: Float[Tensor, "1 C L M"]) -> Tokens:
        return audio_tokens(latent, self.facts.scale)

    def _continued(self, tokens: Tokens) -> Tokens:
        """Keep the beginning that lies wholly within the tail of the clip before."""
        tail = self.request.continues
        if tail is None or tail.sound is None:
            return tokens
        shown_s = tail.pixels.shape[0] / self.request.frame_rate
        count = latents_within(min(shown_s, tail.sound.duration_s), self.facts.scale)
        if not count:
            return tokens
        clean, mask = tokens.clean.clone(), tokens.mask.clone()
        clean[:, :count] = patchify_audio(self._encode(tail.sound, count))
        mask[:, :count] = 1.0 - tail.strength
        return replace(tokens, clean=clean, mask=mask)

    def _source(self, audio: Tensor | Sound) -> Float[Tensor, "1 C L M"]:
        if isinstance(audio, Tensor):
            return audio.float().cpu()
        return self._encode(audio, self.length)

    def _encode(self, sound: Sound, count: int) -> Float[Tensor, "1 C L M"]:
        with self.models.audio_vae() as vae:
            return encode_sound(vae, sound, count)
