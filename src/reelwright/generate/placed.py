"""The `placed` stem: the storyboard's sound files, cut, panned, ducked and summed for one shot."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reelwright.audio import SAMPLE_RATE, Audio, AudioWriter, decode_audio
from reelwright.errors import InputError
from reelwright.generate.clip import SoundCue
from reelwright.generate.ducking import DUCK_DB, MakeWay, Span, YieldingSource, active_spans
from reelwright.generate.panning import placed_source
from reelwright.generate.playback import Cut, Playback, SoundSource
from reelwright.generate.request import ClipRequest, SoundPlacement
from reelwright.progress import NO_PROGRESS, Progress

BLOCK_SAMPLES = 1 << 16
"""Samples in memory at a time: 1.4 s."""

_DECODE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class PlacedSounds:
    """What became of a shot's sound files.

    Attributes:
        stem: Their sum, as long as the generated frames; None where there are none to hear.
        cues: Where other sounds make way for them.
        unheard: Sentences on files that cannot be heard.
    """

    stem: Audio | None
    cues: tuple[SoundCue, ...] = ()
    unheard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Voice:
    placement: SoundPlacement
    playback: Playback
    source: SoundSource
    key: tuple[Span, ...]  # where it is really heard, for the modes that others make way for


def write_placed(
    request: ClipRequest,
    folder: Path,
    progress: Progress = NO_PROGRESS,
    block_samples: int = BLOCK_SAMPLES,
) -> PlacedSounds:
    """Lay a shot's sound files into `folder/stems/placed.wav`.

    A sound that would outlast the delivered shot fades out at its end.

    Args:
        request: The shot.
        folder: The clip's folder.
        progress: Told of files and blocks.
        block_samples: Samples in memory at a time; does not change the result.

    Returns:
        The stem, and where others make way for it.

    Raises:
        AssetError: A file that cannot be used, by name.
        InputError: A mode or prop that this shot cannot carry out.
        ResourceError: The disk is full.
    """
    scratch = folder / ".decoded"
    try:
        return _write(request, folder / "stems" / "placed.wav", scratch, progress, block_samples)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(
    request: ClipRequest, target: Path, scratch: Path, progress: Progress, block_samples: int
) -> PlacedSounds:
    heard, unheard = _split_late(request)
    voices = _voices(request, heard, scratch, progress)
    if not voices:
        return PlacedSounds(None, (), unheard)
    peaks, stem = _sum(voices, request, target, progress, block_samples)
    silent = tuple(
        f'Shot "{request.shot}": "{voice.placement.name}" holds nothing but silence.'
        for voice, peak in zip(voices, peaks, strict=True)
        if peak == 0.0
    )
    if not any(peaks):
        target.unlink()
        return PlacedSounds(None, (), unheard + silent)
    return PlacedSounds(stem, _cues(voices), unheard + silent)


def _split_late(request: ClipRequest) -> tuple[list[SoundPlacement], tuple[str, ...]]:
    """Sounds that begin within the shot, and sentences on those that do not."""
    length_s = float(request.frames.delivered / request.frame_rate)
    heard = [sound for sound in request.sounds if sound.at_s < length_s]
    late = tuple(
        f'Shot "{request.shot}": "{sound.name}" is not heard; it begins at {sound.at_s:g} s and '
        f"the shot ends at {length_s:.2f} s."
        for sound in request.sounds
        if sound.at_s >= length_s
    )
    return heard, late


def _voices(
    request: ClipRequest, sounds: Sequence[SoundPlacement], scratch: Path, progress: Progress
) -> list[_Voice]:
    end = num_samples(request.frames.delivered, request)
    decoded: dict[Path, Audio] = {}
    voices: list[_Voice] = []
    for index, sound in enumerate(sounds):
        _refuse_drive(request, sound)
        progress.step(_DECODE_SHARE * index / len(sounds), f"reading {sound.name}")
        if sound.file not in decoded:
            decoded[sound.file] = decode_audio(sound.file, scratch / f"{index:04d}.wav")
        cut = Cut(
            sound.at_s,
            sound.from_s,
            sound.length_s,
            sound.gain_db,
            sound.fade_in_s,
            sound.fade_out_s,
            sound.loop,
        )
        playback = Playback(decoded[sound.file], cut, end, sound.name)
        source = placed_source(playback, sound, request.listener, request.frame_rate)
        key: tuple[Span, ...] = ()
        if sound.mode == "duck":
            key = active_spans(playback, playback.start, playback.stop)
        elif sound.mode == "replace":
            key = ((playback.start, playback.stop),)
        voices.append(_Voice(sound, playback, source, key))
    return voices


def _refuse_drive(request: ClipRequest, sound: SoundPlacement) -> None:
    if sound.mode == "drive":
        raise InputError(
            f'Shot "{request.shot}": "{sound.name}" should drive the picture, which only a video '
            "model that listens can do.",
            'Use mode "mix", "replace" or "duck".',
        )


def _sum(
    voices: Sequence[_Voice],
    request: ClipRequest,
    target: Path,
    progress: Progress,
    block_samples: int,
) -> tuple[list[float], Audio]:
    """Write the sum; returns the peak of every voice alone."""
    total = num_samples(request.frames.generated, request)
    sources = [_making_way(voice, voices) for voice in voices]
    peaks = [0.0] * len(voices)
    with AudioWriter(target) as writer:
        for start in range(0, total, block_samples):
            count = min(block_samples, total - start)
            mixed = np.zeros((2, count), np.float32)
            for index, (voice, source) in enumerate(zip(voices, sources, strict=True)):
                if voice.playback.start >= start + count or voice.playback.stop <= start:
                    continue
                block = source.read(start, count)
                peaks[index] = max(peaks[index], float(np.abs(block).max()))
                mixed += block
            writer.write(mixed)
            share = (start + count) / total
            progress.step(_DECODE_SHARE + (1 - _DECODE_SHARE) * share, "mixing the shot's sounds")
    return peaks, Audio.open(target)


def _making_way(voice: _Voice, voices: Sequence[_Voice]) -> SoundSource:
    """A voice that steps back under every other one of mode `duck`."""
    if voice.placement.mode == "duck":
        return voice.source
    spans = [span for other in voices if other.placement.mode == "duck" for span in other.key]
    return YieldingSource(voice.source, [MakeWay(spans, DUCK_DB)]) if spans else voice.source


def _cues(voices: Sequence[_Voice]) -> tuple[SoundCue, ...]:
    cues: list[SoundCue] = []
    for voice in voices:
        mode = voice.placement.mode
        if mode == "duck" or mode == "replace":
            cues += [
                SoundCue(mode, low / SAMPLE_RATE, high / SAMPLE_RATE) for low, high in voice.key
            ]
    return tuple(sorted(cues, key=lambda cue: (cue.start_s, cue.stop_s, cue.kind)))


def num_samples(num_frames: int, request: ClipRequest) -> int:
    """Samples that last as long as so many frames of a shot."""
    return round(num_frames / request.frame_rate * SAMPLE_RATE)
