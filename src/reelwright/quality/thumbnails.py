"""Small pictures for a report: a strip of the shot, its worst moments, and what changed in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.disk import disk_error
from reelwright.errors import MediaError
from reelwright.frames import Frames
from reelwright.quality.report import ShotReport, Status

STRIP = 8
"""Pictures in the strip of a shot."""

WIDTH = 288
"""Width of a thumbnail, pixels: sharp at 144 on a dense screen, enough at 288."""

_QUALITY = 72
_GAIN = 6.0  # of the difference picture
_DIFFERENCE = "-difference"


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Small pictures of one shot, as WebP.

    Attributes:
        frames: By frame.
        differences: What changes from a frame to the next, six times enlarged, by the first.
    """

    frames: Mapping[int, bytes] = field(default_factory=dict)
    differences: Mapping[int, bytes] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write `000012.webp` and `000012-difference.webp`.

        Raises:
            ResourceError: The disk is full.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for frame, data in self.frames.items():
                (folder / f"{frame:06d}.webp").write_bytes(data)
            for frame, data in self.differences.items():
                (folder / f"{frame:06d}{_DIFFERENCE}.webp").write_bytes(data)
        except OSError as error:
            raise disk_error(error, folder) from error

    @classmethod
    def load(cls, folder: Path) -> Thumbnails:
        """Read what `save` wrote; a folder without pictures gives none.

        Raises:
            MediaError: A picture cannot be read.
        """
        frames: dict[int, bytes] = {}
        differences: dict[int, bytes] = {}
        try:
            for path in sorted(folder.glob("[0-9]*.webp")):
                held = differences if path.stem.endswith(_DIFFERENCE) else frames
                held[int(path.stem.removesuffix(_DIFFERENCE))] = path.read_bytes()
        except (OSError, ValueError) as error:
            raise MediaError(
                "A report's thumbnail cannot be read.", "Measure the shot again.", where=str(folder)
            ) from error
        return cls(frames, differences)


def make_thumbnails(report: ShotReport, frames: Frames) -> Thumbnails:
    """Small pictures of what a shot's report speaks of.

    Args:
        report: The shot's report.
        frames: The frames that it was measured on.
    """
    worst = [transition.frame for transition in report.worst]
    alarms = [
        verdict.frames[0]
        for verdict in report.verdicts
        if verdict.frames is not None and verdict.status in (Status.WARN, Status.FAIL)
    ]
    wanted = {*strip_frames(len(frames)), *worst, *(frame + 1 for frame in worst), *alarms}
    pictures = {
        frame: _eight_bit(frames[frame]) for frame in sorted(wanted) if 0 <= frame < len(frames)
    }
    differences = {
        frame: _webp(_difference(pictures[frame], pictures[frame + 1]))
        for frame in worst
        if frame in pictures and frame + 1 in pictures
    }
    return Thumbnails({frame: _webp(picture) for frame, picture in pictures.items()}, differences)


def strip_frames(num_frames: int) -> list[int]:
    """Frames of the strip, first and last included."""
    count = min(STRIP, num_frames)
    return [round(position) for position in np.linspace(0, num_frames - 1, count)]


def _eight_bit(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame, thinned to at most three times the thumbnail, as uint8."""
    factor = max(1, frame.shape[1] // (3 * WIDTH))
    thin = frame[::factor, ::factor]
    if thin.dtype == np.uint16:
        return np.ascontiguousarray(thin >> 8).astype(np.uint8)
    if thin.dtype != np.uint8:
        return np.asarray(np.rint(np.clip(thin, 0, 1) * 255), np.uint8)
    return np.ascontiguousarray(thin)


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The change of a step, dark where there is none, through amber to white."""
    change = np.abs(other.astype(np.float32) - one.astype(np.float32)).mean(axis=-1) * _GAIN / 255
    level = np.clip(change, 0, 1)[..., None]
    dark, amber, white = np.array([[14, 17, 22], [245, 184, 75], [255, 255, 255]], np.float32)
    low = dark + (amber - dark) * np.minimum(level * 2, 1)
    return np.asarray(np.rint(low + (white - low) * np.maximum(level * 2 - 1, 0)), np.uint8)


def _webp(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    image = Image.fromarray(picture)
    height = max(1, round(image.height * WIDTH / image.width))
    small = image.resize((WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
