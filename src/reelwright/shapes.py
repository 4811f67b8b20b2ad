"""The rules of sizes and frame counts, each said once.

LTX-2.3 takes 8k+1 frames and sides that are multiples of 32 (one pass) or 64 (two passes, the
first at half size). A person asks for seconds and for any even size; what is generated covers it,
and what is delivered is cut from that. Must agree with every room: nobody else rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from reelwright.errors import InputError

FRAME_STEP = 8
"""A latent frame after the first stands for this many frames."""

GRID = 64
"""Sides of a film are generated in multiples of this: half of it is a multiple of 32."""

DRAFT_GRID = 32
"""Sides of a single-pass clip."""

MAX_SIDE = 8192
"""The longest side that any stage accepts, in pixels."""

Fit = Literal["crop", "pad"]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ShotFrames:
    """How many frames a shot delivers and how many are generated for that.

    Attributes:
        delivered: Frames in the film.
        generated: The smallest 8k+1 that covers them.
    """

    delivered: int
    generated: int

    @property
    def trimmed(self) -> int:
        """Frames that are generated and cut off at the end."""
        return self.generated - self.delivered


@dataclass(frozen=True, slots=True)
class GenerationSize:
    """The delivered size, the size that is generated for it, and how one becomes the other.

    Attributes:
        delivered: Width and height of the film, pixels, even.
        generated: Width and height on the generation grid; covers `delivered`.
        fit: `crop` cuts the delivered size from the middle; `pad` shrinks the whole picture into
            the delivered size and fills the rest with black.
    """

    delivered: Size
    generated: Size
    fit: Fit

    @property
    def framed(self) -> Size:
        """The part of the generated picture that the lens is measured on, pixels."""
        return self.delivered if self.fit == "crop" else self.generated

    @property
    def crop_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the part of the generated picture that is kept."""
        if self.fit == "pad":
            return (0, 0, *self.generated)
        (width, height), (full_width, full_height) = self.delivered, self.generated
        left, top = (full_width - width) // 2, (full_height - height) // 2
        return (left, top, left + width, top + height)

    @property
    def pad_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the picture inside the delivered frame, even sides."""
        if self.fit == "crop":
            return (0, 0, *self.delivered)
        scale = min(Fraction(d, g) for d, g in zip(self.delivered, self.generated, strict=True))
        width, height = (max(2, int(side * scale) // 2 * 2) for side in self.generated)
        left, top = (self.delivered[0] - width) // 2, (self.delivered[1] - height) // 2
        return (left, top, left + width, top + height)


def covering_frames(num_frames: int) -> int:
    """The smallest 8k+1 that is at least `num_frames`."""
    if num_frames < 1:
        raise InputError(f"{num_frames} frames is not a film.", "Ask for at least one frame.")
    return ceil((num_frames - 1) / FRAME_STEP) * FRAME_STEP + 1


def is_frame_count(num_frames: int) -> bool:
    """Whether a model takes this many frames (8k+1)."""
    return num_frames >= 1 and num_frames % FRAME_STEP == 1


def covering_side(side: int, grid: int = GRID) -> int:
    """The smallest multiple of `grid` that is at least `side`, pixels."""
    return ceil(side / grid) * grid


def shot_frames(seconds: float | Fraction, frame_rate: Fraction) -> ShotFrames:
    """Frames of a shot of so many seconds: delivered to the nearest frame, generated to cover it.

    Args:
        seconds: Length of the shot.
        frame_rate: Frames per second.

    Returns:
        Both counts; at least one frame is delivered.
    """
    delivered = max(1, round(Fraction(seconds) * frame_rate))
    return ShotFrames(delivered, covering_frames(delivered))


def retaken_frames(
    from_s: float, to_s: float, frames: ShotFrames, frame_rate: Fraction, *, continues: bool = False
) -> tuple[int, int] | None:
    """The frames that can be made again within a range of time, nothing outside it changed.

    A model makes frames in groups, the first frame of a clip alone: the groups that lie wholly
    within. A shot that goes on from another begins with a whole group.

    Args:
        from_s: Where the range begins; seconds, to the nearest frame.
        to_s: Where it ends; at the shot's end it takes in what is generated beyond.
        frames: Of the shot.
        frame_rate: Frames per second.
        continues: Whether the shot goes on from another.

    Returns:
        The first frame, and the one behind the last; None where no group lies within.
    """
    first, stop = (round(Fraction(each) * frame_rate) for each in (from_s, to_s))
    lead = 0 if continues else 1
    if first > 0 or continues:
        first = ceil((max(first, 0) - lead) / FRAME_STEP) * FRAME_STEP + lead
    if stop >= frames.delivered:
        stop = frames.generated
    elif stop > lead or continues:
        stop = (stop - lead) // FRAME_STEP * FRAME_STEP + lead
    return (first, stop) if 0 <= first < stop else None


def generation_size(size: Size, fit: Fit = "crop", grid: int = GRID) -> GenerationSize:
    """The size to generate for a delivered size.

    Args:
        size: Delivered width and height, pixels; even, at most `MAX_SIDE`.
        fit: How the generated picture becomes the delivered one.
        grid: `GRID`, or `DRAFT_GRID` for a single pass.

    Raises:
        InputError: An odd, non-positive or absurd side.
    """
    for name, side in zip(("width", "height"), size, strict=True):
        if side < 2 or side % 2 or side > MAX_SIDE:
            raise InputError(
                f"A {name} of {side} pixels cannot be delivered.",
                f"Use an even number from 2 to {MAX_SIDE}; {max(2, side // 2 * 2)} is the nearest "
                "below.",
                where=name,
                side=side,
            )
    width, height = size
    return GenerationSize(size, (covering_side(width, grid), covering_side(height, grid)), fit)


def latent_shape_from_pixels(
    num_frames: int, height: int, width: int, *, temporal: int = 8, spatial: int = 32
) -> tuple[int, int, int]:
    """Latent frames, rows and columns of a clip.

    Raises:
        InputError: The frame count is not 8k+1 or a side is off the grid, with the nearest legal.
    """
    if num_frames % temporal != 1 % temporal:
        legal = ceil((num_frames - 1) / temporal) * temporal + 1
        raise InputError(
            f"{num_frames} frames cannot be encoded: the model takes {temporal}k+1.",
            f"Use {legal} frames.",
            num_frames=num_frames,
        )
    for name, side in (("height", height), ("width", width)):
        if side < spatial or side % spatial:
            raise InputError(
                f"A {name} of {side} pixels is not a multiple of {spatial}.",
                f"Use {covering_side(max(side, spatial), spatial)}.",
                where=name,
                side=side,
            )
    return (num_frames - 1) // temporal + 1, height // spatial, width // spatial
