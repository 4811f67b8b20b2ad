"""The film's stems: every shot's sounds at their place in the film, and the music under them.

Positions come from exact fractions, so sound never drifts from picture: sample = round(time x
48000), counted from the film's beginning and not added up shot by shot.

A stem that a cut ends or begins in the middle of a sound is faded over 5 ms there; one that is
silent at the cut is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import SAMPLE_RATE, Audio, decode_audio
from reelwright.finish.film_mix import ClipSpan, MusicCue
from reelwright.generate.ducking import (
    DUCK_DB,
    REPLACE_FADE_S,
    MakeWay,
    Span,
    YieldingSource,
    active_spans,
)
from reelwright.generate.playback import Cut, Playback, SoundSource, smoothstep

JOIN_FADE_S = 0.005
"""Fade at a cut: quality finds 2 % of such joins, and 12 % of those of 1 ms."""

PLACED, DIALOGUE, MUSIC = "placed", "dialogue", "music"

_EDGE_SAMPLES = 12
_EDGE_PEAK = 2e-4  # -74 dBFS


def film_sample(seconds: Fraction) -> int:
    """The sample at a time of the film."""
    return round(seconds * SAMPLE_RATE)


class JoinedStem:
    """A clip's stem, at its place in the film.

    Args:
        stem: The sound, from the clip's first frame.
        start: Sample of the film at which the clip begins.
        stop: Sample at which it ends.
    """

    def __init__(self, stem: Audio, start: int, stop: int) -> None:
        self.start = start
        self.stop = min(stop, start + stem.num_samples)
        self._stem = stem
        length = self.stop - start
        self._fade = min(film_sample(Fraction(JOIN_FADE_S)), max(length // 2, 1))
        self._fade_in = _sounds(stem, 0)
        self._fade_out = _sounds(stem, length - _EDGE_SAMPLES)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start` of the film."""
        block = np.zeros((2, count), np.float32)
        low, high = max(start, self.start), min(start + count, self.stop)
        if low >= high:
            return block
        piece = self._stem.read(low - self.start, high - low)
        if self._fade_in and low < self.start + self._fade:
            piece *= smoothstep((np.arange(low, high) - self.start) / self._fade).astype(np.float32)
        if self._fade_out and high > self.stop - self._fade:
            fall = (self.stop - 1 - np.arange(low, high)) / self._fade
            piece *= smoothstep(fall).astype(np.float32)
        block[:, low - start : high - start] = piece
        return block


def _sounds(stem: Audio, start: int) -> bool:
    return bool(np.abs(stem.read(start, _EDGE_SAMPLES)).max() > _EDGE_PEAK)


@dataclass(slots=True)
class Voice:
    """A sound in the film, when it can be heard, and the highest sample that was read of it.

    Attributes:
        name: What it is, for messages.
        source: The sound.
        start: Its first sample in the film.
        stop: The sample after its last.
        peak: The largest absolute value read so far.
    """

    name: str
    source: SoundSource
    start: int
    stop: int
    peak: float = 0.0


class Track:
    """Voices summed: one stem of the film.

    Args:
        voices: In the order in which they are added.
    """

    def __init__(self, voices: Sequence[Voice]) -> None:
        self.voices = tuple(voices)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start` of the film."""
        block = np.zeros((2, count), np.float32)
        for voice in self.voices:
            if voice.start < start + count and voice.stop > start:
                piece = voice.source.read(start, count)
                voice.peak = max(voice.peak, float(np.abs(piece).max()))
                block += piece
        return block


def clip_tracks(spans: Sequence[ClipSpan]) -> dict[str, Track]:
    """One track for every name of stem that any clip has."""
    names = sorted({name for span in spans for name in span.clip.stems})
    return {
        name: Track([_clip_voice(span, name) for span in spans if name in span.clip.stems])
        for name in names
    }


def _clip_voice(span: ClipSpan, name: str) -> Voice:
    start, stop = span_samples(span)
    joined = JoinedStem(span.clip.stems[name], start, stop)
    reasons = []
    if name != PLACED:
        replaced = _cue_spans(span, "replace")
        reasons.append(MakeWay(replaced, np.inf, REPLACE_FADE_S, REPLACE_FADE_S))
    if name not in (PLACED, DIALOGUE):
        reasons.append(MakeWay(_cue_spans(span, "duck"), DUCK_DB))
    source: SoundSource = YieldingSource(joined, reasons) if reasons else joined
    return Voice(f"{span.clip.provenance.get('shot', name)}", source, joined.start, joined.stop)


def span_samples(span: ClipSpan) -> tuple[int, int]:
    """First sample of a clip in the film, and the one after its last."""
    return film_sample(span.start_s), film_sample(span.start_s + span.clip.duration_s)


def _cue_spans(span: ClipSpan, kind: str) -> list[Span]:
    start, stop = span_samples(span)
    cues = [cue for cue in span.clip.cues if cue.kind == kind]
    return [
        (
            start + round(cue.start_s * SAMPLE_RATE),
            min(start + round(cue.stop_s * SAMPLE_RATE), stop),
        )
        for cue in cues
    ]


def music_track(
    cues: Sequence[MusicCue], spans: Sequence[ClipSpan], total: int, scratch: Path
) -> Track:
    """The music, stepping back as each cue asks.

    Args:
        cues: Music that begins within the film.
        spans: The film's clips.
        total: The film's samples; what would outlast it fades out there.
        scratch: A folder for decoded files.

    Raises:
        AssetError: A file that cannot be used, by name.
    """
    under = _music_yields_to(spans) if any(cue.duck_db for cue in cues) else []
    decoded: dict[Path, Audio] = {}
    voices = []
    for index, cue in enumerate(cues):
        if cue.file not in decoded:
            decoded[cue.file] = decode_audio(cue.file, scratch / f"music-{index:04d}.wav")
        playback = _playback(decoded[cue.file], cue, total)
        source: SoundSource = playback
        if cue.duck_db and under:
            source = YieldingSource(playback, [MakeWay(under, cue.duck_db)])
        voices.append(Voice(cue.name or cue.file.name, source, playback.start, playback.stop))
    return Track(voices)


def _playback(audio: Audio, cue: MusicCue, total: int) -> Playback:
    cut = Cut(
        cue.at_s,
        cue.from_s,
        cue.length_s,
        cue.gain_db,
        cue.fade_in_s,
        cue.fade_out_s,
        cue.loop,
    )
    return Playback(audio, cut, total, cue.name or cue.file.name)


def _music_yields_to(spans: Sequence[ClipSpan]) -> list[Span]:
    """Where dialogue or a sound of mode `duck` is heard, in samples of the film."""
    held: list[Span] = []
    for span in spans:
        held += _cue_spans(span, "duck")
        if DIALOGUE in span.clip.stems:
            start, stop = span_samples(span)
            joined = JoinedStem(span.clip.stems[DIALOGUE], start, stop)
            held += active_spans(joined, start, joined.stop)
    return held
