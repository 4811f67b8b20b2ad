"""The connectors: from text features to the context that a stream attends to.

Real tokens are moved to the front, in order, and what was padding becomes learnt registers, by
absolute position; after that every position is real and nothing is masked. A context therefore
always has the full length and must not be trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import Rope, TransformerConfig
from reelwright.engine.denoiser.attention import Attention
from reelwright.engine.denoiser.feed_forward import FeedForward
from reelwright.engine.denoiser.norm import rms_normalise
from reelwright.engine.denoiser.rope import RopeTable, rope_table
from reelwright.errors import InputError


@dataclass(frozen=True, slots=True)
class ConnectorShape:
    """The sizes of a connector.

    Attributes:
        heads: Of its attentions.
        head_width: Of one head.
        num_layers: Its blocks.
        num_registers: Learnt vectors that take the place of padding.
        gated: Whether attention heads are gated.
        ff_bias: Whether its feed-forward layers have biases.
        max_pos: Position that maps to 1 in its rotations.
        theta: Ratio of the highest to the lowest frequency.
        double: Whether frequencies are computed in float64.
        layout: Of its rotations.
        eps: Of every normalisation.
    """

    heads: int
    head_width: int
    num_layers: int
    num_registers: int
    gated: bool
    ff_bias: bool
    max_pos: float
    theta: float
    double: bool
    layout: Rope
    eps: float

    @property
    def width(self) -> int:
        """Of its tokens."""
        return self.heads * self.head_width


def connector_shape(
    config: TransformerConfig, num_registers: int, *, audio: bool
) -> ConnectorShape:
    """The sizes of a config's connector; audio's fall back to video's."""
    heads, head_width = config.connector_num_attention_heads, config.connector_attention_head_dim
    layers = config.connector_num_layers
    if audio:
        heads = config.audio_connector_num_attention_heads or heads
        head_width = config.audio_connector_attention_head_dim or head_width
        layers = config.audio_connector_num_layers or layers
    return ConnectorShape(
        heads=heads,
        head_width=head_width,
        num_layers=layers,
        num_registers=num_registers,
        gated=config.connector_apply_gated_attention,
        ff_bias=config.connector_ff_bias,
        max_pos=config.connector_positional_embedding_max_pos[0],
        theta=config.positional_embedding_theta,
        double=config.double_precision_rope,
        layout=config.rope_type,
        eps=config.norm_eps,
    )


class ConnectorBlock(nn.Module):
    """One block: attention of the text to itself, then the feed-forward layer.

    Args:
        shape: Sizes of the connector.
    """

    def __init__(self, shape: ConnectorShape) -> None:
        super().__init__()
        width = shape.width
        self.eps = shape.eps
        self.self_attention = Attention(
            width, width, shape.heads, shape.head_width, gated=shape.gated, eps=shape.eps
        )
        self.feed_forward = FeedForward(width, bias=shape.ff_bias)

    def forward(self, x: Float[Tensor, "B S D"], rope: RopeTable) -> Float[Tensor, "B S D"]:
        """Run the block."""
        h = rms_normalise(x, self.eps)
        x = x + self.self_attention(h, h, rope=rope, context_rope=rope)
        return x + self.feed_forward(rms_normalise(x, self.eps))  # type: ignore[no-any-return]


class Connector(nn.Module):
    """One stream's connector.

    Args:
        shape: Its sizes.
    """

    def __init__(self, shape: ConnectorShape) -> None:
        super().__init__()
        self.shape = shape
        self.learnable_registers = nn.Parameter(torch.empty(shape.num_registers, shape.width))
        self.blocks = nn.ModuleList(ConnectorBlock(shape) for _ in range(shape.num_layers))

    def forward(
        self, features: Float[Tensor, "B S D"], valid: Int[Tensor, "B S"]
    ) -> Float[Tensor, "B S D"]:
        """Make the context.

        Args:
            features: Of the text, padded on either side.
            valid: 1 for real tokens, 0 for padding.

        Raises:
            InputError: The length is not a multiple of the registers.
        """
        x = fill_registers(features, valid, self.learnable_registers)
        rope = self._rope(x)
        for block in self.blocks:
            x = block(x, rope)
        return rms_normalise(x, self.shape.eps)

    def _rope(self, x: Float[Tensor, "B S D"]) -> RopeTable:
        shape = self.shape
        table = rope_table(
            torch.arange(x.shape[1], dtype=torch.float32)[None, None],
            width=shape.width,
            heads=shape.heads,
            max_pos=(shape.max_pos,),
            theta=shape.theta,
            double=shape.double,
            layout=shape.layout,
        )
        return table.to(x.device, x.dtype)


def fill_registers(
    features: Float[Tensor, "B S D"],
    valid: Int[Tensor, "B S"],
    registers: Float[Tensor, "R D"],
) -> Float[Tensor, "B S D"]:
    """Move real tokens to the front, in order, and put registers in the places behind them.

    Args:
        features: Of the text, padded on either side.
        valid: 1 for real tokens, 0 for padding.
        registers: Repeated over the length; each place has its own.

    Raises:
        InputError: The length is not a multiple of the registers.
    """
    length, count = features.shape[1], registers.shape[0]
    if length % count:
        raise InputError(
            f"A text of {length} places cannot be filled with {count} registers.",
            f"Pad it to a multiple of {count} tokens.",
            length=length,
        )
    order = torch.argsort(valid, dim=1, descending=True, stable=True)
    moved = features.gather(1, order.unsqueeze(-1).expand_as(features))
    filled = repeat(registers, "r d -> (n r) d", n=length // count)
    real = torch.arange(length, device=valid.device) < valid.sum(dim=1, keepdim=True)
    return torch.where(real.unsqueeze(-1), moved, filled)
