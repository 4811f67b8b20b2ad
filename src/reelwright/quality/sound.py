"""A sound measured: what is judged of every sound, a shot's or a film's."""

from __future__ import annotations

from collections.abc import Sequence

from reelwright.audio import Audio
from reelwright.quality.clicks import click_verdicts
from reelwright.quality.clipping import clipping_verdict, sample_peak
from reelwright.quality.onsets import offset_verdict
from reelwright.quality.report import Verdict
from reelwright.quality.sound_gaps import Span, gap_verdict
from reelwright.quality.sound_levels import window_levels_db
from reelwright.quality.verdicts import not_judged

_SILENT = 1e-4  # of full scale: -80 dB


def sound_verdicts(
    audio: Audio,
    *,
    raw: bool,
    spans: Sequence[Span] | None = None,
    joins_s: Sequence[float] = (),
    events_s: Sequence[float] = (),
) -> list[Verdict]:
    """Judge a sound for gaps, clipping, clicks and, given events, its offset.

    Args:
        audio: The sound.
        raw: It comes from before the encoder.
        spans: Where sound ought to be, seconds; None if that is not known.
        joins_s: Where two sounds meet, seconds.
        events_s: When something in the picture should be heard, seconds.
    """
    if sample_peak(audio) < _SILENT:
        return [
            not_judged(measure, "The sound is silent.") for measure in ("sound_gap", "clipping")
        ]
    verdicts = [gap_verdict(window_levels_db(audio), spans), clipping_verdict(audio, raw=raw)]
    verdicts += click_verdicts(audio, joins_s)
    if events_s:
        verdicts.append(offset_verdict(audio, events_s))
    return verdicts
