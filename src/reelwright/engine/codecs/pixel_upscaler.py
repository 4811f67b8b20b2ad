"""A pixel upscaler at work: a file of weights, and frames made larger, tile by tile.

Tiles are shown what lies around them, so that their borders are not seen; with a compact network
the result is that of the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Float32
from torch import Tensor
from torch.nn.functional import pad

from reelwright.engine.codecs.esrgan import Compact, Dense, Shape, compact_shape, dense_shape
from reelwright.engine.memory.loading import CPU, build
from reelwright.engine.storage.stored import stored_weights
from reelwright.engine.storage.tensor_file import TensorFile
from reelwright.engine.storage.weights import Compute
from reelwright.errors import CheckpointError

TILE_BYTES = 512 << 20
"""What the activations of a tile may take, about."""

LEAST_TILE = 32

EDGE = 8
"""Pixels by which a picture's border is repeated outwards: networks pad with black, which shows."""

_WRAPPERS = ("params_ema.", "params.")
"""What stands before the names in files that were converted as they were; the average wins."""


@dataclass(frozen=True, slots=True)
class PixelUpscaler:
    """A network that enlarges finished frames.

    Attributes:
        network: From `load_pixel_upscaler`.
        device: Where it is.
        compute: What its products run in.
        tile: Side of a tile, input pixels; None for as large as `TILE_BYTES` allows.
    """

    network: Compact | Dense
    device: torch.device = CPU
    compute: Compute = Compute.FLOAT32
    tile: int | None = None

    @property
    def scale(self) -> int:
        """How many times larger it makes the sides."""
        return self.network.shape.scale

    @torch.no_grad()
    def upscale(self, frames: Float32[Tensor, "F H W 3"]) -> Float32[Tensor, "F H2 W2 3"]:
        """Enlarge frames, each by itself.

        Args:
            frames: Red, green and blue in [0, 1], on the CPU.

        Returns:
            `scale` times the sides, in [0, 1], on the CPU.
        """
        return torch.stack([self._one(frame) for frame in frames])

    def _one(self, frame: Float32[Tensor, "H W 3"]) -> Float32[Tensor, "H2 W2 3"]:
        shape, (height, width, _) = self.network.shape, frame.shape
        pixels = rearrange(frame, "h w c -> 1 c h w").to(self.device)
        more = (EDGE + -width % shape.fold, EDGE + -height % shape.fold)
        whole = pad(pixels, (EDGE, more[0], EDGE, more[1]), mode="replicate")
        large = torch.empty(height * self.scale, width * self.scale, 3)
        side = self._side(shape, whole.shape[2], whole.shape[3])
        for top in range(0, height, side):
            for left in range(0, width, side):
                made = rearrange(self._tile(whole, top, left, side), "1 c h w -> h w c")
                rows, columns = (slice(at * self.scale, (at + side) * self.scale)
                                 for at in (top, left))  # fmt: skip
                room = large[rows, columns]
                room.copy_(made[: room.shape[0], : room.shape[1]])
        return large.clamp_(0.0, 1.0)

    def _tile(
        self, whole: Float32[Tensor, "1 3 H W"], top: int, left: int, side: int
    ) -> Float32[Tensor, "1 3 H2 W2"]:
        """The enlarged tile that begins at a place, without what it was shown around it."""
        around = self.network.shape.context
        top, left = top + EDGE, left + EDGE
        up, back = min(around, top), min(around, left)
        seen = whole[:, :, top - up : top + side + around, left - back : left + side + around]
        made: Tensor = self.network(seen.contiguous(memory_format=torch.channels_last)).float()
        rows, columns = (slice(at * self.scale, (at + side) * self.scale) for at in (up, back))
        return made[:, :, rows, columns]

    def _side(self, shape: Shape, height: int, width: int) -> int:
        """Side of a tile: the whole picture's where it fits."""
        if self.tile is not None:
            return max(shape.fold, self.tile // shape.fold * shape.fold)
        most = TILE_BYTES // (shape.numbers_per_pixel * self.compute.dtype.itemsize)
        if height * width <= most:
            return max(height, width)
        return max(LEAST_TILE, (isqrt(most) - 2 * shape.context) // shape.fold * shape.fold)


def load_pixel_upscaler(
    path: Path, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> PixelUpscaler:
    """Build a pixel upscaler from its file.

    Args:
        path: Safetensors in the layout of `SRVGGNetCompact` or `RRDBNet`, perhaps with
            `params_ema.` or `params.` before every name.
        compute: What its products run in.
        device: Where it runs.

    Raises:
        CheckpointError: The file cannot be read, or its tensors are of something else.
    """
    file = TensorFile(path)
    wrapper = next((w for w in _WRAPPERS if any(name.startswith(w) for name in file.entries)), "")
    found = {
        name.removeprefix(wrapper): (file, name)
        for name in file.entries
        if name.startswith(wrapper)
    }
    shapes = {name: file.entries[own].shape for name, (_, own) in found.items()}
    shape = compact_shape(shapes) or dense_shape(shapes)
    if shape is None:
        raise _foreign(path, list(file.entries))
    network: Compact | Dense = build(
        cast("Callable[[], Compact | Dense]", shape.make),
        stored_weights(found, str(path)),
        where=str(path),
        prefix=wrapper,
        compute=compute,
        device=device,
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return PixelUpscaler(network, device, compute)


def _foreign(path: Path, names: list[str]) -> CheckpointError:
    listed = ", ".join(repr(name) for name in sorted(names)[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return CheckpointError(
        f"No pixel upscaler that is known has these tensors: {listed or 'none'}{more}.",
        "Use safetensors of Real-ESRGAN's family: SRVGGNetCompact (`body.0.weight`, ...) or "
        "RRDBNet (`conv_first.weight`, ...).",
        where=str(path),
        tensors=tuple(sorted(names)[:3]),
    )
