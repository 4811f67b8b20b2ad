"""Which attentions which samples skip: the worse predictions that guidance steers away from.

Spatio-temporal guidance skips self-attention in some blocks, modality guidance the attention
between sight and sound in all. Passes are samples of one batch, so a plan says for each block which
samples take part; it is made once, before the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Int
from torch import Tensor


class Skip(StrEnum):
    """An attention that can be skipped."""

    VIDEO_SELF = "video_self_attn"
    AUDIO_SELF = "audio_self_attn"
    AUDIO_TO_VIDEO = "a2v_cross_attn"
    VIDEO_TO_AUDIO = "v2a_cross_attn"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One attention skipped in some blocks.

    Attributes:
        skip: Which attention.
        blocks: In which blocks, counted from 0; None for all.
    """

    skip: Skip
    blocks: frozenset[int] | None = None

    def holds(self, skip: Skip, block: int) -> bool:
        """Whether it skips this attention of this block."""
        return self.skip == skip and (self.blocks is None or block in self.blocks)


Samples = Int[Tensor, " A"] | None
"""Samples of a batch by index; None for all of them."""


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """Who takes part in each attention of one block.

    Attributes:
        video_self: Samples with self-attention of video.
        audio_self: Samples with self-attention of audio.
        audio_to_video: Samples whose video hears.
        video_to_audio: Samples whose audio sees.
    """

    video_self: Samples = None
    audio_self: Samples = None
    audio_to_video: Samples = None
    video_to_audio: Samples = None


EVERYTHING = BlockPlan()
"""Nothing skipped."""


def plan_blocks(
    samples: Sequence[Sequence[Perturbation]], num_layers: int, device: torch.device
) -> tuple[BlockPlan, ...]:
    """Make the plan of every block.

    Args:
        samples: The perturbations of each sample of the batch; none at all is an empty sequence.
        num_layers: Blocks of the transformer.
        device: Where it runs.
    """

    def kept(skip: Skip, block: int) -> Samples:
        taking = [not any(p.holds(skip, block) for p in sample) for sample in samples]
        if all(taking):
            return None
        return torch.tensor([i for i, takes in enumerate(taking) if takes], device=device).long()

    return tuple(BlockPlan(*(kept(skip, block) for skip in Skip)) for block in range(num_layers))
