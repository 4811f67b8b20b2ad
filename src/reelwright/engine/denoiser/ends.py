"""The two ends of a stream: from latent tokens to hidden states, and back to velocities."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.denoiser.modulation import AdaLN, modulate, spread
from reelwright.engine.denoiser.stream import Stream, StreamShape


class CaptionProjection(nn.Module):
    """2.0's two layers between the text and the streams.

    Args:
        channels: Of the text.
        width: Of the stream.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(channels, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, context: Float[Tensor, "B S C"]) -> Float[Tensor, "B S D"]:
        """Project a text."""
        return self.linear_2(gelu(self.linear_1(context), approximate="tanh"))  # type: ignore[no-any-return]


class StreamEnds(nn.Module):
    """One stream before the first block and after the last.

    Args:
        config: Of the model.
        stream: Sizes of the stream.
        channels: Of the latent, in and out.
        max_pos: Of its positions.
        rows: Of its blocks' modulation.
        joint: Whether the model has both streams.
    """

    prompt_adaln: AdaLN | None
    caption_projection: CaptionProjection | None

    def __init__(
        self,
        config: TransformerConfig,
        stream: StreamShape,
        channels: tuple[int, int],
        max_pos: tuple[float, ...],
        rows: int,
        *,
        joint: bool,
    ) -> None:
        super().__init__()
        width = stream.width
        self.shape, self.max_pos = stream, max_pos
        self.eps = config.norm_eps
        self.patchify_proj = nn.Linear(channels[0], width)
        self.proj_out = nn.Linear(width, channels[1])
        self.scale_shift_table = nn.Parameter(torch.empty(2, width))
        self.adaln = AdaLN(width, rows)
        prompted = config.cross_attention_adaln and config.use_prompt_adaln_single
        self.prompt_adaln = AdaLN(width, 2) if prompted else None
        self.caption_projection = None
        if not config.caption_proj_before_connector:
            self.caption_projection = CaptionProjection(config.caption_channels, width)
        if joint:
            self.cross_adaln = AdaLN(width, 4)
            self.cross_gate_adaln = AdaLN(width, 1)

    def unembed(self, stream: Stream) -> Float[Tensor, "B T C"]:
        """From hidden states to velocities."""
        table = self.scale_shift_table + stream.step.embedded.unsqueeze(-2)  # [B, U, 2, D]
        shift, scale = (spread(row, stream.step.index) for row in table.unbind(-2))
        x = layer_norm(stream.hidden, stream.hidden.shape[-1:], eps=self.eps)
        return self.proj_out(modulate(x, scale, shift))  # type: ignore[no-any-return]
