"""Compiles a tiny transformer's blocks and prints the errors and how many graphs it took.

A program of its own: under the hook that checks shapes no block can be compiled, and compiling
changes the process that it is done in.
"""

from __future__ import annotations

import json

import torch
from torch import Tensor
from torch._dynamo.utils import counters

from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.denoiser.block import Block
from reelwright.engine.denoiser.capture import compile_blocks
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.positions import video_positions
from reelwright.engine.denoiser.transformer import (
    StreamInput,
    StreamLevels,
    Transformer,
    block_shape,
)
from reelwright.engine.memory.residency import Residency, load_blocks
from reelwright.engine.storage.weights import Compute, LoraDelta, PlainSource

# No two sizes are alike: torch takes equal ones for the same and compiles again where they part.
CONFIG = TransformerConfig(
    num_attention_heads=2,
    attention_head_dim=12,
    in_channels=4,
    out_channels=4,
    num_layers=3,
    cross_attention_dim=24,
    apply_gated_attention=True,
    cross_attention_adaln=True,
    caption_proj_before_connector=True,
)
FRAMES = (5, 8)
"""Times 2 x 3 cells each."""


@torch.inference_mode()  # elsewhere the first block, whose input is a view, is compiled apart
def run(model: Transformer, frames: int) -> Tensor:
    """One forward of a clip."""
    count = frames * 6
    generator = torch.Generator().manual_seed(frames)
    latent = torch.randn(1, count, 4, generator=generator)
    given = StreamInput(
        video_positions((frames, 2, 3), 24.0), torch.randn(1, 7, 24, generator=generator)
    )
    levels = StreamLevels(Levels.of(torch.full((1, count), 0.3)), torch.tensor([0.3]))
    layout, step = model.layout(given, None), model.step(levels, None)
    velocity, _ = model((latent, None), step, layout)
    if velocity is None:
        raise ValueError("a video model gives no video")
    return velocity


def main() -> str:
    """Compare compiled and plain blocks on two lengths."""
    torch.manual_seed(5)
    model = Transformer(CONFIG, audio=False).requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    plain = [run(model, frames) for frames in FRAMES]
    compile_blocks(model)
    errors, graphs = [], []
    for frames, expected in zip(FRAMES, plain, strict=True):
        errors.append(float((run(model, frames) - expected).abs().max()))
        graphs.append(counters["stats"]["unique_graphs"])
    stream(model)
    compile_blocks(model)
    errors.append(float((run(model, FRAMES[0]) - plain[0]).abs().max()))
    graphs.append(counters["stats"]["unique_graphs"])
    return json.dumps({"errors": errors, "graphs": graphs})


def stream(model: Transformer) -> None:
    """Put a model's blocks into a ring: some weights are pointed at, some written."""
    shape = block_shape(CONFIG, video=True, audio=False)
    kept = [block.state_dict() for block in model.blocks]
    nothing = LoraDelta(torch.zeros(1, 24), torch.zeros(24, 1), 1.0)
    model.blocks = load_blocks(
        lambda: Block(shape),
        [{name: PlainSource(name, tensor) for name, tensor in block.items()} for block in kept],
        compute=Compute.FLOAT32,
        device=torch.device("cpu"),
        residency=Residency(2),
        loras=[{}, {"video.self_attention.to_q.weight": [nothing]}, {}],
        where="model",
    )


if __name__ == "__main__":
    print(main())  # noqa: T201 - read by the test
