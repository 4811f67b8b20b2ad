"""What staging will cost, before it is done: for the planner, until it has timings of its own.

Fitted to `benchmarks/bench_stage.py` on two cores of an AMD EPYC (Zen 4) that others used as well:
processor time within 25 % and peaks within 12 %, from 384x256 to 1920x1088 pixels and from 1,000 to
500,000 triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_CREW = 8
_PIXELS_AT_ONCE = 8_000_000
_MB = 2**20


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """The cost of staging a shot on a CPU.

    Attributes:
        seconds_per_frame: Wall time, writing included, with the machine to itself.
        peak_ram_bytes: Anonymous memory of the process, torch included.
        disk_bytes_per_frame: Of all that is written; a still camera takes half.
    """

    seconds_per_frame: float
    peak_ram_bytes: int
    disk_bytes_per_frame: int


def crew_size(size: tuple[int, int], num_threads: int) -> int:
    """How many frames of a size are drawn at a time on so many threads of a CPU.

    Args:
        size: Width and height, pixels.
        num_threads: Of the processor, that may be used.
    """
    return max(1, min(num_threads, _MAX_CREW, _PIXELS_AT_ONCE // (size[0] * size[1])))


def estimate_stage(
    size: tuple[int, int],
    num_triangles: int,
    *,
    num_threads: int = 2,
    water: bool = False,
    texture_texels: int = 0,
) -> StageEstimate:
    """Estimate a shot.

    Args:
        size: Width and height that are generated, pixels.
        num_triangles: Of everything that is placed, a prop that stands twice counted twice.
        num_threads: That torch may use.
        water: The ground is water, or smoother than 0.45: it mirrors what stands on it.
        texture_texels: Width times height of all textures, each side at most 2048.
    """
    pixels = size[0] * size[1]
    crew = crew_size(size, num_threads)
    busy_s = (0.05 + 1.25e-6 * pixels + 5.5e-7 * num_triangles) * (1.7 if water else 1.0)
    held = 140 * _MB + 120 * pixels + 350 * num_triangles + 6 * texture_texels
    each = 85 * _MB + 255 * pixels + 150 * num_triangles
    return StageEstimate(busy_s / crew, held + crew * each, 50_000 + 8 * pixels)
