"""Products in float8 with static scales, and the casts that go with them.

A layer of a pre-quantised file has a scale for its weight and one for its input. Its product
clamps and rounds the input to E4M3 (without the clamp, what is out of range becomes NaN and the
film black), multiplies, and scales back. This is the plain twin: it multiplies the rounded numbers
in float32.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reelwright.engine.storage.weights import Float8Source, WeightSource

LARGEST = torch.finfo(torch.float8_e4m3fn).max
"""448: the largest number of E4M3."""

_CAST_LAYERS = re.compile(
    r"^transformer_blocks\..*(\.to_q|\.to_k|\.to_v|\.to_out\.0|ff\.net\.0\.proj|ff\.net\.2)$"
)


def quantise_float8(x: Float[Tensor, " *S"], scale: Float[Tensor, ""]) -> Float[Tensor, " *S"]:
    """Round to E4M3 at a scale, clamping what is out of range."""
    return (x / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)


def cast_float8(x: Float[Tensor, " *S"]) -> Float[Tensor, " *S"]:
    """Round to E4M3 without a scale, by way of bf16, and back to the given type."""
    return x.to(torch.bfloat16).to(torch.float8_e4m3fn).to(x.dtype)


def is_cast_layer(name: str) -> bool:
    """Whether the reference's unscaled float8 covers a layer, by its official name."""
    return _CAST_LAYERS.match(name) is not None


class Float8Linear(nn.Module):
    """A linear layer whose product runs in float8.

    Args:
        source: Its weight, with both scales.
        bias: Its bias, if it has one.
    """

    def __init__(self, source: Float8Source, bias: Float[Tensor, " O"] | None) -> None:
        super().__init__()
        if source.input_scale is None:
            raise ValueError("a float8 product needs the scale of its input")
        self.bias = bias
        self.weight = source.data
        self.weight_scale = source.scale.float().flatten()  # one, or one per output
        self.input_scale = source.input_scale.float()

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """Apply it."""
        rounded = quantise_float8(x, self.input_scale).float()
        product = (rounded @ self.weight.float().T) * (self.input_scale * self.weight_scale)
        return (product if self.bias is None else product + self.bias).to(x.dtype)


def use_float8_products(
    model: nn.Module, weights: Mapping[str, WeightSource], official: Callable[[str], str]
) -> None:
    """Replace the linear layers that have both scales by float8 ones, in place.

    Args:
        model: Already built.
        weights: Its weights at rest, by official name.
        official: Turns the model's names into the checkpoint's.
    """
    for name, module in list(model.named_modules()):
        source = weights.get(official(f"{name}.weight"))
        scaled = isinstance(source, Float8Source) and source.input_scale is not None
        if isinstance(module, nn.Linear) and isinstance(source, Float8Source) and scaled:
            model.set_submodule(name, Float8Linear(source, module.bias))
