"""Attention as every part of LTX-2 has it: self, to the text, and between sight and sound.

Queries and keys are RMS-normalised over the whole width, before the heads are split, then rotated.
With gating, each head's output is multiplied by `2 * sigmoid` of a logit that comes from the
attention's own input. A sample whose attention is skipped passes its values straight through; gate
and output projection still apply to it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reelwright.engine.denoiser.linear import Linear
from reelwright.engine.denoiser.mask import AttentionMask
from reelwright.engine.denoiser.norm import RmsNorm
from reelwright.engine.denoiser.rope import RopeTable, rotate
from reelwright.engine.denoiser.softmax_attention import attend


class Attention(nn.Module):
    """Multi-head attention with normalised queries and keys.

    Args:
        query_width: Width of what asks.
        context_width: Width of what is asked.
        heads: Number of heads.
        head_width: Width of one.
        gated: Whether heads are gated.
        eps: Of the normalisation.
    """

    def __init__(
        self,
        query_width: int,
        context_width: int,
        heads: int,
        head_width: int,
        *,
        gated: bool,
        eps: float,
    ) -> None:
        super().__init__()
        width = heads * head_width
        self.heads = heads
        self.q_norm = RmsNorm(width, eps)
        self.k_norm = RmsNorm(width, eps)
        self.to_q = Linear(query_width, width)
        self.to_k = Linear(context_width, width)
        self.to_v = Linear(context_width, width)
        self.to_out = Linear(width, query_width)
        self.to_gate_logits = Linear(query_width, heads) if gated else None

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        context: Float[Tensor, "B S E"],
        *,
        rope: RopeTable | None = None,
        context_rope: RopeTable | None = None,
        mask: AttentionMask | None = None,
        kept: Int[Tensor, " A"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Attend.

        Args:
            x: What asks.
            context: What is asked; `x` itself for self-attention.
            rope: Rotations of the queries.
            context_rope: Rotations of the keys.
            mask: Who sees whom; None for everyone.
            kept: Samples that attend; the others pass their values through (self-attention only).
                None for all.
        """
        v = self.to_v(context)
        if kept is None:
            attended = self._attend(x, context, v, rope, context_rope, mask)
        else:
            picked = self._attend(
                x[kept],
                context[kept],
                v[kept],
                rope and rope.pick(kept),
                context_rope and context_rope.pick(kept),
                mask and mask.pick(kept),
            )
            attended = v.index_copy(0, kept, picked)
        return self.to_out(self._gate(x, attended))  # type: ignore[no-any-return]

    def _attend(
        self,
        x: Float[Tensor, "B T D"],
        context: Float[Tensor, "B S E"],
        v: Float[Tensor, "B S W"],
        rope: RopeTable | None,
        context_rope: RopeTable | None,
        mask: AttentionMask | None,
    ) -> Float[Tensor, "B T W"]:
        q, k, v = (
            self._split(part)  # [B, T, N, K]
            for part in (self.q_norm(self.to_q(x)), self.k_norm(self.to_k(context)), v)
        )
        q = q if rope is None else rotate(q, rope)
        k = k if context_rope is None else rotate(k, context_rope)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # [B, N, T, K]
        out = attend(q, k, v) if mask is None else mask.attend(q, k, v)
        return out.transpose(1, 2).flatten(-2)

    def _gate(
        self, x: Float[Tensor, "B T D"], attended: Float[Tensor, "B T W"]
    ) -> Float[Tensor, "B T W"]:
        if self.to_gate_logits is None:
            return attended
        gate = 2.0 * torch.sigmoid(self.to_gate_logits(x))  # [B, T, N]
        return (self._split(attended) * gate.unsqueeze(-1)).flatten(-2)

    def _split(self, x: Float[Tensor, "B T W"]) -> Float[Tensor, "B T N K"]:
        return x.view(*x.shape[:2], self.heads, x.shape[-1] // self.heads)
