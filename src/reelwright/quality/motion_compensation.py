"""The next frame carried back along the staged motion, and where that may be trusted.

`m` is the staged motion in measured pixels, right and down: what stands at x in one frame stands
at x + m in the next. Every compensated measure looks at pixels that are `valid` alone: they stay
inside the picture, on the same prop, at the depth that is expected, away from a prop's edge.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor

SKY_DEPTH_M = 1e6
"""Stands for the sky's infinite depth, so that differences stay numbers."""


def pixel_grid(height: int, width: int, device: torch.device) -> Float[Tensor, "H W 2"]:
    """Column and row of every pixel."""
    return _pixel_grid(height, width, str(device))


@lru_cache(maxsize=4)
def _pixel_grid(height: int, width: int, device: str) -> Tensor:
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return torch.stack((columns, rows), dim=-1)


def warp(plane: Float[Tensor, "H W"], motion: Float[Tensor, "H W 2"]) -> Float[Tensor, "H W"]:
    """Bilinear sample of a plane at x + motion; outside, the nearest edge."""
    return warp_planes(plane[None], motion)[0]


def warp_planes(
    planes: Float[Tensor, "C H W"], motion: Float[Tensor, "H W 2"]
) -> Float[Tensor, "C H W"]:
    """`warp` of several planes by one motion."""
    where = _landing(motion)[None]
    carried: Tensor = F.grid_sample(planes[None], where, padding_mode="border", align_corners=True)
    return carried[0]


def carry_labels(
    planes: Float[Tensor, "C H W"], motion: Float[Tensor, "H W 2"]
) -> Float[Tensor, "C H W"]:
    """The nearest value of several planes at x + motion; outside, 0."""
    where = _landing(motion)[None]
    carried: Tensor = F.grid_sample(
        planes[None], where, mode="nearest", padding_mode="zeros", align_corners=True
    )
    return carried[0]


def sample(plane: Float[Tensor, "H W"], points: Float[Tensor, "h w 2"]) -> Float[Tensor, "h w"]:
    """Bilinear sample at points given as column and row; outside, the nearest edge."""
    scale = points.new_tensor(_to_unit(*plane.shape))
    where = (points * scale - 1)[None]
    found: Tensor = F.grid_sample(
        plane[None, None], where, padding_mode="border", align_corners=True
    )
    return found[0, 0]


def valid_pixels(
    motion: Float[Tensor, "H W 2"],
    surface: Float[Tensor, "2 H W"],
    next_surface: Float[Tensor, "2 H W"],
) -> Bool[Tensor, "H W"]:
    """Where the next frame, carried back, must show the same surface.

    Args:
        motion: To the next frame, measured pixels.
        surface: Prop index, and depth in metres with the sky at `SKY_DEPTH_M`, of every pixel.
        next_surface: The same of the next frame.
    """
    mask, depth_m = surface
    next_mask, next_depth_m = carry_labels(next_surface, motion)
    same_depth = (next_depth_m - depth_m).abs() < 0.1 * depth_m + 0.05
    # outside the picture the depth carried is 0, which nothing seen is
    valid: Tensor = (next_mask == mask) & same_depth & (next_depth_m > 0) & ~edge_pixels(mask)
    return valid


def surface_planes(
    mask: Float[Tensor, "H W"], depth_m: Float[Tensor, "H W"]
) -> Float[Tensor, "2 H W"]:
    """Prop index and depth as two planes; the sky, at infinity, comes to `SKY_DEPTH_M`."""
    return torch.stack((mask, finite_depth(depth_m)))


def finite_depth(depth_m: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """Depth with the sky at `SKY_DEPTH_M`."""
    return torch.nan_to_num(depth_m, nan=SKY_DEPTH_M, posinf=SKY_DEPTH_M).clamp(max=SKY_DEPTH_M)


def edge_pixels(mask: Float[Tensor, "H W"]) -> Bool[Tensor, "H W"]:
    """Pixels within one of a change of prop."""
    edge = torch.zeros_like(mask, dtype=torch.bool)
    across = mask[:, 1:] != mask[:, :-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    down = mask[1:] != mask[:-1]
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _landing(motion: Float[Tensor, "H W 2"]) -> Float[Tensor, "H W 2"]:
    """Where x + motion lies, from -1 to 1 across the picture."""
    height, width = motion.shape[:2]
    grid = _unit_grid(height, width, str(motion.device))
    return torch.addcmul(grid, motion, _unit_scale(height, width, str(motion.device)))


def _to_unit(height: int, width: int) -> tuple[float, float]:
    return 2 / max(width - 1, 1), 2 / max(height - 1, 1)


@lru_cache(maxsize=4)
def _unit_scale(height: int, width: int, device: str) -> Tensor:
    """The scale of every pixel's motion: written out, it multiplies seven times as fast."""
    scale = torch.tensor(_to_unit(height, width), device=device)
    return scale.expand(height, width, 2).contiguous()


@lru_cache(maxsize=4)
def _unit_grid(height: int, width: int, device: str) -> Tensor:
    grid = _pixel_grid(height, width, device)
    return grid * grid.new_tensor(_to_unit(height, width)) - 1


def compose(
    so_far: Float[Tensor, "H W 2"], motion: Float[Tensor, "H W 2"]
) -> Float[Tensor, "H W 2"]:
    """Motion over several frames, one frame longer."""
    return so_far + warp_planes(motion.movedim(-1, 0), so_far).movedim(0, -1)


def block_means(
    plane: Float[Tensor, "H W"], valid: Bool[Tensor, "H W"], rows: int, least: float
) -> tuple[Float[Tensor, "r c"], Bool[Tensor, "r c"]]:
    """Mean of a plane over the valid pixels of each square block.

    Args:
        plane: What to average.
        valid: Which pixels count.
        rows: Blocks from top to bottom.
        least: Share of a block that must be valid for it to count.

    Returns:
        Means, and which blocks count.
    """
    side = max(1, plane.shape[0] // rows)
    height, width = (length // side * side for length in plane.shape)

    def total(values: Tensor) -> Tensor:
        cut = values[:height, :width].reshape(height // side, side, width // side, side)
        return cut.sum(dim=(1, 3))

    count = total(valid.float())
    means = total(plane * valid) / count.clamp(min=1)
    return means, count >= least * side * side
