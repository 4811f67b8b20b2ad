"""What `finish.upscale` asks for: how large the film is delivered, and from which pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.shapes import Size

if TYPE_CHECKING:
    from reelwright.storyboard import Film

LANCZOS = "lanczos"
"""The upscaler that needs no weights."""

REFINED_TIER = "final"
"""The tier whose pictures have gone through a pixel refiner."""

_HEIGHTS = {"1080p": 1080, "1440p": 1440, "4k": 2160}


@dataclass(frozen=True, slots=True)
class Enlarged:
    """A film that is delivered larger than it is made.

    Attributes:
        size: Width and height, pixels.
        refined: Whether it is taken from the pixel refiner's larger pictures; else from the clip's
            own, by Lanczos alone.
    """

    size: Size
    refined: bool

    def to_json(self) -> dict[str, Any]:
        """As recipes hold it."""
        return {"size": list(self.size), "refined": self.refined}


def enlarged_film(film: Film, tier: str) -> Enlarged | None:
    """How a film is enlarged at a tier; None where it is delivered in its own size."""
    upscale = film.finish.upscale
    if upscale is None:
        return None
    refined = upscale.with_ != LANCZOS and tier == REFINED_TIER
    return Enlarged(enlarged_size(film.size, upscale.to), refined)


def enlarged_size(size: Size, to: str) -> Size:
    """The size that a film is enlarged to; even sides, in its own proportions.

    Args:
        size: What it is made for.
        to: A factor such as `2x`, or the name of a height that the shorter side reaches.
    """
    if to in _HEIGHTS:
        scale = _HEIGHTS[to] / min(size)
        width, height = (max(2, round(side * scale / 2) * 2) for side in size)
        return width, height
    times = int(to.removesuffix("x"))
    return size[0] * times, size[1] * times
