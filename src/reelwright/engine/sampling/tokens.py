"""The tokens of a run: what is made, what is kept, where each is.

The tokens that are made come first; what is appended to guide them (keyframes, references) stands
behind and is dropped in the end. Everything here is a value: conditioning makes new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from reelwright.engine.denoiser.mask import GroupMask
from reelwright.engine.denoiser.patchify import patchify, patchify_audio
from reelwright.engine.denoiser.positions import (
    AUDIO_SCALE,
    VIDEO_SCALE,
    AudioScale,
    VideoScale,
    audio_positions,
    video_positions,
)
from reelwright.engine.sampling.steps import noised, pinned


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one stream.

    Attributes:
        initial: What is denoised before noise is added: zeros, or a latent to refine.
        clean: What is kept where `mask` is 0.
        mask: 1 to make, 0 to keep, between to start part of the way.
        positions: Interval of each token on each axis.
        num_own: Tokens that are made; those behind are appended.
        groups: Who sees whom; None for everyone.
        given: Whether the whole stream is given: its level is then 0 throughout.
    """

    initial: Float[Tensor, "B T C"]
    clean: Float[Tensor, "B T C"]
    mask: Float32[Tensor, "B T 1"]
    positions: Float32[Tensor, "1 A T 2"]
    num_own: int
    groups: GroupMask | None = None
    given: bool = False

    def noised(self, noise: Float[Tensor, "B T C"], scale: float) -> Float[Tensor, "B T C"]:
        """The latent before the first step.

        Args:
            noise: Standard normal.
            scale: Level to start from; a stream that is given stays clean.
        """
        return noised(self.initial, self.clean, self.mask, noise, 0.0 if self.given else scale)

    def pin(self, denoised: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Put back what is kept."""
        return pinned(denoised, self.clean.to(denoised), self.mask.to(denoised))

    def own(self, latent: Float[Tensor, "B T C"]) -> Float[Tensor, "B O C"]:
        """The tokens that were made, without those appended."""
        return latent[:, : self.num_own]

    def to(self, device: torch.device) -> Tokens:
        """The same tokens on another device."""
        return replace(
            self,
            initial=self.initial.to(device),
            clean=self.clean.to(device),
            mask=self.mask.to(device),
        )

    def freeze(self) -> Tokens:
        """The whole stream as given: nothing of it is made."""
        return replace(self, clean=self.initial, mask=torch.zeros_like(self.mask), given=True)


def append_tokens(
    tokens: Tokens,
    clean: Float[Tensor, "B N C"],
    positions: Float32[Tensor, "1 A N 2"],
    strength: float,
    attention: float | None = None,
) -> Tokens:
    """Append tokens that guide.

    Args:
        tokens: To append to.
        clean: What they are.
        positions: Where they are.
        strength: How far they are kept: 1 entirely.
        attention: Strength of attention between them and the tokens that are made, in [0, 1].
            Once one of the appended has a strength, the appended do not see each other. None for
            all, as far as nobody else set one.
    """
    groups = tokens.groups
    if attention is not None or groups is not None:
        before = groups or GroupMask.whole(tokens.mask.shape[1])
        groups = before.append(clean.shape[1], 1.0 if attention is None else attention)
    mask = torch.full((*clean.shape[:2], 1), 1.0 - strength)
    return replace(
        tokens,
        initial=torch.cat((tokens.initial, torch.zeros_like(clean)), dim=1),
        clean=torch.cat((tokens.clean, clean), dim=1),
        mask=torch.cat((tokens.mask, mask.to(tokens.mask.device)), dim=1),
        positions=torch.cat((tokens.positions, positions.to(tokens.positions.device)), dim=2),
        groups=groups,
    )


def video_tokens(
    latent: Float[Tensor, "B C F H W"],
    frame_rate: float,
    scale: VideoScale = VIDEO_SCALE,
) -> Tokens:
    """The tokens of a video.

    Args:
        latent: Normalised, to refine; zeros to make one from noise alone.
        frame_rate: Frames per second.
        scale: Pixels of a latent cell.
    """
    frames, height, width = latent.shape[2:]
    return _all_made(patchify(latent), video_positions((frames, height, width), frame_rate, scale))


def audio_tokens(
    latent: Float[Tensor, "B C L M"],
    scale: AudioScale = AUDIO_SCALE,
) -> Tokens:
    """The tokens of a sound.

    Args:
        latent: Normalised, to refine; zeros to make one from noise alone.
        scale: What a latent frame covers.
    """
    return _all_made(patchify_audio(latent), audio_positions(latent.shape[2], scale))


def _all_made(tokens: Float[Tensor, "B T C"], positions: Float32[Tensor, "1 A T 2"]) -> Tokens:
    mask = torch.ones((*tokens.shape[:2], 1), device=tokens.device)
    return Tokens(tokens, tokens, mask, positions, tokens.shape[1])
