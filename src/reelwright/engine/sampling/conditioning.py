"""What guides a film, as values: pictures, clips, parts to make again.

Text-to-video, picture-to-video, first and last frame, reference and retake are one pipeline; they
differ in the list of these that is applied to the tokens before the first step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from reelwright.engine.denoiser.patchify import patchify
from reelwright.engine.denoiser.positions import (
    VIDEO_SCALE,
    VideoScale,
    reference_positions,
    still_positions,
    video_positions,
)
from reelwright.engine.sampling.tokens import Tokens, append_tokens
from reelwright.errors import InputError


@dataclass(frozen=True, slots=True)
class VideoSpace:
    """What the tokens of a video fill.

    Attributes:
        grid: Latent frames, rows, columns.
        frame_rate: Frames per second.
        scale: Pixels of a latent cell.
    """

    grid: tuple[int, int, int]
    frame_rate: float
    scale: VideoScale = VIDEO_SCALE

    @property
    def num_frames(self) -> int:
        """Pixel frames of the clip."""
        return 1 + (self.grid[0] - 1) * self.scale.time

    def resolve(self, frame: int) -> int:
        """A frame index counted from the start; negative ones count from the end.

        Raises:
            InputError: There is no such frame.
        """
        index = frame + self.num_frames if frame < 0 else frame
        if not 0 <= index < self.num_frames:
            raise InputError(
                f"There is no frame {frame} in a clip of {self.num_frames}.",
                f"Use {-self.num_frames} to {self.num_frames - 1}.",
                frame=frame,
            )
        return index


@runtime_checkable
class Conditioning(Protocol):
    """Something that guides a video."""

    def apply(self, tokens: Tokens, space: VideoSpace) -> Tokens:
        """The tokens, guided."""
        ...


@dataclass(frozen=True, slots=True)
class KeptFrames:
    """Latent frames that are kept in the place of those that would be made.

    What is not kept of them, at a strength below 1, starts from what the tokens hold.

    Attributes:
        latent: Of the picture or clip, normalised, on the film's own grid.
        frame: First latent frame that is replaced.
        strength: How far they are kept: 1 entirely.
    """

    latent: Float[Tensor, "B C F H W"]
    frame: int = 0
    strength: float = 1.0

    def apply(self, tokens: Tokens, space: VideoSpace) -> Tokens:
        """The tokens, guided."""
        _check_sides(self.latent, space)
        kept, cells = patchify(self.latent), space.grid[1] * space.grid[2]
        start = self.frame * cells
        stop = start + kept.shape[1]
        if not 0 <= start < stop <= tokens.num_own:
            raise InputError(
                f"Latent frames {self.frame} to {self.frame + self.latent.shape[2] - 1} lie "
                f"outside the film's {space.grid[0]}.",
                "Use a shorter clip or an earlier frame.",
            )
        clean, mask = tokens.clean.clone(), tokens.mask.clone()
        clean[:, start:stop] = kept
        mask[:, start:stop] = 1.0 - self.strength
        return replace(tokens, clean=clean, mask=mask)


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A picture or clip that the film must pass through, shown beside it.

    Attributes:
        latent: Normalised, on the film's own grid; one latent frame is a still.
        frame: Pixel frame at which it stands; negative counts from the end.
        strength: How far it is kept: 1 entirely.
        attention: How strongly the film looks at it; None for fully.
    """

    latent: Float[Tensor, "B C F H W"]
    frame: int
    strength: float = 1.0
    attention: float | None = None

    def apply(self, tokens: Tokens, space: VideoSpace) -> Tokens:
        """The tokens, guided."""
        _check_sides(self.latent, space)
        positions = keyframe_positions(self.latent, space.resolve(self.frame), space)
        return append_tokens(
            tokens, patchify(self.latent), positions, self.strength, self.attention
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A clip to follow, as LoRAs for control take it.

    Attributes:
        latent: Normalised; its grid may be smaller than the film's.
        downscale: How many times smaller.
        time_stride: Of how many frames behind the first it has one.
        strength: How far it is kept: 1 entirely.
        attention: How strongly the film looks at it; None for fully.
    """

    latent: Float[Tensor, "B C F H W"]
    downscale: int = 1
    time_stride: int = 1
    strength: float = 1.0
    attention: float | None = None

    def apply(self, tokens: Tokens, space: VideoSpace) -> Tokens:
        """The tokens, guided."""
        frames, height, width = self.latent.shape[2:]
        own = video_positions((frames, height, width), space.frame_rate, space.scale)
        positions = reference_positions(own, space.frame_rate, self.downscale, self.time_stride)
        return append_tokens(
            tokens, patchify(self.latent), positions, self.strength, self.attention
        )


@dataclass(frozen=True, slots=True)
class Retake:
    """A range of time that is made again; all else is kept.

    Attributes:
        start_s: First second that is made again.
        stop_s: First second that is kept again.
        latent: What there is now, normalised; None where the tokens hold it.
    """

    start_s: float
    stop_s: float
    latent: Float[Tensor, "B C F H W"] | None = None

    def apply(self, tokens: Tokens, space: VideoSpace) -> Tokens:
        """The tokens, guided."""
        source = None if self.latent is None else patchify(self.latent)
        return retake(tokens, self.start_s, self.stop_s, source)


def retake(
    tokens: Tokens, start_s: float, stop_s: float, source: Float[Tensor, "B T C"] | None = None
) -> Tokens:
    """Make again what overlaps a range of time; for either stream.

    Args:
        tokens: None appended yet.
        start_s: First second that is made again.
        stop_s: First second that is kept again.
        source: What there is now; None where the tokens hold it. Given where they hold a latent
            to refine, of which nothing may reach what is kept.

    Raises:
        InputError: The range is empty.
    """
    if not start_s < stop_s:
        raise InputError(
            f"Nothing lies between {start_s} s and {stop_s} s.", "Use a stop behind the start."
        )
    starts, ends = tokens.positions[:, 0, :, 0], tokens.positions[:, 0, :, 1]
    again = ((ends > start_s) & (starts < stop_s)).to(tokens.mask)
    mask = again[..., None].expand_as(tokens.mask).clone()
    return replace(tokens, clean=tokens.initial if source is None else source, mask=mask)


def keyframe_positions(latent: Float[Tensor, "B C F H W"], frame: int, space: VideoSpace) -> Tensor:
    """Where a keyframe's tokens are.

    Its first latent frame stands for a single pixel frame only at the very start of the film; a
    still lasts one frame wherever it is.

    Args:
        latent: Of the keyframe.
        frame: Pixel frame that it stands at.
        space: What the film fills.
    """
    frames, height, width = latent.shape[2:]
    positions = video_positions(
        (frames, height, width),
        space.frame_rate,
        space.scale,
        first_frame=frame,
        causal=frame == 0,
    )
    return still_positions(positions, space.frame_rate) if frames == 1 else positions


def condition(tokens: Tokens, space: VideoSpace, conditionings: Iterable[Conditioning]) -> Tokens:
    """Apply everything that guides a video, in order."""
    return reduce(lambda made, item: item.apply(made, space), conditionings, tokens)


def _check_sides(latent: Tensor, space: VideoSpace) -> None:
    if tuple(latent.shape[-2:]) != space.grid[1:]:
        found, wanted = list(latent.shape[-2:]), list(space.grid[1:])
        raise InputError(
            f"The picture's latent has {found} rows and columns, the film's {wanted}.",
            "Encode the picture at the size of the film.",
        )
