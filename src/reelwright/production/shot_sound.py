"""What is heard of a shot, before there is a film: its stems, each making way as in the mix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.audio import Audio, AudioWriter

if TYPE_CHECKING:
    from reelwright.generate import Clip

_BLOCK = 1 << 16


@contextmanager
def shot_sound(clip: Clip, scratch: Path) -> Iterator[Audio | None]:
    """The sound of a clip as one.

    Args:
        clip: The clip.
        scratch: A file to mix into, which is removed after; a single stem is read where it lies.
    """
    if len(clip.stems) < 2:
        yield next(iter(clip.stems.values()), None)
        return
    try:
        yield _mixed(clip, scratch)
    finally:
        scratch.unlink(missing_ok=True)


def _mixed(clip: Clip, target: Path) -> Audio:
    from reelwright.finish import ClipSpan
    from reelwright.finish.tracks import clip_tracks, span_samples

    span = ClipSpan(clip, Fraction(0))
    tracks = list(clip_tracks([span]).values())
    _, stop = span_samples(span)
    with AudioWriter(target) as writer:
        for start in range(0, stop, _BLOCK):
            count = min(_BLOCK, stop - start)
            block = tracks[0].read(start, count)
            for track in tracks[1:]:
                block = block + track.read(start, count)
            writer.write(block)
    return Audio.open(target)
