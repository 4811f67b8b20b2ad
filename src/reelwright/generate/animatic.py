"""The animatic: the staged frames themselves, with the shot's sound.

Previz in the film's own terms: what was staged is what is seen, frame for frame. A shot of words
alone becomes a slate. Either is labelled as what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import StageError
from reelwright.frames import Frames, VideoFrames, open_frames
from reelwright.generate.clip import Clip
from reelwright.generate.part import ProgressPart
from reelwright.generate.placed import PlacedSounds, write_placed
from reelwright.generate.request import ClipRequest
from reelwright.generate.silence import silence_words
from reelwright.generate.slate import write_slate
from reelwright.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from reelwright.stage import StagedShot

ANIMATIC_VERSION = 1
"""Raised whenever the same request would give another clip."""

_PICTURE_SHARE = 0.7


class Animatic:
    """The first `Generator`."""

    name = "animatic"

    def generate(
        self,
        request: ClipRequest,
        staged: StagedShot | None,
        out: Path,
        progress: Progress = NO_PROGRESS,
    ) -> Clip:
        """See `animatic_clip`."""
        return animatic_clip(request, staged, out, progress)


def animatic_clip(
    request: ClipRequest,
    staged: StagedShot | None,
    out: Path,
    progress: Progress = NO_PROGRESS,
) -> Clip:
    """Make a shot's animatic.

    Args:
        request: The shot.
        staged: The staged shot; None draws a slate with the shot's words.
        out: The clip's folder; made if missing.
        progress: Told of frames and sounds.

    Returns:
        The clip as it lies in `out`; its pictures are the staged file itself, linked.

    Raises:
        StageError: What was staged is not what was asked.
        AssetError: A sound file that cannot be used.
        ResourceError: The disk is full.
    """
    out.mkdir(parents=True, exist_ok=True)
    picture = ProgressPart(progress, 0.0, _PICTURE_SHARE)
    frames, file, start = _pictures(request, staged, out / "frames.mkv", picture)
    placed = write_placed(request, out, ProgressPart(progress, _PICTURE_SHARE, 1.0))
    clip = Clip(
        frames=frames,
        frame_rate=request.frame_rate,
        stems={"placed": placed.stem} if placed.stem else {},
        provenance=_provenance(request, staged is not None, placed),
        cues=placed.cues,
        file=file,
        start=start,
    )
    saved = clip.save(out, picture)
    progress.step(1.0, "animatic done")
    return saved


def _pictures(
    request: ClipRequest, staged: StagedShot | None, target: Path, progress: Progress
) -> tuple[Frames, Path | None, int]:
    """The clip's frames, the file that holds them, and where they begin in it."""
    if staged is None:
        write_slate(request, target, progress)
        return open_frames(target), target, 0
    _check_staged(request, staged)
    color = staged.color
    return color, color.path if isinstance(color, VideoFrames) else None, 0


def _check_staged(request: ClipRequest, staged: StagedShot) -> None:
    width, height = request.size.generated
    asked = (request.frames.generated, height, width, 3)
    if tuple(staged.color.shape) != asked:
        raise StageError(
            f'Shot "{request.shot}" was staged as {_words(staged.color.shape)}, but its clip is '
            f"{_words(asked)}.",
            "Stage the shot again.",
        )


def _words(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} frames of {shape[2]}x{shape[1]}"


def _provenance(request: ClipRequest, staged: bool, placed: PlacedSounds) -> dict[str, Any]:
    return {
        "backend": "animatic",
        "label": request.label,
        "version": ANIMATIC_VERSION,
        "picture": "stage" if staged else "slate",
        "shot": request.shot,
        "take": request.take,
        "seed": request.seed,
        "silence": list(silence_words(request, placed, "the animatic")),
    }
