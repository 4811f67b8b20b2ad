"""A part of a long work that tells its own progress as a part of the whole."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from reelwright.progress import Progress


class ProgressShare:
    """Gives a part of the work its share of the whole's progress.

    Args:
        progress: Where the whole is told.
        start: Where the part begins, 0 to 1.
        stop: Where it ends.
    """

    def __init__(self, progress: Progress, start: float, stop: float) -> None:
        self._progress, self._start, self._stop = progress, start, stop

    def step(self, fraction: float, note: str = "") -> None:
        """Say how much of the part is done; may raise `Cancelled`."""
        self._progress.step(self._start + fraction * (self._stop - self._start), note)

    def warn(self, message: str) -> None:
        """Hand a warning on."""
        self._progress.warn(message)

    def preview(self, picture: NDArray[Any]) -> None:
        """Hand a picture on."""
        self._progress.preview(picture)
