"""Keyframes as the engine takes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from reelwright.engine import Picture, blemish_still
from reelwright.errors import AssetError
from reelwright.generate.ltx.span import ShotSpan
from reelwright.generate.request import ClipRequest
from reelwright.progress import Progress


def stills(
    request: ClipRequest, span: ShotSpan, *, compressed: bool, progress: Progress
) -> Iterator[Picture]:
    """The pictures that a shot passes through, at the frames of the model's clip.

    A shot that goes on from another begins as that one ended: a picture of its own first frame is
    left out, and said.

    Args:
        request: The shot.
        span: Frames of the model's clip.
        compressed: Whether the weights want stills as a compressed film shows them.
        progress: Told what is left out.

    Raises:
        AssetError: A picture cannot be read.
    """
    for keyframe in request.keyframes:
        if span.tail and keyframe.frame == 0:
            progress.warn(
                f'Shot "{request.shot}" goes on from another: its own first picture is left out.'
            )
            continue
        if not keyframe.strength:
            continue
        pixels = read_still(keyframe.image)
        shown = blemish_still(pixels) if compressed else pixels
        yield Picture(shown, span.tail + keyframe.frame, keyframe.strength)


def read_still(path: Path) -> UInt8[Tensor, "1 H W 3"]:
    """Read a picture.

    Raises:
        AssetError: It cannot be.
    """
    try:
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise AssetError(
            f"This picture cannot be read ({error}).", "Make the keyframes again.", where=str(path)
        ) from error
    return torch.from_numpy(pixels)[None]
