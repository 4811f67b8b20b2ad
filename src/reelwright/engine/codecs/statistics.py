"""The scale of latents: normalised per channel for the denoiser, as they come for the codecs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and deviation of each channel, kept in float32: bf16 shows as banding.

    Attributes:
        mean: Of each channel.
        std: Of each channel.
    """

    mean: Float[Tensor, " C"]
    std: Float[Tensor, " C"]

    def normalise(self, latent: Float[Tensor, "B C *S"]) -> Float[Tensor, "B C *S"]:
        """From a codec's scale to the denoiser's."""
        mean, std = self._beside(latent)
        return ((latent - mean) / std).to(latent.dtype)

    def denormalise(self, latent: Float[Tensor, "B C *S"]) -> Float[Tensor, "B C *S"]:
        """From the denoiser's scale to a codec's."""
        mean, std = self._beside(latent)
        return (latent * std + mean).to(latent.dtype)

    def _beside(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        shape = (1, -1, *(1,) * (latent.ndim - 2))
        return self.mean.to(latent.device).view(shape), self.std.to(latent.device).view(shape)


def load_statistics(checkpoint: Checkpoint, prefix: str, channels: int) -> Statistics:
    """Read the statistics of a codec.

    Args:
        checkpoint: Has them.
        prefix: Of the codec, e.g. `vae.`.
        channels: How many there must be.

    Raises:
        CheckpointError: They are missing or of another length.
    """
    names = [f"{prefix}per_channel_statistics.{what}-of-means" for what in ("mean", "std")]
    mean, std = (checkpoint.tensor(name).to(torch.float32) for name in names)
    for name, tensor in zip(names, (mean, std), strict=True):
        if tensor.shape != (channels,):
            raise CheckpointError(
                f"It has the shape {list(tensor.shape)}, but there are {channels} channels.",
                "Use a checkpoint whose config belongs to its tensors.",
                where=f"{checkpoint.where}: {name}",
                tensor=name,
            )
    return Statistics(mean, std)
