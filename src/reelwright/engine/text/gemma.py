"""Gemma 3's text model: every layer's hidden states, which is all that LTX-2 reads of it.

Five of six layers see a window of tokens and rotate by positions as they are, the sixth sees all
before it and divides positions by a factor. Norms multiply by one plus their weight, in float32.
Names of modules are those of Hugging Face's files, so that a trained model is saved as one.

Must agree with transformers on real tokens; what stands at padding is not defined there.

Source: Gemma Team 2025, Gemma 3 Technical Report, arXiv:2503.19786.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, rms_norm, scaled_dot_product_attention

from reelwright.engine.memory.residency import Blocks
from reelwright.engine.text.gemma_config import GemmaConfig
from reelwright.engine.text.gemma_sequence import SequenceLayout, rotate_heads, sequence_layouts


class GemmaNorm(nn.Module):
    """RMS normalisation whose weight is counted from one.

    Args:
        width: Of what is normalised.
        eps: Keeps it from dividing by zero.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Normalise in float32; the type is kept."""
        scale = 1.0 + self.weight.float()
        return rms_norm(x.float(), scale.shape, scale, self.eps).to(x.dtype)


class GemmaAttention(nn.Module):
    """Causal attention in which several query heads share a key.

    Args:
        config: Of the model.
    """

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        self.head_dim, self.scale = config.head_dim, config.query_pre_attn_scalar**-0.5
        width, heads = config.hidden_size, config.num_attention_heads * config.head_dim
        shared = config.num_key_value_heads * config.head_dim
        self.q_proj = nn.Linear(width, heads, bias=False)
        self.k_proj = nn.Linear(width, shared, bias=False)
        self.v_proj = nn.Linear(width, shared, bias=False)
        self.o_proj = nn.Linear(heads, width, bias=False)
        self.q_norm = GemmaNorm(config.head_dim, config.rms_norm_eps)
        self.k_norm = GemmaNorm(config.head_dim, config.rms_norm_eps)

    def forward(self, x: Float[Tensor, "B T D"], layout: SequenceLayout) -> Float[Tensor, "B T D"]:
        """Attend."""
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.head_dim))  # [B, T, N, K]
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate_heads(self.q_norm(q), layout), rotate_heads(self.k_norm(k), layout)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # [B, N, T, K]
        seen = [
            scaled_dot_product_attention(
                q[:, :, part.queries],
                k[:, :, part.keys],
                v[:, :, part.keys],
                attn_mask=part.visible,
                scale=self.scale,
                enable_gqa=True,
            )
            for part in layout.parts
        ]
        return self.o_proj(torch.cat(seen, dim=2).transpose(1, 2).flatten(-2))  # type: ignore[no-any-return]


class GemmaFeedForward(nn.Module):
    """The gated feed-forward layer.

    Args:
        config: Of the model.
    """

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Apply it to every token by itself."""
        gate = gelu(self.gate_proj(x), approximate="tanh")
        return self.down_proj(gate * self.up_proj(x))  # type: ignore[no-any-return]


class GemmaLayer(nn.Module):
    """One layer: each half normalises what goes in and what comes out.

    Args:
        config: Of the model.
    """

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.rms_norm_eps
        self.input_layernorm = GemmaNorm(width, eps)
        self.self_attn = GemmaAttention(config)
        self.post_attention_layernorm = GemmaNorm(width, eps)
        self.pre_feedforward_layernorm = GemmaNorm(width, eps)
        self.mlp = GemmaFeedForward(config)
        self.post_feedforward_layernorm = GemmaNorm(width, eps)

    def forward(self, x: Float[Tensor, "B T D"], layout: SequenceLayout) -> Float[Tensor, "B T D"]:
        """Run the layer."""
        attended = self.self_attn(self.input_layernorm(x), layout)
        x = x + self.post_attention_layernorm(attended)
        widened = self.mlp(self.pre_feedforward_layernorm(x))
        return x + self.post_feedforward_layernorm(widened)  # type: ignore[no-any-return]


