"""The second pass and the pixel refiner against a plain resize, with a true render as truth."""

from __future__ import annotations

from tools.pocket.clips import Clip
from tools.pocket.measures.maker import Given, Maker, resized
from tools.pocket.measures.pictures import Row, likeness
from torch import Tensor

from reelwright.engine import ClipLatents

LARGE = (512, 320)
"""Width and height of the second pass, pixels: twice those of the first."""

ALL = Given(first=True, last=True, depth=True)


def compared(maker: Maker, small: Clip, large: Clip, text: str, seed: int) -> dict[str, float]:
    """A clip in two passes; its first pass resized, refined by pixels, and its second pass.

    Without a latent upsampler there is no second pass, and a clip of the smaller size is resized.

    Args:
        maker: What makes it.
        small: The staged clip.
        large: The same, drawn twice as large.
        text: What it shows.
        seed: Of its noise.

    Returns:
        `likeness` to the true render of each, and how sharp each is beside it.
    """
    size = (large.frames.shape[2], large.frames.shape[1])
    found = {}
    if len(maker.passes(size)) > 1:
        made = maker.make_like(large, ALL, seed, text)
        draft, found["passes"] = maker.pixels(first_pass(made)), maker.pixels(made)
    else:
        draft = maker.pixels(maker.make_like(small, ALL, seed, text))
    found["bicubic"] = resized(draft, size)
    if maker.refiner is not None:
        found["refiner"] = maker.refined(draft)
    row: Row = {}
    for name, pixels in found.items():
        row |= {f"{name}_{key}": value for key, value in likeness(pixels, large.pixels).items()}
        row[f"{name}_sharp"] = sharpness(pixels) / sharpness(large.pixels)
    return row


def first_pass(clip: ClipLatents) -> ClipLatents:
    """The clip as its first pass left it."""
    first = clip.passes[0]
    return ClipLatents(first.video, first.audio, clip.frame_rate, clip.seed, clip.sound, (first,))


def sharpness(pixels: Tensor) -> float:
    """Root of the mean square of the difference of neighbours, left and right, up and down.

    Args:
        pixels: [3, F, H, W].
    """
    across = pixels[..., 1:] - pixels[..., :-1]
    down = pixels[..., 1:, :] - pixels[..., :-1, :]
    return float((across.square().mean() + down.square().mean()).sqrt())
