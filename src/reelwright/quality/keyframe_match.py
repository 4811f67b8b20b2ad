"""Does a frame show its keyframe? Shift, colour, the worst part, structure.

What a video's last frame misses is told apart: displaced (phase correlation), recoloured (means),
another object (worst block), blurred or broken (SSIM of the worst block). A generated frame goes
through a codec and sits lower than the raw limits; files of unknown quality are given more room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reelwright.errors import AssetError
from reelwright.frames import Frames
from reelwright.quality.filters import gaussian, laplacian
from reelwright.quality.grid import Box, MeasureGrid
from reelwright.quality.lab import delta_e, lab_from_rgb
from reelwright.quality.luma import WEIGHTS, measured_rgb
from reelwright.quality.psnr import psnr_y
from reelwright.quality.remedy import Remedy
from reelwright.quality.report import Verdict
from reelwright.quality.threshold import Threshold
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged


class KeyframeImage(Protocol):
    """What is read of a keyframe: its picture and its frame."""

    @property
    def image(self) -> Path:
        """The picture's file."""

    @property
    def frame(self) -> int:
        """The frame that must show it."""

    @property
    def strength(self) -> float:
        """How closely the video had to keep to it, 0 to 1."""


@dataclass(frozen=True, slots=True)
class KeyframeMatch:
    """How a frame compares with its keyframe.

    Attributes:
        shift_px: Displacement, measured pixels.
        response: How sure the displacement is, 0 to 1.
        color: dE of the means.
        block: dE of the worst block's means.
        block_at: Where that block is, measured column and row.
        ssim: SSIM of the worst block.
        psnr_db: PSNR-Y.
        mean_ssim: SSIM of the whole picture.
    """

    shift_px: float
    response: float
    color: float
    block: float
    block_at: tuple[int, int]
    ssim: float
    psnr_db: float
    mean_ssim: float


