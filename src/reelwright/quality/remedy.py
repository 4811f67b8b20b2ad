"""What to try when a clip fails, as names that a program can act on.

A verdict's words are for people; these are for whoever carries out remedies within bounds. A row of
the table lists them in the order to try them.
"""

from __future__ import annotations

from enum import StrEnum


class Remedy(StrEnum):
    """One thing to try."""

    ADD_KEYFRAME = "add_keyframe"
    CROSSFADE_SOUND = "crossfade_sound"
    DEFLICKER = "deflicker"
    FIT_SOUND = "fit_sound"
    FULL_PRECISION = "full_precision"
    GUIDANCE_1 = "guidance_1"
    KEYFRAME_AT_MINUS_12 = "keyframe_at_minus_12"
    KEYFRAME_STRENGTH_1 = "keyframe_strength_1"
    LIMIT_PEAKS = "limit_peaks"
    MATCH_COLOR = "match_color"
    MIX_AGAIN = "mix_again"
    MORE_OVERLAP = "more_overlap"
    OTHER_SEED = "other_seed"
    OTHER_TILES = "other_tiles"
    SHIFT_SOUND = "shift_sound"
    SMOOTH_GROUPS = "smooth_groups"
    STRONGER_CONTROL = "stronger_control"
    WEAKER_LORAS = "weaker_loras"

    @property
    def denoises(self) -> bool:
        """Whether the shot must be denoised again; else decoding or finishing it is enough."""
        return self in _DENOISES


_DENOISES = frozenset(
    {
        Remedy.ADD_KEYFRAME,
        Remedy.FULL_PRECISION,
        Remedy.GUIDANCE_1,
        Remedy.KEYFRAME_AT_MINUS_12,
        Remedy.KEYFRAME_STRENGTH_1,
        Remedy.OTHER_SEED,
        Remedy.STRONGER_CONTROL,
        Remedy.WEAKER_LORAS,
    }
)
