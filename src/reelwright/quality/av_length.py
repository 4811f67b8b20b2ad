"""Do sound and picture end together?

Stream durations are compared, never decoded samples: a decoder hands back whole AAC frames, up to
1,024 samples too many.
"""

from __future__ import annotations

from reelwright.quality.report import Verdict
from reelwright.quality.verdicts import judged, not_judged


def av_length_verdict(video_s: float | None, audio_s: float | None) -> Verdict:
    """Judge the lengths of a file's two streams.

    Args:
        video_s: Length of the pictures; None without any.
        audio_s: Length of the sound by its stream's duration; None without any.
    """
    if video_s is None or audio_s is None:
        return not_judged("av_length", "There is only one of sound and picture.")
    apart = 1000 * (audio_s - video_s)
    word = "after" if apart > 0 else "before"
    message = f"The sound ends {abs(apart):.1f} ms {word} the picture ({video_s:.3f} s)."
    return judged("av_length", abs(apart), message, time_s=min(video_s, audio_s))
