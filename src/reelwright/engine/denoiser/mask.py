"""Who attends to whom, and how strongly: masks as values, not matrices.

A strength in [0, 1] multiplies what a token gives to another: its logarithm is added to the score,
and 0 blocks. Strengths hold between groups of tokens (the film's own, each appended keyframe), so a
group per token and a small table say everything; a matrix of all pairs is made nowhere. At 63,000
tokens it would be 16 GB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@runtime_checkable
class AttentionMask(Protocol):
    """Something that decides what attention may see."""

    def attend(
        self, q: Float[Tensor, "B N T K"], k: Float[Tensor, "B N S K"], v: Float[Tensor, "B N S K"]
    ) -> Float[Tensor, "B N T K"]:
        """Attend under the mask."""
        ...

    def pick(self, samples: Int[Tensor, " A"]) -> AttentionMask:
        """The mask of some samples of the batch."""
        ...

    def lay_out(self, device: torch.device, dtype: torch.dtype) -> AttentionMask:
        """The same mask, ready for a run: on its device, in its type, nothing left to compute."""
        ...


@dataclass(frozen=True, slots=True)
class KeyMask:
    """A bias per key, the same for every query: the mask of a text.

    Attributes:
        bias: What is added to each key's scores, [B, 1, 1, S].
    """

    bias: Float[Tensor, "B 1 1 S"]

    @classmethod
    def from_valid(cls, valid: Num[Tensor, "B S"], dtype: torch.dtype) -> KeyMask:
        """Block the keys that are 0; numbers with a fraction are biases already.

        A row that is 0 throughout attends to all alike; a bias of -inf would make it NaN.
        """
        bias = valid.to(dtype)
        if not valid.is_floating_point():
            bias = (bias - 1) * torch.finfo(dtype).max
        return cls(bias[:, None, None])

    def attend(
        self, q: Float[Tensor, "B N T K"], k: Float[Tensor, "B N S K"], v: Float[Tensor, "B N S K"]
    ) -> Float[Tensor, "B N T K"]:
        """Attend under the mask."""
        bias = self.bias.expand(-1, -1, q.shape[2], -1)
        return scaled_dot_product_attention(q, k, v, attn_mask=bias)

    def pick(self, samples: Int[Tensor, " A"]) -> KeyMask:
        """The mask of some samples of the batch."""
        return self if self.bias.shape[0] == 1 else KeyMask(self.bias[samples])

    def lay_out(self, device: torch.device, dtype: torch.dtype) -> KeyMask:
        """The same mask, ready for a run."""
        return KeyMask(self.bias.to(device, dtype))


@dataclass(frozen=True, slots=True)
class GroupMask:
    """Strengths between groups of tokens, for self-attention.

    Attributes:
        groups: The group of each token.
        strengths: What a token of the row's group sees of one of the column's, in [0, 1].
    """

    groups: Int[Tensor, " T"]
    strengths: Float[Tensor, "G G"]

    @classmethod
    def from_matrix(cls, matrix: Float[Tensor, "T T"]) -> GroupMask:
        """Find the groups of a matrix of strengths: tokens with equal rows and columns."""
        both = torch.cat((matrix, matrix.T), dim=1)
        _, groups = torch.unique(both, dim=0, return_inverse=True)
        members = [int((groups == group).nonzero()[0]) for group in range(int(groups.max()) + 1)]
        return cls(groups, matrix[members][:, members])

    @classmethod
    def whole(cls, num_tokens: int) -> GroupMask:
        """One group: everyone sees everyone."""
        return cls(torch.zeros(num_tokens, dtype=torch.long), torch.ones(1, 1))

    def append(self, num_tokens: int, strength: float) -> GroupMask:
        """Add a group that sees, and is seen by, the first one alone.

        Args:
            num_tokens: Of the new group.
            strength: Between it and the first group.
        """
        count = self.strengths.shape[0]
        strengths = torch.zeros(count + 1, count + 1)
        strengths[:count, :count] = self.strengths
        strengths[count, 0] = strengths[0, count] = strength
        strengths[count, count] = 1.0
        new = torch.full((num_tokens,), count, dtype=torch.long)
        return GroupMask(torch.cat((self.groups, new)), strengths)

    def matrix(self) -> Float[Tensor, "T T"]:
        """All pairs, for looking at."""
        return self.strengths[self.groups][:, self.groups]

    def attend(
        self, q: Float[Tensor, "B N T K"], k: Float[Tensor, "B N T K"], v: Float[Tensor, "B N T K"]
    ) -> Float[Tensor, "B N T K"]:
        """Attend under the mask."""
        return self.lay_out(q.device, q.dtype).attend(q, k, v)

    def lay_out(self, device: torch.device, dtype: torch.dtype) -> LaidGroups:
        """The same mask, ready for a run: each group's tokens, and its bias towards all."""
        parts = []
        for group, strengths in enumerate(self.strengths):
            tokens = (self.groups == group).nonzero().flatten()
            bias = log_strength(strengths, dtype)[self.groups].to(device)
            parts.append((tokens.to(device), bias if bias.any() else None))
        return LaidGroups(tuple(parts))

    def pick(self, samples: Int[Tensor, " A"]) -> GroupMask:
        """The same mask: it holds for every sample."""
        return self


