"""A stretch of a longer piece of work, told as a whole to whoever does it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from reelwright.progress import Progress


class ProgressPart:
    """Passes progress on as the stretch `start` to `stop` of a longer one.

    Args:
        whole: Who is told.
        start: Share of the whole that is done before.
        stop: Share that is done after.
    """

    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        self._whole = whole
        self._start = start
        self._span = stop - start

    def step(self, fraction: float, note: str = "") -> None:
        """Say how much of the stretch is done; may raise `Cancelled`."""
        self._whole.step(self._start + self._span * fraction, note)

    def warn(self, message: str) -> None:
        """Pass a warning on."""
        self._whole.warn(message)

    def preview(self, picture: NDArray[Any]) -> None:
        """Pass a picture on."""
        self._whole.preview(picture)
