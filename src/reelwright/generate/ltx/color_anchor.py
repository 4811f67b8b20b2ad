"""Colour held from shot to shot of a chain.

A shot that continues another begins with that one's last frames, encoded and decoded once more;
what codec and model shift in colour would add up along a chain. The same frames stand in both
clips, so the shift can be measured: mean and deviation of each channel are matched there, and the
whole clip is moved by as much. The shot before was matched to the one before it, so the chain is
anchored to its first shot. The move is bounded: beyond the bounds it is no shift but another
picture, and stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

MAX_GAIN = 1.1
"""Of contrast, up or down."""

MAX_OFFSET = 0.05
"""Of brightness, of the range [0, 1]: 13 of 255."""

_FLAT = 0.01  # a deviation below this has no contrast to match


@dataclass(frozen=True, slots=True)
class ColorAnchor:
    """How a clip's colours are moved: `gain * (x - pivot) + pivot + offset`, per channel.

    Attributes:
        gain: Within 1 / `MAX_GAIN` and `MAX_GAIN`.
        pivot: The mean of the frames that were matched.
        offset: Within `MAX_OFFSET` of 0.
    """

    gain: Float32[Tensor, 3]
    pivot: Float32[Tensor, 3]
    offset: Float32[Tensor, 3]

    @classmethod
    def match(
        cls, found: Float32[Tensor, "F H W 3"], wanted: Float32[Tensor, "F H W 3"]
    ) -> ColorAnchor:
        """Measure how frames must move to match others.

        Args:
            found: The tail as it was decoded, in [0, 1].
            wanted: The tail as the shot before shows it, in [0, 1].
        """
        (spread, mean), (wanted_spread, wanted_mean) = (
            torch.std_mean(frames.double().flatten(0, 2), dim=0) for frames in (found, wanted)
        )
        ratio = torch.where(
            torch.minimum(spread, wanted_spread) < _FLAT,
            torch.ones_like(spread),
            wanted_spread / spread.clamp(min=1e-9),
        )
        gain = ratio.clamp(1 / MAX_GAIN, MAX_GAIN)
        offset = (wanted_mean - mean).clamp(-MAX_OFFSET, MAX_OFFSET)
        return cls(gain.float(), mean.float(), offset.float())

    def apply(self, frames: Float32[Tensor, "F H W 3"]) -> Float32[Tensor, "F H W 3"]:
        """Move frames; the result stays in [0, 1]."""
        return ((frames - self.pivot) * self.gain + self.pivot + self.offset).clamp(0.0, 1.0)

    def to_json(self) -> dict[str, list[float]]:
        """For provenance."""
        return {
            "gain": [round(float(v), 6) for v in self.gain],
            "offset": [round(float(v), 6) for v in self.offset],
        }
