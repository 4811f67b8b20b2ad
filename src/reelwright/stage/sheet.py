"""One picture of a whole staged shot: colour, depth, mask and motion of some of its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16
from numpy.typing import NDArray

from reelwright.stage.staged_shot import StagedShot

_COLUMN = 256
_GAP = 6
_LABEL = 16
_PAPER, _INK = (24, 24, 26), (200, 200, 204)
_GOLDEN = 0.61803398875


def contact_sheet(staged: StagedShot, out_png: Path, num: int = 8) -> None:
    """Write a sheet with one column a frame.

    Depth is the grey of inverse depth (near is white, sky is black) and motion is hue for its
    direction and brightness for its size, each with one range for the whole sheet.

    Args:
        staged: The shot.
        out_png: The picture to write.
        num: How many frames, spread evenly from the first to the last.
    """
    from PIL import Image, ImageDraw

    count = staged.num_frames
    frames = np.unique(np.linspace(0, count - 1, max(1, min(num, count))).round().astype(int))
    width, height = staged.size
    row = max(1, round(_COLUMN * height / width))
    step_x, step_y = _COLUMN + _GAP, row + _GAP
    sheet = Image.new("RGB", (len(frames) * step_x + _GAP, _LABEL + 4 * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, pictures in enumerate(_columns(staged, frames.tolist())):
        x = _GAP + column * step_x
        draw.text((x, 3), f"frame {frames[column]}", fill=_INK)
        for line, picture in enumerate(pictures):
            thumbnail = Image.fromarray(picture).resize((_COLUMN, row), Image.Resampling.BOX)
            sheet.paste(thumbnail, (x, _LABEL + _GAP + line * step_y))
    out_png.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out_png)


def _columns(staged: StagedShot, frames: list[int]) -> list[tuple[UInt8[np.ndarray, "H W 3"], ...]]:
    depths = [staged.depth[frame][::2, ::2] for frame in frames]
    moving = min(len(staged.motion), staged.num_frames)
    motions = [staged.motion[min(frame, moving - 1)][::2, ::2] for frame in frames if moving]
    near, far = _range(depths)
    fastest = max([float(np.quantile(np.hypot(*m.T), 0.99)) for m in motions], default=1.0)
    return [
        (
            staged.color[frame],
            depth_picture(depths[index], near, far),
            mask_picture(staged.mask[frame]),
            motion_picture(motions[index], max(fastest, 0.25))
            if motions
            else np.zeros((*depths[index].shape, 3), np.uint8),
        )
        for index, frame in enumerate(frames)
    ]


def _range(depths: list[Float32[np.ndarray, "H W"]]) -> tuple[float, float]:
    """Near and far that hold 98 % of what is not sky."""
    seen: Bool[np.ndarray, " N"] = np.concatenate([d[np.isfinite(d)] for d in depths])
    if not seen.size:
        return 1.0, 2.0
    near, far = np.quantile(seen, (0.01, 0.99))
    return float(near), float(max(far, near * 1.01))


def depth_picture(
    depth: Float32[np.ndarray, "H W"], near: float, far: float
) -> UInt8[np.ndarray, "H W 3"]:
    """Inverse depth as grey: `near` is white, `far` a dark grey, sky black."""
    share = (1 / np.maximum(depth, 1e-6) - 1 / far) / (1 / near - 1 / far)
    grey = np.where(np.isfinite(depth), 0.06 + 0.94 * np.clip(share, 0, 1), 0.0)
    return np.repeat((grey * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=-1)


def mask_picture(mask: UInt16[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """A colour for each prop, black for ground and sky."""
    hue = np.mod(mask * _GOLDEN, 1.0)
    return _from_hue(hue, np.where(mask > 0, 0.95, 0.0), 0.6)


def motion_picture(
    motion: Float32[np.ndarray, "H W 2"], fastest: float
) -> UInt8[np.ndarray, "H W 3"]:
    """Direction as hue, size as brightness; `fastest` pixels is full."""
    hue = np.mod(np.arctan2(motion[..., 1], motion[..., 0]) / (2 * np.pi), 1.0)
    size = np.clip(np.hypot(motion[..., 0], motion[..., 1]) / fastest, 0, 1)
    return _from_hue(hue, size, 0.85)


def _from_hue(
    hue: NDArray[np.float64], value: NDArray[np.float64], saturation: float
) -> UInt8[np.ndarray, "H W 3"]:
    channels = [
        np.clip(np.abs(np.mod(hue * 6 + shift, 6) - 3) - 1, 0, 1) for shift in (0.0, 4.0, 2.0)
    ]
    color = (1 - saturation + saturation * np.stack(channels, axis=-1)) * value[..., None]
    return np.asarray((color * 255 + 0.5).astype(np.uint8))
