"""Where and when each token is: the coordinates that RoPE turns into rotations.

A position is an interval [start, end) on each axis: seconds, pixel rows and pixel columns for
video, seconds for audio. The first latent frame stands for one pixel frame, the others for a whole
group, so intervals in time are [0, 1), [1, 9), [9, 17) ... frames at a time factor of 8. Pixels are
those of the pass being run: the two passes of a film see different coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor


@dataclass(frozen=True, slots=True)
class VideoScale:
    """Pixels of one latent cell on each axis.

    Attributes:
        time: Frames.
        height: Rows.
        width: Columns.
    """

    time: int = 8
    height: int = 32
    width: int = 32


@dataclass(frozen=True, slots=True)
class AudioScale:
    """What one latent frame of sound covers.

    Attributes:
        sample_rate: Of the mel front end, hertz.
        hop: Samples of one mel frame.
        factor: Mel frames of one latent frame.
    """

    sample_rate: int = 16000
    hop: int = 160
    factor: int = 4

    @property
    def latents_per_second(self) -> float:
        """Latent frames of one second."""
        return self.sample_rate / self.hop / self.factor


VIDEO_SCALE = VideoScale()
"""LTX-2's: 8 frames, 32 by 32 pixels."""

AUDIO_SCALE = AudioScale()
"""LTX-2's: 40 ms."""


def video_positions(
    grid: tuple[int, int, int],
    frame_rate: float,
    scale: VideoScale = VIDEO_SCALE,
    *,
    first_frame: int = 0,
    causal: bool = True,
) -> Float32[Tensor, "1 3 T 2"]:
    """Positions of a video latent's tokens.

    Args:
        grid: Latent frames, rows, columns.
        frame_rate: Frames per second.
        scale: Pixels of a latent cell.
        first_frame: Pixel frame that the latent's own time starts at.
        causal: Whether its first latent frame stands for a single pixel frame.

    Returns:
        Seconds, pixel rows, pixel columns of each token, start and end.
    """
    edges = [torch.arange(size + 1, dtype=torch.float32) for size in grid]
    frames = edges[0] * scale.time
    if causal:
        frames = (frames + 1 - scale.time).clamp(min=0)
    seconds = (frames + first_frame) / frame_rate
    axes = (seconds, edges[1] * scale.height, edges[2] * scale.width)
    starts = torch.meshgrid(*(axis[:-1] for axis in axes), indexing="ij")
    ends = torch.meshgrid(*(axis[1:] for axis in axes), indexing="ij")
    # [3, F, H, W, 2] -> [1, 3, T, 2]
    return torch.stack((torch.stack(starts), torch.stack(ends)), dim=-1).flatten(1, 3).unsqueeze(0)


def first_frame_mask(grid: tuple[int, int, int]) -> Float32[Tensor, "1 T 1"]:
    """1 on the tokens of the first latent frame, which is a single pixel frame."""
    frames, height, width = grid
    tokens = torch.arange(frames * height * width)
    return (tokens < height * width).float()[None, :, None]


def reference_positions(
    positions: Float32[Tensor, "1 3 T 2"], frame_rate: float, downscale: int, time_stride: int
) -> Float32[Tensor, "1 3 T 2"]:
    """Positions of a clip that is given smaller and with fewer frames than the one being made.

    Args:
        positions: Of the clip itself.
        frame_rate: Frames per second of the one being made.
        downscale: How many times smaller it is.
        time_stride: Of how many frames behind the first it has one.
    """
    scaled = positions * torch.tensor([time_stride, downscale, downscale])[:, None, None]
    if time_stride != 1:
        scaled[:, 0] = (scaled[:, 0] - (time_stride - 1) / frame_rate).clamp(min=0)
    return scaled


def still_positions(
    positions: Float32[Tensor, "1 3 T 2"], frame_rate: float
) -> Float32[Tensor, "1 3 T 2"]:
    """The same positions with a span in time of exactly one frame: those of a still."""
    still = positions.clone()
    still[:, 0, :, 1] = still[:, 0, :, 0] + 1.0 / frame_rate
    return still


def audio_positions(
    num_latents: int,
    scale: AudioScale = AUDIO_SCALE,
    *,
    shift: int = 0,
) -> Float32[Tensor, "1 1 L 2"]:
    """Positions of an audio latent's tokens.

    Args:
        num_latents: Latent frames.
        scale: What a latent frame covers.
        shift: Latent frames that come before the first one.

    Returns:
        Seconds at which each latent frame starts and ends; the first lasts one mel frame.
    """
    latents = torch.arange(shift, shift + num_latents + 1, dtype=torch.float32)
    mels = (latents * scale.factor + 1 - scale.factor).clamp(min=0)
    seconds = mels * scale.hop / scale.sample_rate
    return torch.stack((seconds[:-1], seconds[1:]), dim=-1)[None, None]


def num_audio_latents(
    num_frames: int,
    frame_rate: float,
    scale: AudioScale = AUDIO_SCALE,
) -> int:
    """Latent frames of sound that a clip takes, rounded half to even.

    Args:
        num_frames: Pixel frames of the clip.
        frame_rate: Frames per second.
        scale: What a latent frame covers.
    """
    return round(num_frames / frame_rate * scale.latents_per_second)


def middles(positions: Float32[Tensor, "B A T 2"]) -> Float32[Tensor, "B A T"]:
    """The middle of each interval."""
    return (positions[..., 0] + positions[..., 1]) / 2.0
