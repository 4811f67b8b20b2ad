from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import connector_name, transformer_name
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.positions import audio_positions, video_positions
from reelwright.engine.denoiser.transformer import StreamInput, StreamLevels, Transformer

TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 2,
    "cross_attention_dim": 16,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": 4,
    "audio_in_channels": 3,
    "audio_out_channels": 3,
    "audio_cross_attention_dim": 8,
    "apply_gated_attention": True,
    "cross_attention_adaln": True,
    "caption_proj_before_connector": True,
    "frequencies_precision": "float64",
    "av_ca_timestep_scale_multiplier": 1000.0,
}


def tiny(**changes: Any) -> Transformer:
    """A transformer of two blocks with random weights."""
    torch.manual_seed(5)
    model = Transformer(TransformerConfig(**(TINY | changes)))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.requires_grad_(False)


def run(model: Transformer, video: Tensor, audio: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """One pass over a clip of 2x2x2 cells and 4 latents of sound."""
    batch = video.shape[0]
    inputs = (
        StreamInput(
            video_positions((2, 2, 2), 24.0), torch.linspace(-1, 1, 80 * batch).view(batch, 5, 16)
        ),
        StreamInput(audio_positions(4), torch.linspace(-1, 1, 40 * batch).view(batch, 5, 8)),
    )
    steps = (
        StreamLevels(Levels.of(levels[:, None].expand(-1, 8)), levels),
        StreamLevels(Levels.of(levels[:, None].expand(-1, 4)), levels),
    )
    return model((video, audio), model.step(*steps), model.layout(*inputs))


def test_shapes_and_determinism(generator: torch.Generator) -> None:
    video = torch.randn(2, 8, 4, generator=generator)
    audio = torch.randn(2, 4, 3, generator=generator)
    model, levels = tiny(), torch.tensor([0.3, 0.8])
    first, second = (run(model, video, audio, levels) for _ in range(2))
    assert first[0].shape == (2, 8, 4)
    assert first[1].shape == (2, 4, 3)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_samples_of_a_batch_do_not_mix(generator: torch.Generator) -> None:
    video = torch.randn(2, 8, 4, generator=generator)
    audio = torch.randn(2, 4, 3, generator=generator)
    model, levels = tiny(), torch.tensor([0.3, 0.8])
    before = run(model, video, audio, levels)
    video[1] += 1.0
    after = run(model, video, audio, levels)
    assert torch.allclose(before[0][0], after[0][0], atol=1e-6)
    assert not torch.allclose(before[1][1], after[1][1], atol=1e-3), "video is heard"


@pytest.mark.parametrize(
    "change",
    [
        {"rope_type": "interleaved"},
        {"apply_gated_attention": False},
        {"cross_attention_adaln": False},
        {"use_prompt_adaln_single": False},
        {"ff_bias": False},
        {"caption_proj_before_connector": False, "caption_channels": 16},
    ],
)
def test_variants_run(change: dict[str, Any], generator: torch.Generator) -> None:
    if "caption_channels" in change:
        change = change | {"audio_cross_attention_dim": 8}
    model = tiny(**change)
    video = torch.randn(1, 8, 4, generator=generator)
    if "caption_channels" in change:
        given = StreamInput(video_positions((2, 2, 2), 24.0), torch.ones(1, 5, 16))
        level = StreamLevels(Levels.of(torch.ones(1, 8)), torch.ones(1))
        found = model((video, None), model.step(level, None), model.layout(given, None))
        assert torch.isfinite(found[0]).all()
        return
    found = run(model, video, torch.randn(1, 4, 3, generator=generator), torch.tensor([0.5]))
    assert all(torch.isfinite(part).all() for part in found)


def test_official_names() -> None:
    assert transformer_name("blocks.3.audio.self_attention.to_out.bias") == (
        "transformer_blocks.3.audio_attn1.to_out.0.bias"
    )
    assert transformer_name("blocks.0.video.feed_forward.project_in.weight") == (
        "transformer_blocks.0.ff.net.0.proj.weight"
    )
    assert transformer_name("blocks.0.cross.video_table") == (
        "transformer_blocks.0.scale_shift_table_a2v_ca_video"
    )
    assert transformer_name("audio.cross_gate_adaln.embedder.linear_1.weight") == (
        "av_ca_v2a_gate_adaln_single.emb.timestep_embedder.linear_1.weight"
    )
    assert transformer_name("audio.prompt_adaln.linear.bias") == (
        "audio_prompt_adaln_single.linear.bias"
    )
    assert connector_name("blocks.1.self_attention.to_q.weight") == (
        "transformer_1d_blocks.1.attn1.to_q.weight"
    )


def test_names_of_the_whole_model_are_distinct() -> None:
    names = [transformer_name(name) for name in tiny().state_dict()]
    assert len(set(names)) == len(names)
    # 86 a block and 58 around them, as in the real file.
    assert len(names) == 2 * 86 + 58
