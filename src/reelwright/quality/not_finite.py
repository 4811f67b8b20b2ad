"""Numbers that are none: NaN and infinity in frames or sound that are kept as floats.

An 8-bit frame cannot hold them; there they have become black or white, and `black` finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from reelwright.audio import Audio
from reelwright.quality.report import Verdict
from reelwright.quality.verdicts import at_frame, judged

SOUND = "sound"
"""Subject of the sound's verdict."""

_BLOCK = 480_000


def not_finite_verdict(shares: Sequence[float], frame_rate: Fraction) -> Verdict:
    """Judge the share of each frame's pixels that are no numbers."""
    broken = [index for index, share in enumerate(shares) if share > 0]
    if not broken:
        return judged("not_finite", 0, "Every pixel is a number.")
    first = broken[0]
    count = f"{len(broken)} frame{'' if len(broken) == 1 else 's'}"
    message = (
        f"{at_frame(first, frame_rate)} is the first of {count} with pixels that are no numbers "
        f"({100 * max(shares):.2g} % of a frame at most)."
    )
    frames = (first, broken[-1])
    return judged("not_finite", len(broken), message, frames=frames, frame_rate=frame_rate)


def sound_not_finite_verdict(audio: Audio) -> Verdict:
    """Judge a sound's samples; in blocks, so that a long one is never held."""
    count, first = 0, None
    for number, block in enumerate(audio.blocks(_BLOCK)):
        wrong = ~np.isfinite(block).all(axis=0)
        if wrong.any() and first is None:
            first = number * _BLOCK + int(wrong.argmax())
        count += int(wrong.sum())
    if first is None:
        return judged("not_finite", 0, "Every sample is a number.", subject=SOUND)
    time_s = first / audio.sample_rate
    message = f"{count} samples from {time_s:.2f} s are no numbers."
    return judged("not_finite", count, message, subject=SOUND, time_s=time_s)
