"""How a long function says how far it is, and hears that it should stop."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray


class Progress(Protocol):
    """Given to every long function; whoever carries it out decides what becomes of the news."""

    def step(self, fraction: float, note: str = "") -> None:
        """Say how much is done.

        Args:
            fraction: Share of the work that is done, 0 to 1.
            note: A few words for a person, e.g. `frame 12 of 121`.

        Raises:
            Cancelled: The person asked to stop.
        """

    def warn(self, message: str) -> None:
        """Say something that the person should know but that stops nothing."""

    def preview(self, picture: NDArray[Any]) -> None:
        """Show a picture of the work so far, uint8 [H, W, 3]."""


class _Quiet:
    def step(self, fraction: float, note: str = "") -> None:
        pass

    def warn(self, message: str) -> None:
        pass

    def preview(self, picture: NDArray[Any]) -> None:
        pass


NO_PROGRESS: Progress = _Quiet()
