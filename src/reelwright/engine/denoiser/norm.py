"""RMS normalisation, in the way that is fastest where the tokens are."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import rms_norm


def rms_normalise(
    x: Float[Tensor, "*B D"], eps: float, weight: Float[Tensor, " D"] | None = None
) -> Float[Tensor, "*B D"]:
    """Divide each token by its root mean square, taken in float32.

    On the CPU torch's own is a chain of passes over copies in float32: 19 ms for 1056 tokens of
    width 4096 in bfloat16, 85 ms with a weight; one reduction and one product are 6 and 9 ms.

    Args:
        x: Tokens.
        eps: Added to the mean square.
        weight: Of each channel; None for 1.
    """
    if x.device.type != "cpu":
        return rms_norm(x, x.shape[-1:], weight, eps)
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    scaled = (x * torch.rsqrt(length.square() / x.shape[-1] + eps)).to(x.dtype)
    return scaled if weight is None else scaled * weight


class RmsNorm(nn.Module):
    """RMS normalisation with a weight per channel.

    Args:
        width: Channels.
        eps: Added to the mean square.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Normalise each token."""
        return rms_normalise(x, self.eps, self.weight)
