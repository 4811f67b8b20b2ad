"""Is a prop seen twice? The outline of where it stood in a keyframe, shown in frames between.

A model that fades from one keyframe to the next, rather than moving, leaves each prop standing
where the keyframe had it, half seen through. A second peak of the outline anywhere in the picture
tells little (a ghost of opacity 0.75 was found in 46 to 66 %); at the one place where a ghost must
stand, beside the same place in the staged picture, it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import cos, pi, sin

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor

from reelwright.quality.contours import Outline
from reelwright.quality.filters import gaussian
from reelwright.quality.motion_compensation import edge_pixels
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import at_frame, judged, not_judged

Direction = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class GhostFit:
    """How much of a prop's old outline shows in a frame.

    Attributes:
        frame: The frame.
        source: The frame that the outline stood in.
        excess: Agreement at the old outline over places around it, less the staged picture's,
            as a share of what the outline had where it belonged.
    """

    frame: int
    source: int
    excess: float


@dataclass(slots=True)
class Ghosts:
    """Outlines to look for, and what was found of them.

    Attributes:
        sources: Outlines by prop and frame, with how well each showed in its own staged frame.
        found: What was found, by prop.
    """

    sources: dict[tuple[str, int], tuple[Outline, float]] = field(default_factory=dict)
    found: dict[str, list[GhostFit]] = field(default_factory=dict)

    def remember(self, prop: str, frame: int, outline: Outline, staged: Direction) -> None:
        """Keep a prop's outline as it stands in a keyframe."""
        everywhere = torch.ones_like(outline.rows, dtype=torch.bool)
        shown = _excess(_padded(staged), outline, everywhere)
        if shown >= THRESHOLDS["doubled"].gates["shown"]:
            self.sources[(prop, frame)] = (outline, shown)

    def look(
        self, frame: int, picture: Direction, reference: Direction, mask: Float[Tensor, "H W"]
    ) -> None:
        """Look for every outline in one frame, where no staged edge is near."""
        gates = THRESHOLDS["doubled"].gates
        reach = gates["away"] * mask.shape[0]
        clear = gaussian(edge_pixels(mask).float(), reach / 2) < gates["clear"]
        planes = [_padded(direction) for direction in (picture, reference)]
        for (prop, source), (outline, shown) in self.sources.items():
            if source == frame:
                continue
            free = clear[outline.rows, outline.columns]
            if float(free.float().mean()) < gates["share"] or int(free.sum()) < gates["least"]:
                continue
            excess = [_excess(wide, outline, free) for wide in planes]
            fit = GhostFit(frame, source, (excess[0] - max(excess[1], 0.0)) / shown)
            self.found.setdefault(prop, []).append(fit)


def doubled_verdicts(ghosts: Ghosts, props: Sequence[str], frame_rate: Fraction) -> list[Verdict]:
    """Judge each prop that leaves a keyframe's place along the shot."""
    verdicts = []
    for prop in props:
        fits = ghosts.found.get(prop, [])
        if len(fits) < THRESHOLDS["doubled"].gates["frames"]:
            why = "It hardly leaves its place in the keyframes, so a double would not show."
            verdicts.append(not_judged("doubled", why, subject=prop))
            continue
        value, worst = _worst(fits)
        message = (
            f"{at_frame(worst.frame, frame_rate)}: {prop}'s outline of frame {worst.source} still "
            f"shows, {100 * max(value, 0):.0f} % as well as where it belongs."
        )
        verdicts.append(
            judged(
                "doubled",
                max(value, 0.0),
                message,
                subject=prop,
                frames=(worst.frame, worst.frame),
                frame_rate=frame_rate,
            )
        )
    return verdicts


def _worst(fits: Sequence[GhostFit]) -> tuple[float, GhostFit]:
    """The second largest excess of one source's frames: a single one may be a coincidence."""
    best: tuple[float, GhostFit] | None = None
    for source in {fit.source for fit in fits}:
        own = sorted((fit for fit in fits if fit.source == source), key=lambda fit: -fit.excess)
        picked = own[min(1, len(own) - 1)]
        if best is None or picked.excess > best[0]:
            best = (picked.excess, picked)
    if best is None:
        raise ValueError("no fits")
    return best


def _padded(direction: Direction) -> Direction:
    """With a border of one, so that the best of 3x3 can be taken anywhere."""
    across, down = (F.pad(plane, (1,) * 4) for plane in direction)
    return across, down


def _excess(wide: Direction, outline: Outline, free: Tensor) -> float:
    """Agreement at an outline's free points less the median of places around it.

    Texture agrees with any outline a little, and as much a few pixels aside.
    """
    height, width = (length - 2 for length in wide[0].shape)
    gates = THRESHOLDS["doubled"].gates
    points = [part[free] for part in (outline.rows, outline.columns)]
    normal = [part[free] for part in (outline.cosine, outline.sine)]
    aside = []
    for share in (gates["inner"], gates["outer"]):
        radius = max(4.0, share * height)
        for turn in range(8):
            right, down = radius * cos(turn * pi / 4), radius * sin(turn * pi / 4)
            rows = (points[0] + round(down)).clamp(0, height - 1)
            columns = (points[1] + round(right)).clamp(0, width - 1)
            aside.append(_agreement(wide, Outline(rows, columns, *normal)))
    return _agreement(wide, Outline(*points, *normal)) - float(np.median(aside))


def _agreement(wide: Direction, outline: Outline) -> float:
    """Mean over an outline of the best of 3x3 of cos 2(angle difference) times weight."""
    best = torch.full_like(outline.cosine, -1.0)
    for down in range(3):
        for right in range(3):
            at = (outline.rows + down, outline.columns + right)
            best = torch.maximum(best, wide[0][at] * outline.cosine + wide[1][at] * outline.sine)
    return float(best.mean())


def ghost_frames(num_frames: int, keyframes: Sequence[int]) -> tuple[int, ...]:
    """Frames whose outlines are looked for: both ends, and the keyframes between."""
    most = int(THRESHOLDS["doubled"].gates["sources"])
    inner = sorted({frame for frame in keyframes if 0 < frame < num_frames - 1})
    spread = np.linspace(0, max(len(inner) - 1, 0), min(len(inner), most))
    return tuple(sorted({0, num_frames - 1, *(inner[round(index)] for index in spread)}))