@dataclass(frozen=True, slots=True)
class LaidGroups:
    """A `GroupMask` ready for a run.

    Attributes:
        parts: For each group its tokens, and what is added to its scores of every token; None
            where it sees all fully.
    """

    parts: tuple[tuple[Int[Tensor, " _"], Float[Tensor, " T"] | None], ...]

    def attend(
        self, q: Float[Tensor, "B N T K"], k: Float[Tensor, "B N T K"], v: Float[Tensor, "B N T K"]
    ) -> Float[Tensor, "B N T K"]:
        """Attend group by group: within one, every query has the same bias."""
        out = torch.empty_like(q)
        for tokens, bias in self.parts:
            asking = q.index_select(2, tokens)
            mask = None if bias is None else bias.expand(1, 1, tokens.numel(), -1)
            heard = scaled_dot_product_attention(asking, k, v, attn_mask=mask)
            out.index_copy_(2, tokens, heard)
        return out

    def pick(self, samples: Int[Tensor, " A"]) -> LaidGroups:
        """The same mask: it holds for every sample."""
        return self

    def lay_out(self, device: torch.device, dtype: torch.dtype) -> LaidGroups:
        """The same mask: it is ready."""
        return self


@dataclass(frozen=True, slots=True)
class SampleMask:
    """A mask of its own for each sample of a batch.

    Attributes:
        masks: One per sample.
    """

    masks: Sequence[AttentionMask]

    def attend(
        self, q: Float[Tensor, "B N T K"], k: Float[Tensor, "B N S K"], v: Float[Tensor, "B N S K"]
    ) -> Float[Tensor, "B N T K"]:
        """Attend sample by sample."""
        parts = zip(self.masks, *(x.unsqueeze(1) for x in (q, k, v)), strict=True)
        return torch.cat([mask.attend(*qkv) for mask, *qkv in parts])

    def pick(self, samples: Int[Tensor, " A"]) -> SampleMask:
        """The mask of some samples of the batch."""
        return SampleMask([self.masks[sample] for sample in samples.tolist()])

    def lay_out(self, device: torch.device, dtype: torch.dtype) -> SampleMask:
        """The same masks, ready for a run."""
        return SampleMask([mask.lay_out(device, dtype) for mask in self.masks])


def log_strength(strength: Float[Tensor, " *S"], dtype: torch.dtype) -> Float[Tensor, " *S"]:
    """What a strength adds to a score: its logarithm, or the lowest number where it is 0."""
    limits = torch.finfo(dtype)
    log = strength.to(dtype).clamp(min=limits.tiny).log()
    return torch.where(strength > 0, log, limits.min)
