"""The first painter: the stage's own frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelwright.disk import disk_error
from reelwright.errors import StageError
from reelwright.keyframes.keyframe import Keyframe, KeyframeRequest, save_keyframes
from reelwright.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelwright.stage import StagedShot


class StagePainter:
    """Hands on staged frames; see `Painter`."""

    name = "stage"

    def paint(
        self,
        staged: StagedShot,
        requests: Sequence[KeyframeRequest],
        out: Path,
        progress: Progress = NO_PROGRESS,
    ) -> tuple[Keyframe, ...]:
        """See `keyframes_from_stage`."""
        return keyframes_from_stage(staged, requests, out, progress)


def keyframes_from_stage(
    staged: StagedShot,
    requests: Sequence[KeyframeRequest],
    out: Path,
    progress: Progress = NO_PROGRESS,
) -> tuple[Keyframe, ...]:
    """Write the staged colour of the asked frames as PNG, and `keyframes.json` beside them.

    Args:
        staged: The shot.
        requests: Which frames; none is legal.
        out: Folder to write to; made if missing.
        progress: Told of every picture.

    Returns:
        The keyframes in the order of their frames.

    Raises:
        StageError: A frame that the shot does not have, one asked twice, or a strength off 0..1.
        ResourceError: The disk is full.
    """
    ordered = _checked(requests, len(staged.color))
    out.mkdir(parents=True, exist_ok=True)
    made: list[Keyframe] = []
    for request in ordered:
        picture = staged.color[request.frame]
        image = out / f"{request.frame:06d}.png"
        _write_png(picture, image)
        made.append(Keyframe(image, request.frame, request.strength))
        progress.preview(picture)
        progress.step(len(made) / len(ordered), f"keyframe {len(made)} of {len(ordered)}")
    return save_keyframes(made, out)


def _checked(requests: Sequence[KeyframeRequest], num_frames: int) -> list[KeyframeRequest]:
    seen: set[int] = set()
    for request in requests:
        if not 0 <= request.frame < num_frames:
            raise StageError(
                f"Keyframe {request.frame} is outside the shot, which has {num_frames} frames.",
                f"Ask for a frame from 0 to {num_frames - 1}.",
                frame=request.frame,
            )
        if request.frame in seen:
            raise StageError(
                f"Frame {request.frame} is asked for twice as a keyframe.",
                "Keep one of the two.",
                frame=request.frame,
            )
        if not 0.0 <= request.strength <= 1.0:
            raise StageError(
                f"Keyframe {request.frame} has a strength of {request.strength}.",
                "Use a strength from 0 to 1.",
                frame=request.frame,
            )
        seen.add(request.frame)
    return sorted(requests, key=lambda request: request.frame)


def _write_png(picture: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    try:
        Image.fromarray(picture, "RGB").save(path, format="PNG", compress_level=6)
    except OSError as error:
        raise disk_error(error, path) from error
