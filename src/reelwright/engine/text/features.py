"""From the language model's hidden states to text features, one vector per token and stream.

All layers' states stand side by side, the layer index running fastest, and one product brings them
to the width of a connector. 2.3 normalises each state by itself and has a product for each stream;
2.0 normalises over the sentence and shares one product.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

EPS = 1e-6

RANGE = 8.0
"""2.0 scales each layer's states to a range of this width."""


def normalise_tokens(states: Float[Tensor, "B S D L"]) -> Float[Tensor, "B S D L"]:
    """RMS of every state over its channels (2.3)."""
    return states * torch.rsqrt(states.square().mean(dim=2, keepdim=True) + EPS)


def normalise_sentence(
    states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]
) -> Float[Tensor, "B S D L"]:
    """Centre and scale every layer over the sentence's real tokens (2.0)."""
    real = valid.bool()[:, :, None, None]
    count = real.sum(dim=(1, 2), keepdim=True) * states.shape[2]
    mean = states.masked_fill(~real, 0.0).sum(dim=(1, 2), keepdim=True) / (count + EPS)
    low = states.masked_fill(~real, math.inf).amin(dim=(1, 2), keepdim=True)
    high = states.masked_fill(~real, -math.inf).amax(dim=(1, 2), keepdim=True)
    return RANGE * (states - mean) / (high - low + EPS)


def _flatten(
    states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]
) -> Float[Tensor, "B S DL"]:
    """Side by side, layer fastest, padding zeroed."""
    return states.flatten(2).masked_fill(~valid.bool()[:, :, None], 0.0)


class SharedProjection(nn.Module):
    """2.0's text projection: one product for both streams.

    Args:
        inputs: Channels times layers of the language model.
        width: Of both connectors.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.aggregate_embed = nn.Linear(inputs, width, bias=False)

    def forward(
        self, states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B S V"], Float[Tensor, "B S A"]]:
        """Project all layers' states.

        Args:
            states: Embeddings first, the last layer after its final norm.
            valid: 1 for real tokens, 0 for padding.

        Returns:
            Features for video and for audio: the same here.
        """
        features = self.aggregate_embed(
            _flatten(normalise_sentence(states, valid), valid).to(self.aggregate_embed.weight)
        )
        return features, features


class SplitProjection(nn.Module):
    """2.3's text projection: a product for each stream.

    Args:
        inputs: Channels times layers of the language model.
        video_width: Of the video connector.
        audio_width: Of the audio connector; None if there is none.
    """

    def __init__(self, inputs: int, video_width: int, audio_width: int) -> None:
        super().__init__()
        self.video_aggregate_embed = nn.Linear(inputs, video_width)
        self.audio_aggregate_embed = nn.Linear(inputs, audio_width)

    def forward(
        self, states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B S V"], Float[Tensor, "B S A"]]:
        """Project all layers' states.

        Args:
            states: Embeddings first, the last layer after its final norm.
            valid: 1 for real tokens, 0 for padding.

        Returns:
            Features for video and for audio.
        """
        flat, channels = _flatten(normalise_tokens(states), valid), states.shape[2]
        return (
            _scaled(self.video_aggregate_embed, flat, channels),
            _scaled(self.audio_aggregate_embed, flat, channels),
        )


def _scaled(layer: nn.Linear, x: Float[Tensor, "B S I"], channels: int) -> Float[Tensor, "B S O"]:
    """Apply a layer to `x * sqrt(width / channels)`.

    The product is scaled in place of its input, which at 1024 tokens is 0.8 GB in float32.
    """
    product = linear(x.to(layer.weight), layer.weight) * math.sqrt(layer.out_features / channels)
    return product + layer.bias
