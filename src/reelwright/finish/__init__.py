"""Finish: clips as the film shows them, and the film's sound.

`finish_clip` cuts or pads a clip to the delivered size and length, or enlarges it; `mix_film` lays
stems and music together, at the loudness that was asked and under its true peak.
"""

from __future__ import annotations

from reelwright.finish.film_mix import ClipSpan, FilmMix, MusicCue, clip_spans
from reelwright.finish.finish_clip import FINISH_VERSION, delivered_frames, finish_clip
from reelwright.finish.loudness import LoudnessMeter
from reelwright.finish.mix import MIX_VERSION, mix_film
from reelwright.finish.true_peak import TruePeakMeter

__all__ = [
    "FINISH_VERSION",
    "MIX_VERSION",
    "ClipSpan",
    "FilmMix",
    "LoudnessMeter",
    "MusicCue",
    "TruePeakMeter",
    "clip_spans",
    "delivered_frames",
    "finish_clip",
    "mix_film",
]
