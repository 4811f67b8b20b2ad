"""`Generator`: the place that a video model takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reelwright.progress import Progress

if TYPE_CHECKING:
    from reelwright.generate.clip import Clip
    from reelwright.generate.request import ClipRequest
    from reelwright.stage import StagedShot


class Generator(Protocol):
    """Makes a shot's clip from what was asked and what was staged.

    A generator is built with whatever it needs besides (weights, device, plan) and then promises:
    exactly `request.frames.generated` frames of `request.size.generated`; stems as long as the
    frames; the placed sounds through `write_placed`, the model's own as stems of their own
    (`generated`, `dialogue`), never mixed in, so that moving a bell does not run the model again;
    provenance that names backend and label and says what is not heard; `clip.json` written last.
    """

    @property
    def name(self) -> str:
        """The backend's name, as plans and provenance write it."""

    def generate(
        self, request: ClipRequest, staged: StagedShot | None, out: Path, progress: Progress
    ) -> Clip:
        """Make the clip.

        Args:
            request: What it should be.
            staged: The shot as staged; None for a shot of words alone.
            out: A folder of the generator's own.
            progress: Told at least every second; may raise `Cancelled`.

        Returns:
            The clip as it lies in `out`.

        Raises:
            AssetError: A sound file that cannot be used.
            ResourceError: Memory or disk is short.
        """
