"""Each part of a model, built from an open checkpoint.

Every function here does the same three things: reads the part's section of the config, decides
which tensors are its, and has `loading.build` check and fill it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from reelwright.engine.checkpoints.checkpoint import CONNECTORS, DIFFUSION, Checkpoint, Component
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import transformer_name
from reelwright.engine.denoiser.block import Block
from reelwright.engine.denoiser.transformer import Transformer, block_shape
from reelwright.engine.memory.loading import (
    CPU,
    NO_LORAS,
    check_loras,
    check_weights,
    fill,
    on_meta,
)
from reelwright.engine.memory.residency import (
    RESIDENT,
    Blocks,
    Residency,
    load_blocks,
    split_blocks,
)
from reelwright.engine.storage.weights import Compute, LoraDelta, WeightSource
from reelwright.errors import CheckpointError

BLOCKS = "transformer_blocks."
"""What stands before a block's number in the official names."""

_VIDEO_MARK, _AUDIO_MARK = "patchify_proj.weight", "audio_patchify_proj.weight"


def load_transformer(
    checkpoint: Checkpoint,
    *,
    compute: Compute = Compute.FLOAT32,
    device: torch.device = CPU,
    loras: Mapping[str, Sequence[LoraDelta]] = NO_LORAS,
    video: bool = True,
    audio: bool = True,
    residency: Residency = RESIDENT,
) -> Transformer:
    """Build the denoiser.

    Args:
        checkpoint: Has it.
        compute: What its products run in.
        device: Where it runs.
        loras: Changes to its weights, from `lora.stack_loras`.
        video: Whether to build the video stream, if the file has it.
        audio: Whether to build the audio stream, if the file has it.
        residency: How its blocks are kept.

    Raises:
        CheckpointError: The checkpoint lacks it, or it does not fit its config.
    """
    weights = checkpoint.weights(DIFFUSION, without=CONNECTORS)
    has_video, has_audio = _VIDEO_MARK in weights, _AUDIO_MARK in weights
    require(checkpoint, Component.TRANSFORMER, (has_video and video) or (has_audio and audio))
    config = checkpoint.config(TransformerConfig, "transformer")
    _check_layers(config, weights, checkpoint.where)

    def make() -> Transformer:
        return Transformer(config, video=video and has_video, audio=audio and has_audio)

    where = checkpoint.where
    model = on_meta(make, where)
    wanted = {transformer_name(name): tensor for name, tensor in model.state_dict().items()}
    if (has_video and not video) or (has_audio and not audio):
        weights = {name: weight for name, weight in weights.items() if name in wanted}
    check_weights(wanted, weights, f"{where}: {DIFFUSION}")
    check_loras(weights, loras)
    shape = block_shape(config, video=video and has_video, audio=audio and has_audio)
    blocks = load_blocks(
        lambda: Block(shape),
        split_blocks(weights, BLOCKS, config.num_layers),
        compute=compute,
        device=device,
        residency=residency,
        official=transformer_name,
        loras=split_blocks(loras, BLOCKS, config.num_layers),
        where=where,
        prefix=lambda index: f"{DIFFUSION}{BLOCKS}{index}.",
    )
    model.blocks = Blocks()
    fill(
        model,
        weights,
        compute=compute,
        device=device,
        official=transformer_name,
        loras=loras,
    )
    model.blocks = blocks
    return model


def require(checkpoint: Checkpoint, component: Component, present: bool) -> None:
    """Refuse a checkpoint that lacks a part.

    Raises:
        CheckpointError: It is not `present`.
    """
    if not present:
        held = ", ".join(sorted(checkpoint.components)) or "nothing"
        raise CheckpointError(
            f"The checkpoint has no {component.replace('_', ' ')}; it holds {held}.",
            "Add the file that has it.",
            where=checkpoint.where,
            component=str(component),
        )


def _check_layers(
    config: TransformerConfig, weights: Mapping[str, WeightSource], where: str
) -> None:
    """Compare the number of blocks before any is made, even on the meta device."""
    blocks = {name.split(".", 2)[1] for name in weights if name.startswith(BLOCKS)}
    if len(blocks) != config.num_layers:
        raise CheckpointError(
            f"The config says {config.num_layers} blocks, the tensors are of {len(blocks)}.",
            "Use a checkpoint whose config belongs to its tensors.",
            where=where,
        )
