"""Between latents, as the codecs speak of them, and tokens, as the transformer does.

A video token is one cell of the latent grid, in the order frame, row, column. An audio token is one
latent frame: its channels and mel bins side by side, the bins running fastest.
"""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def patchify(latent: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B T C"]:
    """Lay a video latent out as tokens, T = F * H * W."""
    return rearrange(latent, "b c f h w -> b (f h w) c")


def unpatchify(
    tokens: Float[Tensor, "B T C"], grid: tuple[int, int, int]
) -> Float[Tensor, "B C F H W"]:
    """Fold tokens back into a video latent.

    Args:
        tokens: Exactly the tokens of the grid, in its order.
        grid: Latent frames, rows, columns.
    """
    frames, height, width = grid
    return rearrange(tokens, "b (f h w) c -> b c f h w", f=frames, h=height, w=width)


def patchify_audio(latent: Float[Tensor, "B C L M"]) -> Float[Tensor, "B L D"]:
    """Lay an audio latent out as tokens, D = C * M.

    Args:
        latent: Channels, latent frames, mel bins.
    """
    return rearrange(latent, "b c l m -> b l (c m)")


def unpatchify_audio(tokens: Float[Tensor, "B L D"], channels: int) -> Float[Tensor, "B C L M"]:
    """Fold tokens back into an audio latent of so many channels."""
    return rearrange(tokens, "b l (c m) -> b c l m", c=channels)
