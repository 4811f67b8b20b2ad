"""A clip's pictures larger than it shows them, beside it: what a film is enlarged from.

They are of the same frames as `frames.mkv` from its first on, and a whole number of times its size.
"""

from __future__ import annotations

from pathlib import Path

from reelwright.errors import MediaError
from reelwright.frames import Frames, open_frames, slice_frames
from reelwright.generate.clip import Clip

LARGE = "large.mkv"


def large_frames(folder: Path, clip: Clip) -> Frames | None:
    """The larger pictures of the clip in a folder; None where it has none.

    Raises:
        MediaError: They are of another clip.
    """
    if not (folder / LARGE).is_file():
        return None
    frames = open_frames(folder / LARGE)
    count, height, width = (int(side) for side in frames.shape[:3])
    stop = clip.start + clip.num_frames
    times, rest = divmod(width, clip.size[0])
    if count < stop or rest or height != times * clip.size[1]:
        raise MediaError(
            "The larger pictures are of another clip.",
            "Render the shot again.",
            where=str(folder / LARGE),
        )
    return slice_frames(frames, clip.start, stop)


def require_large(folder: Path, clip: Clip) -> Frames:
    """The larger pictures of the clip in a folder.

    Raises:
        MediaError: It has none, or they are of another clip.
    """
    frames = large_frames(folder, clip)
    if frames is None:
        raise MediaError(
            "The clip has no larger pictures to enlarge the film from.",
            "Render the shot again.",
            where=str(folder / LARGE),
        )
    return frames
