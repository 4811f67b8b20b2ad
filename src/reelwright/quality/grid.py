"""Where a picture is measured, and what part of the stage lies under it.

Everything is measured on luma at a fixed height, so that one table of limits holds at any size and
a 4K shot costs no more than a 720p one. The stage is at the generated size and the picture may be
cut, padded or enlarged from it; this is the one place that knows how they lie on each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.errors import QualityError
from reelwright.shapes import GenerationSize, Size

MEASURED_HEIGHT = 360
"""Height that pictures are brought to; smaller ones are measured as they are."""

TABLE_HEIGHT = 272
"""Height at which the table's pixel figures and the filters' widths were measured."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels."""


@dataclass(frozen=True, slots=True)
class MeasureGrid:
    """The grid that a shot is measured on.

    Attributes:
        width: Columns.
        height: Rows.
        picture: The part of the picture that is measured.
        staged: The part of the staged picture that lies under it; None without a stage.
    """

    width: int
    height: int
    picture: Box
    staged: Box | None = None

    @property
    def scale(self) -> float:
        """This height over the one that the table's figures were measured at."""
        return self.height / TABLE_HEIGHT

    @property
    def coarseness(self) -> float:
        """How much limits in percent of the height must grow: a small picture has few pixels."""
        return max(1.0, TABLE_HEIGHT / self.height)

    @property
    def motion_scale(self) -> tuple[float, float]:
        """Staged pixels to measured ones, across and down."""
        if self.staged is None:
            raise QualityError("This shot has no stage.", "Measure it without staged motion.")
        left, top, right, bottom = self.staged
        return self.width / (right - left), self.height / (bottom - top)


def measure_grid(
    picture: Size,
    staged: Size | None = None,
    size: GenerationSize | None = None,
    height: int = MEASURED_HEIGHT,
) -> MeasureGrid:
    """Choose the grid for a picture, and find the stage under it.

    Args:
        picture: Width and height of the pictures to measure.
        staged: Width and height of the stage, if there is one.
        size: How the delivered size was cut from the generated one; needed only where picture and
            stage differ in shape.
        height: Height to measure at, at most.

    Raises:
        QualityError: The picture is too small, or does not lie on the stage.
    """
    if min(picture) < 32:
        raise QualityError(
            f"A picture of {picture[0]}x{picture[1]} is too small to measure.",
            "Measure pictures of at least 32 pixels a side.",
        )
    box: Box = (0, 0, *picture)
    under: Box | None = None
    if staged is not None:
        box, under = _lay(picture, staged, size)
    wide, tall = box[2] - box[0], box[3] - box[1]
    rows = min(tall, height)
    return MeasureGrid(max(1, round(wide * rows / tall)), rows, box, under)


def _lay(picture: Size, staged: Size, size: GenerationSize | None) -> tuple[Box, Box]:
    if size is not None and size.generated == staged and picture != staged:
        factor = _factor(picture, size.delivered)
        if factor is not None:
            left, top, right, bottom = (round(side * factor) for side in size.pad_box)
            return (left, top, right, bottom), size.crop_box
    if _factor(picture, staged) is not None:
        return (0, 0, *picture), (0, 0, *staged)
    raise QualityError(
        f"A picture of {picture[0]}x{picture[1]} does not lie on a stage of "
        f"{staged[0]}x{staged[1]}.",
        "Say how the picture was cut from it: size=generation_size(...).",
    )


def _factor(picture: Size, base: Size) -> float | None:
    """How many times larger a picture is; None if its shape is another."""
    across, down = picture[0] / base[0], picture[1] / base[1]
    return across if abs(across - down) <= 0.5 / min(base) * max(across, 1.0) else None
