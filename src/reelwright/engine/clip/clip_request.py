"""What a clip should be, as values: text-to-video and all its kin differ in these alone.

Pictures and clips are frames as they are decoded and shown: `[F, H, W, 3]`, uint8, or float in
[0, 1]. They may be of any size: each pass fits them to its own, and encodes them anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from reelwright.engine.clip.passes import Pass, distilled
from reelwright.engine.text.embeddings import Contexts
from reelwright.errors import InputError

Frames: TypeAlias = UInt8[Tensor, "_F _H _W 3"] | Float[Tensor, "_F _H _W 3"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A still, or a short clip, that the film passes through.

    Attributes:
        pixels: One frame, or as many as the codec takes (8k+1).
        frame: Where it stands; negative counts from the end.
        strength: How far it is kept: 1 entirely.
        appended: Whether it is shown beside the film even at frame 0, instead of standing in the
            film's own first frames.
    """

    pixels: Frames
    frame: int = 0
    strength: float = 1.0
    appended: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A clip to follow, as LoRAs for control were trained to.

    Attributes:
        pixels: Its frames.
        strength: How far it is kept: 1 entirely.
        attention: How strongly the film looks at it; None for fully.
        downscale: How many times smaller than the film it is encoded.
        time_stride: Of its frames behind the first, every so-manieth is taken.
    """

    pixels: Frames
    strength: float = 1.0
    attention: float | None = None
    downscale: int = 1
    time_stride: int = 1


@dataclass(frozen=True, slots=True)
class Sound:
    """A waveform.

    Attributes:
        wave: Samples in [-1, 1]; one channel or two.
        rate: Samples per second.
    """

    wave: Float32[Tensor, "C N"]
    rate: int

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.wave.shape[-1] / self.rate


@dataclass(frozen=True, slots=True)
class Source:
    """A finished clip of which a range is made again; the rest stays to the bit.

    Attributes:
        video: Its video, normalised, on the grid of every pass; or one for each pass, in order; or
            its frames, which each pass encodes anew. None in a clip of sound alone.
        audio: Its sound, normalised, or as a waveform; None in a clip without sound.
        video_range_s: Seconds, from and to, that are seen anew; None to keep what is seen.
        audio_range_s: Seconds, from and to, that are heard anew; None to keep what is heard.
    """

    video: Float[Tensor, "1 C F H W"] | tuple[Tensor, ...] | Frames | None = None
    audio: Float[Tensor, "1 D L M"] | Sound | None = None
    video_range_s: tuple[float, float] | None = None
    audio_range_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a clip that this one goes on from: it is this clip's beginning.

    Given decoded, not as latents: the first latent frame of a clip stands for a single frame, but
    in the middle of the clip before, every latent frame stands for a whole group and was decoded
    with those around it. Encoded as a beginning of its own, the tail means here what it showed
    there, at every pass's size.

    Attributes:
        pixels: The last 8k+1 frames; those who join the clips drop them here.
        sound: What was heard during them; None to begin the sound anew.
        strength: How far they are kept: 1 entirely.
    """

    pixels: Frames
    sound: Sound | None = None
    strength: float = 1.0

    @classmethod
    def of(cls, frames: Frames, num_frames: int, sound: Sound | None, frame_rate: float) -> Tail:
        """Cut the tail off a decoded clip.

        Args:
            frames: All of the clip.
            num_frames: Of the tail.
            sound: All of the clip's sound, from its first frame on; None for none.
            frame_rate: Frames per second.

        Raises:
            InputError: The clip is shorter than its tail.
        """
        first = frames.shape[0] - num_frames
        if first < 0 or num_frames < 1:
            raise InputError(
                f"A clip of {frames.shape[0]} frames has no tail of {num_frames}.",
                f"Ask for 1 to {frames.shape[0]} frames.",
            )
        if sound is not None:
            start = round(first / frame_rate * sound.rate)
            sound = replace(sound, wave=sound.wave[:, start:].contiguous())
        return cls(frames[first:], sound)


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What a clip should be.

    Attributes:
        width: Of the last pass, pixels.
        height: Of the last pass, pixels.
        num_frames: As the video codec takes them: 8k+1.
        frame_rate: Frames per second.
        seed: Of all noise.
        contexts: What the text says.
        negative: What to steer away from; needed where a guider's `cfg_scale` is not 1.
        pictures: Stills and clips that the film passes through.
        controls: Clips to follow.
        sound: A sound that the film is made for; None to have one made with it.
        source: A clip of which a range is made again.
        continues: The end of the clip that this one goes on from.
        passes: How it is made: from noise, then refined.
        video: Whether it is seen, by a model that sees.
        audio: Whether it is heard, by a model that hears.
        reference_noise: The type that noise is drawn in, in the reference's order, for comparing
            with it (its own is bfloat16); None for noise that depends on its use alone.
    """

    width: int
    height: int
    num_frames: int
    frame_rate: float
    seed: int
    contexts: Contexts
    negative: Contexts | None = None
    pictures: tuple[Picture, ...] = ()
    controls: tuple[Control, ...] = ()
    sound: Sound | None = None
    source: Source | None = None
    continues: Tail | None = None
    passes: tuple[Pass, ...] = distilled()
    video: bool = True
    audio: bool = True
    reference_noise: torch.dtype | None = None

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.num_frames / self.frame_rate
