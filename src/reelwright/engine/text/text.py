"""The text path behind the language model: features, then a context for each stream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import DIFFUSION, Checkpoint, Component
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import connector_name
from reelwright.engine.denoiser.models import require
from reelwright.engine.memory.loading import CPU, build
from reelwright.engine.storage.weights import Compute, WeightSource
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.engine.text.features import SharedProjection, SplitProjection

VIDEO_CONNECTORS = ("video_embeddings_connector.", "embeddings_connector.")
AUDIO_CONNECTOR = "audio_embeddings_connector."
PROJECTION = "text_embedding_projection."


@dataclass(frozen=True, slots=True)
class TextPath:
    """What turns hidden states into contexts.

    Attributes:
        projection: From hidden states to features.
        video: Connector of the video stream.
        audio: Connector of the audio stream; None if the model has none.
    """

    projection: SharedProjection | SplitProjection
    video: Connector
    audio: Connector | None

    def encode(
        self, states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B S V"], Float[Tensor, "B S A"] | None]:
        """Make the context of each stream.

        Args:
            states: All hidden states of the language model, embeddings first.
            valid: 1 for real tokens, 0 for padding.

        Returns:
            The contexts of video and audio; nothing in them is to be masked.
        """
        video, audio = self.projection(states, valid)
        heard = None if self.audio is None else self.audio(audio, valid)
        return self.video(video, valid), heard


def load_text_path(
    checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> TextPath:
    """Build the projection and the connectors.

    Args:
        checkpoint: Has them.
        compute: What their products run in.
        device: Where they run.

    Raises:
        CheckpointError: The checkpoint lacks one of them, or it does not fit its config.
    """
    require(checkpoint, Component.CONNECTORS, Component.CONNECTORS in checkpoint.components)
    config = checkpoint.config(TransformerConfig, "transformer")
    video, audio = (
        _load_connector(checkpoint, config, prefixes, compute, device)
        for prefixes in (VIDEO_CONNECTORS, (AUDIO_CONNECTOR,))
    )
    require(checkpoint, Component.CONNECTORS, video is not None)
    assert video is not None
    projection = load_projection(checkpoint, compute=compute, device=device)
    return TextPath(projection, video, audio)


def load_projection(
    checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> SharedProjection | SplitProjection:
    """Build the projection; which one, and of what size, its tensors say.

    Raises:
        CheckpointError: The checkpoint lacks it.
    """
    weights = checkpoint.weights(PROJECTION)
    require(checkpoint, Component.TEXT_PROJECTION, bool(weights))

    def make() -> SharedProjection | SplitProjection:
        if "aggregate_embed.weight" in weights:
            width, inputs = _sides(weights, "aggregate_embed")
            return SharedProjection(inputs, width)
        (video, inputs), (audio, _) = (
            _sides(weights, f"{stream}_aggregate_embed") for stream in ("video", "audio")
        )
        return SplitProjection(inputs, video, audio)

    return build(
        make, weights, where=checkpoint.where, prefix=PROJECTION, compute=compute, device=device
    )


def _sides(weights: dict[str, WeightSource], layer: str) -> tuple[int, int]:
    source = weights.get(f"{layer}.weight")
    outputs, inputs = source.shape if source is not None and len(source.shape) == 2 else (1, 1)
    return outputs, inputs


def _load_connector(
    checkpoint: Checkpoint,
    config: TransformerConfig,
    prefixes: tuple[str, ...],
    compute: Compute,
    device: torch.device,
) -> Connector | None:
    for prefix in prefixes:
        weights = checkpoint.weights(DIFFUSION + prefix)
        if weights:
            registers = weights.get("learnable_registers")
            count = registers.shape[0] if registers is not None and registers.shape else 1
            shape = connector_shape(config, count, audio=prefix == AUDIO_CONNECTOR)
            return build(
                partial(Connector, shape),
                weights,
                where=checkpoint.where,
                prefix=DIFFUSION + prefix,
                compute=compute,
                device=device,
                official=connector_name,
            )
    return None
