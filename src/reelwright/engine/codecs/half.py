"""One half of a codec: checkpoints may hold the encoder, the decoder, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.memory.loading import build
from reelwright.engine.storage.weights import Compute

M = TypeVar("M", bound=nn.Module)


def load_half(
    make: Callable[[], M],
    checkpoint: Checkpoint,
    prefix: str,
    compute: Compute,
    device: torch.device,
) -> M | None:
    """Build a half, if the checkpoint has it.

    Args:
        make: Makes it; called on the meta device.
        checkpoint: Has its weights, or not.
        prefix: What stands before them, e.g. `vae.decoder.`.
        compute: What its products run in.
        device: Where it runs.

    Raises:
        CheckpointError: Its weights do not fit its config.
    """
    weights = checkpoint.weights(prefix)
    if not weights:
        return None
    where = checkpoint.where
    return build(make, weights, where=where, prefix=prefix, compute=compute, device=device)
