"""Pixel upscalers of the ESRGAN family: finished pictures made larger, sharper, restored.

Two layouts, told by names and shapes of their tensors alone:

- `SRVGGNetCompact`: convolutions `body.0`, `body.2`, ... with PReLU slopes between them, the last
  one's channels unfolded, added to the picture at the nearest pixel.
- `RRDBNet`: `conv_first`, dense blocks `body.N.rdbM.convK`, `conv_body`, two doublings,
  `conv_last`.

Either may fold the picture first (2x2 pixels to 12 channels), as the published x2 `RRDBNet` does:
the same work at a quarter of the places.

Source: Wang et al. 2021, Real-ESRGAN, arXiv:2107.10833; Wang et al. 2018, ESRGAN,
arXiv:1809.00219.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

RESIDUAL = 0.2
"""What dense blocks are scaled by before they are added."""

SLOPE = 0.2
"""Of leaky ReLUs in `RRDBNet`."""


FOLDS = (1, 2, 4)
"""Pixels, each way, that a network may fold."""

MOST_CONTEXT = 32
"""Pixels around a tile of an `RRDBNet`."""


@dataclass(frozen=True, slots=True)
class CompactShape:
    """Sizes of a `SRVGGNetCompact`.

    Attributes:
        width: Channels of its features.
        depth: Convolutions from features to features.
        fold: Pixels, each way, that are folded into channels first; 1 for none.
        scale: How many times larger it makes the sides.
    """

    width: int
    depth: int
    fold: int = 1
    scale: int = 2

    def make(self) -> Compact:
        """Make the network."""
        return Compact(self)

    @property
    def context(self) -> int:
        """Input pixels around a tile that decide it: all that an output pixel looks at."""
        return (self.depth + 2) * self.fold

    @property
    def numbers_per_pixel(self) -> int:
        """Activations that live at a time, for each pixel of the input, about."""
        return 3 * self.width // self.fold**2 + 9 * self.scale**2


@dataclass(frozen=True, slots=True)
class DenseShape:
    """Sizes of an `RRDBNet`.

    Attributes:
        width: Channels of its features.
        growth: Channels that each convolution of a dense block adds.
        depth: Blocks of three dense blocks.
        fold: Pixels, each way, that are folded into channels first; 1 for none.
    """

    width: int
    growth: int
    depth: int
    fold: int = 1

    def make(self) -> Dense:
        """Make the network."""
        return Dense(self)

    @property
    def scale(self) -> int:
        """How many times larger it makes the sides."""
        return 4 // self.fold

    @property
    def context(self) -> int:
        """Input pixels around a tile that it is shown; they look further than matters."""
        return min((15 * self.depth + 5) * self.fold, MOST_CONTEXT)

    @property
    def numbers_per_pixel(self) -> int:
        """Activations that live at a time, for each pixel of the input, about."""
        return 3 * self.width * self.scale**2


Shape = CompactShape | DenseShape


class Compact(nn.Module):
    """`SRVGGNetCompact`.

    Args:
        shape: Its sizes.
    """

    def __init__(self, shape: CompactShape) -> None:
        super().__init__()
        self.shape = shape
        width, fold = shape.width, shape.fold
        parts: list[nn.Module] = [nn.Conv2d(3 * fold**2, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(shape.depth):
            parts += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        parts.append(nn.Conv2d(width, 3 * (fold * shape.scale) ** 2, 3, padding=1))
        self.body = nn.Sequential(*parts)

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H2 W2"]:
        """Enlarge pictures whose sides are multiples of the fold."""
        shape = self.shape
        first = cast("nn.Conv2d", self.body[0])
        folded = pixel_unshuffle(pixels, shape.fold).to(first.weight)
        added = pixel_shuffle(self.body(folded), shape.fold * shape.scale)
        near = interpolate(pixels, scale_factor=shape.scale, mode="nearest")
        return near + added.to(near)


class DenseBlock(nn.Module):
    """Five convolutions, each of everything before it.

    Args:
        width: Channels of input and output.
        growth: Channels that each of the first four adds.
    """

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for i in range(4):
            self.add_module(f"conv{i + 1}", nn.Conv2d(width + i * growth, growth, 3, padding=1))
        self.conv5 = nn.Conv2d(width + 4 * growth, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Run the block."""
        found = x
        for i in range(4):
            grown = leaky_relu(self.get_submodule(f"conv{i + 1}")(found), SLOPE)
            found = torch.cat([found, grown], dim=1)
        added: Tensor = self.conv5(found)
        return x + RESIDUAL * added


