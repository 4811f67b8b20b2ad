"""The feed-forward layer: four times the width, GELU by its tanh approximation."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from reelwright.engine.denoiser.linear import Linear


class FeedForward(nn.Module):
    """Widen, bend, narrow.

    Args:
        width: Of what comes and goes.
        bias: Whether its products have a bias.
    """

    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.project_in = Linear(width, 4 * width, bias=bias)
        self.project_out = Linear(4 * width, width, bias=bias)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Apply it to every token by itself."""
        return self.project_out(gelu(self.project_in(x), approximate="tanh"))  # type: ignore[no-any-return]
