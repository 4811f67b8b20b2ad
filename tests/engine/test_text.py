from __future__ import annotations

import pytest
import torch

from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.text.connector import Connector, connector_shape, fill_registers
from reelwright.engine.text.features import (
    SharedProjection,
    SplitProjection,
    normalise_sentence,
    normalise_tokens,
)
from reelwright.errors import InputError

LEFT = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1]])


def test_tokens_have_unit_length(generator: torch.Generator) -> None:
    states = torch.randn(2, 4, 16, 3, generator=generator) * 7
    lengths = normalise_tokens(states).square().mean(dim=2)
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-4)


def test_a_sentence_spans_the_range_whatever_its_padding(generator: torch.Generator) -> None:
    states = torch.randn(2, 4, 16, 3, generator=generator)
    scaled = normalise_sentence(states, LEFT)
    real = scaled[0, 2:]
    assert torch.allclose(real.amax((0, 1)) - real.amin((0, 1)), torch.full((3,), 8.0), atol=1e-3)
    states[0, :2] = 1e6
    assert torch.equal(normalise_sentence(states, LEFT)[0, 2:], real)


def test_padding_becomes_the_bias(generator: torch.Generator) -> None:
    split = SplitProjection(16 * 3, 8, 4)
    video, audio = split(torch.randn(2, 4, 16, 3, generator=generator), LEFT)
    assert (video.shape, audio.shape) == ((2, 4, 8), (2, 4, 4))
    assert torch.equal(video[0, 0], split.video_aggregate_embed.bias)
    shared = SharedProjection(16 * 3, 8)
    video, audio = shared(torch.randn(2, 4, 16, 3, generator=generator), LEFT)
    assert audio is video
    assert not video[0, 0].any()


def test_layers_run_fastest() -> None:
    states = torch.zeros(1, 1, 2, 3)
    states[0, 0, 1, 0] = 1.0
    projection = SplitProjection(6, 6, 6)
    torch.nn.init.eye_(projection.video_aggregate_embed.weight)
    torch.nn.init.zeros_(projection.video_aggregate_embed.bias)
    video, _ = projection(states, torch.ones(1, 1, dtype=torch.long))
    assert video[0, 0].nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("valid", [LEFT, LEFT.flip(1)])
def test_real_tokens_come_first_then_registers_of_their_place(valid: torch.Tensor) -> None:
    features = torch.arange(8.0).view(2, 4, 1)
    registers = torch.tensor([[100.0], [200.0]])
    filled = fill_registers(features, valid, registers).squeeze(-1)
    real = [
        row[keep.bool()].tolist() for row, keep in zip(features.squeeze(-1), valid, strict=True)
    ]
    assert filled[0].tolist() == [*real[0], 100.0, 200.0]
    assert filled[1].tolist() == [*real[1], 200.0]


def test_a_length_that_registers_cannot_fill() -> None:
    with pytest.raises(InputError, match="multiple of 3"):
        fill_registers(torch.zeros(1, 4, 1), torch.ones(1, 4, dtype=torch.long), torch.zeros(3, 1))


def test_audio_falls_back_to_video() -> None:
    config = TransformerConfig(connector_num_attention_heads=3, connector_num_layers=4)
    shape = connector_shape(config, 128, audio=True)
    assert (shape.heads, shape.num_layers) == (3, 4)
    config = TransformerConfig(audio_connector_num_attention_heads=5)
    assert connector_shape(config, 128, audio=True).heads == 5


def test_output_is_normalised(generator: torch.Generator) -> None:
    config = TransformerConfig(connector_num_attention_heads=2, connector_attention_head_dim=8)
    connector = Connector(connector_shape(config, 4, audio=False))
    torch.nn.init.normal_(connector.learnable_registers)
    with torch.no_grad():
        context = connector(torch.randn(2, 4, 16, generator=generator), LEFT)
    lengths = context.square().mean(-1)
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-3)
