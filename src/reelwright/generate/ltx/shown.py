"""What of a model's decoded frames a clip shows, in which size and colour, as they stream by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from einops import rearrange
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from reelwright.engine.clip.fitting import fit_frames
from reelwright.errors import NumericsError
from reelwright.generate.ltx.color_anchor import ColorAnchor

_CHUNK = 8


def split_tail(
    decoded: Iterable[Float32[Tensor, "F H W 3"]], num_frames: int
) -> tuple[Float32[Tensor, "F H W 3"] | None, Iterator[Float32[Tensor, "F H W 3"]]]:
    """Take the first frames off a stream.

    Args:
        decoded: Consecutive frames, chunk by chunk.
        num_frames: How many are taken.

    Returns:
        They, or None where none were asked for; and the stream of the others.
    """
    stream = iter(decoded)
    if not num_frames:
        return None, stream
    held: list[Tensor] = []
    while sum(len(chunk) for chunk in held) < num_frames:
        held.append(next(stream))
    joined = torch.cat(held)
    return joined[:num_frames], _rest(joined[num_frames:], stream)


def first_frames(
    stream: Iterable[Float32[Tensor, "F H W 3"]], num_frames: int
) -> Iterator[Float32[Tensor, "F H W 3"]]:
    """A stream's first frames, a few at a time; all of it is read, so that what makes it ends."""
    left = num_frames
    for chunk in stream:
        for part in torch.split(chunk, _CHUNK):
            if left:
                yield part[:left]
                left -= min(left, len(part))


def finished(
    frames: Float32[Tensor, "F H W 3"], size: tuple[int, int], anchor: ColorAnchor | None
) -> UInt8[Tensor, "F H2 W2 3"]:
    """Frames in the clip's colour and size.

    Args:
        frames: In [0, 1].
        size: Width and height wanted, pixels; see `sized`.
        anchor: How colours are moved; None leaves them.

    Raises:
        NumericsError: They have numbers that are not finite.
    """
    if not bool(torch.isfinite(frames).all()):
        raise NumericsError(
            "The decoded frames have numbers that are not finite.",
            "Use bfloat16 or float32 where float16 was asked for, and verify the checkpoint.",
        )
    moved = frames if anchor is None else anchor.apply(frames)
    return (sized(moved, size) * 255.0).round().to(torch.uint8)


def sized(
    frames: Float32[Tensor, "F H W 3"], size: tuple[int, int]
) -> Float32[Tensor, "F H2 W2 3"]:
    """Frames in a size: larger, as a draft becomes, bicubic; smaller, the mean of their area.

    Args:
        frames: In [0, 1].
        size: Width and height wanted, pixels.
    """
    width, height = size
    if (frames.shape[2], frames.shape[1]) == size:
        return frames
    pixels = rearrange(frames, "f h w c -> f c h w")
    if frames.shape[2] >= width and frames.shape[1] >= height:
        scaled = interpolate(pixels, (height, width), mode="area")
    else:
        scaled = interpolate(pixels, (height, width), mode="bicubic").clamp(0.0, 1.0)
    return rearrange(scaled, "f c h w -> f h w c")


def anchor_to(tail: Float32[Tensor, "F H W 3"], shown: UInt8[Tensor, "F H2 W2 3"]) -> ColorAnchor:
    """How a clip's colours move so that its tail looks as it was shown.

    Args:
        tail: As this clip has it.
        shown: As the shot before shows it, in any size.
    """
    fitted = fit_frames(shown, tail.shape[2], tail.shape[1])
    return ColorAnchor.match(tail, (rearrange(fitted, "1 c f h w -> f h w c") + 1.0) / 2.0)


def _rest(first: Tensor, stream: Iterator[Tensor]) -> Iterator[Tensor]:
    if len(first):
        yield first
    yield from stream