class ScaledEmbedding(nn.Embedding):
    """A vector per token, times the square root of its width in the type of the table.

    Args:
        rows: Tokens that there are.
        width: Of a vector.
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__(rows, width)
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, tokens: Int[Tensor, "*B"]) -> Float[Tensor, "*B D"]:
        """Look tokens up."""
        return scale_embedding(super().forward(tokens))


class Gemma(nn.Module):
    """The text model.

    Args:
        config: Its sizes.
        embed_tokens: Its table of embeddings, scaled; None makes one that can be trained.
        layers: Its layers; None makes ones that can be trained.
    """

    def __init__(
        self,
        config: GemmaConfig,
        embed_tokens: nn.Module | None = None,
        layers: Blocks[GemmaLayer] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        made = range(config.num_hidden_layers if layers is None else 0)
        self.embed_tokens = embed_tokens or ScaledEmbedding(config.vocab_size, config.hidden_size)
        self.layers = Blocks(GemmaLayer(config) for _ in made) if layers is None else layers
        self.norm = GemmaNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, tokens: Int[Tensor, "B S"], valid: Int[Tensor, "B S"]
    ) -> Float[Tensor, "B S D L"]:
        """All hidden states of a batch; gradients flow.

        Args:
            tokens: Ids, padded on the left.
            valid: 1 for real tokens, 0 for padding.

        Returns:
            Scaled embeddings first, the last layer after the final norm.
        """
        x = self.embed_tokens(tokens)
        layouts = sequence_layouts(self.config, torch.arange(tokens.shape[1]), x, valid.bool())
        states = [x]
        for layer, kind in zip(self.layers, self.config.layer_types, strict=True):
            x = layer(x, layouts[kind])
            states.append(x)
        states[-1] = self.norm(x)
        return torch.stack(states, dim=-1)

    @torch.no_grad()
    def encode(
        self, sentences: Sequence[Int[Tensor, " _"]], length: int
    ) -> Float[Tensor, "B S D L"]:
        """The same states of sentences without padding, which is never computed.

        Nothing real sees padding, so a sentence of 60 tokens costs a seventeenth of 1024. Each
        goes through a layer by itself, so what comes out does not depend on the others, and every
        layer is made ready once for all of them.

        Args:
            sentences: Ids of each, at most `length`.
            length: To pad to, on the left.

        Returns:
            As from `forward`, on the CPU, zeros at padding (which takes no memory there: pages of
            zeros are not touched).
        """
        xs = [self.embed_tokens(tokens[None]) for tokens in sentences]
        layouts = [
            sequence_layouts(self.config, torch.arange(length - x.shape[1], length), x, None)
            for x in xs
        ]
        shape = (len(xs), length, self.config.hidden_size, len(self.layers) + 1)
        states = torch.zeros(shape, dtype=self.norm.weight.dtype)
        _keep(states, xs, 0)
        kinds = self.config.layer_types
        for index, (layer, kind) in enumerate(zip(self.layers, kinds, strict=True), start=1):
            xs = [layer(x, layout[kind]) for x, layout in zip(xs, layouts, strict=True)]
            _keep(states, xs if index < len(kinds) else [self.norm(x) for x in xs], index)
        return states


def scale_embedding(rows: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
    """Multiply by the square root of the width, rounded to the type: in bfloat16 3840 gives 62."""
    return rows * torch.tensor(rows.shape[-1] ** 0.5).to(rows)


def _keep(
    states: Float[Tensor, "B S D L"], xs: Sequence[Float[Tensor, "1 _ D"]], index: int
) -> None:
    """Write one layer's states of every sentence to where they belong."""
    for sentence, x in zip(states, xs, strict=True):
        sentence[sentence.shape[0] - x.shape[1] :, :, index].copy_(x[0])