def match_keyframe(
    keyframe: Float[Tensor, "H W 3"], frame: Float[Tensor, "H W 3"], scale: float
) -> KeyframeMatch:
    """Compare a keyframe and a frame, red, green, blue, 0 to 255, at the measured size."""
    key_luma, luma = (rgb @ rgb.new_tensor(WEIGHTS) for rgb in (keyframe, frame))
    shift, response = phase_shift(key_luma, luma, scale)
    key_lab, lab = lab_from_rgb(keyframe), lab_from_rgb(frame)
    rows = int(THRESHOLDS["keyframe_block"].gates["rows"])
    blocks = delta_e(_blocks(key_lab, rows), _blocks(lab, rows))
    row, column = divmod(int(blocks.argmax()), blocks.shape[1])
    side = max(1, luma.shape[0] // rows)
    structure = ssim_map(key_luma, luma, scale)
    return KeyframeMatch(
        shift_px=float(np.hypot(*shift)),
        response=response,
        color=float(delta_e(key_lab.mean(dim=(0, 1)), lab.mean(dim=(0, 1)))),
        block=float(blocks[row, column]),
        block_at=(int((column + 0.5) * side), int((row + 0.5) * side)),
        ssim=float(_blocks(structure[..., None], rows).min()),
        psnr_db=psnr_y(key_luma, luma),
        mean_ssim=float(structure.mean()),
    )


def phase_shift(
    one: Float[Tensor, "H W"], other: Float[Tensor, "H W"], scale: float
) -> tuple[tuple[float, float], float]:
    """Displacement of one picture against another by phase correlation.

    Returns:
        Right and down in pixels, to a fraction; and the response, 1 for a pure shift.
    """
    height, width = one.shape
    window = (
        torch.hann_window(height, periodic=False, device=one.device)[:, None]
        * (torch.hann_window(width, periodic=False, device=one.device)[None])
    )
    spectra = [
        torch.fft.rfft2(laplacian(gaussian(plane, 1.5 * scale)) * window) for plane in (one, other)
    ]
    cross = spectra[1] * spectra[0].conj()
    surface = torch.fft.irfft2(cross / cross.abs().clamp(min=1e-12), s=(height, width))
    surface = torch.fft.fftshift(surface).cpu()
    row, column = divmod(int(surface.argmax()), width)
    top, left = max(0, row - 2), max(0, column - 2)
    around = surface[top : row + 3, left : column + 3]
    response, peak = float(around.sum()), around.clamp(min=0)
    total = float(peak.sum())
    if response <= 0 or total <= 0:
        return (0.0, 0.0), 0.0
    rows = torch.arange(top, top + peak.shape[0], dtype=peak.dtype)
    columns = torch.arange(left, left + peak.shape[1], dtype=peak.dtype)
    down = float((peak.sum(dim=1) * rows).sum()) / total - height // 2
    right = float((peak.sum(dim=0) * columns).sum()) / total - width // 2
    return (right, down), min(response, 1.0)


def ssim_map(
    one: Float[Tensor, "H W"], other: Float[Tensor, "H W"], scale: float
) -> Float[Tensor, "H W"]:
    """Structural similarity of two lumas, with a Gaussian window of 1.5 px at the table's height.

    Source: Wang et al. 2004, Image quality assessment.
    """
    sigma = 1.5 * scale
    mean_one, mean_other = gaussian(one, sigma), gaussian(other, sigma)
    spread_one = gaussian(one.square(), sigma) - mean_one.square()
    spread_other = gaussian(other.square(), sigma) - mean_other.square()
    together = gaussian(one * other, sigma) - mean_one * mean_other
    flat, rough = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mean_one * mean_other + flat) * (2 * together + rough)) / (
        (mean_one.square() + mean_other.square() + flat) * (spread_one + spread_other + rough)
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked of one frame, and how strictly it is judged.

    Attributes:
        frame: The frame.
        strength: How closely it had to keep to its keyframe.
        is_last: It is the clip's last frame.
        raw: It comes from before the encoder.
        generated: A video model made it, through a codec of its own.
    """

    frame: int
    strength: float
    is_last: bool
    raw: bool
    generated: bool

    def scale(self, row: Threshold, grid: MeasureGrid) -> float:
        """What a row's limits are multiplied by."""
        scale = row.gates["encoded"] if not self.raw else 1.0
        if self.generated:
            wider = max if row.above else min
            scale = wider(scale, row.gates["generated"])
        if row.unit == "% of height":
            scale *= grid.coarseness
        return scale / self.strength if row.above else scale * self.strength


def keyframe_verdicts(
    frames: Frames,
    keyframes: Sequence[KeyframeImage],
    grid: MeasureGrid,
    frame_rate: Fraction,
    *,
    raw: bool,
    generated: bool = False,
    device: str = "cpu",
) -> list[Verdict]:
    """Judge every keyframe against the frame at its index.

    Args:
        frames: The shot.
        keyframes: The pictures that it had to pass through.
        grid: What is measured on.
        frame_rate: Frames per second.
        raw: The frames come from before the encoder.
        generated: A video model made them: they have gone through its codec.
        device: Where to compute.
    """
    verdicts = []
    for keyframe in keyframes:
        subject = f"frame {keyframe.frame}"
        if not 0 <= keyframe.frame < len(frames):
            why = f"The shot has {len(frames)} frames; this keyframe lies in what was trimmed."
            verdicts += [not_judged(row, why, subject=subject) for row in _ROWS]
            continue
        picture = load_picture(keyframe.image)
        box = _keyframe_box(picture, frames, grid)
        size = (grid.width, grid.height)
        match = match_keyframe(
            _fitted(picture, box, size, device),
            torch.nan_to_num(measured_rgb(frames[keyframe.frame], grid.picture, size, device)),
            grid.scale,
        )
        strength = float(getattr(keyframe, "strength", 1.0))  # a plain picture is meant whole
        is_last = keyframe.frame == len(frames) - 1
        asked = _Asked(keyframe.frame, strength, is_last, raw, generated)
        verdicts += match_verdicts(match, asked, grid, frame_rate)
    return verdicts


_ROWS = (
    "keyframe_shift",
    "keyframe_color",
    "keyframe_block",
    "keyframe_ssim",
    "keyframe_psnr",
    "keyframe_mean_ssim",
)
_MIDDLE_KEY = "Retake the shot with another seed; a weak keyframe's strength can be raised to 1."


def match_verdicts(
    match: KeyframeMatch, asked: _Asked, grid: MeasureGrid, frame_rate: Fraction
) -> list[Verdict]:
    """Judge one keyframe's numbers."""
    where, subject = at_frame(asked.frame, frame_rate), f"frame {asked.frame}"
    least = THRESHOLDS["keyframe_psnr"].gates["strength"]

    def verdict(measure: str, value: float, message: str) -> Verdict:
        if asked.strength < least:
            why = f"{where}: {message} Its strength of {asked.strength:g} asks for a likeness only."
            return not_judged(measure, why, subject=subject, value=value)
        row = THRESHOLDS[measure]
        hints = tuple(hint for hint in row.hints if _applies(hint, asked))
        return judged(
            measure,
            value,
            f"{where}: {message}",
            subject=subject,
            frames=(asked.frame, asked.frame),
            frame_rate=frame_rate,
            scale=asked.scale(row, grid),
            remedy=None if asked.is_last else _MIDDLE_KEY,
            hints=hints,
        )

    part = _part(match.block_at, grid)
    return [
        _shift_verdict(match, THRESHOLDS["keyframe_shift"], verdict, grid, subject),
        verdict("keyframe_color", match.color, f"its mean colour is dE {match.color:.2f} off."),
        verdict(
            "keyframe_block",
            match.block,
            f"the part that differs most, {part}, is dE {match.block:.1f} off.",
        ),
        verdict(
            "keyframe_ssim",
            match.ssim,
            f"the structure of the part that differs most agrees to {match.ssim:.2f}.",
        ),
        verdict("keyframe_psnr", match.psnr_db, f"it matches to {match.psnr_db:.1f} dB."),
        verdict(
            "keyframe_mean_ssim",
            match.mean_ssim,
            f"its structure agrees to {match.mean_ssim:.3f}.",
        ),
    ]


def _applies(hint: Remedy, asked: _Asked) -> bool:
    """Whether a remedy can do anything for this keyframe."""
    if hint is Remedy.KEYFRAME_AT_MINUS_12:
        return asked.is_last
    return hint is not Remedy.KEYFRAME_STRENGTH_1 or asked.strength < 1


def load_picture(path: Path) -> NDArray[Any]:
    """Read a picture as uint8 [H, W, 3].

    Raises:
        AssetError: It cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise AssetError(
            f"This keyframe cannot be read: {error}.",
            "Make the keyframes again.",
            where=str(path),
        ) from error


def _shift_verdict(
    match: KeyframeMatch,
    row: Threshold,
    verdict: Callable[[str, float, str], Verdict],
    grid: MeasureGrid,
    subject: str,
) -> Verdict:
    least = row.gates["response"]
    share = 100 * match.shift_px / grid.height
    if match.response < least:
        why = (
            f"The two pictures are too unlike to tell a shift (response {match.response:.2f}, "
            f"it takes {least:g})."
        )
        return not_judged("keyframe_shift", why, subject=subject, value=share)
    return verdict("keyframe_shift", share, f"it is displaced by {share:.2f} % of the height.")


def _blocks(plane: Float[Tensor, "H W C"], rows: int) -> Tensor:
    """Means of square blocks, [r, c, C] (or [r, c] of one channel)."""
    side = max(1, plane.shape[0] // rows)
    height, width = (length // side * side for length in plane.shape[:2])
    cut = plane[:height, :width].reshape(height // side, side, width // side, side, -1)
    return cut.mean(dim=(1, 3)).squeeze(-1)


def _keyframe_box(picture: NDArray[Any], frames: Frames, grid: MeasureGrid) -> Box:
    """The part of a keyframe that the frame shows."""
    height, width = picture.shape[:2]
    if grid.staged is not None and (width, height) != (frames.shape[2], frames.shape[1]):
        right, bottom = grid.staged[2:]
        if right <= width and bottom <= height:
            return grid.staged
    if (width, height) == (frames.shape[2], frames.shape[1]):
        return grid.picture
    return (0, 0, width, height)


def _fitted(
    picture: NDArray[Any], box: Box, size: tuple[int, int], device: str
) -> Float[Tensor, "H W 3"]:
    """A part of a picture at the measured size; one that is smaller is enlarged."""
    left, top, right, bottom = box
    if right - left >= size[0] and bottom - top >= size[1]:
        return measured_rgb(picture, box, size, device)
    from PIL import Image

    part = Image.fromarray(picture[top:bottom, left:right]).resize(size, Image.Resampling.BICUBIC)
    return measured_rgb(np.asarray(part), (0, 0, *size), size, device)


def _part(point: tuple[int, int], grid: MeasureGrid) -> str:
    across, down = 100 * point[0] / grid.width, 100 * point[1] / grid.height
    return f"{across:.0f} % from the left and {down:.0f} % from the top"
