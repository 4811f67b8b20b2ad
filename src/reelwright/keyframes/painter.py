"""`Painter`: the place that a maker of keyframes takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reelwright.progress import Progress

if TYPE_CHECKING:
    from reelwright.keyframes.keyframe import Keyframe, KeyframeRequest
    from reelwright.stage import StagedShot


class Painter(Protocol):
    """Makes the asked pictures of a staged shot.

    A painter is built with whatever it needs besides (weights, device, words, seed) and then
    promises: one PNG a request, 8-bit RGB, of the size of the staged frames; `keyframes.json`
    written last; the same requests give the same bytes on the same machine; what it makes keeps
    to the staged depth and masks, since the video is steered by them in the frames between.
    """

    @property
    def name(self) -> str:
        """The backend's name, as plans and provenance write it."""

    def paint(
        self,
        staged: StagedShot,
        requests: Sequence[KeyframeRequest],
        out: Path,
        progress: Progress,
    ) -> tuple[Keyframe, ...]:
        """Make the pictures.

        Args:
            staged: The shot.
            requests: What is asked, at most one a frame.
            out: A folder of the painter's own.
            progress: Told of every picture; may raise `Cancelled`.

        Returns:
            The keyframes in the order of their frames.

        Raises:
            StageError: A frame that the shot does not have, or one asked twice.
            ResourceError: The disk is full.
        """