class TripleBlock(nn.Module):
    """Three dense blocks, and a way around them.

    Args:
        width: Channels of input and output.
        growth: Of its blocks.
    """

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(width, growth)
        self.rdb2 = DenseBlock(width, growth)
        self.rdb3 = DenseBlock(width, growth)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Run the block."""
        added: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + RESIDUAL * added


class Dense(nn.Module):
    """`RRDBNet`.

    Args:
        shape: Its sizes.
    """

    def __init__(self, shape: DenseShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.conv_first = nn.Conv2d(3 * shape.fold**2, width, 3, padding=1)
        blocks = (TripleBlock(width, shape.growth) for _ in range(shape.depth))
        self.body = nn.Sequential(*blocks)
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            self.add_module(name, nn.Conv2d(width, width, 3, padding=1))
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H2 W2"]:
        """Enlarge pictures whose sides are multiples of the fold."""
        x = self.conv_first(pixel_unshuffle(pixels, self.shape.fold).to(self.conv_first.weight))
        x = x + self.get_submodule("conv_body")(self.body(x))
        for name in ("conv_up1", "conv_up2"):
            x = leaky_relu(self.get_submodule(name)(interpolate(x, scale_factor=2)), SLOPE)
        x = leaky_relu(self.get_submodule("conv_hr")(x), SLOPE)
        return self.conv_last(x).to(pixels)  # type: ignore[no-any-return]


def compact_shape(shapes: Mapping[str, tuple[int, ...]]) -> CompactShape | None:
    """Sizes of a `SRVGGNetCompact` from its tensors' shapes; None for something else."""
    convs = {
        number: shapes[name]
        for name in shapes
        if (number := _number(name)) is not None
        and name == f"body.{number}.weight"
        and len(shapes[name]) == 4
    }
    if len(convs) < 2 or set(convs) != set(range(0, 2 * len(convs), 2)):
        return None
    first, last = convs[0], convs[max(convs)]
    fold, whole = _side(first[1]), _side(last[0])
    if fold not in FOLDS or not whole or whole % fold:
        return None
    return CompactShape(first[0], len(convs) - 2, fold, whole // fold)


def dense_shape(shapes: Mapping[str, tuple[int, ...]]) -> DenseShape | None:
    """Sizes of an `RRDBNet` from its tensors' shapes; None for something else."""
    first, grown = shapes.get("conv_first.weight", ()), shapes.get("body.0.rdb1.conv1.weight", ())
    if len(first) != 4 or len(grown) != 4:
        return None
    fold, blocks = _side(first[1]), {_number(name) for name in shapes} - {None}
    if fold not in FOLDS or blocks != set(range(len(blocks))):
        return None
    return DenseShape(first[0], grown[0], len(blocks), fold)


def _number(name: str) -> int | None:
    """Of the part of the body that a tensor belongs to."""
    parts = name.split(".")
    is_numbered = len(parts) > 2 and parts[0] == "body" and parts[1].isascii()
    return int(parts[1]) if is_numbered and parts[1].isdigit() and len(parts[1]) < 6 else None


def _side(channels: int) -> int:
    """Pixels, each way, that channels of three colours unfold to; 0 where they do not."""
    side = isqrt(max(channels, 0) // 3)
    return side if 3 * side**2 == channels else 0
