"""The shot before, as one that continues it needs it: its last frames, and their sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from reelwright.engine import Sound, Tail
from reelwright.errors import InputError
from reelwright.frames import slice_frames
from reelwright.generate.clip import Clip

MODEL_SOUND = "generated"
"""The stem that has what the model made to be heard, or was given to make the picture for."""


@dataclass(frozen=True, slots=True)
class PreviousShot:
    """The decoded clip of the shot before.

    Attributes:
        clip: All of it, with what it made beyond what the film shows.
        delivered: Frames that the film shows of it: it goes on from the last of these.
    """

    clip: Clip
    delivered: int

    @classmethod
    def load(cls, folder: Path) -> PreviousShot:
        """Open it; nothing is decoded yet.

        Raises:
            MediaError: There is no clip.
            InputError: It says of itself what cannot be.
        """
        clip = Clip.load(folder)
        delivered = clip.provenance.get("delivered_frames", clip.num_frames)
        if not isinstance(delivered, int) or not 1 <= delivered <= clip.num_frames:
            raise InputError(
                f"The clip of the shot before shows {delivered} of {clip.num_frames} frames.",
                "Render the shot before again.",
                where=str(folder),
            )
        return cls(clip, delivered)

    def pixels(self, num_frames: int) -> UInt8[Tensor, "F H W 3"]:
        """The last frames that the film shows of it."""
        shown = slice_frames(self.clip.frames, self.delivered - num_frames, self.delivered)
        frames = np.concatenate(list(shown.chunks(num_frames)))
        if frames.dtype == np.uint16:
            frames = ((frames.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return torch.from_numpy(np.ascontiguousarray(frames))

    def sound(self, num_frames: int) -> Sound | None:
        """What the model made to be heard during them; None if it made nothing."""
        stem = self.clip.stems.get(MODEL_SOUND)
        if stem is None:
            return None
        rate = self.clip.frame_rate
        start, stop = (
            round(frame / rate * stem.sample_rate)
            for frame in (self.delivered - num_frames, self.delivered)
        )
        return Sound(_wave(stem.read(start, stop - start)), stem.sample_rate)

    def tail(self, num_frames: int, *, heard: bool) -> Tail:
        """What a clip goes on from.

        Args:
            num_frames: As many as the model takes.
            heard: Whether it goes on from the sound too.
        """
        return Tail(self.pixels(num_frames), self.sound(num_frames) if heard else None)


def _wave(samples: np.ndarray) -> Float32[Tensor, "C N"]:
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32))
